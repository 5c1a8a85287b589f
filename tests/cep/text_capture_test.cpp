#include "cep/data/text_capture.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/data/text_database.h"
#include "cep/value/unicode.h"
#include "tests/support/random.h"

namespace tocsin::cep {
using tests::Random;
namespace {
constexpr std::size_t kSteps = 1'000;

// What a group takes: "-" for nothing, "!" and the problem where it cannot be asked.
std::string taken(std::string_view regex, std::string_view text, std::uint32_t group = 0,
                  bool ignore_case = false) {
  const auto made = TextCapture::compile(regex, ignore_case, group, kSteps);
  if (!made) return "! " + made.error().message;
  const auto found = made->find(text);
  return found ? std::string(*found) : "-";
}

// ---- an independent search: a tree, and all its ways in order of preference

struct Node;
using NodePtr = std::shared_ptr<Node>;
struct Node {
  enum class Kind : std::uint8_t { kText, kAny, kBegin, kEnd, kGroup, kSequence, kChoice, kRepeat };
  Kind kind = Kind::kText;
  char letter = 'a';
  std::size_t group = 0;  // kGroup
  int least = 0;
  int most = 0;  // -1: no bound
  bool lazy = false;
  std::vector<NodePtr> parts;
};
struct Taken {
  std::array<std::optional<std::pair<std::size_t, std::size_t>>, 6> groups;
};
using Then = std::function<bool(std::size_t, const Taken&)>;

class Backtracking {
 public:
  explicit Backtracking(std::string_view text) : text_(text) {}

  // Nothing where nothing matches, or where it took too long to say.
  std::optional<Taken> search(const Node& node) {
    for (std::size_t begin = 0; begin <= text_.size(); ++begin) {
      std::optional<Taken> result;
      const bool found = run(node, begin, {}, [&](std::size_t end, const Taken& so_far) {
        result = so_far;
        result->groups[0] = std::pair(begin, end);
        return true;
      });
      if (found) return result;
      if (calls > kCallsMost) return std::nullopt;
    }
    return std::nullopt;
  }
  static constexpr int kCallsMost = 200'000;
  int calls = 0;

 private:
  bool run(const Node& node, std::size_t at, const Taken& so_far, const Then& then) {
    if (++calls > kCallsMost) return false;
    switch (node.kind) {
      case Node::Kind::kText:
        return at < text_.size() && text_[at] == node.letter && then(at + 1, so_far);
      case Node::Kind::kAny:
        return at < text_.size() && then(at + 1, so_far);
      case Node::Kind::kBegin:
        return at == 0 && then(at, so_far);
      case Node::Kind::kEnd:
        return at == text_.size() && then(at, so_far);
      case Node::Kind::kGroup:
        return run(*node.parts[0], at, so_far, [&](std::size_t end, Taken inside) {
          inside.groups[node.group] = std::pair(at, end);
          return then(end, inside);
        });
      case Node::Kind::kSequence:
        return sequence(node, 0, at, so_far, then);
      case Node::Kind::kChoice:
        for (const NodePtr& part : node.parts) {
          if (run(*part, at, so_far, then)) return true;
        }
        return false;
      case Node::Kind::kRepeat:
        return repeat(node, 0, at, so_far, then);
    }
    return false;
  }
  bool sequence(const Node& node, std::size_t i, std::size_t at, const Taken& so_far,
                const Then& then) {
    if (i == node.parts.size()) return then(at, so_far);
    return run(*node.parts[i], at, so_far, [&, i](std::size_t end, const Taken& more) {
      return sequence(node, i + 1, end, more, then);
    });
  }
  bool repeat(const Node& node, int done, std::size_t at, const Taken& so_far, const Then& then) {
    const auto again = [&] {
      if (node.most >= 0 && done >= node.most) return false;
      return run(*node.parts[0], at, so_far, [&](std::size_t end, const Taken& more) {
        if (end == at && done > node.least) return false;  // going round for nothing
        return repeat(node, done + 1, end, more, then);
      });
    };
    if (done < node.least) return again();
    if (node.lazy) return then(at, so_far) || again();
    return again() || then(at, so_far);
  }

  std::string_view text_;
};

class MakeRegex {
 public:
  explicit MakeRegex(Random& random) : random_(random) {}
  // `may_be_empty` parts are not repeated: there engines disagree about the groups.
  NodePtr choice(int depth) {
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kChoice;
    const std::size_t ways = random_.chance(25) ? 2 : 1;
    for (std::size_t i = 0; i < ways; ++i) node->parts.push_back(sequence(depth));
    return node;
  }
  std::size_t groups = 0;
  static bool may_be_empty(const Node& node) {
    switch (node.kind) {
      case Node::Kind::kText:
      case Node::Kind::kAny:
        return false;
      case Node::Kind::kBegin:
      case Node::Kind::kEnd:
        return true;
      case Node::Kind::kGroup:
        return may_be_empty(*node.parts[0]);
      case Node::Kind::kSequence:
        return std::ranges::all_of(node.parts, [](const NodePtr& p) { return may_be_empty(*p); });
      case Node::Kind::kChoice:
        return std::ranges::any_of(node.parts, [](const NodePtr& p) { return may_be_empty(*p); });
      case Node::Kind::kRepeat:
        return node.least == 0 || may_be_empty(*node.parts[0]);
    }
    return true;
  }

 private:
  NodePtr sequence(int depth) {
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kSequence;
    const std::size_t size = random_.below(depth > 2 ? 3 : 4);
    for (std::size_t i = 0; i < size; ++i) node->parts.push_back(repeated(depth));
    return node;
  }
  NodePtr repeated(int depth) {
    NodePtr item = atom(depth);
    if (!random_.chance(35) || may_be_empty(*item)) return item;
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kRepeat;
    node->least = static_cast<int>(random_.below(3));
    node->most = random_.chance(60) ? -1 : node->least + static_cast<int>(random_.below(3));
    if (node->most == 0) node->most = 1;
    node->lazy = random_.chance(30);
    node->parts = {std::move(item)};
    return node;
  }
  NodePtr atom(int depth) {
    auto node = std::make_shared<Node>();
    if (depth < 4 && random_.chance(30)) {
      const bool takes = groups < 5 && random_.chance(75);
      if (takes) node->group = ++groups;
      node->kind = takes ? Node::Kind::kGroup : Node::Kind::kSequence;
      node->parts = {choice(depth + 1)};
      return node;
    }
    const auto kind = random_.below(20);
    node->kind = kind == 0   ? Node::Kind::kBegin
                 : kind == 1 ? Node::Kind::kEnd
                 : kind < 5  ? Node::Kind::kAny
                             : Node::Kind::kText;
    node->letter = random_.pick({'a', 'b', 'c'});
    return node;
  }
  Random& random_;
};

std::string written(const Node& node) {
  std::string out;
  switch (node.kind) {
    case Node::Kind::kText:
      return {node.letter};
    case Node::Kind::kAny:
      return ".";
    case Node::Kind::kBegin:
      return "^";
    case Node::Kind::kEnd:
      return "$";
    case Node::Kind::kGroup:
      return "(" + written(*node.parts[0]) + ")";
    case Node::Kind::kSequence:
      for (const NodePtr& part : node.parts) {
        const std::string text = written(*part);
        out += part->kind == Node::Kind::kChoice || part->kind == Node::Kind::kSequence
                   ? "(?:" + text + ")"
                   : text;
      }
      return out;
    case Node::Kind::kChoice:
      for (std::size_t i = 0; i < node.parts.size(); ++i) {
        out += (i > 0 ? "|" : "") + written(*node.parts[i]);
      }
      return out;
    case Node::Kind::kRepeat: {
      const Node& part = *node.parts[0];
      const bool plain = part.kind == Node::Kind::kText || part.kind == Node::Kind::kAny ||
                         part.kind == Node::Kind::kGroup;
      out = plain ? written(part) : "(?:" + written(part) + ")";
      if (node.most < 0 && node.least < 2) {
        out += node.least == 0 ? "*" : "+";
      } else if (node.least == 0 && node.most == 1) {
        out += "?";
      } else {
        out += "{" + std::to_string(node.least) +
               (node.most < 0             ? ","
                : node.most == node.least ? ""
                                          : "," + std::to_string(node.most)) +
               "}";
      }
      return out + (node.lazy ? "?" : "");
    }
  }
  return out;
}

bool hyperscan_matches(const std::string& regex, bool ignore_case, std::string_view text) {
  auto made = TextDatabase::compile({{PatternKind::kRegex, regex, ignore_case, false}},
                                    std::size_t{1} << 28, nullptr);
  REQUIRE_MESSAGE(made, made.error().message);
  bool found = false;
  made->scan(text, [&](const TextMatch&) { found = true; });
  return found;
}
}  // namespace

TEST_CASE("what a group takes") {
  CHECK(taken("card ([0-9]+)", "my card 4711 and card 12", 1) == "4711");
  CHECK(taken("card ([0-9]+)", "my card 4711 and card 12") == "card 4711");
  CHECK(taken("card ([0-9]+)", "my card", 1) == "-");
  CHECK(taken("a(b)?c", "ac", 1) == "-");
  CHECK(taken("a(b)?c", "ac") == "ac");
  CHECK(taken("(a*)", "baa", 1).empty());  // the empty text, at the beginning
  CHECK(taken("^([^@]+)@(.+)$", "joe@example.org", 2) == "example.org");
  CHECK(taken("(?<user>[^@]+)@(?P<host>.+)", "joe@example.org", 2) == "example.org");
  CHECK(taken("(?:(a)|b)*", "ab", 1) == "a");  // the last time that it took something
  CHECK(taken("(a|b)*", "ab", 1) == "b");
}

TEST_CASE("of several matches the first, and of those the preferred one") {
  CHECK(taken("a|ab", "ab") == "a");
  CHECK(taken("ab|a", "ab") == "ab");
  CHECK(taken("b|abc", "abc") == "abc");  // it begins first
  CHECK(taken("a+", "baaa") == "aaa");
  CHECK(taken("a+?", "baaa") == "a");
  CHECK(taken("<(.+)>", "<a><b>", 1) == "a><b");
  CHECK(taken("<(.+?)>", "<a><b>", 1) == "a");
  CHECK(taken("(|a)*", "aa").empty());
  CHECK(taken("(a|)+", "ab") == "a");
  CHECK(taken("x{0}y", "xy") == "y");
  CHECK(taken("a{2,3}", "aaaa") == "aaa");
  CHECK(taken("a{2,3}?", "aaaa") == "aa");
}

TEST_CASE("characters are code points, classes ASCII") {
  CHECK(taken("(.)$", "caf\u00e9", 1) == "\u00e9");
  CHECK(taken("^caf.$", "caf\u00e9") == "caf\u00e9");
  CHECK(taken("(\\w+)", "caf\u00e9", 1) == "caf");
  CHECK(taken("(\\W)", "caf\u00e9", 1) == "\u00e9");
  CHECK(taken("(\\p{L}+)", "12caf\u00e9", 1) == "caf\u00e9");
  CHECK(taken("\\p{Lu}", "aB\u00c9") == "B");
  CHECK(taken("[\u00e0-\u00ff]+", "caf\u00e9") == "\u00e9");
  CHECK(taken("[^a-z]", "caf\u00e9") == "\u00e9");
  CHECK(taken("\u00c9", "caf\u00e9", 0, true) == "\u00e9");
  CHECK(taken("(?i)CAF", "xcaf") == "caf");
  CHECK(taken("a(?i:B)c", "abc") == "abc");
  CHECK(taken("a(?i:B)c", "abC") == "-");
  CHECK(taken("a.b", "a\nb") == "-");
  CHECK(taken("(?s)a.b", "a\nb") == "a\nb");
  CHECK(taken("[[:alpha:]]+", "1ab2") == "ab");
  CHECK(taken("\\x41\\x{e9}", "A\u00e9") == "A\u00e9");
  CHECK(taken("a$", "a\n") == "a");
  CHECK(taken("a\\z", "a\n") == "-");
  CHECK(taken("\\bb", "ab b") == "b");
  CHECK(taken("[]a]+", "]a") == "]a");
  CHECK(taken("a{x}", "a{x}") == "a{x}");
  CHECK(taken("a\\/b", "a/b") == "a/b");
  CHECK(taken("b",
              "a\xff"
              "b") == "b");
}

TEST_CASE("what no group is taken with is said") {
  CHECK(taken("(a)\\1", "aa") == "! a back-reference");
  CHECK(taken("a(?=b)", "ab").starts_with("! a group of another kind"));
  CHECK(taken("(?<=b)a", "ab") == "! look-around, or a group without a name");
  CHECK(taken("a++", "a") == "! a possessive repeat");
  CHECK(taken("(?x)a b", "ab").starts_with("! a group of another kind"));
  CHECK(taken("\\p{Greek}", "a").starts_with("! `\\p` of anything but"));
  CHECK(taken("a", "a", 1) == "! it has 0 groups");
  for (const char* broken :
       {"(", ")", "[", "[a", "a\\", "*", "(?<", "\\p", "[b-a]", "\\x{}", "(?i"}) {
    CHECK_MESSAGE(taken(broken, "a").starts_with("!"), broken);
  }
  // However the steps are written out, and however little they are.
  CHECK(taken("((a{100}){100}){100}", "a").starts_with("! it has more than 1000 steps"));
  CHECK(taken("((){1000000}){1000000}", "a").empty());
  const std::string deep = std::string(300, '(') + "a" + std::string(300, ')');
  CHECK(taken(deep, "a") == "! more than 200 groups in groups");
}

TEST_CASE("random expressions take what a backtracking search takes") {
  Random random(20);
  int compared = 0;
  int found = 0;
  for (int i = 0; i < 20'000; ++i) {
    MakeRegex make(random);
    const NodePtr node = make.choice(0);
    const std::string regex = written(*node);
    std::string text;
    for (std::size_t size = random.below(9); size > 0; --size) text += random.pick({'a', 'b', 'c'});
    Backtracking search(text);
    const std::optional<Taken> expected = search.search(*node);
    if (search.calls > Backtracking::kCallsMost) continue;
    ++compared;
    if (expected) ++found;
    for (std::uint32_t group = 0; group <= make.groups; ++group) {
      const auto part = expected ? expected->groups[group] : std::nullopt;
      const std::string wanted = part ? text.substr(part->first, part->second - part->first) : "-";
      INFO("/", regex, "/ group ", group, " in \"", text, "\"");
      REQUIRE(taken(regex, text, group) == wanted);
    }
  }
  CHECK(compared > 19'000);
  CHECK(found > 5'000);
}

TEST_CASE("random expressions match where `matches` does") {
  std::size_t found = 0;
  const std::size_t cases = tests::for_all_seeds("EXPRESSIONS", 2'000, [&](Random& random) {
    std::string regex;
    const std::size_t size = 1 + random.below(4);
    for (std::size_t k = 0; k < size; ++k) {
      regex += random.pick<const char*>({"a",
                                         "B",
                                         "k",
                                         "\u00e9",
                                         "\u03a3",
                                         ".",
                                         "\\d",
                                         "\\w",
                                         "\\W",
                                         "\\s",
                                         "\\S",
                                         "\\D",
                                         "[a-c]",
                                         "[^a]",
                                         "[^\\w]",
                                         "[[:alpha:]]",
                                         "[[:^space:]]",
                                         "[[:punct:]]",
                                         "[[:upper:]]",
                                         "\\p{L}",
                                         "\\p{Nd}",
                                         "\\p{Lu}",
                                         "\\P{L}",
                                         "[\\p{Ll}1]",
                                         "\\b",
                                         "\\B",
                                         "(?i:b)",
                                         "(b|\u00c9)",
                                         "[\u00e0-\u00f6]",
                                         "\\x{212a}",
                                         "\\.",
                                         "-",
                                         "\\n",
                                         "\\t",
                                         "[]b]",
                                         "[a-]",
                                         "{",
                                         "(?:x|1)"});
      const bool is_edge = regex.ends_with("\\b") || regex.ends_with("\\B");
      if (!is_edge) regex += random.pick<const char*>({"", "", "", "+", "?", "{2}", "{1,2}", "+?"});
    }
    if (random.chance(15)) regex = "^" + regex;
    if (random.chance(15)) regex += "$";
    const bool ignore_case = random.chance(40);
    if (check_regex(regex, ignore_case)) return;
    std::string text;
    for (std::size_t n = 1 + random.below(7); n > 0; --n) {
      text +=
          random.pick<const char*>({"a", "b", "A", "B", "k", "\u212a", "\u00e9", "\u00c9", "1", " ",
                                    "\v", "\n", ".", "-", "\u03c3", "\u03c2", "_", "\u0661", "{"});
    }
    INFO("/", regex, "/", ignore_case ? "i" : "", " in \"", text, "\"");
    const auto made = TextCapture::compile(regex, ignore_case, 0, kSteps);
    REQUIRE_MESSAGE(made, made.error().message);
    const bool matched = hyperscan_matches(regex, ignore_case, text);
    REQUIRE(made->find(text).has_value() == matched);
    if (matched) ++found;
  });
  CHECK(found > cases / 10);
}

TEST_CASE("other cases are those that `matches` folds") {
  // Letters of the scripts that both tables know in one edition.
  for (std::int32_t point = 'A'; point < 0x530; ++point) {
    CodePointSet set;
    set.add(point, point);
    set.add_other_cases();
    set.finish();
    for (const std::int32_t other : {point + 1, point - 1, point + 32, point - 32, point + 80}) {
      if (!set.has(other) || other > 0x530) continue;
      std::string regex;
      std::string text;
      const auto append = [](std::string& out, std::int32_t value) {
        if (value < 0x80) {
          out += static_cast<char>(value);
        } else {
          out += static_cast<char>(0xC0 | (value >> 6));
          out += static_cast<char>(0x80 | (value & 0x3F));
        }
      };
      append(regex, point);
      append(text, other);
      CHECK_MESSAGE(hyperscan_matches(regex, true, text), regex, " ", text);
    }
  }
}

TEST_CASE("no text makes an expression costly") {
  // Backtracking takes 2^n steps, and n^2 of them for the first match of none.
  const auto made = TextCapture::compile("(?:a|aa)+(?:a?){50}b|(?:.*c){3}", false, 0, kSteps);
  REQUIRE(made);
  CHECK_FALSE(made->find(std::string(200'000, 'a')).has_value());
}

TEST_CASE("parts of a text") {
  CHECK(part_of_text("a,b,,c", ",", 1) == "a");
  CHECK(part_of_text("a,b,,c", ",", 3) == "");
  CHECK(part_of_text("a,b,,c", ",", 4) == "c");
  CHECK_FALSE(part_of_text("a,b,,c", ",", 5));
  CHECK(part_of_text("a,b,,c", ",", -1) == "c");
  CHECK(part_of_text("a,b,,c", ",", -4) == "a");
  CHECK_FALSE(part_of_text("a,b,,c", ",", -5));
  CHECK_FALSE(part_of_text("a,b", ",", 0));
  CHECK_FALSE(part_of_text("a,b", "", 1));
  CHECK(part_of_text("a,b", ";", 1) == "a,b");
  CHECK(part_of_text("a,b", ";", -1) == "a,b");
  CHECK(part_of_text("", ",", 1) == "");
  CHECK(part_of_text(",", ",", 2) == "");
  // The separators are those that a search from the beginning finds.
  CHECK(part_of_text("aaa", "aa", -1) == "a");
  CHECK(part_of_text("x::y::z", "::", 2) == "y");
  CHECK_FALSE(part_of_text("a", ",", std::numeric_limits<std::int64_t>::min()));
}
}  // namespace tocsin::cep
