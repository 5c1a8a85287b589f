/// A running server, asked by its API.
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/base/cli11_forward.h"
#include "api/node/run_arguments.h"

namespace tocsin::api {
/// Which server, and who asks.
struct ServerOptions {
  std::string url;         // http://HOST:PORT or https://
  std::string token_file;  // empty: the variable TOCSIN_TOKEN
  std::string ca_file;     // certificates to trust for https; empty: the system's
  std::string timeout = "2m";
};
/// Adds --server, which is required and may come from a variable, and the other options.
void add_server_options(CLI::App& command, ServerOptions& options);
/// Adds --token-file, --ca-file and --timeout, of a command that has a --server of its own.
void add_token_options(CLI::App& command, ServerOptions& options);

struct ServerRequest {
  std::string method;
  std::string path;                                             // percent-encoded where needed
  std::vector<std::pair<std::string, std::string>> query = {};  // as they are
  nlohmann::ordered_json body = {};                             // null: none
  std::string lines = {};     // events as JSON lines, instead of `body`; empty: none
  std::string if_match = {};  // an ETag or "*"; empty: none
};
struct ServerAnswer {
  nlohmann::ordered_json json;  // discarded where the text is none
  std::string text;
  std::string etag;  // without quotes; empty: none
};

/// Threading: one caller at a time.
class ServerClient {
 public:
  /// Fails with kUsage for a wrong URL, a missing or unreadable token, a wrong duration.
  static Outcome<ServerClient> open(const ServerOptions& options);
  ServerClient(ServerClient&&) noexcept;
  ServerClient& operator=(ServerClient&&) noexcept;
  ~ServerClient();
  /// A success. Everything else is a failure with what to say of it: kInputOutput where there was
  /// no answer, kUsage where the token may not do it, kCheckFailed where the server refused, with
  /// diagnostics and failed tests.
  Outcome<ServerAnswer> ask(const ServerRequest& request);

 private:
  struct Impl;
  explicit ServerClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};
/// Asks for a change of the rules until it is made, refused, or waits for approval: while the
/// server reads earlier events (202 with `warming_up`) it is asked again, and how far it is is
/// told.
Outcome<ServerAnswer> ask_until_made(ServerClient& client, const ServerRequest& request);
/// The option --replay of such a change.
void add_replay_option(CLI::App& command, std::string& replay);
/// Which rules go on from earlier events, with the line's end; empty where none does.
std::string replayed_text(const nlohmann::ordered_json& answer);
/// What is said of a change that waits for approval (202), with the line's end; nothing for any
/// other answer.
std::optional<std::string> waiting_text(const nlohmann::ordered_json& answer);
/// The files of rules, and of what they name, as bodies of requests have them: {"PATH": "TEXT", …}.
/// Rules that do not check are told here, as `tocsin check` does. Fails with kCheckFailed.
Outcome<nlohmann::ordered_json> pack_files_of(const std::vector<std::string>& paths);
/// A word as a part of a path.
std::string percent_encoded(const std::string& word);
/// Runs a command of the client. Fails with kInputOutput, saying so, where an answer is not as this
/// version expects it: `act` throws nlohmann's exceptions then.
ExitCode with_answers(const std::function<ExitCode()>& act);
/// The option --comment of every change, and what the exit codes of `refused` mean, up to the
/// examples.
void add_comment_option(CLI::App& command, std::string& comment);
std::string client_exit_codes(std::string_view refused);
}  // namespace tocsin::api
