/// A regular expression read into a tree, for what Hyperscan does not tell: which part of a match a
/// group took. The dialect is that of `matches` (cep/data/text_database.h) less what no group
/// needs: characters, `.`, classes, `\d \w \s \p{L}`, `^ $ \A \z \Z \b \B`, groups with and without
/// a name, `|`, greedy and lazy repeats, `(?i)` and `(?s)`.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cep/data/code_point_set.h"
#include "cep/data/text_database.h"

namespace tocsin::cep {
struct RegexNode {
  enum class Kind : std::uint8_t { kEmpty, kSet, kAssertion, kGroup, kSequence, kChoice, kRepeat };
  /// `\Z` and `$` hold at the end and before a line end that is the last character.
  enum class Assertion : std::uint8_t { kBegin, kEndOfLine, kEnd, kWordEdge, kNoWordEdge };
  static constexpr std::uint32_t kNoMost = ~std::uint32_t{0};
  Kind kind = Kind::kEmpty;
  Assertion assertion = Assertion::kBegin;
  bool lazy = false;                    // kRepeat
  bool may_be_empty = true;             // takes no character in some way
  std::uint32_t number = 0;             // kSet: of the set; kGroup: of the group, from 1
  std::uint32_t least = 0;              // kRepeat
  std::uint32_t most = 0;               // kRepeat; kNoMost
  std::vector<std::uint32_t> children;  // nodes; in kChoice the first is preferred
};
struct RegexTree {
  std::vector<RegexNode> nodes;
  std::uint32_t root = 0;
  std::vector<CodePointSet> sets;
  std::vector<std::string> groups;  // their names, by number - 1; empty for one without

  /// Reads an expression that check_regex() lets pass. Errors: what no group can be taken with.
  static tl::expected<RegexTree, RegexProblem> read(std::string_view regex, bool ignore_case);
};
}  // namespace tocsin::cep
