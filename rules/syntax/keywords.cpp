#include "rules/syntax/keywords.h"

#include <algorithm>
#include <vector>

namespace tocsin::rules {
namespace {
const std::vector<std::string>& clause_list() {
  static const std::vector<std::string> kWords = {
      "id",     "description", "owner",  "severity", "tags",   "references",  "falsepositives",
      "status", "by",          "when",   "within",   "having", "considering", "without",
      "after",  "prefer",      "except", "once",     "at",     "allow",       "alert"};
  return kWords;
}
const std::vector<std::string>& declaration_list() {
  static const std::vector<std::string> kWords = {
      "use",   "allow",    "event",   "kind",     "key",  "list", "table",
      "const", "defaults", "feature", "features", "rule", "test"};
  return kWords;
}
bool contains(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}
// What may stand behind an operand and go on with its expression.
constexpr std::string_view kOperatorWords[] = {"and",     "or",      "not",      "in",     "is",
                                               "between", "matches", "contains", "starts", "ends",
                                               "then",    "else",    "over"};
// What else the grammar gives a meaning to.
constexpr std::string_view kOtherWords[] = {
    "where",   "as",       "of",       "unless", "until",     "for",      "each",    "per",
    "expires", "while",    "next",     "first",  "greedy",    "optional", "no",      "one",
    "all",     "any",      "every",    "needs",  "excluding", "from",     "key",     "up",
    "unique",  "pii",      "evidence", "expect", "starting",  "gap",      "session", "tumbling",
    "last",    "previous", "ever",     "today",  "this",      "events",   "word",    "with",
    "true",    "false",    "if",       "prev",   "match",     "skip",     "consume", "latest",
    "missing", "known",    "half",     "weight"};
constexpr std::string_view kSeverities[] = {"info", "low", "medium", "high", "critical"};
constexpr std::string_view kStatuses[] = {"draft", "internal", "shadow", "live"};

}  // namespace

bool is_clause_keyword(std::string_view word) {
  return std::ranges::find(clause_list(), word) != clause_list().end();
}
bool is_declaration_keyword(std::string_view word) {
  return std::ranges::find(declaration_list(), word) != declaration_list().end();
}
bool is_operator_word(std::string_view word) { return contains(kOperatorWords, word); }
bool is_severity(std::string_view word) { return contains(kSeverities, word); }
bool is_status(std::string_view word) { return contains(kStatuses, word); }
bool is_keyword(std::string_view word) {
  return contains(kOperatorWords, word) || contains(kOtherWords, word) || is_clause_keyword(word) ||
         is_declaration_keyword(word);
}
std::span<const std::string> clause_keywords() { return clause_list(); }
std::span<const std::string> declaration_keywords() { return declaration_list(); }

std::optional<cep::Aggregate> aggregate_named(std::string_view text) {
  const auto* found = std::ranges::find(cep::kAggregates, text, cep::aggregate_name);
  if (found == cep::kAggregates.end()) return std::nullopt;
  return *found;
}
}  // namespace tocsin::rules
