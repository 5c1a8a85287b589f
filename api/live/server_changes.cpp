#include "api/live/server_changes.h"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cep/value/time.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using State = std::optional<ChangingState>;
constexpr std::size_t kNoticesLookedAt = 100;  // the newest: one of them was counted last
constexpr std::size_t kCausesMax = 20;
constexpr std::chrono::milliseconds kSecond{1000};

State newest_notice(const Notices& notices) {
  std::optional<Notice> newest;
  std::size_t seen = 0;
  const Result<void> read = notices.list([&](const Notice& notice) {
    if (!newest || notice.last_at > newest->last_at) newest = notice;
    return ++seen < kNoticesLookedAt;
  });
  if (!read) return std::nullopt;
  if (!newest) return ChangingState();
  const ordered_json data = {{"sequence", newest->sequence},
                             {"kind", newest->kind},
                             {"subject", newest->subject},
                             {"last_at", cep::format_time(newest->last_at)},
                             {"count", newest->count}};
  return ChangingState{{"", data.dump()}};
}

// Without details, which have ages and sizes that change all the time.
State health_state(const Health& health, bool is_limited) {
  const ordered_json document = health_document(health, is_limited);
  ordered_json data = {{"status", document["status"]},
                       {"ready", document["ready"]},
                       {"causes", ordered_json::array()}};
  const ordered_json& causes = document["causes"];
  for (const ordered_json& cause : causes) {
    if (data["causes"].size() == kCausesMax) break;
    ordered_json shown = {{"code", cause["code"]}, {"level", cause["level"]}};
    if (cause.contains("subject")) shown["subject"] = cause["subject"];
    data["causes"].push_back(std::move(shown));
  }
  if (causes.size() > kCausesMax) data["more"] = causes.size() - kCausesMax;
  if (document.contains("hidden")) data["hidden"] = document["hidden"];
  return ChangingState{{"", data.dump()}};
}

State backtest_states(const BacktestJobs& jobs) {
  ChangingState states;
  for (const BacktestStatus& status : jobs.list()) {
    constexpr double kSteps = 100;  // so that a run of hours is told of a hundred times
    const ordered_json data = {{"id", status.job.number},
                               {"state", name_of(status.job.state)},
                               {"progress", std::floor(status.progress * kSteps) / kSteps}};
    states.emplace(fmt::format("{}", status.job.number), data.dump());
  }
  return states;
}
std::string removed_backtest(const std::string& id) {
  return fmt::format(R"({{"id":{},"state":"removed"}})", id);
}

State waiting_changes(const std::map<std::string, std::size_t>& approvals) {
  ChangingState states;
  for (const auto& [id, count] : approvals) {
    const ordered_json data = {{"id", id}, {"waits", true}, {"approvals", count}};
    states.emplace(id, data.dump());
  }
  return states;
}
std::string ended_change(const std::string& id) {
  return ordered_json({{"id", id}, {"waits", false}}).dump();
}
}  // namespace

ServerChanges server_changes(const ServerChangeSources& sources) {
  const auto health = [ask = sources.health](bool is_limited) {
    return [ask, is_limited] { return health_state(ask(), is_limited); };
  };
  ServerChanges changes;
  changes.looked_at = {
      {.event = "rules",
       .look =
           [version = sources.rules_version] {
             return State(ChangingState{{"", fmt::format(R"({{"version":{}}})", version())}});
           }},
      {.event = "notices",
       .look = [&notices = sources.notices] { return newest_notice(notices); },
       .every = kSecond},
      {.event = "health", .look = health(false), .every = kSecond},
      {.event = "health", .look = health(true), .every = kSecond},
      {.event = "backtests",
       .look = [jobs = sources.backtests] { return backtest_states(*jobs); },
       .gone = removed_backtest},
      {.event = "changes",
       .look = [waiting = sources.waiting] { return waiting_changes(waiting()); },
       .gone = ended_change}};
  changes.topics = {{"rules", kAnyScope, 0, 0},
                    {"notices", {}, 1, 1},
                    {"health", kAnyScope, 2, 3},
                    {"backtests", {}, 4, 4},
                    {"changes", {}, 5, 5}};
  return changes;
}
}  // namespace tocsin::api
