// A line has the form of another where all of its text but its values is the same, character by
// character.
#include "runtime/decode/line_form.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/decode/form_reader.h"
#include "runtime/decode/json_structure.h"
#include "runtime/decode/separators.h"
#include "runtime/decode/type_plan.h"
#include "tests/runtime/event_plan.h"
#include "tests/runtime/random_lines.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
// What lines of one form have in common: the text between values, and which of these are strings.
struct Skeleton {
  std::vector<std::string> texts;
  std::vector<bool> strings;
  friend bool operator==(const Skeleton&, const Skeleton&) = default;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_structural_text(std::string_view rest) {
  while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
  return rest.empty() || is_structural(rest.front());
}

// By a loop over characters; nothing where values are not as a form wants them.
std::optional<Skeleton> skeleton_of(const std::string& line) {
  Skeleton skeleton;
  std::string text;
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    if (is_space(c) || is_structural(c)) {
      text += c;
      ++at;
      continue;
    }
    const std::size_t begin = at;
    if (c == '"') {
      for (++at; at < line.size() && line[at] != '"'; ++at) {
        if (static_cast<unsigned char>(line[at]) < 0x20) return std::nullopt;
        if (line[at] == '\\' && ++at == line.size()) return std::nullopt;
        if (static_cast<unsigned char>(line[at]) < 0x20) return std::nullopt;
      }
      if (at == line.size()) return std::nullopt;
      ++at;
    } else {
      while (at < line.size() && LineForm::is_plain(line[at])) ++at;
      if (at == begin) return std::nullopt;
    }
    const std::string_view rest = std::string_view(line).substr(at);
    if (!is_structural_text(rest) || (!rest.empty() && rest.front() == '"')) return std::nullopt;
    std::string_view behind = rest;
    while (!behind.empty() && is_space(behind.front())) behind.remove_prefix(1);
    if (c == '"' && !behind.empty() && behind.front() == ':') {  // a key
      text += line.substr(begin, at - begin);
      continue;
    }
    skeleton.texts.push_back(text);
    skeleton.strings.push_back(c == '"');
    text.clear();
  }
  skeleton.texts.push_back(text);
  return skeleton;
}

// Lines of one writer, made of the same texts with other values.
class Writer {
 public:
  explicit Writer(tests::Random& random) : random_(random) {
    comma_ = random.pick({",", ",", ", ", " ,\t"});
    colon_ = random.pick({":", ":", ": "});
    end_ = random.pick({"\n", "\n", "\r\n"});
    text_ = "{\"type\"" + colon_ + "\"login\"";
    const std::size_t fields = random.below(random.chance(10) ? 40 : 8);
    for (std::size_t i = 0; i < fields; ++i) add_field(0);
    finish_part();
    texts_.back() += "}";
  }
  std::string line(std::size_t other_kinds) {
    std::string line = texts_[0];
    for (std::size_t i = 0; i < strings_.size(); ++i) {
      line += value(strings_[i] != random_.chance(other_kinds)) + texts_[i + 1];
    }
    return line;
  }
  const std::string& end() const { return end_; }

 private:
  void add_field(std::size_t depth) {
    text_ += comma_ +
             random_.pick({"\"ts\"", "\"user\"", "\"ok\"", "\"a\"", "\"a,b\"", "\"c\\\"d\"",
                           "\"a_key_of_more_than_sixteen\"", "\"\xc3\xa9\""}) +
             colon_;
    if (random_.chance(10)) {
      text_ += random_.pick({"{}", "[]", "[[]]"});
    } else if (depth < 3 && random_.chance(15)) {
      text_ += "{\"x\"" + colon_;
      add_value();
      if (random_.chance(50)) add_field(depth + 1);
      text_ += random_.pick({"}", " }"});
    } else if (random_.chance(10)) {
      text_ += '[';
      for (std::size_t i = random_.below(3); i > 0; --i) {
        add_value();
        text_ += comma_;
      }
      add_value();
      text_ += ']';
    } else {
      add_value();
    }
  }
  void add_value() {
    finish_part();
    strings_.push_back(random_.chance(60));
  }
  void finish_part() {
    texts_.push_back(text_);
    text_.clear();
  }
  std::string value(bool is_string) {
    if (is_string) {
      std::string text = "\"";
      for (std::size_t i = random_.below(4); i > 0; --i) {
        text +=
            random_.pick({"a", "some text, and more of it", "\\\"", "\\\\", ":", "}", "\xc3\xa9"});
      }
      return text + '"';
    }
    return random_.pick({"1", "-2.50", "null", "true", "1700000000000000", "12345678901234567890",
                         "0", "1e5", "x/y"});
  }

  tests::Random& random_;
  std::string comma_, colon_, end_, text_;
  std::vector<std::string> texts_;
  std::vector<bool> strings_;
};

class Forms {
 public:
  Forms()
      : plan_(tests::event_plan()),
        types_(plan_types(plan_, tests::all_fields(plan_), tests::all_types(plan_))) {}
  // Of a line that is well-formed.
  std::optional<LineForm> read(const std::string& line, const std::string& end,
                               std::span<const LineForm::Kind> kinds) {
    text_ = line + end + std::string(kSeparatorPadding, ' ');
    const std::string_view whole = std::string_view(text_).substr(0, line.size());
    REQUIRE(scanner_.scan(whole) == JsonFault::kNone);
    return read_form(whole, scanner_.marks(), types_.types[1], kinds);
  }

 private:
  cep::Plan plan_;
  TypePlans types_;
  JsonScanner scanner_;
  std::string text_;
};

// Whether the line, between others, has this form, whatever is read of it.
bool has_form(const LineForm& form, const std::string& line, const std::string& end,
              const std::string& before) {
  const std::string text = before + line + end + "{}\n";
  const std::string padded = text + std::string(LineForm::kReadAheadOfForm, ',');
  Separators separators;
  if (!separators.scan(std::string_view(padded).substr(0, text.size()))) return false;
  const auto begin = static_cast<std::uint32_t>(before.size());
  const std::uint32_t* const first = std::lower_bound(separators.begin(), separators.end(), begin);
  const SeparatedLine place{&separators, padded.data(), first - 1, separators.quotes_before(begin)};
  REQUIRE(place.begin() == begin);
  std::uint32_t quotes = 0;
  if (!form.fits(place, quotes)) return false;
  for (const LineForm::Read& read : form.reads()) {
    const bool is_number = read.how == LineForm::How::kNumber;
    if (is_number && !LineForm::is_usual(read.value.from(place), read.value.to(place)))
      return false;
  }
  REQUIRE(form.whole().of(place) == line);
  REQUIRE(place.before[form.separators()] == before.size() + line.size() + end.size() - 1);
  REQUIRE(quotes == separators.quotes_before(place.before[form.separators()]));
  return true;
}

// A comma that stands too early is left to the walk.
bool has_early_comma(const std::string& line) {
  return line.find(',') < std::string_view("{\"type\":\"\"").size();
}

bool are_of_kinds(const std::vector<bool>& strings, std::span<const LineForm::Kind> kinds) {
  REQUIRE(strings.size() == kinds.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const LineForm::Kind kind = strings[i] ? LineForm::Kind::kString : LineForm::Kind::kPlain;
    if (kinds[i] != kind && kinds[i] != LineForm::Kind::kEither) return false;
  }
  return true;
}

void mutate(tests::Random& random, std::string& line) {
  const std::string characters = "\"\\,:{}[] 1a\t\x01\xff";
  const char c = characters[random.below(characters.size())];
  const std::size_t at = random.below(line.size());
  switch (random.below(3)) {
    case 0:
      line.erase(at, 1);
      break;
    case 1:
      line[at] = c;
      break;
    default:
      line.insert(at, 1, c);
  }
}
}  // namespace

TEST_CASE("line form: a line has it where a loop over characters says so") {
  Forms forms;
  std::size_t like = 0;
  std::size_t unlike = 0;
  const std::size_t cases = 30'000;
  tests::for_all_seeds("runtime", cases, [&](tests::Random& random) {
    Writer writer(random);
    const std::string first = writer.line(0);
    CAPTURE(first);
    const std::optional<LineForm> form = forms.read(first, writer.end(), {});
    if (!form) return;
    const std::optional<Skeleton> skeleton = skeleton_of(first);
    REQUIRE(skeleton);
    for (int i = 0; i < 4; ++i) {
      std::string line = writer.line(random.chance(20) ? 10 : 0);
      const bool stay_closed = random.chance(60);
      for (std::size_t changes = random.pick<std::size_t>({0, 1, 1, 2, 3}); changes > 0;
           --changes) {
        if (stay_closed) {
          tests::change_between_strings(random, line);
        } else if (!line.empty()) {
          mutate(random, line);
        }
      }
      CAPTURE(line);
      const std::string end = random.chance(10) ? "\n" : writer.end();
      // What is before the line may be any line; shorter ones leave less room before it.
      const std::string before = random.pick({"", "\n", "{}\n", "{\"a\":\"b,c\",\"d\":1}\n"});
      const bool expected = skeleton_of(line) == skeleton && end == writer.end() && is_utf8(line);
      const bool found = has_form(*form, line, end, before);
      if (found || !has_early_comma(line)) REQUIRE(found == expected);
      ++(found ? like : unlike);
    }
  });
  if (tests::seeds_of("runtime", cases).size() > 1) {
    CHECK(like > 10);
    CHECK(unlike > 10);
  }
}

TEST_CASE("line form: values of two kinds in one place become one form") {
  Forms forms;
  std::size_t learnt = 0;
  const std::size_t cases = 5'000;
  tests::for_all_seeds("runtime", cases, [&](tests::Random& random) {
    Writer writer(random);
    const std::string first = writer.line(0);
    std::optional<LineForm> form = forms.read(first, writer.end(), {});
    if (!form) return;
    for (int i = 0; i < 4; ++i) {
      const std::string line = writer.line(20);
      CAPTURE(first);
      CAPTURE(line);
      if (line.find("\"login\"") == std::string::npos) continue;  // its type has another kind
      const std::optional<LineForm> other = forms.read(line, writer.end(), {});
      if (!other) continue;  // with a quote its text is too long
      ++learnt;
      REQUIRE(other->skeleton() == form->skeleton());
      std::optional<LineForm> both = forms.read(line, writer.end(), form->kinds());
      if (!both) return;
      REQUIRE(has_form(*both, first, writer.end(), ""));
      REQUIRE(has_form(*both, line, writer.end(), ""));
      std::string other_line = writer.line(20);
      for (std::size_t changes = random.pick<std::size_t>({1, 1, 2}); changes > 0; --changes) {
        tests::change_between_strings(random, other_line);
      }
      CAPTURE(other_line);
      const std::optional<Skeleton> changed = skeleton_of(other_line);
      const bool is_like = changed && is_utf8(other_line) &&
                           changed->texts == skeleton_of(first)->texts &&
                           are_of_kinds(changed->strings, both->kinds());
      const bool has_both = has_form(*both, other_line, writer.end(), "");
      if (has_both || !has_early_comma(other_line)) REQUIRE(has_both == is_like);
      // What has either kind still is one value.
      for (const char* wrong : {"\"a\" \"b\"", "\"a\"b", "1 2", "", "\"a", "[]", "a\"b\""}) {
        const std::size_t at = line.find("\"user\":");
        if (at == std::string::npos) continue;
        const std::size_t value = at + 7;
        const std::size_t value_end = line.find_first_of(",}", value);
        const std::string changed = line.substr(0, value) + wrong + line.substr(value_end);
        if (skeleton_of(changed)) continue;
        CAPTURE(changed);
        REQUIRE_FALSE(has_form(*both, changed, writer.end(), ""));
      }
      form = std::move(both);
    }
  });
  if (tests::seeds_of("runtime", cases).size() > 1) CHECK(learnt > cases / 10);
}

TEST_CASE("line form: one that is known is seldom read again") {
  Forms forms;
  LineForms known;
  const std::string line = R"({"type":"login","user":"u1"})";
  std::size_t reads = 0;
  for (int i = 0; i < 2'560; ++i) {  // lines that were walked though their form is known
    if (!known.wants_another()) continue;
    ++reads;
    std::optional<LineForm> form = forms.read(line, "\n", {});
    REQUIRE(form);
    known.learn(std::move(*form));
  }
  CHECK(reads > 0);
  CHECK(reads < 30);
}
}  // namespace tocsin::runtime
