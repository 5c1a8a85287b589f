#include "cep/data/text_database.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "cep/value/unicode.h"
#include "tests/support/random.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kLarge = std::size_t{1} << 30;

TextPattern literal(std::string text, bool places = false) {
  return {PatternKind::kLiteral, std::move(text), false, places};
}
TextPattern phrase(std::string text, bool places = false) {
  return {PatternKind::kPhrase, std::move(text), false, places};
}
TextPattern regex(std::string text, bool ignore_case = false, bool places = false) {
  return {PatternKind::kRegex, std::move(text), ignore_case, places};
}

// "0@3-7 1": each match once, in order; without places only the pattern.
std::string found(const std::vector<TextPattern>& patterns, std::string_view text) {
  const Result<TextDatabase> database = TextDatabase::compile(patterns, kLarge, nullptr);
  REQUIRE_MESSAGE(database.has_value(), database.error().message);
  std::set<std::string> matches;
  database->scan(text, [&](const TextMatch& match) {
    matches.insert(patterns[match.pattern].places
                       ? fmt::format("{}@{}-{}", match.pattern, match.begin, match.end)
                       : fmt::format("{}", match.pattern));
  });
  return fmt::format("{}", fmt::join(matches, " "));
}

TEST_CASE("text database: literals, phrases and expressions in one scan") {
  CHECK(found({literal("gift"), literal("card"), regex("an[yi]desk", true)},
              "a gift via AnyDesk") == "0 2");
  CHECK(found({literal("aa", true)}, "aaa") == "0@0-2 0@1-3");
  CHECK(found({literal("")}, "") == "0");
  CHECK(found({literal("x")}, "") == "");
  CHECK(found({literal(".*")}, "a.*b") == "0");
  CHECK(found({regex("a.c")}, "a€c") == "0");
  CHECK(found({regex("müll", true)}, "MÜLL") == "0");
  CHECK(found({literal("a"), literal("a", true), phrase("a")}, "ba") == "0 1@1-2 2");
  CHECK(found({}, "anything") == "");
}

TEST_CASE("text database: a space of a phrase stands for one or more white-space characters") {
  const std::vector<TextPattern> patterns = {phrase("gift card", true)};
  CHECK(found(patterns, "a gift card") == "0@2-11");
  CHECK(found(patterns, "gift \t\n card") == "0@0-12");
  CHECK(found(patterns,
              "gift\xC2\xA0"
              "card") == "0@0-10");
  CHECK(found(patterns, "gift\xE2\x80\x83 card") == "0@0-12");
  CHECK(found(patterns, "giftcard") == "");
  CHECK(found(patterns, "Gift card") == "");
  CHECK(found({phrase("  our  safe   account ", true)}, "x our safe account y") == "0@2-18");
  CHECK(found({phrase("a b a", true)}, "a b a b a") == "0@0-5 0@4-9");
  CHECK(found({phrase("send to me", true)}, "to send to me") == "0@3-13");
}

TEST_CASE("text database: where an expression's matches begin") {
  CHECK(found({regex("b+", false, true)}, "abbbc") == "0@1-2 0@1-3 0@1-4");
  CHECK(found({regex("^a|c$", false, true)}, "abc") == "0@0-1 0@2-3");
}

TEST_CASE("text database: words end where no letter or digit follows") {
  struct Row {
    const char* text;
    const char* word;
    bool found;
  };
  constexpr Row kRows[] = {
      {"the gift", "gift", true},    {"gifted", "gift", false},   {"regift", "gift", false},
      {"gifted gift", "gift", true}, {"gift_card", "gift", true}, {"gift9", "gift", false},
      {"5gift", "gift", false},      {"(gift)", "gift", true},    {"ägift", "gift", false},
      {"giftß", "gift", false},      {"gift€", "gift", true},     {"gift٣", "gift", false},
      {"", "gift", false},           {"gift", "gift", true},      {"aXa", "a", false},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(contains_word(row.text, row.word) == row.found);
    const auto database = TextDatabase::compile({literal(row.word, true)}, kLarge, nullptr);
    REQUIRE(database.has_value());
    bool as_word = false;
    database->scan(row.text, [&](const TextMatch& match) {
      as_word = as_word || is_word(row.text, match.begin, match.end);
    });
    CHECK(as_word == row.found);
  }
}

TEST_CASE("text database: agrees with a plain search on random texts") {
  tests::for_all_seeds("cep", 100, [](tests::Random& random) {
    const auto text_of = [&](int length) {
      std::string text;
      for (int i = 0; i < length; ++i) text += random.pick({"a", "b", " ", "é", "\t", "1"});
      return text;
    };
    std::vector<TextPattern> patterns;
    for (int i = 0; i < 6; ++i) {
      patterns.push_back(
          literal(text_of(static_cast<int>(random.between(1, 3))), random.chance(50)));
    }
    const std::string text = text_of(40);
    const auto database = TextDatabase::compile(patterns, kLarge, nullptr);
    REQUIRE(database.has_value());
    std::map<std::uint32_t, std::set<std::size_t>> begins;
    database->scan(text,
                   [&](const TextMatch& match) { begins[match.pattern].insert(match.begin); });
    for (std::uint32_t i = 0; i < patterns.size(); ++i) {
      CHECK(begins.contains(i) == contains_text(text, patterns[i].text));
      if (!patterns[i].places) continue;
      std::set<std::size_t> plain;
      for (std::size_t at = text.find(patterns[i].text); at != std::string::npos;
           at = text.find(patterns[i].text, at + 1)) {
        plain.insert(at);
      }
      CHECK(begins[i] == plain);
    }
  });
}

TEST_CASE("text database: in many texts at once the same is found as in each by itself") {
  tests::for_all_seeds("cep", 100, [](tests::Random& random) {
    const auto text_of = [&](std::int64_t length) {
      std::string text;
      while (length-- > 0) text += random.pick({"a", "b", " ", "é", "\t", "gift", "card"});
      return text;
    };
    std::vector<TextPattern> patterns;
    for (std::int64_t i = random.between(1, 8); i > 0; --i) {
      const std::string text = text_of(random.between(0, 3));
      const bool places = random.chance(40);
      patterns.push_back(random.chance(50) ? literal(text, places) : phrase(text, places));
    }
    if (random.chance(30)) patterns.push_back(regex("a[^b]+b", false, random.chance(50)));
    // They fill the buffer of joined texts, and some are too long for it.
    std::vector<std::string> texts;
    for (std::int64_t i = random.between(0, 600); i > 0; --i) {
      texts.push_back(random.chance(3)
                          ? std::string(static_cast<std::size_t>(random.between(250, 260)), 'a')
                          : text_of(random.between(0, 12)));
      if (random.chance(2)) texts.back() += "\xFFgift";
    }
    const auto database = TextDatabase::compile(patterns, kLarge, nullptr);
    REQUIRE(database.has_value());
    using Found = std::tuple<std::size_t, std::uint32_t, std::size_t, std::size_t>;
    std::set<Found> together, alone;
    database->scan_texts(std::vector<std::string_view>(texts.begin(), texts.end()),
                         [&](std::size_t i, const TextMatch& match) {
                           together.insert({i, match.pattern, match.begin, match.end});
                         });
    for (std::size_t i = 0; i < texts.size(); ++i) {
      database->scan(texts[i], [&](const TextMatch& match) {
        alone.insert({i, match.pattern, match.begin, match.end});
      });
    }
    CHECK(together == alone);
  });
}

TEST_CASE("text database: what cannot be searched for is refused with its place") {
  struct Row {
    const char* regex;
    RegexProblem::Kind kind;
    int byte;
  };
  using Kind = RegexProblem::Kind;
  constexpr Row kRows[] = {
      {"(ab", Kind::kUnsupported, 0},           {"a(?=b)", Kind::kUnsupported, 1},
      {"(a)\\1", Kind::kUnsupported, 3},        {"a*", Kind::kMatchesAll, -1},
      {"(ab?){1,9000}c", Kind::kTooCostly, -1}, {"((a{100}){100}){2}", Kind::kTooCostly, -1},
      {"[z-a]", Kind::kUnsupported, 3},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.regex);
    const auto problem = check_regex(row.regex, false);
    REQUIRE(problem.has_value());
    CHECK(problem->kind == row.kind);
    CHECK((problem->byte ? static_cast<int>(*problem->byte) : -1) == row.byte);
  }
  CHECK(check_regex(std::string(5'000, 'a'), false)->kind == Kind::kTooLong);
  CHECK(!check_regex("[]a]{2}(b|c)+\\{", false));
  CHECK(!check_regex("(a{100}){99}", false));
}

TEST_CASE("text database: one that grows too large is refused") {
  const auto database = TextDatabase::compile({regex("a[^x]+b"), literal("c")}, 100, nullptr);
  REQUIRE(!database.has_value());
  CHECK(database.error().code == Errc::kLimit);
}

// Keeps everything in memory; counts.
class MemoryCache : public TextDatabaseCache {
 public:
  std::optional<std::string> find(const std::string& name) override {
    const auto found = kept.find(name);
    if (found == kept.end()) return std::nullopt;
    ++hits;
    return found->second;
  }
  void keep(const std::string& name, std::string_view bytes) override { kept[name] = bytes; }
  std::map<std::string, std::string> kept;
  int hits = 0;
};

TEST_CASE("text database: a cache gives the same database, and a damaged one is made anew") {
  const std::vector<TextPattern> patterns = {literal("gift"), regex("an[yi]desk")};
  MemoryCache cache;
  REQUIRE(TextDatabase::compile(patterns, kLarge, &cache).has_value());
  CHECK(cache.kept.size() == 2);
  CHECK(cache.hits == 0);
  for (const bool damage : {false, true}) {
    if (damage) {
      for (auto& [name, bytes] : cache.kept) bytes[bytes.size() / 2] ^= 1;
    }
    const auto database = TextDatabase::compile(patterns, kLarge, &cache);
    REQUIRE(database.has_value());
    std::set<std::uint32_t> matches;
    database->scan("gift by anidesk",
                   [&](const TextMatch& match) { matches.insert(match.pattern); });
    CHECK(matches == std::set<std::uint32_t>{0, 1});
  }
  CHECK(cache.hits == 4);
}

// The names that a compile of the patterns looked for, and those that it had to compile.
struct Compiling {
  std::set<std::string> sought, compiled;
};
class WatchedCache : public MemoryCache {
 public:
  std::optional<std::string> find(const std::string& name) override {
    last.sought.insert(name);
    return MemoryCache::find(name);
  }
  void keep(const std::string& name, std::string_view bytes) override {
    last.compiled.insert(name);
    MemoryCache::keep(name, bytes);
  }
  Compiling last;
};

TEST_CASE("text database: a change of one expression does not compile the others again" *
          doctest::skip(tests::is_quick())) {
  constexpr std::size_t kCount = 6'000;
  std::vector<TextPattern> patterns;
  for (std::size_t i = 0; i < kCount; ++i) patterns.push_back(regex(fmt::format("w{}[xy]", i)));
  WatchedCache cache;
  const auto compile = [&](const std::vector<TextPattern>& sought) {
    cache.last = {};
    auto database = TextDatabase::compile(sought, kLarge, &cache);
    REQUIRE(database.has_value());
    return std::move(*database);
  };
  const auto found_in = [](const TextDatabase& database, std::string_view text) {
    std::set<std::uint32_t> matches;
    database.scan(text, [&](const TextMatch& match) { matches.insert(match.pattern); });
    return matches;
  };
  const std::string text = "w7x w3000y w5999x w6000x";
  const std::set<std::uint32_t> expected = {7, 3'000, 5'999};
  CHECK(found_in(compile(patterns), text) == expected);
  const std::size_t groups = cache.last.sought.size();
  CHECK(groups >= 2);
  CHECK(cache.last.compiled.size() == groups);
  // A scan that ends does so for all groups.
  std::size_t visits = 0;
  compile(patterns).scan(text, [&](const TextMatch&) { return ++visits < 1; });
  CHECK(visits == 1);
  // Again: nothing is compiled, and the same is found.
  CHECK(found_in(compile(patterns), text) == expected);
  CHECK(cache.last.compiled.empty());
  // One that changes, goes or comes, at any place: its group alone, but where that ended there.
  tests::Random random(5);
  for (int i = 0; i < 3; ++i) {
    const std::size_t place = random.below(kCount);
    CAPTURE(place);
    std::vector<TextPattern> changed = patterns;
    const auto at = changed.begin() + static_cast<std::ptrdiff_t>(place);
    if (i % 3 == 0) at->text = fmt::format("other{}[xy]", i);
    if (i % 3 == 1) changed.erase(at);
    if (i % 3 == 2) changed.insert(at, regex(fmt::format("other{}[xy]", i)));
    const TextDatabase database = compile(changed);
    CHECK(cache.last.compiled.size() <= 2);
    std::set<std::uint32_t> places;
    for (const char* sought : {"w7[xy]", "w3000[xy]", "w5999[xy]"}) {
      const auto pattern = std::ranges::find(changed, sought, &TextPattern::text);
      if (pattern != changed.end()) {
        places.insert(static_cast<std::uint32_t>(pattern - changed.begin()));
      }
    }
    CHECK(found_in(database, text) == places);
  }
  // A damaged group is compiled again, and no other.
  compile(patterns);
  const std::string damaged = *cache.last.sought.begin();
  std::string& bytes = cache.kept.at(damaged);
  bytes[bytes.size() / 2] ^= 1;
  CHECK(found_in(compile(patterns), text) == expected);
  CHECK(cache.last.compiled == std::set<std::string>{damaged});
}
}  // namespace
}  // namespace tocsin::cep
