#include "api/commands/command_verify.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "api/base/exit_code.h"
#include "api/base/output_file.h"
#include "api/base/progress.h"
#include "api/jobs/verify_backtests.h"
#include "api/node/verify_served.h"
#include "api/rest/audit_verify.h"
#include "rules/text/human_text.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/io/system_files.h"
#include "runtime/store/rocks_store.h"
#include "runtime/verify/verify.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;

struct VerifyOptions {
  std::string directory;
  bool quiet = false;
};

ExitCode code_of(const Error& error) {
  return error.code == Errc::kInternal ? ExitCode::kInputOutput : exit_code_of_named(error.code);
}

struct VerifiedEffects {
  runtime::StoreExtent extent;
  std::uint64_t audit_entries = 0;
};
Result<VerifiedEffects> verify_effects(const runtime::DataPaths& paths) {
  runtime::RocksStoreOptions options;
  options.families = runtime::effect_families();
  options.end_mark = paths.store_end;
  const auto store = runtime::RocksStore::verify(paths.store, options);
  if (!store) return tl::unexpected(store.error());
  const auto named = [&](const Error& error) {
    return fail(error.code, fmt::format("{}: {}", paths.store, error.message));
  };
  VerifiedEffects effects;
  Result<runtime::StoreExtent> extent = runtime::extent_of(**store);
  if (!extent) return named(extent.error());
  effects.extent = *std::move(extent);
  const Result<std::uint64_t> entries = check_audit(**store);
  if (!entries) return named(entries.error());
  effects.audit_entries = *entries;
  return effects;
}

std::string describe_good(const std::string& directory, const runtime::VerifyReport& report,
                          std::uint64_t audit_entries, double seconds) {
  std::string text = fmt::format("{} is good\n", directory);
  if (!report.is_savepoint) {
    text += fmt::format("  journal      {}, {}\n",
                        rules::format_count(report.journal_records, "record"),
                        rules::format_count(report.journal_segments, "segment"));
    text += fmt::format("  blobs        {}\n", rules::format_count(report.blobs));
    text += fmt::format("  checkpoints  {}\n", rules::format_count(report.checkpoints));
    text += fmt::format("  savepoints   {}\n", rules::format_count(report.savepoints));
    if (report.archive_files > 0) {
      text += fmt::format("  archive      {}, {}\n",
                          rules::format_count(report.archive_events, "event"),
                          rules::format_count(report.archive_files, "file"));
    }
    if (audit_entries > 0) {
      text += fmt::format("  audit log    {}\n", rules::format_count(audit_entries));
    }
  }
  text += fmt::format("  read {} in {}", rules::format_bytes(report.bytes),
                      rules::format_seconds(seconds));
  return text;
}

ExitCode verify(const VerifyOptions& options) {
  const auto begin = steady_clock::now();
  auto shown = begin;
  ProgressLine progress(!options.quiet);
  runtime::SystemFiles files;
  std::uint64_t audit_entries = 0;
  const runtime::VerifyPorts ports{
      files,
      [&](const runtime::DataPaths& paths) -> Result<runtime::StoreExtent> {
        Result<VerifiedEffects> effects = verify_effects(paths);
        if (!effects) return tl::unexpected(effects.error());
        audit_entries = effects->audit_entries;
        return std::move(effects->extent);
      },
      [&](const std::string& what, std::uint64_t bytes) {
        constexpr std::chrono::milliseconds kBetween{100};
        const auto now = steady_clock::now();
        if (now - shown < kBetween) return;
        shown = now;
        progress.show_text(fmt::format("{}  {}", rules::format_bytes(bytes), what));
      }};
  Result<runtime::VerifyReport> report = runtime::verify_directory(ports, options.directory);
  progress.clear();
  if (!report) return end_with(code_of(report.error()), report.error().message);
  if (!report->is_savepoint) {
    verify_served(files, runtime::DataPaths(options.directory), audit_entries > 0, *report);
    verify_backtests(files, options.directory + "/backtests", *report);
  }
  for (const std::string& note : report->notes) tell(fmt::format("tocsin: note: {}\n", note));
  for (const runtime::VerifyFinding& finding : report->damaged) {
    tell(fmt::format("tocsin: {}\n  what to do: {}\n", finding.message, finding.remedy));
  }
  if (!report->damaged.empty()) {
    return end_with(ExitCode::kDataDirectory,
                    fmt::format("{} is not good: {}", options.directory,
                                rules::format_count(report->damaged.size(), "finding")));
  }
  if (options.quiet) return ExitCode::kSuccess;
  const double seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
  Result<OutputFile> output = OutputFile::open("-");
  if (!output) return end_with(ExitCode::kInputOutput, output.error().message);
  Result<void> written =
      output->write_line(describe_good(options.directory, *report, audit_entries, seconds));
  if (written) written = output->close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  return ExitCode::kSuccess;
}
}  // namespace

void add_verify_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = program.add_subcommand(
      "verify", "Read all of a data directory or savepoint and check every checksum");
  command
      ->add_option("FOLDER", options->directory,
                   "A data directory (`run --data`), or the folder of a savepoint")
      ->type_name("FOLDER")
      ->required();
  command->add_flag("-q,--quiet", options->quiet,
                    "Print nothing if all is good, and show no progress");
  command->footer(
      R"help(Every file that matters is read once: the journal, the rule texts and tables beside it (blobs), the
checkpoints, the savepoints, the alerts, a server's tokens and the versions of its rules. They are
also compared with each other, so that whatever `run` or `serve` would refuse or lose is found.
Nothing is changed. While `verify` reads, no run can start in the folder. A run that is already active
continues, and its later changes are ignored. A copy is verified like the original, even if it is
read-only: verify a backup after making it.

Exit codes:
  0  everything is intact
  2  wrong command line, or a folder that is neither a data directory nor a savepoint
  3  a file cannot be read
  5  something is damaged, missing, or from a newer version: each file is named, with what to do

Examples:
  tocsin verify data
  tocsin verify data/savepoints/before-easter
  tocsin verify --quiet /backup/data || mail -s "the backup is damaged" ops@example.com)help");
  command->callback([&chosen, options] { chosen.run = [options] { return verify(*options); }; });
}
}  // namespace tocsin::api
