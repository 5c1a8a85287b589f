#include "runtime/decode/word_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "runtime/decode/decoder.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
// As it stands in a line, after the opening quote; what follows is as misleading as can be.
std::string raw(const std::string& text) {
  return text + "\"" + text + "\"" + std::string(kLinePadding, '\\');
}
std::string random_word(tests::Random& random) {
  std::string word(random.below(random.chance(20) ? 40 : 10), ' ');
  for (char& c : word) c = random.pick({'a', 'b', '_', '0'});
  return word;
}
}  // namespace

TEST_CASE("word table: finds its words and no others, whatever their length") {
  std::vector<std::string> words = {"",
                                    "a",
                                    "type",
                                    "1234567",
                                    "12345678",
                                    "12345679",
                                    "123456789",
                                    "0123456789abcdef",
                                    "0123456789abcdefg",
                                    "0123456789abXdefg",
                                    "a much longer word than all of the others"};
  const WordTable table(words);
  CHECK(table.size() == words.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    CAPTURE(words[i]);
    CHECK(table.find(raw(words[i]).c_str()) == static_cast<int>(i));
    CHECK(table.find_text(words[i]) == static_cast<int>(i));
    const std::string quoted = '"' + raw(words[i]);
    CHECK(table.may_have(quoted.data() + 1, words[i].size()));
    CHECK(table.key(static_cast<int>(i)) == words[i]);
    CHECK(table.find(raw(words[i] + "!").c_str()) == WordTable::kAbsent);
    if (!words[i].empty())
      CHECK(table.find(raw("!" + words[i].substr(1)).c_str()) == WordTable::kAbsent);
  }
  CHECK(WordTable().find(raw("a").c_str()) == WordTable::kAbsent);
  CHECK(WordTable({"x", "x"}).find(raw("x").c_str()) == 0);
}

TEST_CASE("word table: most words that it does not have are told without a look-up") {
  const WordTable table({"type", "ts", "id", "account", "amount"});
  std::size_t looked_up = 0;
  for (int i = 0; i < 1'000; ++i) {
    const std::string word = "x_" + std::to_string(i);
    // Nothing that looks like an escape stands behind it.
    const std::string line = '"' + word + "\":1" + std::string(kLinePadding, ' ');
    looked_up += table.may_have(line.data() + 1, word.size()) ? 1 : 0;
  }
  CHECK(looked_up < 200);
}

TEST_CASE("word table: escapes mean what they stand for") {
  const WordTable table({"type", "say \"hi\"", "back\\slash", "é"});
  CHECK(table.find(raw(R"(t\u0079pe)").c_str()) == 0);
  CHECK(table.find(raw(R"(say \"hi\")").c_str()) == 1);
  CHECK(table.find(raw(R"(back\\slash)").c_str()) == 2);
  CHECK(table.find(raw(R"(\u00e9)").c_str()) == 3);
  CHECK(table.find(raw("é").c_str()) == 3);
  for (const char* escaped : {R"(t\u0079pe)", R"(say \"hi\")", R"(back\\slash)", R"(\u00e9)"}) {
    const std::string quoted = '"' + raw(escaped);
    CHECK(table.may_have(quoted.data() + 1, std::string(escaped).size()));
  }
  CHECK(table.find(raw(R"(typ\x)").c_str()) == WordTable::kAbsent);
  CHECK(table.find(raw(R"(type\")").c_str()) == WordTable::kAbsent);
}

TEST_CASE("key sequence: gives what the table gives, in whatever order keys come") {
  tests::for_all_seeds("runtime", 300, [](tests::Random& random) {
    std::vector<std::string> words;
    for (std::size_t i = random.below(40); i > 0; --i) words.push_back(random_word(random));
    const WordTable table(words);
    KeySequence sequence;
    std::vector<std::string> line;
    for (std::size_t i = random.below(60); i > 0; --i) {
      line.push_back(words.empty() || random.chance(30) ? random_word(random) : random.pick(words));
    }
    for (int lines = 0; lines < 20; ++lines) {
      KeySequence::Position position = 0;
      for (const std::string& key : line) {
        if (random.chance(10)) continue;
        const auto found = std::find(words.begin(), words.end(), key);
        const int expected =
            found == words.end() ? WordTable::kAbsent : static_cast<int>(found - words.begin());
        REQUIRE(sequence.find(table, raw(key).c_str(), position) == expected);
      }
      if (random.chance(20) && line.size() > 1) std::swap(line[0], line[random.below(line.size())]);
    }
  });
}
}  // namespace tocsin::runtime
