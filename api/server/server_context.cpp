#include "api/server/server_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "api/alerts/alert_line.h"
#include "api/alerts/triage_store.h"
#include "api/backup/backup_place.h"
#include "api/backup/backup_service.h"
#include "api/base/command.h"
#include "api/health/rule_costs.h"
#include "api/health/rule_profiler.h"
#include "api/jobs/backtest_jobs.h"
#include "api/jobs/backtest_work.h"
#include "api/jobs/erasure_jobs.h"
#include "api/jobs/triage_labels.h"
#include "api/lists/entry_notes.h"
#include "api/privacy/privacy.h"
#include "api/server/serve_settings.h"
#include "runtime/io/cores.h"

namespace tocsin::api {
HttpResponse refusal_response(const Refusal& refusal) {
  switch (refusal.why) {
    case Refusal::Why::kGap:
      return problem_response(ProblemKind::kConflict, refusal.detail,
                              {{"expected_sequence", refusal.expected}});
    case Refusal::Why::kOwned:
      return problem_response(ProblemKind::kProducerOwned, refusal.detail);
    case Refusal::Why::kDiffers:
      return problem_response(
          ProblemKind::kRepeatDiffers, refusal.detail,
          {{"expected_sequence", refusal.expected}, {"differing_sequence", refusal.differing}});
    case Refusal::Why::kTooOld:
      return problem_response(ProblemKind::kRepeatTooOld, refusal.detail,
                              {{"expected_sequence", refusal.expected}});
    case Refusal::Why::kProducers:
      return problem_response(ProblemKind::kConflict, refusal.detail);
    case Refusal::Why::kMemory:
      return unavailable_response(refusal.detail, ProblemKind::kMemoryFull);
    case Refusal::Why::kDisk:
      return unavailable_response(refusal.detail, ProblemKind::kDiskFull);
    case Refusal::Why::kFull:
    case Refusal::Why::kEnding:
    case Refusal::Why::kFailed:
    case Refusal::Why::kNotYet:
      break;
  }
  return unavailable_response(refusal.detail);
}

std::optional<HttpResponse> refused_unmasked(const Privacy* privacy, ApiRequest& request) {
  if (privacy == nullptr) return std::nullopt;
  privacy->note_read(request);
  if (!privacy->masks(request.grant)) return std::nullopt;
  return problem_response(ProblemKind::kForbidden,
                          "this shows values of events as they are, and some of their fields are "
                          "marked pii, which your role does not see (privacy.roles)");
}

namespace {
Result<void> open_backtests(ServerContext& context, runtime::Store& store,
                            const runtime::RunOptions& options) {
  BacktestResources resources =
      backtest_resources(context.configuration, context.files, context.paths.directory, options);
  resources.triage_labels = [&context, triage = std::make_shared<const TriageStore>(store)](
                                const std::optional<runtime::TimeSpan>& times) {
    return triage_labels(context.effects.reader(), *triage, times);
  };
  if (const Privacy* const privacy = context.privacy; privacy != nullptr) {
    resources.masker_of = [privacy](const std::vector<const cep::Plan*>& plans) {
      return privacy->masker_of(plans);
    };
  }
  Result<std::unique_ptr<BacktestJobs>> jobs = BacktestJobs::open(
      context.files, context.clock, context.paths.directory + "/backtests",
      backtest_limits(context.configuration),
      [resources](const BacktestRequest& request, const BacktestControl& control) {
        return run_archive_backtest(resources, request, control);
      });
  if (!jobs) return tl::unexpected(jobs.error());
  context.backtests = *std::move(jobs);
  context.changes.use_backtests([jobs = context.backtests] { return jobs->rates(); });
  for (const std::string& damaged : context.backtests->damaged()) {
    tell(fmt::format("tocsin: {}: it is not shown; remove the file, or restore it from a copy\n",
                     damaged));
  }
  return {};
}

Result<void> open_backups(ServerContext& context, runtime::RocksStore& alerts) {
  const std::string& to = context.configuration.text("backups.to");
  if (to.empty()) {
    if (!context.configuration.duration_limit("backups.every")) return {};
    return fail(Errc::kInvalidArgument,
                "backups.every asks for backups: set backups.to, the place for them");
  }
  // Below itself a backup would have the ones before it.
  std::error_code error;
  const auto data = std::filesystem::weakly_canonical(context.paths.directory, error);
  const auto place = std::filesystem::weakly_canonical(to, error);
  if (!is_s3_place(to) && std::ranges::mismatch(data, place).in1 == data.end()) {
    return fail(Errc::kInvalidArgument,
                fmt::format("backups.to is in the data directory {}: name a folder outside of it, "
                            "best on another disk",
                            context.paths.directory));
  }
  auto store = open_backup_store(context.files, to, context.configuration,
                                 fmt::format("{}:{}", runtime::host_name(), data.string()));
  if (!store) return fail(store.error().code, "backups.to: " + store.error().message);
  BackupPorts ports{
      context.files, context.clock, context.paths,
      [&alerts](const std::string& folder) { return alerts.copy_to(folder); },
      [](const std::string& why) { tell(fmt::format("tocsin: the backup failed: {}\n", why)); }};
  context.backups = std::make_shared<BackupService>(
      std::move(ports), backup_options(context.configuration), *std::move(store));
  return {};
}

Result<void> open_erasures(ServerContext& context, runtime::RocksStore& store) {
  ErasurePorts ports{context.node,
                     context.effects,
                     store,
                     context.files,
                     context.clock,
                     context.paths,
                     [&context] { return *context.rules.current()->rules.program; },
                     [&context](const std::string& value) {
                       std::string mark = context.audit.mark_of(value);
                       if (!mark.empty() || context.privacy == nullptr) return mark;
                       return json_characters(context.privacy->mark(nlohmann::json(value).dump()));
                     },
                     {}};
  Result<std::unique_ptr<ErasureJobs>> jobs = ErasureJobs::open(std::move(ports));
  if (!jobs) return tl::unexpected(jobs.error());
  context.erasures = *std::move(jobs);
  return {};
}

Result<void> open_rule_costs(ServerContext& context) {
  const auto options = rule_cost_options(context.configuration);
  if (!options) return tl::unexpected(options.error());
  context.profiler = std::make_shared<RuleProfiler>(context.node, context.is_closing);
  if (*options) {
    context.rule_costs =
        std::make_shared<RuleCostWatch>(*context.profiler, context.clock, **options);
  }
  return {};
}
}  // namespace

Result<void> open_jobs(ServerContext& context, runtime::RocksStore& store,
                       const runtime::RunOptions& options) {
  context.checks = std::make_shared<CheckSlots>(check_limits(context.configuration));
  context.reads = std::make_shared<ReadSlots>(read_limits(context.configuration));
  context.entry_notes = std::make_shared<EntryNotes>(store);
  Result<void> opened = open_backtests(context, store, options);
  if (opened) opened = open_backups(context, store);
  if (opened) opened = open_erasures(context, store);
  if (opened) opened = open_rule_costs(context);
  return opened;
}

void stop_jobs(ServerContext& context) {
  if (context.erasures) context.erasures->stop();
  context.backtests->stop();
  if (context.rule_costs) context.rule_costs->stop();
  if (context.backups) context.backups->stop();
}
}  // namespace tocsin::api
