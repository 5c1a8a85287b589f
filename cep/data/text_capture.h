/// What a group of a regular expression takes in a text. Hyperscan finds matches and not what
/// groups took, so that this is a machine of its own for the same expressions
/// (cep/data/regex_tree.h).
///
/// The match is the one that begins first, and of those the one that a backtracking search would
/// find first: the left side of `|` before the right one, greedy repeats long, lazy ones short. All
/// paths are followed at once, one character after the other (Thompson, Pike), each step of the
/// expression at most once for a character: the cost is at most the text's length by the
/// expression's steps, whatever the text.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cep/data/regex_tree.h"
#include "cep/data/text_database.h"

namespace tocsin::cep {
/// Immutable; may be asked from any thread.
class TextCapture {
 public:
  /// For group number `group`, 0 for the whole match, of an expression that check_regex() lets pass
  /// (it may match the empty text, though). Errors: what no group can be taken with (kUnsupported;
  /// also a group that the expression does not have), more than `steps_max` steps (kTooCostly).
  static tl::expected<TextCapture, RegexProblem> compile(std::string_view regex, bool ignore_case,
                                                         std::uint32_t group,
                                                         std::size_t steps_max);
  /// What the group took in the first match, borrowed from the text; of several times the last.
  /// Nothing where nothing matches or the group took nothing.
  std::optional<std::string_view> find(std::string_view text) const;
  /// The names of its groups by number - 1; empty for one without.
  const std::vector<std::string>& groups() const { return groups_; }
  std::size_t steps() const { return steps_.size(); }

 private:
  struct Step {
    enum class Kind : std::uint8_t { kTake, kAssertion, kFork, kJump, kBegin, kEnd, kMatch };
    Kind kind = Kind::kMatch;
    RegexNode::Assertion assertion = RegexNode::Assertion::kBegin;
    std::uint32_t next =
        0;  // kFork: preferred; kJump: the only one; others go on behind themselves
    std::uint32_t other = 0;  // kFork; kTake: the set
  };
  struct Writer;
  struct Thread;
  struct Threads;
  void follow(std::string_view text, std::size_t at, Thread thread, Threads& threads) const;
  void note_beginnings();

  std::vector<Step> steps_;
  std::vector<CodePointSet> sets_;
  std::vector<std::string> groups_;
  bool at_begin_only_ = false;              // no match begins but at the text's beginning
  bool needs_character_ = false;            // no match is empty; then:
  std::array<bool, 256> begins_with_ = {};  // the bytes with which one may begin
};

/// The part number `number` of a text between separators, from 1, from the end where negative;
/// nothing where there is none, for 0 and for an empty separator.
std::optional<std::string_view> part_of_text(std::string_view text, std::string_view separator,
                                             std::int64_t number);
}  // namespace tocsin::cep
