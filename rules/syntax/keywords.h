/// The words that the grammar gives a meaning. Each has it only at its place, so that all of them
/// may be names elsewhere; the parser asks here when it has to guess after a mistake.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "rules/syntax/tree.h"

namespace tocsin::rules {
enum class KeywordClass : std::uint8_t {
  kClause,
  kDeclaration,
  kOperator,
  kOther,
  kPlaced,  // with a meaning at one place alone: this and what follows are no is_keyword()
  kType,
  kSeverity,
  kStatus,
};
/// A row of keywords.def.
struct Keyword {
  std::string_view word;
  KeywordClass of = KeywordClass::kOther;
  bool operator==(const Keyword&) const = default;
};
/// A word with a meaning somewhere, of which the parser may have to guess whether it is meant.
bool is_keyword(std::string_view word);
/// A word that may stand behind an operand and go on with its expression.
bool is_operator_word(std::string_view word);
/// A word with a meaning at one place alone, as `times` behind a number of alerts.
bool is_placed_word(std::string_view word);
bool is_type_word(std::string_view word);
bool is_severity(std::string_view word);
bool is_status(std::string_view word);
bool is_clause_keyword(std::string_view word);
bool is_declaration_keyword(std::string_view word);
std::span<const std::string> clause_keywords();
std::span<const std::string> declaration_keywords();
/// The aggregate of that name.
std::optional<cep::Aggregate> aggregate_named(std::string_view text);
}  // namespace tocsin::rules
