#include "api/client/command_stage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/base/exit_code.h"
#include "api/client/server_client.h"
#include "api/rules/rule_rollout.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

struct StageOptions {
  std::string rule;
  std::vector<std::string> stage;  // the words of `live 10%`
  ServerOptions server;
  std::string comment;
  std::string replay;
};
struct RollbackOptions {
  std::uint64_t version = 0;  // 0: the one before
  ServerOptions server;
  std::string comment;
};

std::uint64_t version_in(const ordered_json& answer) {
  return answer.at("version").get<std::uint64_t>();
}

ExitCode change_stage(const StageOptions& options) {
  const std::string words = fmt::format("{}", fmt::join(options.stage, " "));
  const std::optional<Rollout> rollout = parse_rollout(words);
  if (!rollout) {
    return end_with(ExitCode::kUsage,
                    fmt::format("there is no stage {}: it is draft, shadow, live, a share of the "
                                "keys such as live 10%, or retired",
                                words));
  }
  Outcome<ServerClient> client = ServerClient::open(options.server);
  if (!client) return end_with(client.error().code, client.error().message);
  const Outcome<ServerAnswer> answer = ask_until_made(
      *client, {.method = "PUT",
                .path = fmt::format("/v1/rules/{}/stage", percent_encoded(options.rule)),
                .query = {{"comment", options.comment}, {"replay", options.replay}},
                .body = {{"stage", text_of(*rollout)}},
                .if_match = "*"});
  if (!answer) return end_with(answer.error().code, answer.error().message);
  if (const auto waiting = waiting_text(answer->json)) return print(*waiting);
  const bool is_changed = answer->json.at("changed");
  return print(fmt::format("{}rule {}: {}, {} version {}\n", replayed_text(answer->json),
                           options.rule, text_of(*rollout), is_changed ? "with" : "as it was in",
                           version_in(answer->json)));
}

// The version before the active one.
Outcome<std::uint64_t> version_before(ServerClient& client) {
  const Outcome<ServerAnswer> answer =
      client.ask({.method = "GET", .path = "/v1/versions", .query = {{"limit", "2"}}});
  if (!answer) return tl::unexpected(answer.error());
  const ordered_json& versions = answer->json.at("versions");
  if (versions.size() < 2) {
    return stop(ExitCode::kCheckFailed, "there is no version before the active one");
  }
  return version_in(versions[1]);
}

ExitCode roll_back(const RollbackOptions& options) {
  Outcome<ServerClient> client = ServerClient::open(options.server);
  if (!client) return end_with(client.error().code, client.error().message);
  const Outcome<ServerAnswer> now = client->ask({.method = "GET", .path = "/v1/pack"});
  if (!now) return end_with(now.error().code, now.error().message);
  const Outcome<std::uint64_t> wanted =
      options.version != 0 ? Outcome<std::uint64_t>(options.version) : version_before(*client);
  if (!wanted) return end_with(wanted.error().code, wanted.error().message);
  const Outcome<ServerAnswer> answer =
      client->ask({.method = "POST",
                   .path = fmt::format("/v1/versions/{}/rollback", *wanted),
                   .query = {{"comment", options.comment}},
                   .if_match = now->etag});
  if (!answer) return end_with(answer.error().code, answer.error().message);
  if (const auto waiting = waiting_text(answer->json)) return print(*waiting);
  return print(fmt::format("the rules of version {} are active again, as version {}\n", *wanted,
                           version_in(answer->json)));
}

constexpr const char* kRefused = "the server refused: it says why";
}  // namespace

void add_stage_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<StageOptions>();
  CLI::App* command =
      program.add_subcommand("stage", "Let a rule of a server out, or hold it back");
  command->add_option("rule", options->rule, "The rule's id")->type_name("ID")->required();
  command
      ->add_option("stage", options->stage,
                   "draft, shadow, live, a share of its keys such as `live 10%`, or retired")
      ->type_name("TEXT")
      ->required();
  add_server_options(*command, options->server);
  add_comment_option(*command, options->comment);
  add_replay_option(*command, options->replay);
  command->footer(
      std::string(
          R"(A rule goes from draft to shadow and from there to live, or to a share of its keys; and back. It keeps
its state; one that had none may take it from earlier events (--replay). Making a rule live, and taking a live one out of service, needs a token of the role
operator, or the approval of others where the server asks for it (`tocsin change`).
)") + client_exit_codes(kRefused) +
      R"(  tocsin stage card_testing shadow --server http://127.0.0.1:8627 --token-file analyst-token
  tocsin stage card_testing live 10% --server http://127.0.0.1:8627 --token-file operator-token)");
  command->callback([&chosen, options] {
    chosen.run = [options] { return with_answers([&] { return change_stage(*options); }); };
  });
}

void add_rollback_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<RollbackOptions>();
  CLI::App* command = program.add_subcommand(
      "rollback", "Make an earlier version of a server's rules active again");
  command->add_option("version", options->version, "Its number; default: the one before the active")
      ->type_name("N");
  add_server_options(*command, options->server);
  add_comment_option(*command, options->comment);
  command->footer(
      std::string(
          R"(The version's rules and stages become active as a new version. Rules whose meaning is the same keep their
state. Needs a token of the role operator.
)") + client_exit_codes(kRefused) +
      R"(  tocsin rollback --server http://127.0.0.1:8627 --token-file operator-token
  tocsin rollback 12 --server http://127.0.0.1:8627 --comment "too many alerts")");
  command->callback([&chosen, options] {
    chosen.run = [options] { return with_answers([&] { return roll_back(*options); }); };
  });
}
}  // namespace tocsin::api
