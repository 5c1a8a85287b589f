/// One conformance case, as README.md beside this file describes it, read from its line of JSON.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"

namespace tocsin::conformance {
enum class Contiguity : std::uint8_t { kStart, kStrict, kRelaxed, kAny, kNotNext, kNotFollowedBy };
/// A window: of the whole match, or only from the last event taken before the step that carries it.
struct Within {
  std::int64_t ms = 0;
  bool previous_current = false;
};
struct Times {
  std::int64_t min = 1;
  std::optional<std::int64_t> max;  // absent: unbounded
  bool greedy = false;
  Contiguity consecutive = Contiguity::kRelaxed;  // kStrict, kRelaxed or kAny
  std::optional<std::string> until;
  std::optional<std::int64_t> window_ms;
};
struct Step {
  std::string var;          // of a step
  std::vector<Step> group;  // of a group; then `var` and `where` say nothing
  Contiguity contiguity = Contiguity::kStart;
  std::optional<std::string> where;
  std::optional<Times> times;
  bool optional = false;
  std::optional<Within> within;

  bool is_group() const { return !group.empty(); }
  bool is_absence() const {
    return contiguity == Contiguity::kNotNext || contiguity == Contiguity::kNotFollowedBy;
  }
};
struct Event {
  std::int64_t index = 0;  // of arrival
  std::int64_t ts_ms = 0;
  std::map<std::string, nlohmann::json> attributes;  // without null ones
};
enum class Skip : std::uint8_t { kNoSkip, kToNext, kPastLast, kToFirst, kToLast };
enum class ExpectedError : std::uint8_t { kNone, kInvalidPattern, kRuntime };
/// Variable to arrival indices, in the order taken.
using Match = std::map<std::string, std::vector<std::int64_t>>;
struct Case {
  std::string id;
  std::string title;
  std::vector<Event> events;
  std::vector<Step> steps;
  std::optional<Within> within;
  Skip skip = Skip::kNoSkip;
  std::string skip_target;  // kToFirst, kToLast
  bool skip_miss_fails = false;
  std::optional<std::int64_t> end_time_ms;
  std::vector<Match> matches;  // `tocsin_matches` where the case has them
  ExpectedError error = ExpectedError::kNone;
  bool quirk = false;
};
/// Reads one line. Fails, naming what is wrong, when it is no case of this format.
Result<Case> parse_case(const std::string& line);
/// Whether the case asks for what only its source engine does, so that a difference is a decision
/// and no failure. Decided by the case's contents: `quirk`, a failure at run time, `skip_miss:
/// error`, or a window inside a loop.
bool may_stand_apart(const Case& test);
}  // namespace tocsin::conformance
