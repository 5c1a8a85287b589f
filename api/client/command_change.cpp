#include "api/client/command_change.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "api/base/choice_option.h"
#include "api/base/exit_code.h"
#include "api/client/plan_text.h"
#include "api/client/server_client.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

struct ChangeOptions {
  std::string id;
  ServerOptions server;
  std::string comment;
  std::string format = "text";
};

// "3f2a…  stage of huge: live 10%, asked for by ann at …, approved by 0 of 1".
std::string line_of(const ordered_json& change) {
  std::string line = fmt::format(
      "{}  {}, asked for by {} at {}, approved by {} of {}", change.at("change").get<std::string>(),
      change.at("edit").get<std::string>(), change.at("who").get<std::string>(),
      change.at("at").get<std::string>(), change.at("approvals").size(),
      change.at("approvals_needed").get<std::uint64_t>());
  if (const std::string comment = change.at("comment"); !comment.empty()) {
    line += fmt::format(": {}", comment);
  }
  if (change.at("stale").get<bool>()) line += " (the live rules have changed since)";
  return line + "\n";
}

std::string path_of(const ChangeOptions& options) {
  return "/v1/changes/" + percent_encoded(options.id);
}

ExitCode list_changes(ServerClient& client, const ChangeOptions& options) {
  const Outcome<ServerAnswer> answer = client.ask({.method = "GET", .path = "/v1/changes"});
  if (!answer) return end_with(answer.error().code, answer.error().message);
  if (options.format == "json") return print(answer->json.dump() + "\n");
  std::string text;
  for (const ordered_json& one : answer->json.at("changes")) text += line_of(one);
  return print(text.empty() ? "no change waits for approval\n" : text);
}

ExitCode show_change(ServerClient& client, const ChangeOptions& options) {
  const Outcome<ServerAnswer> answer = client.ask({.method = "GET", .path = path_of(options)});
  if (!answer) return end_with(answer.error().code, answer.error().message);
  if (options.format == "json") return print(answer->json.dump() + "\n");
  std::string text = line_of(answer->json);
  if (answer->json.contains("problem")) {
    text += fmt::format("it cannot be made: {}\n", answer->json.at("problem").get<std::string>());
  } else {
    text += difference_text(answer->json);
  }
  return print(text);
}

ExitCode approve_change(ServerClient& client, const ChangeOptions& options) {
  const Outcome<ServerAnswer> answer =
      ask_until_made(client, {.method = "POST",
                              .path = path_of(options) + "/approval",
                              .query = {{"comment", options.comment}}});
  if (!answer) return end_with(answer.error().code, answer.error().message);
  if (const auto waiting = waiting_text(answer->json)) return print(*waiting);
  return print(fmt::format("approved: version {} is active\n",
                           answer->json.at("version").get<std::uint64_t>()));
}

ExitCode withdraw_change(ServerClient& client, const ChangeOptions& options) {
  const Outcome<ServerAnswer> answer = client.ask(
      {.method = "DELETE", .path = path_of(options), .query = {{"comment", options.comment}}});
  if (!answer) return end_with(answer.error().code, answer.error().message);
  return print(fmt::format("change {} no longer waits\n", options.id));
}

using Act = ExitCode (*)(ServerClient&, const ChangeOptions&);
CLI::App* add_act(CLI::App& parent, Chosen& chosen, const char* name, const char* description,
                  Act act, const std::shared_ptr<ChangeOptions>& options) {
  CLI::App* command = parent.add_subcommand(name, description);
  if (act != list_changes) {
    command->add_option("change", options->id, "Its id, as `tocsin change list` has it")
        ->type_name("ID")
        ->required();
  }
  add_server_options(*command, options->server);
  if (act == list_changes || act == show_change) {
    add_choice(*command, "--format", options->format, "text|json",
               "For people, or the server's answer with all texts; default text");
  }
  if (act == approve_change) add_comment_option(*command, options->comment);
  if (act == withdraw_change) {
    command->add_option("--comment", options->comment, "The reason, stored in the audit log")
        ->type_name("TEXT");
  }
  command->callback([&chosen, options, act] {
    chosen.run = [options, act] {
      return with_answers([&] {
        Outcome<ServerClient> client = ServerClient::open(options->server);
        if (!client) return end_with(client.error().code, client.error().message);
        return act(*client, *options);
      });
    };
  });
  return command;
}

constexpr const char* kRefused = "the server refused: it says why";
}  // namespace

void add_change_command(CLI::App& program, Chosen& chosen) {
  CLI::App* group = program.add_subcommand(
      "change", "Look at changes of a server's rules that wait for approval; approve them");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* description, Act act,
                       const std::string& footer) {
    add_act(*group, chosen, name, description, act, std::make_shared<ChangeOptions>())
        ->footer(footer);
  };
  add("list", "List the changes that wait, oldest first", list_changes,
      "A token of the role reader may ask.\n" + client_exit_codes(kRefused) +
          "  tocsin change list --server http://127.0.0.1:8627 --token-file reader-token");
  add("show", "Show what a change would make otherwise", show_change,
      "Compares with the rules that are active now. A token of the role reader may ask.\n" +
          client_exit_codes(kRefused) +
          "  tocsin change show 4b1f0c55e92d7a3866c0d2f9a7b81e43 --server http://127.0.0.1:8627");
  add("approve", "Approve a change that somebody else asked for", approve_change,
      "The last approval that is needed makes the change. It is refused if the live rules have "
      "changed since it was\nasked for. Needs a token of the role approver or operator, of "
      "somebody else.\n" +
          client_exit_codes(kRefused) +
          "  tocsin change approve 4b1f0c55e92d7a3866c0d2f9a7b81e43 --server "
          "http://127.0.0.1:8627");
  add("withdraw", "Withdraw a change that waits, or refuse it", withdraw_change,
      "Whoever asked for it may, and whoever may approve it. The audit log has the comment.\n" +
          client_exit_codes(kRefused) +
          "  tocsin change withdraw 4b1f0c55e92d7a3866c0d2f9a7b81e43 --server "
          "http://127.0.0.1:8627");
}
}  // namespace tocsin::api
