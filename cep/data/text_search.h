/// The text lists and regular expressions of a plan, ready to be searched for in any text: what
/// conditions outside of atoms and `matched` ask.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "cep/base/index.h"
#include "cep/base/result.h"
#include "cep/data/text_database.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// The elements of a list as patterns to search for.
std::vector<TextPattern> patterns_of(const List& list, bool places);

class TextSearch {
 public:
  TextSearch();
  /// Prepares what the plan's features and alerts search for. The rest is prepared when it is first
  /// asked for: conditions on one event are atoms as a rule. Errors as in TextDatabase::compile.
  static Result<TextSearch> make(const Plan& plan, std::size_t bytes_max, TextDatabaseCache* cache);

  /// Whether an element of the list stands in the text; with `word`, with no letter or digit before
  /// and after it.
  bool has_any(ListIndex list, std::string_view text, bool word) const;
  /// The element whose match begins first, of several the one first in the list; missing for none.
  Value first_match(ListIndex list, std::string_view text) const;
  /// Whether the text holds a match of the expression's regular expression (kMatches).
  bool matches(const Expr& expr, std::string_view text) const;
  /// What `capture` gives for the operands' values, none of them missing; the text is borrowed.
  Value capture(const Expr& expr, std::span<const Value> args) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // copies share it
};
}  // namespace tocsin::cep
