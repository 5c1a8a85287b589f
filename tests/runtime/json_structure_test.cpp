// The walk over a line's marks takes what the grammar of JSON takes, and stops at the keys that are
// read.
#include "runtime/decode/json_structure.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/decode/marked_lines.h"
#include "runtime/decode/word_table.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
// A line as its tokens: brackets, colons, commas, strings with their quotes, other scalars.
using Tokens = std::vector<std::string>;

const std::vector<std::string> kRead = {"a", "amount", "key_that_is_longer_than_16", "id", ""};

std::string random_key(tests::Random& random) {
  if (random.chance(15)) return '"' + random.pick(kRead) + '"';
  return random.pick({"\"b\"", "\"x_17\"", "\"amounts\"", "\"emount\"", "\"\\u0061\"",
                      "\"i\\u0064\"", "\"\\\\\"", "\"\\\"\"", "\"{}[]:,\"",
                      "\"a key of some more than 32 characters\"", "\"\xc3\xa9\"",
                      "\"key_that_is_longer_than_17\""});
}

void add_value(tests::Random& random, std::size_t depth, Tokens& to);
void add_object(tests::Random& random, std::size_t depth, Tokens& to) {
  to.emplace_back("{");
  const std::size_t count = random.below(depth == 0 ? 12 : 4);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) to.emplace_back(",");
    to.push_back(random_key(random));
    to.emplace_back(":");
    add_value(random, depth + 1, to);
  }
  to.emplace_back("}");
}
void add_array(tests::Random& random, std::size_t depth, Tokens& to) {
  to.emplace_back("[");
  const std::size_t count = random.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) to.emplace_back(",");
    add_value(random, depth + 1, to);
  }
  to.emplace_back("]");
}
// One in another, so deeply that it takes more than a word to remember them.
void add_deep(tests::Random& random, Tokens& to) {
  Tokens ends;
  for (std::size_t left = 50 + random.below(30); left > 0; --left) {
    const bool is_object = random.chance(50);
    to.emplace_back(is_object ? "{" : "[");
    if (is_object) to.insert(to.end(), {"\"k\"", ":"});
    ends.emplace_back(is_object ? "}" : "]");
  }
  to.emplace_back("1");
  to.insert(to.end(), ends.rbegin(), ends.rend());
}
void add_value(tests::Random& random, std::size_t depth, Tokens& to) {
  const std::size_t kind = depth > 6 ? 0 : random.weighted({70, 15, 15});
  if (kind == 1) return add_object(random, depth, to);
  if (kind == 2) return add_array(random, depth, to);
  if (random.chance(1)) return add_deep(random, to);
  to.push_back(random.pick({"1", "-2.50", "true", "null", "\"\"", "\"text\"", "\"a\\\"b\"",
                            "\"}]\"", "\"some longer text, with a comma\"", "x1e"}));
}

void mutate(tests::Random& random, Tokens& tokens) {
  const std::size_t at = random.below(tokens.size());
  switch (random.below(5)) {
    case 0:
      tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 1:
      tokens.resize(at);
      break;
    case 2:
      std::swap(tokens[at], tokens[random.below(tokens.size())]);
      break;
    case 3:
      tokens[at] = random.pick({"{", "}", "[", "]", ":", ",", "\"a\"", "1"});
      break;
    default:
      tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(at),
                    random.pick({"{", "}", "[", "]", ":", ",", "\"a\"", "1"}));
  }
}

// Two scalars next to one another are two only with white space between.
std::string text_of(tests::Random& random, const Tokens& tokens) {
  const std::size_t spaces = random.pick<std::size_t>({0, 0, 30});
  std::string text;
  bool was_scalar = false;
  for (const std::string& token : tokens) {
    const bool is_scalar = token.find_first_of("{}[]:,") != 0;
    if (random.chance(spaces) || (was_scalar && is_scalar)) text += random.pick({" ", "\t", "  "});
    text += token;
    was_scalar = is_scalar;
  }
  return text;
}

// The grammar of RFC 8259, whatever stands inside scalars.
class Grammar {
 public:
  explicit Grammar(const Tokens& tokens) : tokens_(tokens) {}
  // Whether the tokens are one object; its own keys are then `keys`.
  bool is_object() { return object(&keys) && at_ == tokens_.size(); }
  std::vector<std::string> keys;

 private:
  bool take(std::string_view token) {
    if (at_ == tokens_.size() || tokens_[at_] != token) return false;
    ++at_;
    return true;
  }
  bool object(std::vector<std::string>* keys) {
    if (!take("{")) return false;
    if (take("}")) return true;
    do {
      if (at_ == tokens_.size() || tokens_[at_][0] != '"') return false;
      if (keys != nullptr) keys->push_back(tokens_[at_]);
      ++at_;
      if (!take(":") || !value()) return false;
    } while (take(","));
    return take("}");
  }
  bool array() {
    if (!take("[")) return false;
    if (take("]")) return true;
    do {
      if (!value()) return false;
    } while (take(","));
    return take("]");
  }
  bool value() {
    if (at_ == tokens_.size()) return false;
    if (tokens_[at_] == "{") return object(nullptr);
    if (tokens_[at_] == "[") return array();
    if (tokens_[at_].find_first_of("}]:,") == 0) return false;
    ++at_;
    return true;
  }

  const Tokens& tokens_;
  std::size_t at_ = 0;
};

struct Walked {
  bool is_object = false;
  std::vector<std::string> read;  // its own keys that are in `kRead`, unescaped
};
// The object at the front of `text`, which ends at `size`.
Walked walk(JsonScanner& scanner, std::string_view text, std::size_t size, bool passes_over) {
  static const WordTable kKeys(kRead);
  Walked walked;
  JsonFault fault = scanner.scan(text);
  REQUIRE(fault == JsonFault::kNone);
  std::vector<char> open;
  JsonCursor at(scanner.marks());
  if (!at.enter(fault)) return walked;
  for (bool more = at.first(fault); more; more = at.next(fault)) {
    const int key = kKeys.find(at.key());
    if (key != WordTable::kAbsent) walked.read.push_back(kKeys.key(key));
    if (!at.skip(fault, open)) return walked;
    if (passes_over) at.pass_over(kKeys);
  }
  walked.is_object = fault == JsonFault::kNone && at.is_at(static_cast<std::uint32_t>(size));
  return walked;
}
}  // namespace

TEST_CASE("json structure: a line is an object where the grammar says so, and its keys are found") {
  JsonScanner scanner;
  std::size_t taken = 0;
  std::size_t refused = 0;
  const std::size_t cases = 30'000;
  tests::for_all_seeds("runtime", cases, [&](tests::Random& random) {
    Tokens tokens;
    add_object(random, 0, tokens);
    for (std::size_t i = random.pick<std::size_t>({0, 0, 1, 1, 2}); i > 0 && !tokens.empty(); --i) {
      mutate(random, tokens);
    }
    const std::string line = text_of(random, tokens);
    // What may be taken for more of it stands behind it.
    const std::string more =
        random.pick({"", "\n", "\n{\"a\":1}", "\n\"a\":1}", "\n]}", "\n1,2]}}"});
    const std::string padded = line + more + std::string(kLinePadding, '}');
    const std::string_view text = std::string_view(padded).substr(0, line.size() + more.size());
    if (text.find_first_not_of("\t\n ") == std::string_view::npos) return;
    CAPTURE(line);
    CAPTURE(more);
    Grammar grammar(tokens);
    const bool is_object = grammar.is_object();
    ++(is_object ? taken : refused);
    for (const bool passes_over : {false, true}) {
      const Walked walked = walk(scanner, text, line.size(), passes_over);
      REQUIRE(walked.is_object == is_object);
      if (!is_object) continue;
      std::vector<std::string> read;
      for (const std::string& key : grammar.keys) {
        std::string plain = key.substr(1, key.size() - 2);
        if (plain == "\\u0061") plain = "a";
        if (plain == "i\\u0064") plain = "id";
        if (std::ranges::find(kRead, plain) != kRead.end()) read.push_back(plain);
      }
      REQUIRE(walked.read == read);
    }
  });
  if (tests::seeds_of("runtime", cases).size() > 1) {
    CHECK(taken > 10);
    CHECK(refused > 10);
  }
}

TEST_CASE("json structure: arrays and objects of any depth and length are gone past") {
  JsonScanner scanner;
  for (const std::size_t count : {1, 2, 61, 62, 63, 64, 1'000, 30'000}) {
    CAPTURE(count);
    std::string deep = "{\"a\":";
    std::string wide = "{\"a\":[0";
    std::string fields = "{\"a\":{\"k\":0";
    for (std::size_t i = 0; i < count; ++i) {
      deep += '[';
      wide += ",\"x\"";
      fields += ",\"k\":[]";
    }
    deep += std::string(count, ']') + '}';
    for (const std::string& line : {deep, wide + "]}", fields + "}}"}) {
      const std::string padded = line + std::string(kLinePadding, ']');
      CHECK(walk(scanner, std::string_view(padded).substr(0, line.size()), line.size(), true)
                .is_object);
      // One bracket less, and one that is of another kind.
      const std::string_view less = std::string_view(padded).substr(0, line.size() - 1);
      CHECK_FALSE(walk(scanner, less, less.size(), true).is_object);
      std::string other = padded;
      other[line.size() - 2] = other[line.size() - 2] == ']' ? '}' : ']';
      CHECK_FALSE(walk(scanner, std::string_view(other).substr(0, line.size()), line.size(), true)
                      .is_object);
    }
  }
}
}  // namespace tocsin::runtime
