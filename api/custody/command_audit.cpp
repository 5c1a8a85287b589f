#include "api/custody/command_audit.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "api/base/exit_code.h"
#include "api/base/output_file.h"
#include "api/custody/audit_witnesses.h"
#include "api/custody/given_keys.h"
#include "api/custody/owned_store.h"
#include "api/rest/audit_log.h"
#include "api/rest/audit_verify.h"
#include "rules/text/human_text.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/io/clock.h"
#include "runtime/io/system_files.h"

namespace tocsin::api {
namespace {
struct AuditCommandOptions {
  std::string directory;
  std::string key_file;
  std::string comment;
  std::uint64_t after = 0;
};

ExitCode end(const Error& error) { return end_with(exit_code_of_named(error.code), error.message); }

// Beside a server that may be using the folder.
Result<std::unique_ptr<runtime::StoreReader>> read_store(const std::string& directory) {
  runtime::SystemFiles files;
  if (auto checked = runtime::check_data_directory(files, directory); !checked)
    return tl::unexpected(checked.error());
  const runtime::DataPaths paths(directory);
  runtime::RocksStoreOptions options;
  options.families = runtime::effect_families();
  options.end_mark = paths.store_end;
  return runtime::RocksStore::open_reader(paths.store, options);
}

std::string figures_of(const AuditReport& report, const SecretKeys& keys) {
  std::string text;
  if (report.entries > 0)
    text += fmt::format("  entries      {} to {}\n", report.first, report.last);
  for (const auto& [id, count] : report.keys) {
    if (id.empty()) {
      text += fmt::format("  not signed   {}\n", rules::format_count(count));
      continue;
    }
    text += fmt::format("  signed       {} with the key {}{}\n", rules::format_count(count), id,
                        keys.find(id) == nullptr ? ", which is not given: not checked" : "");
  }
  if (report.witnesses > 0)
    text += fmt::format("  compared     {}\n", rules::format_count(report.witnesses, "checkpoint"));
  if (report.under_way > 0) {
    text += fmt::format(
        "  under way    {} when the process ended, or now: the next start completes "
        "the log\n",
        rules::format_count(report.under_way, "change"));
  }
  return text;
}

ExitCode verify(const AuditCommandOptions& options) {
  const Result<SecretKeys> keys = given_keys(options.key_file, false);
  if (!keys) return end(keys.error());
  // Checkpoints first: the log grows meanwhile.
  runtime::SystemFiles files;
  const runtime::DataPaths paths(options.directory);
  if (auto checked = runtime::check_data_directory(files, options.directory); !checked)
    return end(checked.error());
  const auto witnesses = audit_witnesses(files, paths);
  if (!witnesses) return end(witnesses.error());
  const auto store = read_store(options.directory);
  if (!store) return end(store.error());
  const Result<AuditReport> report = verify_audit(**store, *keys, *witnesses);
  if (!report) return end(report.error());
  for (const AuditFinding& finding : report->findings) {
    tell(fmt::format("tocsin: {}{}\n", finding.message,
                     finding.is_accepted ? " (accepted since)" : ""));
  }
  if (report->more > 0) tell(fmt::format("tocsin: and {} more findings\n", report->more));
  const std::string figures = figures_of(*report, *keys);
  if (!report->is_good()) {
    tell(figures);
    return end_with(
        ExitCode::kDataDirectory,
        fmt::format("the audit log of {} is not good: {}", options.directory,
                    rules::format_count(static_cast<std::uint64_t>(std::ranges::count(
                                            report->findings, false, &AuditFinding::is_accepted)),
                                        "finding")));
  }
  std::string text = fmt::format("the audit log of {} is good\n{}", options.directory, figures);
  if (keys->empty() && report->entries > 0)
    text += "  without a key: who can write the folder could have written the log anew\n";
  return print(text);
}

ExitCode accept(const AuditCommandOptions& options) {
  const Result<SecretKeys> keys = given_keys(options.key_file, true);
  if (!keys) return end(keys.error());
  const auto data = own_store(options.directory);
  if (!data) return end(data.error());
  const auto witnesses = audit_witnesses((*data)->files, (*data)->directory->paths());
  if (!witnesses) return end(witnesses.error());
  std::uint64_t seen = 0;
  for (const AuditWitnessText& text : *witnesses) {
    const auto witness = read_witness(text.text, *keys);
    // One that nobody signed says nothing.
    if (witness && witness->signature == AuditSignature::kGood)
      seen = std::max(seen, witness->place.sequence);
  }
  runtime::SystemClock clock;
  const Result<std::uint64_t> entry =
      AuditLog::accept(*(*data)->store, clock, *keys, seen, options.comment);
  if (!entry) return end(entry.error());
  return print(
      fmt::format("the audit log goes on: entry {} accepts what was found before it\n", *entry));
}

ExitCode export_entries(const AuditCommandOptions& options) {
  const auto store = read_store(options.directory);
  if (!store) return end(store.error());
  Result<OutputFile> output = OutputFile::open("-");
  if (!output) return end(output.error());
  Result<void> written;
  const Result<void> read = (*store)->scan(
      runtime::kAuditFamily, {.begin = audit_entry_key(options.after + 1), .end = "f"},
      [&](std::string_view, std::string_view line) {
        written = output->write_line(line);
        return written.has_value();
      });
  if (!read) return end(read.error());
  if (written) written = output->close();
  return written ? ExitCode::kSuccess : end(written.error());
}

CLI::App* add(CLI::App& parent, const char* name, const char* description,
              AuditCommandOptions& options) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->add_option("FOLDER", options.directory, "The data directory of `tocsin serve`")
      ->type_name("FOLDER")
      ->required();
  return command;
}
}  // namespace

void add_audit_command(CLI::App& program, Chosen& chosen) {
  CLI::App* audit =
      program.add_subcommand("audit", "Check and export the audit log of a data directory");
  audit->require_subcommand(1);
  audit->footer("Examples:\n  tocsin audit verify tocsin-data --key-file /etc/tocsin/key");
  const auto run = [&chosen](CLI::App* command, const std::shared_ptr<AuditCommandOptions>& options,
                             ExitCode (*act)(const AuditCommandOptions&)) {
    command->callback(
        [&chosen, options, act] { chosen.run = [options, act] { return act(*options); }; });
  };
  auto verified = std::make_shared<AuditCommandOptions>();
  CLI::App* command =
      add(*audit, "verify", "Check that no entry was changed, moved or removed", *verified);
  add_key_option(*command, verified->key_file);
  command->footer(
      R"(Every entry is compared with its signature and with the entry before it, and the end of the log with
what checkpoints and savepoints know of it. Each finding names the entry. A server may be using the
folder. Without the key only what everybody can check is checked.

Exit codes:
  0  the log is as it was written, or what is not was accepted
  2  wrong command line, or a folder that is no data directory
  3  a file cannot be read
  5  something was changed, moved, removed, or written without the key

Examples:
  tocsin audit verify tocsin-data --key-file /etc/tocsin/key)");
  run(command, verified, verify);
  auto accepted = std::make_shared<AuditCommandOptions>();
  command = add(*audit, "accept", "Continue a log that does not pass", *accepted);
  add_key_option(*command, accepted->key_file);
  command
      ->add_option("--comment", accepted->comment,
                   "Why: who looked at it, and what was found; stored in the entry")
      ->type_name("TEXT")
      ->required();
  command->footer(
      R"(Adds a signed entry that accepts what is found before it. `audit verify` still shows it, and ends with
exit code 0. A server does not start on a log whose end was changed, or whose key is lost, until it is
accepted. No other process may use the data directory.

Examples:
  tocsin audit accept tocsin-data --key-file /etc/tocsin/key --comment "restored from the backup of May 3")");
  run(command, accepted, accept);
  auto exported = std::make_shared<AuditCommandOptions>();
  command =
      add(*audit, "export", "Print the entries, oldest first, one line of JSON each", *exported);
  command->add_option("--after", exported->after, "Only entries with a greater sequence")
      ->type_name("N");
  command->footer(R"(A server may be using the folder: the command prints what is stored up to now.

Examples:
  tocsin audit export tocsin-data --after 1200 > audit.ndjson)");
  run(command, exported, export_entries);
}
}  // namespace tocsin::api
