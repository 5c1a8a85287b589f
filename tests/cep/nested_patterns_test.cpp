// Patterns that need no search because others stand in them, and scans that end early.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/compile/text_atoms.h"
#include "cep/data/scan_database.h"
#include "cep/data/text_database.h"
#include "cep/data/text_search.h"
#include "cep/eval/text_bits.h"
#include "cep/plan/plan.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"
#include "cep/value/nested_texts.h"
#include "cep/value/unicode.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kLarge = std::size_t{1} << 30;

std::vector<std::string_view> views(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

// ---- what is found, by the definition

// Characters; of those that are alike but for their case, one.
std::vector<std::int32_t> characters(std::string_view text, bool ignore_case) {
  std::vector<std::int32_t> out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    at += point.bytes;
    std::int32_t value = point.value;
    if (ignore_case && value >= 'A' && value <= 'Z') value += 'a' - 'A';
    if (ignore_case && value == 0xC9) value = 0xE9;                        // É
    if (ignore_case && (value == 0x345 || value == 0x399)) value = 0x3B9;  // iota
    out.push_back(value);
  }
  return out;
}
bool is_white(std::int32_t c) { return c == ' ' || c == '\t' || c == 0xA0; }
// Where a match of `what` that begins at a character ends.
std::optional<std::size_t> match_at(const std::vector<std::int32_t>& text, std::size_t begin,
                                    const std::vector<std::int32_t>& what, bool is_phrase) {
  std::size_t at = begin;
  for (const std::int32_t c : what) {
    const std::size_t from = at;
    if (is_phrase && c == ' ') {
      while (at < text.size() && is_white(text[at])) ++at;
      if (at == from) return std::nullopt;
    } else if (at == text.size() || text[at++] != c) {
      return std::nullopt;
    }
  }
  return at;
}
bool is_found(const TextPattern& pattern, std::string_view text, bool word) {
  const bool is_phrase = pattern.kind == PatternKind::kPhrase;
  const bool ignore_case = is_phrase && pattern.ignore_case;
  const std::string sought = is_phrase ? trimmed_phrase(pattern.text) : pattern.text;
  const std::vector<std::int32_t> what = characters(sought, ignore_case);
  const std::vector<std::int32_t> in = characters(text, ignore_case);
  std::vector<std::size_t> bytes = {0};  // where each character begins
  while (bytes.back() < text.size()) {
    bytes.push_back(bytes.back() + code_point_at(text, bytes.back()).bytes);
  }
  for (std::size_t begin = 0; begin <= in.size(); ++begin) {
    const auto end = match_at(in, begin, what, is_phrase);
    if (end && (!word || is_word(text, bytes[begin], bytes[*end]))) return true;
  }
  return false;
}
bool any_is_found(const std::vector<TextPattern>& patterns, std::string_view text, bool word) {
  return std::ranges::any_of(
      patterns, [&](const TextPattern& pattern) { return is_found(pattern, text, word); });
}

// Few characters, so that texts stand in each other. Iota and the mark that is iota but for its
// case stand side by side.
std::string random_text(tests::Random& random, std::int64_t length) {
  std::string text;
  while (length-- > 0) {
    text += random.pick({"a", "a", "a", "b", "A", "1", " ", " ", "-", "\t", "é", "\xC2\xA0"});
    if (random.chance(4)) text += random.pick({"\xCD\x85", "ι", "É"});
  }
  return text;
}
std::vector<TextPattern> random_patterns(tests::Random& random, bool places) {
  std::vector<TextPattern> patterns;
  const bool is_mixed = random.chance(30);
  TextPattern pattern;
  for (std::int64_t i = random.between(1, 7); i > 0; --i) {
    if (patterns.empty() || is_mixed) {
      pattern.kind = random.chance(40) ? PatternKind::kLiteral : PatternKind::kPhrase;
      pattern.ignore_case = pattern.kind == PatternKind::kPhrase && random.chance(40);
      pattern.places = places;
    }
    // An empty pattern is found in every text, of which a list has none.
    do {
      pattern.text = random_text(random, random.between(1, 5));
    } while (trimmed_phrase(pattern.text).empty());
    patterns.push_back(pattern);
  }
  return patterns;
}
// A text that holds some of the patterns' own characters.
std::string random_text_with(tests::Random& random, const std::vector<TextPattern>& patterns) {
  std::string text = random_text(random, random.between(0, 6));
  for (std::int64_t i = random.between(0, 2); i > 0; --i) {
    text += random.pick(patterns).text;
    text += random_text(random, random.between(0, 3));
  }
  return text;
}

// ---- the texts themselves

TEST_CASE("nested texts: which have another inside") {
  tests::for_all_seeds("cep", 300, [](tests::Random& random) {
    std::vector<std::string> texts;
    for (std::int64_t i = random.between(0, 30); i > 0; --i) {
      std::string text;
      for (std::int64_t n = random.between(0, 8); n > 0; --n) {
        text += random.chance(3) ? '\xFF' : random.pick({'a', 'b', '\0'});
      }
      texts.push_back(std::move(text));
    }
    const std::vector<bool> nested = have_others_inside(views(texts));
    REQUIRE(nested.size() == texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CAPTURE(i);
      bool expected = false;
      for (std::size_t k = 0; k < texts.size(); ++k) {
        const bool is_other = texts[k] != texts[i] || k < i;
        expected = expected || (is_other && !texts[k].empty() && contains_text(texts[i], texts[k]));
      }
      CHECK(nested[i] == expected);
    }
  });
}

TEST_CASE("nested texts: thousands that begin or end alike") {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 2'000; ++i) {
    texts.push_back(std::string(i, 'a') + fmt::format("<{}>", i));
    texts.push_back(fmt::format("[{}]", i) + std::string(i, 'a'));
  }
  texts.emplace_back("<77>");
  texts.emplace_back("[1999]");
  const std::vector<bool> nested = have_others_inside(views(texts));
  CHECK(std::ranges::count(nested, true) == 2);
  CHECK(nested[2 * 77]);
  CHECK(nested[2 * 1'999 + 1]);
}

// ---- patterns

std::string kept_of(const std::vector<std::string>& texts, bool words,
                    PatternKind kind = PatternKind::kPhrase, bool ignore_case = false) {
  std::vector<TextPattern> patterns;
  for (const std::string& text : texts) patterns.push_back({kind, text, ignore_case, words});
  std::vector<std::string> kept;
  for (const TextPattern& pattern : without_implied(patterns, words)) kept.push_back(pattern.text);
  return fmt::format("{}", fmt::join(kept, "|"));
}

TEST_CASE("nested patterns: a phrase stays unless another is found wherever it is") {
  CHECK(kept_of({"aa", "a", "aaa", "b", "ab"}, false) == "a|b");
  CHECK(kept_of({"gift", "gift card", "card"}, false) == "gift|card");
  CHECK(kept_of({"gift  card", "my gift card now"}, false) == "gift  card");
  CHECK(kept_of({"gift card", "a gift\tcard", "giftcard"}, false) == "gift card|giftcard");
  CHECK(kept_of({"ft ca", "gift card"}, false) == "ft ca");
  CHECK(kept_of({"a b", " a  b ", "a b"}, false) == "a b");
  CHECK(kept_of({"Gift", "gift card"}, false) == "Gift|gift card");
  CHECK(kept_of({"gift", "gift card"}, false, PatternKind::kPhrase, true) == "gift");
  CHECK(kept_of({"a b", "a b c", "a  b"}, false, PatternKind::kLiteral) == "a b|a  b");
  CHECK(kept_of({"a", "aa"}, false, PatternKind::kRegex) == "a|aa");
  // Words: only where it is one inside. The ends count, as what has it is a word itself.
  CHECK(kept_of({"a", "aa", "aaa"}, true) == "a|aa|aaa");
  CHECK(kept_of({"gift", "gift card", "card gift"}, true) == "gift");
  CHECK(kept_of({"gift", "gifts", "regift", "gift-card", "a (gift)"}, true) == "gift|gifts|regift");
  CHECK(kept_of({"gift card", "my gift card", "my gift cards"}, true) == "gift card|my gift cards");
  CHECK(kept_of({"-a", "b-a", "b--a"}, true) == "-a|b-a");
  CHECK(kept_of({"é", "aé", "a é"}, true) == "é|aé");
  CHECK(kept_of({"a", "aa a", "A b"}, true, PatternKind::kPhrase, true) == "a|A b");
  CHECK(kept_of({"a", "a\xCD\x85"}, true, PatternKind::kPhrase, true) == "a|a\xCD\x85");
}

TEST_CASE("nested patterns: kinds are not compared with each other") {
  const std::vector<TextPattern> patterns = {
      {PatternKind::kLiteral, "a", false, false}, {PatternKind::kPhrase, "a", false, false},
      {PatternKind::kPhrase, "a", true, false},   {PatternKind::kRegex, "a", false, false},
      {PatternKind::kLiteral, "a", false, true},
  };
  CHECK(without_implied(patterns, false) ==
        std::vector<TextPattern>(patterns.begin(), patterns.end() - 1));
}

TEST_CASE("nested patterns: the others are found in the same texts") {
  std::size_t left_out = 0, found = 0;
  tests::for_all_seeds("cep", 400, [&](tests::Random& random) {
    const bool word = random.chance(50);
    const std::vector<TextPattern> patterns = random_patterns(random, word);
    const std::vector<TextPattern> kept = without_implied(patterns, word);
    left_out += patterns.size() - kept.size();
    const auto database = TextDatabase::compile(kept, kLarge, nullptr);
    REQUIRE(database.has_value());
    for (int i = 0; i < 6; ++i) {
      const std::string text = random_text_with(random, patterns);
      CAPTURE(text);
      const bool expected = any_is_found(patterns, text, word);
      CHECK(any_is_found(kept, text, word) == expected);
      bool is_there = false;
      database->scan(text, [&](const TextMatch& match) {
        is_there = !word || is_word(text, match.begin, match.end);
        return !is_there;
      });
      CHECK(is_there == expected);
      found += expected ? 1 : 0;
    }
  });
  CHECK(left_out > 0);
  CHECK(found > 0);
}

// ---- tests of a plan

// One event type with a memo, and tests of it.
class Memos {
 public:
  Memos() {
    EventType payment;
    payment.name = "payment";
    payment.fields = {tests::field_of("memo", tests::type_of(TypeKind::kString))};
    plan_.event_types = {payment};
  }
  ExprPtr contains(std::string_view what, bool word = false) {
    const Type text = tests::type_of(TypeKind::kString);
    return keep(tests::condition(word ? Op::kContainsWord : Op::kContains,
                                 {memo(), tests::literal(text, Value::string(what))}));
  }
  // `phrases` are alike in whether they ignore case.
  ExprPtr contains_any(const std::vector<std::string>& phrases, bool word, bool ignore_case) {
    List list;
    list.kind = ListKind::kText;
    for (const std::string& phrase : phrases) list.values.emplace_back(Value::string(phrase));
    list.ignore_case.assign(phrases.size(), ignore_case);
    plan_.lists.push_back(std::move(list));
    auto expr = std::make_shared<Expr>();
    expr->op = word ? Op::kContainsAnyWordOf : Op::kContainsAnyOf;
    expr->type = tests::type_of(TypeKind::kBool);
    expr->args = {memo()};
    expr->payload = ListLookup{ListIndex(plan_.lists.size() - 1)};
    return keep(expr);
  }
  // What the tests search for, to be called once.
  const SearchedText& prepare() {
    for (const ExprPtr& test : tests_) {
      const auto added = atoms_.add(EventTypeIndex(0), *test, plan_);
      REQUIRE(added.has_value());
      slots_.push_back(added->slot);
    }
    REQUIRE(atoms_.prepare(kLarge, nullptr).has_value());
    REQUIRE(atoms_.texts().size() == 1);
    return atoms_.texts()[0];
  }
  const Plan& plan() const { return plan_; }
  std::uint32_t slot(std::size_t test) const { return slots_[test]; }

 private:
  ExprPtr memo() const {
    return tests::field_read(*tests::find_field(plan_, {EventTypeIndex(0)}, "memo"));
  }
  ExprPtr keep(ExprPtr test) {
    tests_.push_back(test);
    return test;
  }
  Plan plan_;
  std::vector<ExprPtr> tests_;
  TextAtoms atoms_;
  std::vector<std::uint32_t> slots_;
};

// The rows of texts in which each slot is found, and the matches that were looked at.
struct Scanned {
  std::vector<RowBits> found;
  std::size_t visits = 0;
  bool has(std::uint32_t slot, std::size_t row) const {
    return (found[slot][row / 64] >> (row % 64) & 1) != 0;
  }
};
Scanned scanned(const SearchedText& searched, const std::vector<std::string>& texts) {
  Scanned out;
  out.found.assign(searched.slots, RowBits(texts.size() / 64 + 1));
  std::vector<std::uint32_t> rows;
  for (std::uint32_t i = 0; i < texts.size(); ++i) rows.push_back(i);
  const std::vector<std::string_view> of = views(texts);
  TextVisit visit(searched, of, rows, out.found);
  searched.database.scan_texts(of, [&](std::size_t i, const TextMatch& match) {
    ++out.visits;
    return visit(i, match);
  });
  return out;
}

TEST_CASE("text tests: lists of nested phrases, words and literals of several tests of one text") {
  tests::for_all_seeds("cep", 150, [](tests::Random& random) {
    Memos memos;
    struct Test {
      std::vector<TextPattern> patterns;
      bool word = false;
      std::optional<ListIndex> list;
    };
    std::vector<Test> asked;
    std::vector<TextPattern> all;
    for (std::int64_t i = random.between(1, 4); i > 0; --i) {
      Test test;
      test.word = random.chance(50);
      test.patterns = random_patterns(random, test.word);
      if (random.chance(40)) {
        test.patterns.resize(1);
        test.patterns[0] = {PatternKind::kLiteral, test.patterns[0].text, false, test.word};
        memos.contains(test.patterns[0].text, test.word);
      } else {
        const bool ignore_case = random.chance(30);
        std::vector<std::string> phrases;
        for (TextPattern& pattern : test.patterns) {
          pattern.kind = PatternKind::kPhrase;
          pattern.ignore_case = ignore_case;
          phrases.push_back(pattern.text);
        }
        test.list = ListIndex(memos.plan().lists.size());
        memos.contains_any(phrases, test.word, ignore_case);
      }
      all.insert(all.end(), test.patterns.begin(), test.patterns.end());
      asked.push_back(std::move(test));
    }
    const SearchedText& searched = memos.prepare();
    std::vector<std::string> texts;
    for (std::int64_t i = random.between(1, 12); i > 0; --i) {
      texts.push_back(random_text_with(random, all));
      // Too long to be scanned with others.
      if (random.chance(30)) texts.back().insert(0, 300, random.pick({'-', '-', 'b'}));
      if (random.chance(10)) texts.back() += "-" + std::string(300, '-') + texts.back();
    }
    const Scanned result = scanned(searched, texts);
    const Result<TextSearch> search = TextSearch::make(memos.plan(), kLarge, nullptr);
    REQUIRE(search.has_value());
    for (std::size_t t = 0; t < asked.size(); ++t) {
      CAPTURE(t);
      for (std::size_t i = 0; i < texts.size(); ++i) {
        CAPTURE(texts[i]);
        const bool expected = any_is_found(asked[t].patterns, texts[i], asked[t].word);
        CHECK(result.has(memos.slot(t), i) == expected);
        if (asked[t].list) {
          CHECK(search->has_any(*asked[t].list, texts[i], asked[t].word) == expected);
        }
      }
    }
  });
}

std::vector<std::string> nested(std::size_t count) {
  std::vector<std::string> texts;
  for (std::size_t i = 1; i <= count; ++i) texts.emplace_back(i, 'a');
  return texts;
}

TEST_CASE("text tests: of nested phrases only what decides is searched for") {
  Memos memos;
  memos.contains_any(nested(500), false, false);
  memos.contains_any({"b", "ab", "aab", "gift card", "my gift card"}, false, false);
  memos.contains("aaaa");  // a test by itself
  const SearchedText& searched = memos.prepare();
  std::vector<std::string> sought;
  for (const TextPattern& pattern : searched.patterns) sought.push_back(pattern.text);
  CHECK(sought == std::vector<std::string>{"a", "b", "gift card", "aaaa"});
  CHECK(searched.database.patterns() == searched.patterns);
  CHECK(searched.uses.size() == 4);
}

// Keeps databases by name.
class NamedDatabases : public TextDatabaseCache {
 public:
  std::optional<std::string> find(const std::string& name) override {
    const auto found = kept.find(name);
    return found == kept.end() ? std::nullopt : std::optional(found->second);
  }
  void keep(const std::string& name, std::string_view bytes) override { kept[name] = bytes; }
  std::map<std::string, std::string> kept;
};

TEST_CASE("text tests: of nested phrases that alerts ask about, too, only what decides") {
  Memos memos;
  Plan plan;
  Rule rule;
  rule.having = memos.contains_any(nested(500), false, false);
  plan.lists = memos.plan().lists;
  plan.rules.push_back(std::move(rule));
  NamedDatabases cache;
  REQUIRE(TextSearch::make(plan, kLarge, &cache).has_value());
  CHECK(cache.kept.size() == 1);
  const auto one =
      TextDatabase::compile({{PatternKind::kPhrase, "a", false, false}}, kLarge, &cache);
  REQUIRE(one.has_value());
  CHECK(cache.kept.size() == 1);
}

TEST_CASE("text tests: a long text is scanned until all of its tests are decided") {
  const std::string many(100'000, 'a');
  {
    Memos memos;
    memos.contains_any(nested(100), false, false);
    const SearchedText& searched = memos.prepare();
    CHECK(scanned(searched, {many}).visits == 1);
    CHECK(scanned(searched, {many, "-", many, std::string(300, '-')}).visits == 2);
    // Texts that are scanned together are scanned in full.
    CHECK(scanned(searched, {"aaa", "aa"}).visits == 5);
  }
  Memos memos;
  memos.contains_any({"a", "aa"}, false, false);
  memos.contains("b");
  memos.contains("ba", true);
  const SearchedText& searched = memos.prepare();
  const std::string decides = std::string(50, 'a') + "b ba " + many;
  const Scanned result = scanned(searched, {decides, many, decides});
  // The word `ba` is the third that is found in the first text, and `a` in it comes first or last.
  CHECK(result.visits >= many.size() + 2 * 53);
  CHECK(result.visits <= many.size() + 2 * 54);
  for (std::uint32_t slot = 0; slot < 3; ++slot) {
    CHECK(result.has(slot, 0));
    CHECK(result.has(slot, 1) == (slot == 0));
    CHECK(result.has(slot, 2));
  }
}

TEST_CASE("text database: a scan ends where the visit says so") {
  const std::string text = "aaaa bbbb cccc dddd";
  const std::vector<TextPattern> patterns = {
      {PatternKind::kLiteral, "a", false, true}, {PatternKind::kPhrase, "b b", false, true},
      {PatternKind::kPhrase, "b", false, true},  {PatternKind::kRegex, "c", false, true},
      {PatternKind::kPhrase, "D", true, true},   {PatternKind::kLiteral, "", false, false}};
  const auto database = TextDatabase::compile(patterns, kLarge, nullptr);
  REQUIRE(database.has_value());
  constexpr std::size_t kAll = 4 + 4 + 4 + 4 + 1;
  for (std::size_t most = 1; most <= kAll + 1; ++most) {
    CAPTURE(most);
    std::size_t visits = 0;
    database->scan(text, [&](const TextMatch&) { return ++visits < most; });
    CHECK(visits == std::min(most, kAll));
    // Of several texts, one that is scanned alone.
    std::string alone(300, '-');
    alone += text;
    std::vector<std::size_t> of(4);
    database->scan_texts(std::vector<std::string_view>{text, alone, alone, text},
                         [&](std::size_t i, const TextMatch&) { return ++of[i] < most; });
    CHECK(of[1] == std::min(most, kAll));
    CHECK(of[2] == std::min(most, kAll));
  }
  std::size_t visits = 0;
  database->scan(text, [&](const TextMatch&) { ++visits; });
  CHECK(visits == kAll);
}
}  // namespace
}  // namespace tocsin::cep
