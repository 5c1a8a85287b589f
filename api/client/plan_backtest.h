/// What a change of a server's rules would have raised on the server's past events, beside the
/// rules that are active: `tocsin plan --backtest`.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "api/base/command.h"
#include "api/client/server_client.h"
#include "cep/value/time.h"

namespace tocsin::api {
/// Which events of the archive: `from` and `to` as requests have them, empty for all.
struct BacktestRange {
  std::string from, to;
};
/// Reads "all", a duration such as "7d" (up to now), or "FROM..TO", each of which may be missing.
/// Nothing for any other text.
std::optional<BacktestRange> parse_backtest_range(const std::string& text, cep::EventTime now);
/// Has the server run the rules of `files` at the stages that it has them in, as a deploy would
/// leave them, and waits. Gives {"id", "events", "first_event", "last_event", "against", "rules":
/// [{"rule", "alerts", "before", "same", "added", "gone"}, …]}; a number is null where the rule is
/// not in both, and `against` where no rule is active. `plan`: the server's plan for these files:
/// of its rules, and of others that alert otherwise than before, there is an entry.
Outcome<nlohmann::ordered_json> backtest_plan(ServerClient& client,
                                              const nlohmann::ordered_json& files,
                                              const nlohmann::ordered_json& plan,
                                              const BacktestRange& range, bool is_quiet);
/// It for people, with line ends.
std::string plan_backtest_text(const nlohmann::ordered_json& backtest);
}  // namespace tocsin::api
