/// Why an alert was raised, as JSON: its steps, their events, and what stood in each condition.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/trace/alert_replay.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"

namespace tocsin::api {
/// How much of an alert's history the archive has.
enum class KeptHistory : std::uint8_t {
  kReplayed,  // all that the alert needs: the replay raised it again
  kDiffers,   // all its events, of which the replay raised no such alert
  kPartial,   // some of its events
  kNone,      // none of them
};
/// What the lists and tables held that its conditions read.
enum class ListsAsOf : std::uint8_t {
  kThen,      // what they held then
  kNow,       // what they hold now
  kDeclared,  // what the rules declared then
  kUnread,    // no condition and no feature reads any
};
struct ExplainedVersion {
  std::uint64_t number = 0;
  cep::EventTime at;
  bool is_current = false;
};
struct AlertExplanation {
  std::string_view line;                    // of the alert, as the reader is shown it
  std::optional<ExplainedVersion> version;  // that was active when it was stored, where it is known
  KeptHistory history = KeptHistory::kNone;
  bool is_whole = false;  // the archive has all events since the data directory was begun
  ListsAsOf lists = ListsAsOf::kUnread;
  const AlertReplay* replay = nullptr;                // null: the rule is not known
  std::string_view why_unknown = {};                  // where it is null
  const std::vector<std::string>* missing = nullptr;  // what could not be read
  /// What stands for a value that an expression gives, as JSON, where its reader must not see it.
  std::function<std::optional<std::string>(const cep::Expr&, std::string_view json)> mask = {};
};
/// Of a match of the replay. Requires that it has run, or that nothing is to be had of it.
KeptHistory history_of(const cep::MatchConditions& conditions);
/// One object on one line, without its end.
std::string explanation_json(const AlertExplanation& explanation);
}  // namespace tocsin::api
