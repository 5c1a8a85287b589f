#include "api/client/command_backup.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "api/backup/backup_place.h"
#include "api/backup/backup_reader.h"
#include "api/backup/backup_writer.h"
#include "api/base/exit_code.h"
#include "api/base/named_file.h"
#include "api/base/progress.h"
#include "api/base/setting_options.h"
#include "api/client/server_client.h"
#include "rules/text/human_text.h"
#include "runtime/io/system_files.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::chrono::milliseconds kAskAgain{200};

struct BackupCommand {
  std::string source;
  std::string id;
  std::string to;
  ServerOptions server;
  OptionValues s3;
  bool is_waited_for = true;
};

ExitCode end(const Error& error) { return end_with(exit_code_of_named(error.code), error.message); }

// "20260302T120000000Z  made in 3 s, 1.2 GB in 812 files, 40.1 MB of it new"
std::string line_of(const BackupFacts& facts) {
  const double seconds = static_cast<double>((facts.ended - facts.began).us) / 1e6;
  return fmt::format("{}  made in {:.1f} s, {} in {}, {} of it new\n", facts.id, seconds,
                     rules::format_bytes(facts.bytes), rules::format_count(facts.files, "file"),
                     rules::format_bytes(facts.stored_bytes));
}

// The same of what a server says.
std::string line_of(const ordered_json& backup) {
  const std::string id = backup.at("id");
  const std::string state = backup.at("state");
  if (state == "running") {
    return fmt::format("{}  is being made, {:.0f}%\n", id,
                       100 * backup.at("progress").get<double>());
  }
  if (state == "failed") return fmt::format("{}  failed: {}\n", id, backup.value("failure", ""));
  if (state != "done") return fmt::format("{}  {}\n", id, state);
  BackupFacts facts;
  facts.id = id;
  facts.began = cep::parse_time(backup.at("began").get<std::string>()).value_or(facts.began);
  facts.ended = cep::parse_time(backup.at("ended").get<std::string>()).value_or(facts.began);
  facts.files = backup.at("files");
  facts.bytes = backup.at("bytes");
  facts.stored_bytes = backup.at("stored_bytes");
  return line_of(facts);
}

ExitCode create(const BackupCommand& command) {
  Outcome<ServerClient> client = ServerClient::open(command.server);
  if (!client) return end_with(client.error().code, client.error().message);
  Outcome<ServerAnswer> answer = client->ask({.method = "POST", .path = "/v1/backups"});
  if (!answer) return end_with(answer.error().code, answer.error().message);
  const std::string path =
      "/v1/backups/" + percent_encoded(answer->json.at("id").get<std::string>());
  ProgressLine line(true);
  while (command.is_waited_for && answer->json.at("state") == "running") {
    line.show_text(
        fmt::format("{:.0f}% is stored", 100 * answer->json.at("progress").get<double>()));
    std::this_thread::sleep_for(kAskAgain);
    answer = client->ask({.method = "GET", .path = path});
    if (!answer) return end_with(answer.error().code, answer.error().message);
  }
  line.clear();
  const std::string text = line_of(answer->json);
  const std::string state = answer->json.at("state");
  if (state == "done" || state == "running") return print(text);
  return end_with(ExitCode::kCheckFailed, "the backup " + text);
}

ExitCode list_of_server(const BackupCommand& command) {
  Outcome<ServerClient> client = ServerClient::open(command.server);
  if (!client) return end_with(client.error().code, client.error().message);
  std::string text;
  std::string cursor;
  do {
    ServerRequest request{.method = "GET", .path = "/v1/backups"};
    if (!cursor.empty()) request.query = {{"cursor", cursor}};
    const Outcome<ServerAnswer> answer = client->ask(request);
    if (!answer) return end_with(answer.error().code, answer.error().message);
    for (const ordered_json& backup : answer->json.at("backups")) text += line_of(backup);
    cursor = answer->json.value("next", "");
  } while (!cursor.empty());
  return print(text.empty() ? "there is no backup\n" : text);
}

// The place of backups that is named, with backups in it.
Result<std::unique_ptr<BackupStore>> open_source(const BackupCommand& command,
                                                 runtime::Files& files) {
  Configuration configuration(s3_settings());
  if (auto read = read_environment(configuration); !read) return tl::unexpected(read.error());
  if (auto set = configuration.set_options(command.s3); !set) return tl::unexpected(set.error());
  auto store = open_backup_store(files, command.source, configuration, "");
  if (!store) return store;
  if (auto checked = (*store)->check(); !checked) return tl::unexpected(checked.error());
  return store;
}

ExitCode list(const BackupCommand& command) {
  if (command.source.empty() == command.server.url.empty()) {
    return end_with(ExitCode::kUsage, "name either SOURCE, a place of backups, or --server URL");
  }
  if (command.source.empty()) return list_of_server(command);
  runtime::SystemFiles files;
  const Result<std::unique_ptr<BackupStore>> store = open_source(command, files);
  if (!store) return end(store.error());
  const Result<std::vector<BackupFacts>> backups = stored_backups(**store);
  if (!backups) return end(backups.error());
  std::string text;
  for (const BackupFacts& facts : *backups) text += line_of(facts);
  return print(text.empty() ? "there is no backup\n" : text);
}

// Whether --backup may be one's id.
Outcome<void> check_id(const BackupCommand& command) {
  if (command.id.empty() || is_backup_id(command.id)) return {};
  return stop(ExitCode::kUsage,
              fmt::format("--backup takes an id such as 20260302T120000000Z, as `tocsin backup "
                          "list` shows it, not {}",
                          command.id));
}

ExitCode verify(const BackupCommand& command) {
  if (auto checked = check_id(command); !checked)
    return end_with(checked.error().code, checked.error().message);
  runtime::SystemFiles files;
  const Result<std::unique_ptr<BackupStore>> store = open_source(command, files);
  if (!store) return end(store.error());
  ProgressLine line(true);
  std::uint64_t bytes = 0;
  const Result<BackupCheck> check = verify_backups(**store, command.id, [&](std::uint64_t more) {
    bytes += more;
    line.show_text(rules::format_bytes(bytes) + " were read");
  });
  line.clear();
  if (!check) return end(check.error());
  for (const BackupFinding& finding : check->findings)
    tell(fmt::format("tocsin: {}, which the backup {} needs\n", finding.detail, finding.id));
  if (!check->findings.empty()) {
    return end_with(
        ExitCode::kDataDirectory,
        fmt::format("{} is not good: {}. Remove damaged objects: the next backup stores again "
                    "what the data directory still has",
                    command.source, rules::format_count(check->findings.size(), "finding")));
  }
  return print(fmt::format(
      "{} is good: {}, {}, {}\n", command.source, rules::format_count(check->backups, "backup"),
      rules::format_count(check->objects, "object"), rules::format_bytes(check->bytes)));
}

ExitCode restore(const BackupCommand& command) {
  if (auto checked = check_id(command); !checked)
    return end_with(checked.error().code, checked.error().message);
  use_private_umask();
  runtime::SystemFiles files;
  const Result<std::unique_ptr<BackupStore>> store = open_source(command, files);
  if (!store) return end(store.error());
  ProgressLine line(true);
  std::uint64_t bytes = 0;
  std::string to = command.to;
  while (to.size() > 1 && to.ends_with('/')) to.pop_back();
  const Result<BackupFacts> restored =
      restore_backup(**store, command.id, files, to, [&](std::uint64_t more) {
        bytes += more;
        line.show_text(rules::format_bytes(bytes) + " are restored");
      });
  line.clear();
  if (!restored) return end(restored.error());
  return print(fmt::format("restored the backup {} to {}: {} in {}, as of {}\n", restored->id, to,
                           rules::format_bytes(restored->bytes),
                           rules::format_count(restored->files, "file"),
                           cep::format_time(restored->began)));
}

using Act = ExitCode (*)(const BackupCommand&);
CLI::App* add_act(CLI::App& parent, Chosen& chosen, const char* name, const char* description,
                  Act act, const std::shared_ptr<BackupCommand>& options) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->callback([&chosen, options, act] {
    chosen.run = [options, act] { return with_answers([&] { return act(*options); }); };
  });
  return command;
}
CLI::Option* add_source(CLI::App& command, BackupCommand& options) {
  add_setting_options(command, s3_settings(), options.s3);
  return command
      .add_option("SOURCE", options.source,
                  "The place of backups (backups.to): a folder, or s3://BUCKET/PREFIX")
      ->type_name("PLACE");
}
void add_id(CLI::App& command, BackupCommand& options, const char* description) {
  command.add_option("--backup", options.id, description)->type_name("ID");
}

void add_create(CLI::App& group, Chosen& chosen) {
  const auto options = std::make_shared<BackupCommand>();
  CLI::App* command = add_act(group, chosen, "create",
                              "Let a server make a backup, and wait for it", create, options);
  add_server_options(*command, options->server);
  command->add_flag("--no-wait{false}", options->is_waited_for,
                    "Exit once it has begun; `tocsin backup list` shows how it ends");
  command->footer(
      "The place of backups is the server's setting backups.to. Needs a token of "
      "the role operator.\n" +
      client_exit_codes("the backup failed, or the server refused: it says why") +
      "  tocsin backup create --server http://127.0.0.1:8627 --token-file token");
}

void add_list(CLI::App& group, Chosen& chosen) {
  const auto options = std::make_shared<BackupCommand>();
  CLI::App* command =
      add_act(group, chosen, "list", "List the backups of a place, or of a server", list, options);
  add_source(*command, *options);
  command
      ->add_option("--server", options->server.url,
                   "A running server: http://HOST:PORT or https://HOST:PORT")
      ->type_name("URL");
  add_token_options(*command, options->server);
  command->footer(
      R"(The newest comes first. A server also shows what failed or was cancelled since it began.

Examples:
  tocsin backup list /mnt/backups
  tocsin backup list s3://bank-backups/tocsin --backups-s3-region eu-central-1
  tocsin backup list --server http://127.0.0.1:8627 --token-file reader-token)");
}

void add_verify(CLI::App& group, Chosen& chosen) {
  const auto options = std::make_shared<BackupCommand>();
  CLI::App* command =
      add_act(group, chosen, "verify", "Read every byte of backups and compare it with its digests",
              verify, options);
  add_source(*command, *options)->required();
  add_id(*command, *options, "Only this one; default all");
  command->footer(
      R"(Objects that several backups share are read once. If something is damaged or missing, it is named and
the exit code is 5.

Examples:
  tocsin backup verify /mnt/backups)");
}

void add_restore(CLI::App& group, Chosen& chosen) {
  const auto options = std::make_shared<BackupCommand>();
  CLI::App* command =
      add_act(group, chosen, "restore", "Make a data directory of a backup", restore, options);
  add_source(*command, *options)->required();
  command->add_option("--to", options->to, "The data directory, which is empty or not there")
      ->type_name("FOLDER")
      ->required();
  add_id(*command, *options, "Its id, as `tocsin backup list` shows it; default the newest");
  command->footer(
      R"(Every byte is compared with its digest before anything can start from the folder. If an object is
damaged or missing, it is named, nothing is restored, and the exit code is 5.

Examples:
  tocsin backup restore /mnt/backups --to /var/lib/tocsin
  tocsin backup restore /mnt/backups --to state --backup 20260302T120000000Z)");
}
}  // namespace

void add_backup_command(CLI::App& program, Chosen& chosen) {
  CLI::App* group =
      program.add_subcommand("backup", "Back up a running server; check and restore backups");
  group->require_subcommand(1);
  group->footer(R"(Examples:
  tocsin backup create --server http://127.0.0.1:8627 --token-file token
  tocsin backup restore /mnt/backups --to /var/lib/tocsin)");
  add_create(*group, chosen);
  add_list(*group, chosen);
  add_verify(*group, chosen);
  add_restore(*group, chosen);
}
}  // namespace tocsin::api
