#include "api/client/remote_backtest.h"

#include <fmt/format.h>
#include <poll.h>

#include <utility>

#include "api/base/exit_code.h"
#include "api/base/stop_signal.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr int kPauseMs = 300;
}  // namespace

Outcome<void> RemoteBacktest::start(ordered_json body) {
  Outcome<ServerAnswer> begun =
      client_.ask({.method = "POST", .path = "/v1/backtests", .body = std::move(body)});
  if (!begun) return tl::unexpected(begun.error());
  number_ = begun->json.at("id").get<std::uint64_t>();
  path_ = fmt::format("/v1/backtests/{}", number_);
  say(begun->json);
  return {};
}

Outcome<void> RemoteBacktest::wait() {
  const StopSignal stop_signal;
  for (;;) {
    Outcome<ServerAnswer> now = client_.ask({.method = "GET", .path = path_});
    if (!now) return tl::unexpected(now.error());
    const std::string state = now->json.at("state");
    say(now->json);
    for (const ordered_json& note : now->json.value("notes", ordered_json::array())) {
      if (state == "done") tell(note.get<std::string>() + "\n");
    }
    if (state == "done") return {};
    if (state != "queued" && state != "running") {
      return stop(ExitCode::kInputOutput,
                  fmt::format("the backtest is {}{}", state,
                              now->json.contains("failure")
                                  ? ": " + now->json.at("failure").get<std::string>()
                                  : std::string()));
    }
    pollfd waited{stop_signal.descriptor(), POLLIN, 0};
    ::poll(&waited, 1, kPauseMs);
    if (!stop_signal.requested()) continue;
    static_cast<void>(client_.ask({.method = "DELETE", .path = path_}));
    return stop(ExitCode::kInputOutput,
                fmt::format("stopped by {}: the backtest was cancelled", stop_signal.name()));
  }
}

Outcome<ServerAnswer> RemoteBacktest::report(const char* format) {
  return client_.ask({.method = "GET", .path = path_ + "/report", .query = {{"format", format}}});
}

// Each state once, and how far it is in tenths.
void RemoteBacktest::say(const ordered_json& status) {
  if (is_quiet_) return;
  const std::string state = status.at("state");
  const int tenths = static_cast<int>(status.at("progress").get<double>() * 10);
  if (state == state_ && tenths == tenths_) return;
  state_ = state;
  tenths_ = tenths;
  std::string text = fmt::format("backtest {}: {}", number_, state);
  if (state == "running") text += fmt::format(", {} %", tenths * 10);
  tell(text + "\n");
}
}  // namespace tocsin::api
