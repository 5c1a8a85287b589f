/// A backtest that a server runs over its own archive, for a command that waits for it.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "api/base/command.h"
#include "api/client/server_client.h"

namespace tocsin::api {
/// Threading: one caller at a time.
class RemoteBacktest {
 public:
  /// `client` must outlive it. Unless `is_quiet` progress is told on standard error.
  RemoteBacktest(ServerClient& client, bool is_quiet) : client_(client), is_quiet_(is_quiet) {}
  /// Sends the body of POST /v1/backtests. Fails as ServerClient::ask().
  Outcome<void> start(nlohmann::ordered_json body);
  /// Until it is done; what of the archive was not read is told. A signal cancels it. Fails with
  /// kInputOutput where it was cancelled or failed.
  Outcome<void> wait();
  /// Its report as "json", "text" or "html".
  Outcome<ServerAnswer> report(const char* format);
  /// Of the server; requires start().
  std::uint64_t number() const { return number_; }

 private:
  void say(const nlohmann::ordered_json& status);

  ServerClient& client_;
  const bool is_quiet_;
  std::uint64_t number_ = 0;
  std::string path_;
  std::string state_;
  int tenths_ = 0;
};
}  // namespace tocsin::api
