#include "rules/syntax/foreign_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <string>

#include "rules/text/characters.h"
#include "rules/text/report_text.h"

namespace tocsin::rules {
namespace {
// `meant` replaces the word where that is all there is to do.
struct Foreign {
  std::string_view written;
  std::string_view meant;
  const char* help;
};
constexpr Foreign kNames[] = {
    {"true", "true", ""},
    {"yes", "true", ""},
    {"false", "false", ""},
    {"no", "false", ""},
    {"null", "", "what is not there is missing: `country is missing`, `country is known`"},
    {"none", "", "what is not there is missing: `country is missing`, `country is known`"},
    {"nil", "", "what is not there is missing: `country is missing`, `country is known`"},
    {"undefined", "", "what is not there is missing: `country is missing`, `country is known`"},
    {"missing", "", "no value equals a missing one: `country is missing`, `country is known`"},
    {"now", "",
     "a rule knows the times of its events: `ts`, `since(login)`; a window looks back: `over last "
     "10m`"},
    {"current_timestamp", "",
     "a rule knows the times of its events: `ts`, `since(login)`; a window looks back: `over last "
     "10m`"},
    {"current_date", "", "the day of an event is `date(ts, \"Europe/Stockholm\")`"},
};
constexpr Foreign kFunctions[] = {
    {"nvl", "coalesce", ""},
    {"ifnull", "coalesce", ""},
    {"isnull", "", "write `country is missing`"},
    {"len", "length", ""},
    {"char_length", "length", ""},
    {"strlen", "length", ""},
    {"size", "", "of a text it is `length(merchant)`, of a loop `count(probes)`"},
    {"tolower", "lower", ""},
    {"to_lower", "lower", ""},
    {"lcase", "lower", ""},
    {"toupper", "upper", ""},
    {"to_upper", "upper", ""},
    {"ucase", "upper", ""},
    {"substr", "substring", ""},
    {"mid", "substring", ""},
    {"concatenate", "concat", ""},
    {"strcat", "concat", ""},
    {"concat_ws", "",
     "the separator is written between the texts: `concat(first_name, \" \", last_name)`"},
    {"split_part", "split", ""},
    {"substring_index", "", "a part of a text is `split(email, \"@\", 2)`"},
    {"regexp_extract", "", "the text of a group is `capture(memo, /card ([0-9]+)/, 1)`"},
    {"regexp_substr", "", "the text of a group is `capture(memo, /card ([0-9]+)/, 1)`"},
    {"regex_capture", "", "the text of a group is `capture(memo, /card ([0-9]+)/, 1)`"},
    {"extract", "", "the text of a group is `capture(memo, /card ([0-9]+)/, 1)`"},
    {"rex", "", "the text of a group is `capture(memo, /card ([0-9]+)/, 1)`"},
    {"regexp_match", "",
     "write `memo matches /card ([0-9]+)/`; the text of a group is `capture(memo, /card ([0-9]+)/, "
     "1)`"},
    {"power", "pow", ""},
    {"log", "ln", ""},
    {"ceiling", "ceil", ""},
    {"greatest", "max", ""},
    {"least", "min", ""},
    {"average", "avg", ""},
    {"mean", "avg", ""},
    {"total", "sum", ""},
    {"std", "stddev", ""},
    {"count_distinct", "distinct", ""},
    {"dayofweek", "weekday", ""},
    {"day_of_week", "weekday", ""},
    {"levenshtein", "similarity", ""},
    {"haversine", "distance_km", ""},
    {"geo_distance", "distance_km", ""},
    {"cidrmatch", "ip_in", ""},
    {"cidr_match", "ip_in", ""},
    {"contains", "", "it is an operator: `merchant contains \"gift\"`"},
    {"startswith", "", "it is an operator: `merchant starts with \"gift\"`"},
    {"starts_with", "", "it is an operator: `merchant starts with \"gift\"`"},
    {"endswith", "", "it is an operator: `merchant ends with \"gift\"`"},
    {"ends_with", "", "it is an operator: `merchant ends with \"gift\"`"},
    {"matches", "", "it is an operator: `merchant matches /gift ?card/i`"},
    {"regexp_like", "", "it is an operator: `merchant matches /gift ?card/i`"},
    {"any", "", "one of several values is `country in [\"SE\", \"NO\"]`"},
    {"exists", "",
     "an event before is a step, one that must not come is `no login` or `without login`"},
    {"now", "",
     "a rule knows the times of its events: `ts`, `since(login)`; a window looks back: `over last "
     "10m`"},
    {"getdate", "",
     "a rule knows the times of its events: `ts`, `since(login)`; a window looks back: `over last "
     "10m`"},
    {"sysdate", "",
     "a rule knows the times of its events: `ts`, `since(login)`; a window looks back: `over last "
     "10m`"},
    {"datediff", "", "times are subtracted: `ts - login.ts < 5m`"},
    {"timestampdiff", "", "times are subtracted: `ts - login.ts < 5m`"},
    {"lag", "", "inside a loop the event before is `prev`: `amount > prev.amount`"},
    {"prev", "", "inside a loop the event before is `prev`: `amount > prev.amount`"},
    {"last", "", "of a loop it is `probes.last.amount`; of the events before, a feature's `last`"},
    {"first", "",
     "of a loop it is `probes.first.amount`; of the events before, a feature's `first`"},
    {"row_number", "", "in a loop it is `count(probes)`"},
};

std::optional<Diagnostic> say(std::span<const Foreign> words, std::string_view name,
                              SourceSpan span, const char* what) {
  const auto found = std::ranges::find(words, lowered(name), &Foreign::written);
  if (found == words.end() || found->meant == name) return std::nullopt;
  const std::string message = name == "missing"
                                  ? "`missing` is not a value"
                                  : fmt::format("the language has no {}{}", what, in_code(name));
  Diagnostic diagnostic = make_diagnostic(Code::kE0117, span, message);
  if (found->meant.empty()) {
    diagnostic.helps.emplace_back(found->help);
  } else {
    diagnostic.primary.text = fmt::format("write {}", in_code(found->meant));
    diagnostic.edit = Edit{span, std::string(found->meant)};
  }
  return diagnostic;
}
}  // namespace

std::optional<Diagnostic> foreign_name(std::string_view name, SourceSpan span) {
  return say(kNames, name, span, "");
}
std::optional<Diagnostic> foreign_function(std::string_view name, SourceSpan span) {
  return say(kFunctions, name, span, "function ");
}
}  // namespace tocsin::rules
