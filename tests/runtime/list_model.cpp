#include "tests/runtime/list_model.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
constexpr const char* kEvent =
    "event payment { ts: time, id: string id, card: string, amount: decimal(2), mcc: int, place: "
    "string, channel: enum(pos, ecom, atm), risk: float, ";
// What is asked of an event: of a list or table, and of a field.
struct Question {
  const char* word;
  const char* asked;
  const char* field;
};
constexpr std::array<Question, 9> kQuestions = {{
    {"$BLOCKED", "card in blocked", "is_blocked"},
    {"$WATCHED", "watched_card", "is_watched"},
    {"$ODD", "amount in odd", "is_odd"},
    {"$CODE", "mcc in codes", "is_code"},
    {"$PLACE", "place in places", "is_place"},
    {"$CHANNEL", "channel in channels", "is_channel"},
    {"$RISK", "risk in risks", "is_risk"},
    {"$OVER", "amount > profiles[card].most", "is_over"},
    {"$TRAVELS", "\"NO\" in profiles[card].travel", "travels"},
}};
constexpr const char* kRuleText = R"(
kind stopped = payment where $BLOCKED
feature odd_ones = count(payment where $ODD) by card over last 30s
feature coded = count(payment where not ($CODE)) by card over last 30s
rule stop "One event" { by card when stopped as p alert "{p.id}" }
rule free "Not listed" { by card when payment as p where not ($BLOCKED) and $PLACE alert "{p.id}" }
rule twice "Two in a row" { by card
  when payment as a where $WATCHED then payment as b where $CODE within 20s alert "{a.id} {b.id}" }
rule many "Counted" { by card
  when payment as p where odd_ones > 1 or coded > 3 alert "{p.id} {odd_ones} {coded}" }
rule alone "Nothing listed follows" { by card
  when payment as p where $ODD then no payment where $BLOCKED for 10s alert "{p.id}" }
rule risky "A float and an enum" { by card
  when payment as p where $RISK and not ($CHANNEL) alert "{p.id}" }
rule channels "An enum, then a float" { by card
  when payment as a where $CHANNEL then payment as b where $RISK or $CHANNEL within 20s alert "{a.id} {b.id}" }
rule over "By a table" { by card
  when payment as p where $OVER or $TRAVELS alert "{p.id}" }
rule loop "Several" { by card
  when 2+ payment as ps where $PLACE or $OVER within 15s after match skip past last alert "{ps.first.id} {ps.last.id}" }
)";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}
}  // namespace

std::string asked_text(const Model& model) {
  std::string text = std::string(kEvent) + "watched_card: bool = card in watched }\n";
  for (const auto& [name, type] :
       std::vector<std::pair<std::string, std::string>>{{"blocked", "string"},
                                                        {"watched", "string"},
                                                        {"odd", "decimal(2)"},
                                                        {"codes", "int"},
                                                        {"places", "string"},
                                                        {"channels", "string"},
                                                        {"risks", "decimal(1)"}}) {
    std::string values;
    for (const std::string& value : model.lists.at(name).declared) {
      if (!values.empty()) values += ", ";
      values += type == "string" ? "\"" + value + "\"" : value;
    }
    text += fmt::format("list {} : {} = [{}]\n", name, type, values);
  }
  text += R"(table profiles key card { most: int, travel: list of string } = {
  "c1": { most: 20, travel: ["SE", "NO"] },
}
)";
  std::string rules = kRuleText;
  for (const Question& question : kQuestions) {
    rules = replaced(rules, question.word, question.asked);
  }
  return text + rules;
}

std::string oracle_text() {
  std::string text = std::string(kEvent);
  std::string rules = kRuleText;
  for (const Question& question : kQuestions) {
    text += fmt::format("{}: bool?, ", question.field);
    rules = replaced(rules, question.word, question.field);
  }
  return text + "}\n" + rules;
}

const std::vector<std::string>& values_of(const std::string& list) {
  if (list == "odd") return kAmounts;
  if (list == "codes") return kCodes;
  if (list == "channels") return kListedChannels;
  if (list == "risks") return kRisks;
  return list == "places" ? kPlaces : kCards;
}

cep::Program compiled(const std::string& text) {
  const rules::Loaded loaded = load_files({{"r.tocsin", text}}, {"r.tocsin"});
  REQUIRE_MESSAGE(loaded.rules, rendered(loaded));
  const auto program = cep::compile(loaded.rules->plan);
  REQUIRE_MESSAGE(program, program.error().message);
  return *program;
}
}  // namespace tocsin::tests
