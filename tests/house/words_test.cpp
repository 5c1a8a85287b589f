// Names in the code use the terms of docs/glossary.md, not the private words that they replaced.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "tests/house/repository.h"

namespace tocsin::tests {
namespace {
// A word that names used, and the one to use instead. `_` is the end of a word.
struct Replaced {
  const char* word;
  const char* instead;
  const char* folder = "";  // only there
};
constexpr Replaced kReplaced[] = {
    {"bite", "chunk"},
    {"bites", "chunks"},
    {"fit_literal", "coerce_literal"},
    {"carry_over", "state_migration"},
    {"spoil", "poison"},
    {"spoiled", "poisoned"},
    {"desk", "alert_services"},
    {"brake", "rate_cap"},
    {"braked", "rate_capped"},
    {"rule_working", "rule_profile"},
    {"allowance", "suppressed_warning"},
    {"aside", "side_output"},
    {"held_back", "suppressed"},
    {"in_hand", "current"},
    {"way", "transition", "cep/"},
    {"ways", "transitions", "cep/"},
};
// The alert's field, and metrics, whose names others read.
const std::set<std::string>& kept_names() {
  static const std::set<std::string> kKept = {"held_back", "engine_alerts_held_back_total",
                                              "deliveries_braked_total"};
  return kKept;
}

// "PatternWay", "kWaysMax", "ways_of": as lower case words, "_pattern_way_".
std::string words_of(const std::string& name) {
  std::string words = "_";
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (std::isupper(c) != 0 && words.back() != '_') words += '_';
    words += static_cast<char>(std::tolower(c));
  }
  return words + "_";
}

// The names in the code of a source: not in comments and texts.
std::set<std::string> names_in(const std::string& source) {
  std::set<std::string> names;
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  for (std::size_t at = 0; at < source.size();) {
    const char c = source[at];
    if (source.compare(at, 2, "//") == 0) {
      at = std::min(source.find('\n', at), source.size());
    } else if (source.compare(at, 3, "R\"(") == 0) {
      at = std::min(source.find(")\"", at), source.size() - 2) + 2;
    } else if (c == '"' || c == '\'') {
      for (++at; at < source.size() && source[at] != c; ++at) {
        if (source[at] == '\\') ++at;
      }
      ++at;
    } else if (is_word(c)) {
      const std::size_t begin = at;
      while (at < source.size() && (is_word(source[at]) || (source[at] == '\'' && c <= '9'))) ++at;
      if (std::isdigit(static_cast<unsigned char>(c)) == 0) {
        names.insert(source.substr(begin, at - begin));
      }
    } else {
      ++at;
    }
  }
  return names;
}

// "what: instead" for each name that has a replaced word.
std::vector<std::string> objections(const std::string& path, const std::string& source) {
  std::vector<std::string> found;
  for (const std::string& name : names_in(source)) {
    if (kept_names().contains(name)) continue;
    const std::string words = words_of(name);
    for (const Replaced& replaced : kReplaced) {
      if (!path.starts_with(replaced.folder)) continue;
      if (words.find("_" + std::string(replaced.word) + "_") == std::string::npos) continue;
      found.push_back(path + ": " + name + ": write `" + replaced.instead + "`");
    }
  }
  return found;
}

TEST_CASE("words: a replaced word in a name is found, not one in a text or comment") {
  CHECK(objections("api/a.h", "int bite_bytes = 0;").size() == 1);
  CHECK(objections("api/a.h", "struct CarryOver;").size() == 1);
  CHECK(objections("api/a.h", "// a bite\nconst char* x = \"brake\";").empty());
  CHECK(objections("api/a.h", "x = R\"(\"aside)\" \"a \" + desk;").size() == 1);
  CHECK(objections("api/a.h", "int held_back = 0; int arbite = 0; int way = 0;").empty());
  CHECK(objections("cep/match/a.h", "int way = 0;").size() == 1);
}

TEST_CASE("words: names use the terms of the glossary") {
  for (const std::string& path : repository_files()) {
    const bool is_source = path.ends_with(".h") || path.ends_with(".cpp");
    const bool is_product = path.starts_with("cep/") || path.starts_with("rules/") ||
                            path.starts_with("runtime/") || path.starts_with("api/");
    if (!is_source || !is_product) continue;
    for (const std::string& line : objections(path, read_file(path))) FAIL_CHECK(line);
  }
}
}  // namespace
}  // namespace tocsin::tests
