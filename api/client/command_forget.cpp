#include "api/client/command_forget.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "api/base/choice_option.h"
#include "api/base/exit_code.h"
#include "api/base/progress.h"
#include "api/client/server_client.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::chrono::milliseconds kAskAgain{200};

struct ForgetOptions {
  std::string key;
  std::string reason;
  ServerOptions server;
  std::string format = "text";
  bool is_waited_for = true;
};

// "7  card •••5d1f0c9a33b2, asked for by ann at …: done, state of 2 keys, 3 alerts, …".
std::string line_of(const ordered_json& erasure) {
  const auto count = [&](const char* member) { return erasure.at(member).get<std::uint64_t>(); };
  const std::string mark = erasure.at("mark");
  std::string line =
      fmt::format("{}  {}{}{}, asked for by {} at {}: ", count("id"),
                  erasure.at("name").get<std::string>(), mark.empty() ? "" : " ", mark,
                  erasure.at("who").get<std::string>(), erasure.at("began").get<std::string>());
  if (erasure.at("state") == "done") {
    line += fmt::format("done, {} and {} of the state, {} of the archive, {}, {} with comments, {}",
                        rules::format_count(count("keys"), "key"),
                        rules::format_count(count("waiting_events"), "waiting event"),
                        rules::format_count(count("archived_events"), "event"),
                        rules::format_count(count("alerts"), "alert"), count("comments"),
                        rules::format_count(count("side_output"), "late or dead line"));
  } else {
    line += fmt::format("at {}", erasure.at("step").get<std::string>());
  }
  if (erasure.contains("problem"))
    line += fmt::format("; it waits: {}", erasure.at("problem").get<std::string>());
  line += '\n';
  for (const ordered_json& path : erasure.at("remains"))
    line += fmt::format("  left alone, and may have the value: {}\n", path.get<std::string>());
  return line;
}

ExitCode show(const ForgetOptions& options, const ordered_json& json, const std::string& text) {
  return print(options.format == "json" ? json.dump() + "\n" : text);
}

ExitCode list(ServerClient& client, const ForgetOptions& options) {
  const Outcome<ServerAnswer> answer = client.ask({.method = "GET", .path = "/v1/erasures"});
  if (!answer) return end_with(answer.error().code, answer.error().message);
  std::string text;
  for (const ordered_json& one : answer->json.at("erasures")) text += line_of(one);
  return show(options, answer->json, text.empty() ? "nothing was forgotten\n" : text);
}

ExitCode forget(const ForgetOptions& options) {
  Outcome<ServerClient> client = ServerClient::open(options.server);
  if (!client) return end_with(client.error().code, client.error().message);
  if (options.key.empty()) return list(*client, options);
  ordered_json body = {{"key", options.key}};
  if (!options.reason.empty()) body["reason"] = options.reason;
  Outcome<ServerAnswer> answer =
      client->ask({.method = "POST", .path = "/v1/erasures", .body = body});
  if (!answer) return end_with(answer.error().code, answer.error().message);
  const std::string path =
      fmt::format("/v1/erasures/{}", answer->json.at("id").get<std::uint64_t>());
  ProgressLine line(true);
  while (options.is_waited_for && answer->json.at("state") == "running") {
    line.show_text(answer->json.value("problem", answer->json.at("step").get<std::string>()));
    std::this_thread::sleep_for(kAskAgain);
    answer = client->ask({.method = "GET", .path = path});
    if (!answer) return end_with(answer.error().code, answer.error().message);
  }
  line.clear();
  return show(options, answer->json, line_of(answer->json));
}
}  // namespace

void add_forget_command(CLI::App& program, Chosen& chosen) {
  const auto options = std::make_shared<ForgetOptions>();
  CLI::App* command =
      program.add_subcommand("forget", "Let a server erase what it knows of a person");
  command
      ->add_option("KEY", options->key,
                   "Whose data: NAME=VALUE, such as card=c1; without it, lists what was forgotten")
      ->type_name("NAME=VALUE");
  command
      ->add_option("--reason", options->reason,
                   "Why, kept with the record: a number of a case, never the value")
      ->type_name("TEXT");
  add_server_options(*command, options->server);
  command->add_flag("--no-wait{false}", options->is_waited_for,
                    "Exit once it has begun; `tocsin forget` without KEY shows how far it is");
  add_choice(*command, "--format", options->format, "text|json", "The output's form");
  command->footer(
      "Erases the state of all keys with that value, its events in journal and archive, and the "
      "values "
      "of alerts\nthat have it. It cannot be undone. Backups and savepoints are left alone. Needs "
      "a "
      "token of the role admin.\n" +
      client_exit_codes("the server refused: it says why") +
      "  tocsin forget card=c1 --reason case-4711 --server http://127.0.0.1:8627 --token-file "
      "token\n"
      "  tocsin forget --server http://127.0.0.1:8627 --token-file token");
  command->callback([&chosen, options] {
    chosen.run = [options] { return with_answers([&] { return forget(*options); }); };
  });
}
}  // namespace tocsin::api
