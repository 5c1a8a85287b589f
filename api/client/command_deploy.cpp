#include "api/client/command_deploy.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/base/choice_option.h"
#include "api/base/clock.h"
#include "api/base/exit_code.h"
#include "api/client/plan_backtest.h"
#include "api/client/plan_text.h"
#include "api/client/server_client.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

struct DeployOptions {
  std::vector<std::string> rules;
  ServerOptions server;
  std::string format = "text";
  std::string comment;
  std::string commit;
  std::string replay;
  bool ignores_tests = false;
  std::string backtest;  // a range; empty: none
  bool is_quiet = false;
};

// What a deploy would have to pass; nothing where it is free.
std::string gates_text(const ordered_json& plan) {
  if (plan.contains("closed")) {
    return fmt::format("it would be refused: {}\n", plan.at("closed").get<std::string>());
  }
  const auto needed = plan.value("approvals_needed", std::uint64_t{0});
  if (needed == 0) return "";
  return fmt::format("it changes live rules: {} must approve it\n",
                     needed == 1 ? "another person" : fmt::format("{} others", needed));
}

// What a deploy would change, by the server that would be changed.
struct Planned {
  ServerClient client;
  ordered_json body;  // of the rules
  ServerAnswer plan;
};
Outcome<ServerAnswer> ask_for_plan(ServerClient& client, const DeployOptions& options,
                                   const ordered_json& body) {
  return client.ask({.method = "POST",
                     .path = "/v1/pack/plan",
                     .query = {{"ignore_tests", options.ignores_tests ? "true" : ""}},
                     .body = body});
}
Outcome<Planned> plan_of(const DeployOptions& options) {
  Outcome<ordered_json> files = pack_files_of(options.rules);
  if (!files) return tl::unexpected(files.error());
  ordered_json body = {{"files", *std::move(files)}};
  Outcome<ServerClient> client = ServerClient::open(options.server);
  if (!client) return tl::unexpected(client.error());
  Outcome<ServerAnswer> plan = ask_for_plan(*client, options, body);
  if (!plan) return tl::unexpected(plan.error());
  return Planned{*std::move(client), std::move(body), *std::move(plan)};
}

// The plan with what a backtest says of it, under `backtest`; without one where nothing would
// change.
Outcome<ordered_json> plan_with_backtest(const DeployOptions& options) {
  std::optional<BacktestRange> range;
  if (!options.backtest.empty()) {
    range = parse_backtest_range(options.backtest,
                                 cep::EventTime{system_clock().unix_seconds() * 1'000'000});
    if (!range) {
      return stop(ExitCode::kUsage,
                  fmt::format("--backtest is a duration such as 7d, FROM..TO, or all, not {}",
                              options.backtest));
    }
  }
  Outcome<Planned> planned = plan_of(options);
  if (!planned) return tl::unexpected(planned.error());
  ordered_json plan = planned->plan.json;
  if (!range || !plan.at("changed").get<bool>()) return plan;
  Outcome<ordered_json> backtest =
      backtest_plan(planned->client, planned->body.at("files"), plan, *range, options.is_quiet);
  if (!backtest) return tl::unexpected(backtest.error());
  // Gates may ask for a backtest.
  const Outcome<ServerAnswer> again = ask_for_plan(planned->client, options, planned->body);
  if (!again) return tl::unexpected(again.error());
  if (again->etag != planned->plan.etag) {
    return stop(ExitCode::kCheckFailed,
                "the rules of the server were changed while the backtest ran: plan again");
  }
  plan = again->json;
  plan["backtest"] = *std::move(backtest);
  return plan;
}

ExitCode plan_rules(const DeployOptions& options) {
  const Outcome<ordered_json> planned = plan_with_backtest(options);
  if (!planned) return end_with(planned.error().code, planned.error().message);
  const ordered_json& plan = *planned;
  if (options.format == "json") return print(plan.dump() + "\n");
  return print(fmt::format(
      "version {} is active; {}\n{}{}{}", plan.at("version").get<std::uint64_t>(),
      plan.at("changed").get<bool>() ? "a deploy would change" : "a deploy would change nothing",
      plan_text(plan), plan.contains("backtest") ? plan_backtest_text(plan.at("backtest")) : "",
      gates_text(plan)));
}

ExitCode deploy_rules(const DeployOptions& options) {
  Outcome<Planned> planned = plan_of(options);
  if (!planned) return end_with(planned.error().code, planned.error().message);
  const ordered_json& plan = planned->plan.json;
  if (!plan.at("changed").get<bool>()) {
    return print(fmt::format("version {} is active and has these rules: nothing was changed\n",
                             plan.at("version").get<std::uint64_t>()));
  }
  const std::string text = plan_text(plan);
  const Outcome<ServerAnswer> deployed = ask_until_made(
      planned->client, {.method = "PUT",
                        .path = "/v1/pack",
                        .query = {{"comment", options.comment},
                                  {"commit", options.commit},
                                  {"replay", options.replay},
                                  {"ignore_tests", options.ignores_tests ? "true" : ""}},
                        .body = planned->body,
                        .if_match = planned->plan.etag});
  if (!deployed) return end_with(deployed.error().code, deployed.error().message);
  if (const auto waiting = waiting_text(deployed->json)) return print(text + *waiting);
  return print(fmt::format("{}{}version {} is active\n", text, replayed_text(deployed->json),
                           deployed->json.at("version").get<std::uint64_t>()));
}

void add_common(CLI::App& command, DeployOptions& options) {
  command.add_option("rules", options.rules, "Rule files, or folders with `.tocsin` files")
      ->type_name("FILE")
      ->required();
  add_server_options(command, options.server);
  command.add_flag("--ignore-tests", options.ignores_tests, "Also if tests in the rule files fail");
}

constexpr const char* kRefused =
    "the rules have errors, their tests fail, or the server refused: it says why";
}  // namespace

void add_plan_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<DeployOptions>();
  CLI::App* command = program.add_subcommand("plan", "Say what a deploy to a server would change");
  add_common(*command, *options);
  add_choice(*command, "--format", options->format, "text|json",
             "For people, or the server's answer; default text");
  command
      ->add_option("--backtest", options->backtest,
                   "Also run the rules over the server's archive, beside the active ones: of this "
                   "time up to now (7d), of FROM..TO, or all")
      ->type_name("RANGE");
  command->add_flag("-q,--quiet", options->is_quiet, "No progress of the backtest");
  command->footer(
      std::string(
          R"(Checks RULES and their tests, on the server too, and says which rules would come, go or change, and
which of them keep what they remember. Nothing is changed. A token of the role reader may ask; --backtest
needs the role analyst.
)") + client_exit_codes(kRefused) +
      R"(  tocsin plan rules/ --server https://tocsin.example:8627 --token-file reader-token
  tocsin plan rules/ --server http://127.0.0.1:8627 --token-file analyst-token --backtest 7d
  tocsin plan rules/ --server http://127.0.0.1:8627 --format json)");
  command->callback([&chosen, options] {
    chosen.run = [options] { return with_answers([&] { return plan_rules(*options); }); };
  });
}

void add_deploy_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<DeployOptions>();
  CLI::App* command = program.add_subcommand("deploy", "Make a server work by other rules");
  add_common(*command, *options);
  add_comment_option(*command, options->comment);
  command
      ->add_option("--commit", options->commit,
                   "The commit of version control that RULES are of, stored with the version")
      ->type_name("ID");
  add_replay_option(*command, options->replay);
  command->footer(
      std::string(
          R"(Puts RULES in the place of all rules of the server, from the next event on, with what `tocsin plan` says
of their state. Stages stay as they are. If others deploy in between, nothing is changed. Needs a
token of the role operator, and the approval of others where the server asks for it (`tocsin
change`).
)") + client_exit_codes(kRefused) +
      R"(  tocsin deploy rules/ --server https://tocsin.example:8627 --token-file operator-token
  tocsin deploy rules/ --server http://127.0.0.1:8627 --replay 7d
  tocsin deploy rules/ --server http://127.0.0.1:8627 --commit "$GIT_COMMIT" --comment "ticket 4711")");
  command->callback([&chosen, options] {
    chosen.run = [options] { return with_answers([&] { return deploy_rules(*options); }); };
  });
}
}  // namespace tocsin::api
