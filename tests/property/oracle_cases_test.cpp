// The oracle alone on the conformance cases: each is written in the rule language, checked, and its
// plan evaluated by definition. README.md in tests/conformance describes the cases.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/value/decimal.h"
#include "rules/context/rules.h"
#include "tests/conformance/case.h"
#include "tests/conformance/translate.h"
#include "tests/support/oracle.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
using conformance::Case;
using conformance::Match;
using Json = nlohmann::json;

cep::Value value_of(const Json& json, const cep::Type& type) {
  switch (type.kind) {
    case cep::TypeKind::kTime:
      return cep::Value::time({json.get<std::int64_t>()});
    case cep::TypeKind::kInt:
      return cep::Value::integer(json.get<std::int64_t>());
    case cep::TypeKind::kFloat:
      return cep::Value::floating(json.get<double>());
    case cep::TypeKind::kBool:
      return cep::Value::boolean(json.get<bool>());
    case cep::TypeKind::kDecimal:
      return cep::Value::decimal(*cep::parse_decimal(json.dump(), type.scale), type.scale);
    case cep::TypeKind::kString:
      return cep::Value::string(json.get_ref<const std::string&>());
    default:
      return cep::Value::missing();
  }
}

std::vector<oracle::Event> events_of(const cep::Plan& plan, const std::string& input) {
  std::vector<oracle::Event> events;
  std::size_t begin = 0;
  while (begin < input.size()) {
    const std::size_t end = input.find('\n', begin);
    const Json line = Json::parse(input.substr(begin, end - begin));
    begin = end + 1;
    oracle::Event event;
    const auto& type_name = line.at("type").get_ref<const std::string&>();
    for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
      if (plan.event_types[t].json_type == type_name) event.type = cep::EventTypeIndex(t);
    }
    const cep::EventType& type = plan.event_types[event.type.value];
    for (const cep::Field& field : type.fields) {
      const auto member = line.find(field.path.front());
      event.fields.emplace_back(member == line.end() ? cep::Value::missing()
                                                     : value_of(*member, field.type));
    }
    event.ts = {static_cast<std::int64_t>(event.fields[type.time_field.value].view().number)};
    events.push_back(std::move(event));
  }
  return events;
}

std::string text_of(const std::set<Match>& matches) {
  std::string out;
  for (const Match& match : matches) {
    out += out.empty() ? "" : " / ";
    for (const auto& [variable, events] : match) {
      out += fmt::format("{}:{} ", variable, fmt::join(events, ","));
    }
  }
  return out;
}

std::set<Match> matches_of(const cep::Plan& plan, const Case& test,
                           const conformance::Translation& translation) {
  oracle::Options options;
  const std::vector<oracle::Event> events = events_of(plan, translation.input);
  options.end = test.end_time_ms ? cep::EventTime{1000 * *test.end_time_ms}
                : events.empty() ? cep::EventTime{0}
                                 : events.back().ts;
  const auto outcome = oracle::evaluate(plan, oracle::place_events(plan, events, options), options);
  REQUIRE(outcome.has_value());
  std::set<Match> matches;
  for (const cep::Alert& alert : outcome->alerts) {
    Match match;
    for (const cep::BoundEvent& event : alert.events) {
      match[translation.variables.at(std::string(event.as))].push_back(
          std::stoll(std::string(event.id)));
    }
    matches.insert(std::move(match));
  }
  return matches;
}

// Counts of one file's cases.
struct Counts {
  std::size_t passed = 0;
  std::size_t apart = 0;
  std::size_t invalid = 0;
};

void try_case(const Case& test, Counts& counts) {
  if (test.error == conformance::ExpectedError::kInvalidPattern) {
    ++counts.invalid;  // The checker's own tests ask for these.
    return;
  }
  const auto translation = conformance::translate(test);
  REQUIRE_MESSAGE(translation.has_value(), translation.error().message);
  CAPTURE(translation->source);
  CAPTURE(translation->input);
  const rules::Loaded loaded = load_files({{"case.tocsin", translation->source}}, {"case.tocsin"});
  const bool is_refused = std::ranges::any_of(
      loaded.diagnostics,
      [](const rules::Diagnostic& found) { return found.code == rules::Code::kE0440; });
  if (is_refused) {
    ++counts.apart;  // an absence that could end nothing
    return;
  }
  const std::set<Match> expected(test.matches.begin(), test.matches.end());
  const bool is_said_never_to_match =
      !loaded.rules && std::ranges::all_of(loaded.diagnostics, [](const rules::Diagnostic& found) {
        return found.code == rules::Code::kE0441 ||
               rules::level_of(found.code) == rules::Level::kWarning;
      });
  if (is_said_never_to_match) {
    ++counts.passed;
    CHECK(text_of(expected).empty());
    return;
  }
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  const std::set<Match> found = matches_of(*loaded.rules->plan, test, *translation);
  if (conformance::may_stand_apart(test) && found != expected) {
    ++counts.apart;
    return;
  }
  ++counts.passed;
  CHECK(text_of(found) == text_of(expected));
}
}  // namespace

TEST_CASE("oracle: gives the matches of the conformance cases") {
  for (const char* name : {"flinkcep.jsonl", "derived.jsonl"}) {
    std::ifstream lines(std::string(TOCSIN_SOURCE_DIR "/tests/conformance/") + name);
    REQUIRE(lines.good());
    Counts counts;
    std::string line;
    while (std::getline(lines, line)) {
      const auto test = conformance::parse_case(line);
      REQUIRE_MESSAGE(test.has_value(), test.error().message);
      CAPTURE(test->id);
      try_case(*test, counts);
    }
    MESSAGE(std::string(name) << ": " << counts.passed << " cases, " << counts.apart << " apart, "
                              << counts.invalid << " of invalid patterns");
    CHECK(counts.passed > 100);
  }
}
}  // namespace tocsin::tests
