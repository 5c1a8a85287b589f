/// Runs one case and judges it.
#pragma once
#include <cstdint>
#include <set>
#include <string>

#include "tests/conformance/case.h"

namespace tocsin::conformance {
enum class Outcome : std::uint8_t {
  kPassed,
  kApart,         // differs, by a decision (may_stand_apart)
  kWrong,         // other matches than expected
  kAccepted,      // a mistake that the checker did not see
  kRefused,       // the checker found a mistake where there is none
  kUntranslated,  // the case could not be written in the rule language
  kBroken,        // the run failed, or the same rows in other slices gave other matches
};
struct Verdict {
  Outcome outcome = Outcome::kPassed;
  std::string reason;       // one line; empty for most that passed
  std::string source;       // the rule file, empty where there is none
  std::string input;        // the events
  std::string diagnostics;  // of the checker, rendered
  std::set<Match> matches;  // what came
};
Verdict judge(const Case& test);
/// One match to a line: `{a: [0, 1], b: [2]}`.
std::string print_matches(const std::set<Match>& matches);
}  // namespace tocsin::conformance
