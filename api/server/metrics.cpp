#include "api/server/metrics.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <utility>

#include "api/backup/backup_service.h"
#include "api/base/version.h"
#include "api/health/rule_costs.h"
#include "api/jobs/backtest_jobs.h"
#include "api/outbox/subscription_service.h"
#include "api/rest/refusal_tally.h"
#include "api/sinks/sink_service.h"
#include "cep/plan/rule.h"

namespace tocsin::api {
namespace {
enum class Metric : std::size_t {
#define TOCSIN_METRIC(name, kind, help) name,
#include "api/server/metrics.def"
#undef TOCSIN_METRIC
};
constexpr std::array kMetrics = {
#define TOCSIN_METRIC(name, kind, help) MetricType{#name, #kind, help},
#include "api/server/metrics.def"
#undef TOCSIN_METRIC
};

std::string label_value(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '\\' || letter == '"') escaped += '\\';
    escaped += letter == '\n' ? ' ' : letter;
  }
  return escaped;
}

// Writes metrics, each with its description before its first value.
class Exposition {
 public:
  template <typename T>
  void add(Metric metric, T value) {
    describe(metric);
    text_ += fmt::format("tocsin_{} {}\n", type_of(metric).name, value);
  }
  template <typename T>
  void add(Metric metric, std::string_view label, std::string_view name, T value) {
    describe(metric);
    text_ += fmt::format("tocsin_{}{{{}=\"{}\"}} {}\n", type_of(metric).name, label,
                         label_value(name), value);
  }
  /// `counts`: those up to each bound that are up to none before, and last the rest.
  void add_histogram(Metric metric, std::span<const double> bounds,
                     std::span<const std::uint64_t> counts, double sum) {
    describe(metric);
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      all += counts[i];
      text_ += fmt::format("tocsin_{}_bucket{{le=\"{}\"}} {}\n", type_of(metric).name,
                           i < bounds.size() ? fmt::to_string(bounds[i]) : "+Inf", all);
    }
    text_ += fmt::format("tocsin_{0}_sum {1:.6f}\ntocsin_{0}_count {2}\n", type_of(metric).name,
                         sum, all);
  }
  /// Says that there is such a metric, where it may have no value.
  void describe(Metric metric) {
    if (std::exchange(is_described_[static_cast<std::size_t>(metric)], true)) return;
    const MetricType& type = type_of(metric);
    text_ += fmt::format("# HELP tocsin_{0} {1}\n# TYPE tocsin_{0} {2}\n", type.name, type.help,
                         type.kind);
  }
  std::string take() { return std::move(text_); }

 private:
  static const MetricType& type_of(Metric metric) {
    return kMetrics[static_cast<std::size_t>(metric)];
  }
  std::string text_;
  std::array<bool, kMetrics.size()> is_described_{};
};

void add_machine(Exposition& to, const std::string& directory) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(directory, error);
  to.add(Metric::disk_bytes, error ? 0 : space.capacity);
  to.add(Metric::disk_free_bytes, error ? 0 : space.available);
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;  // the second number
  to.add(Metric::memory_resident_bytes,
         pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

void add_intake(Exposition& to, const NodeFigures& figures) {
  const runtime::RunSummary& summary = figures.summary;
  to.add(Metric::memory_limited, figures.no_room.empty() ? 0 : 1);
  to.add(Metric::intake_requests_total, figures.batches);
  to.add(Metric::intake_requests_refused_total, figures.batches_refused);
  to.add(Metric::intake_queue_requests, figures.queued_batches);
  to.add(Metric::intake_queue_bytes, figures.queued_bytes);
  to.add(Metric::intake_answers_waiting, figures.answers_waiting);
  to.add(Metric::questions_waiting, figures.queued_questions);
  to.add(Metric::intake_lines_total, summary.lines);
  to.add(Metric::intake_bytes_total, summary.bytes);
  to.add(Metric::intake_events_total, summary.events);
  to.add(Metric::intake_ignored_total, summary.ignored);
  to.add(Metric::intake_invalid_total, summary.dead_letters);
  to.add(Metric::intake_late_total, summary.late);
  to.add(Metric::intake_clamped_total, summary.clamped);
  to.add(Metric::intake_jumps_total, summary.jumps);
  to.add(Metric::intake_jumps_rejected_total, summary.jumps_rejected);
  to.add(Metric::intake_duplicates_total, summary.repeats);
  to.add(Metric::intake_sequence_duplicates_total, figures.repeats_by_sequence);
  to.add(Metric::producers, figures.producers);
  to.add(Metric::producers_expired_total, figures.producers_expired);
  to.add(Metric::intake_fields_missing_total, summary.fields_missing);
  to.add(Metric::intake_waiting_events, figures.waiting_events);
  to.add(Metric::intake_waiting_bytes, figures.waiting_bytes);
  to.add(Metric::unique_ids, figures.unique_ids);
  to.add(Metric::unique_ids_bytes, figures.unique_bytes);
  to.add(Metric::unique_ids_forgotten_total, summary.ids_forgotten);
  const bool has_time =
      figures.watermark != cep::kEventTimeMin && figures.watermark != cep::kEventTimeMax;
  to.add(Metric::watermark_seconds,
         fmt::format("{:.6f}", has_time ? static_cast<double>(figures.watermark.us) / 1e6 : 0.0));
  to.describe(Metric::intake_source_events_total);
  for (const SourceFigures& source : figures.sources)
    to.add(Metric::intake_source_events_total, "source", source.name, source.events);
  to.describe(Metric::watermark_holder);
  for (const SourceFigures& source : figures.sources)
    to.add(Metric::watermark_holder, "source", source.name, source.is_holder ? 1 : 0);
  to.describe(Metric::watermark_behind_seconds);
  for (const SourceFigures& source : figures.sources) {
    if (!source.behind) continue;
    to.add(Metric::watermark_behind_seconds, "source", source.name,
           fmt::format("{:.6f}", static_cast<double>(source.behind->us) / 1e6));
  }
}

void add_topics(Exposition& to, const std::vector<runtime::PartitionFigures>& partitions,
                const runtime::CommitReport& stored) {
  to.describe(Metric::kafka_partition_lag);
  for (const runtime::PartitionFigures& partition : partitions) {
    if (partition.lag)
      to.add(Metric::kafka_partition_lag, "source", partition.source, *partition.lag);
  }
  to.describe(Metric::kafka_partition_offset);
  for (const runtime::PartitionFigures& partition : partitions)
    to.add(Metric::kafka_partition_offset, "source", partition.source, partition.next_offset);
  to.add(Metric::kafka_partitions_paused,
         std::ranges::count_if(partitions, &runtime::PartitionFigures::is_paused));
  to.add(Metric::kafka_alerts_read_total, stored.inbox_alerts);
  to.add(Metric::kafka_alerts_repeated_total, stored.inbox_repeated);
  to.add(Metric::kafka_alerts_invalid_total, stored.inbox_dead);
}

void add_sinks(Exposition& to, const std::vector<runtime::SinkFigures>& sinks, cep::EventTime now) {
  const auto add = [&](Metric metric, const auto& value_of) {
    to.describe(metric);
    for (const runtime::SinkFigures& sink : sinks)
      to.add(metric, "stream", runtime::name_of(sink.stream), value_of(sink));
  };
  add(Metric::kafka_sink_up,
      [](const auto& sink) { return sink.state == runtime::SinkState::kOpen ? 1 : 0; });
  add(Metric::kafka_sink_owed, [](const auto& sink) { return sink.debt.owed; });
  add(Metric::kafka_sink_oldest_owed_seconds, [&](const auto& sink) {
    const std::int64_t us = sink.debt.oldest_at ? (now - *sink.debt.oldest_at).us : 0;
    return fmt::format("{:.6f}", std::max(0.0, static_cast<double>(us) / 1e6));
  });
  add(Metric::kafka_sink_written_total, [](const auto& sink) { return sink.written; });
  add(Metric::kafka_sink_found_total, [](const auto& sink) { return sink.found; });
  add(Metric::kafka_sink_errors_total, [](const auto& sink) { return sink.errors; });
}

void add_node(Exposition& to, const NodeFigures& figures, const cep::Plan& plan,
              cep::EventTime now) {
  const runtime::JournalStatus& journal = figures.journal;
  to.add(Metric::journal_records_total, journal.next_sequence - 1);
  to.add(Metric::journal_durable_records_total,
         journal.durable_end == 0 ? 0 : journal.durable_end - 1);
  to.add(Metric::journal_queue_bytes, journal.queued_bytes);
  to.add(Metric::journal_commits_total, journal.commits);
  to.add_histogram(Metric::journal_commit_seconds, runtime::CommitTimes::kBounds,
                   journal.times.counts, journal.times.seconds);
  to.add(Metric::journal_waiting_for_space,
         journal.state == runtime::JournalState::kNoSpace ? 1 : 0);
  const cep::EngineStats& engine = figures.engine;
  to.add(Metric::engine_rows_total, engine.rows);
  to.add(Metric::engine_keys, engine.keys);
  to.add(Metric::engine_partial_matches, engine.runs);
  to.add(Metric::engine_timers, engine.timers);
  to.add(Metric::engine_state_bytes, engine.state_bytes);
  to.add(Metric::engine_alerts_held_back_total, engine.alerts_suppressed);
  to.add(Metric::engine_matches_lost_total, engine.runs_lost);
  to.describe(Metric::engine_steps_exceeded_total);
  const std::vector<std::uint64_t>& exceeded = figures.summary.steps_exceeded;
  for (std::size_t i = 0; i < exceeded.size() && i < plan.rules.size(); ++i) {
    if (exceeded[i] == 0) continue;
    to.add(Metric::engine_steps_exceeded_total, "rule", plan.rules[i].id, exceeded[i]);
  }
  to.add(Metric::engine_values_missing_total, engine.values_missing);
  to.describe(Metric::alerts_total);
  const std::vector<std::uint64_t>& alerts = figures.summary.alerts_by_rule;
  for (std::size_t i = 0; i < alerts.size() && i < plan.rules.size(); ++i) {
    to.add(Metric::alerts_total, "rule", plan.rules[i].id, alerts[i]);
  }
  to.add(Metric::checkpoint_number, figures.checkpoints.number);
  to.add(Metric::checkpoint_age_seconds,
         fmt::format("{:.3f}",
                     std::max(0.0, static_cast<double>((now - figures.checkpoint_at).us) / 1e6)));
  to.add(Metric::checkpoints_total, figures.checkpoints.made);
  to.add(Metric::checkpoint_failed, figures.checkpoints.failure.empty() ? 0 : 1);
  if (figures.checkpoints.archive.is_kept) {
    to.add(Metric::archive_files, figures.checkpoints.archive.files);
    to.add(Metric::archive_bytes, figures.checkpoints.archive.bytes);
    to.add(Metric::archive_events, figures.checkpoints.archive.events);
    to.add(Metric::archive_failed, figures.checkpoints.archive.failure.empty() ? 0 : 1);
    to.add(Metric::archive_records_missed_total, figures.checkpoints.archive.records_missed);
    to.add(Metric::archive_files_removed_total, figures.checkpoints.archive.files_removed);
  }
  to.add(Metric::effects_queue_bytes, figures.effects.waiting_bytes);
  to.add(Metric::effects_queue_slices, figures.effects.pushed - figures.effects.committed);
  to.add(Metric::effects_commits_total, figures.effects.commits);
  to.add(Metric::store_waiting_for_space, figures.effects.no_space.empty() ? 0 : 1);
}

void add_store(Exposition& to, const runtime::EffectReader& reader) {
  if (const auto totals = reader.totals()) {
    to.add(Metric::alerts_stored, totals->alerts);
    to.add(Metric::alerts_stored_bytes, totals->alert_bytes);
    to.add(Metric::late_stored, totals->late);
    to.add(Metric::dead_stored, totals->dead);
  }
  to.describe(Metric::deliveries_owed);
  if (const auto endpoints = reader.endpoints()) {
    for (const runtime::EndpointRow& row : *endpoints) {
      to.add(Metric::deliveries_owed, "endpoint", row.shown, row.owed);
    }
  }
}

void add_deliveries(Exposition& to, SubscriptionService& service, cep::EventTime now) {
  std::map<CircuitState, std::uint64_t> circuits;
  for (const CircuitState state : {CircuitState::kClosed, CircuitState::kOpen,
                                   CircuitState::kHalfOpen, CircuitState::kDisabled}) {
    circuits[state] = 0;
  }
  std::map<std::string_view, std::uint64_t> statuses = {
      {"active", 0}, {"paused", 0}, {"disabled", 0}};
  for (const auto& subscription : service.list()) {
    ++statuses[name_of(subscription->status)];
    to.add(Metric::deliveries_owed, "endpoint", subscription->id, service.owed(*subscription));
    ++circuits[service.figures(subscription->id).circuit];
  }
  for (const auto& [status, count] : statuses)
    to.add(Metric::subscriptions, "status", status, count);
  double oldest = 0;
  if (const auto at = service.oldest_waiting(); at && *at)
    oldest = std::max(0.0, static_cast<double>((now - **at).us) / 1e6);
  to.add(Metric::deliveries_oldest_seconds, fmt::format("{:.6f}", oldest));
  const DeliveryTotals totals = service.totals();
  to.add(Metric::delivery_attempts_total, "outcome", "delivered", totals.delivered);
  to.add(Metric::delivery_attempts_total, "outcome", "rejected", totals.rejected);
  to.add(Metric::delivery_attempts_total, "outcome", "unanswered", totals.unanswered);
  to.add(Metric::delivery_retries_total, totals.retried);
  to.add_histogram(Metric::delivery_seconds, kAttemptBuckets, totals.by_latency,
                   static_cast<double>(totals.latency.count()) / 1e6);
  to.add_histogram(Metric::delivery_arrival_seconds, kArrivalBuckets, totals.by_arrival,
                   static_cast<double>(totals.arrival.count()) / 1e6);
  to.add(Metric::deliveries_exhausted_total, totals.exhausted);
  const PlannerFigures planned = service.planned();
  to.add(Metric::deliveries_silenced_total, planned.silenced);
  to.add(Metric::deliveries_braked_total, planned.rate_capped);
  to.add(Metric::deliveries_grouped_total, planned.grouped);
  to.add(Metric::delivery_summaries_total, planned.summaries);
  to.add(Metric::delivery_groups_total, planned.groups);
  to.add(Metric::delivery_messages_open, planned.open);
  for (const auto& [state, count] : circuits)
    to.add(Metric::delivery_endpoints, "circuit", name_of(state), count);
  std::uint64_t active = 0;
  for (const auto& silence : service.silences().list())
    active += silence->state_at(now) == SilenceState::kActive ? 1 : 0;
  to.add(Metric::silences_active, active);
}

void add_rule_costs(Exposition& to, const RuleCostWatch* watch) {
  const auto measured = watch != nullptr ? watch->last() : std::optional<RuleCostWatch::Last>();
  const RuleCostWatch::Last last = measured.value_or(RuleCostWatch::Last());
  to.describe(Metric::rule_cpu_ratio);
  for (const RuleCost& cost : last.rules)
    to.add(Metric::rule_cpu_ratio, "rule", cost.rule, fmt::format("{:.9f}", cost.cpu));
  to.describe(Metric::rule_cpu_share);
  for (const RuleCost& cost : last.rules)
    to.add(Metric::rule_cpu_share, "rule", cost.rule, fmt::format("{:.6f}", cost.share));
  to.add(Metric::rule_cpu_measured_seconds,
         fmt::format("{:.3f}", static_cast<double>(last.at.us) / 1e6));
}

void add_backtests(Exposition& to, const BacktestFigures& figures) {
  to.add(Metric::backtests_queued, figures.queued);
  to.add(Metric::backtests_running, figures.running);
  to.add(Metric::backtests_kept, figures.kept);
  to.add(Metric::backtests_kept_bytes, figures.kept_bytes);
  to.add(Metric::backtests_ended_total, "state", "done", figures.done);
  to.add(Metric::backtests_ended_total, "state", "failed", figures.failed);
  to.add(Metric::backtests_ended_total, "state", "cancelled", figures.cancelled);
  to.add(Metric::backtests_refused_total, figures.refused);
  to.add(Metric::backtests_removed_total, figures.removed);
}

void add_backups(Exposition& to, const BackupFigures& figures) {
  const auto seconds = [](std::int64_t us) { return static_cast<double>(us) / 1e6; };
  const BackupFacts last = figures.last.value_or(BackupFacts());
  to.add(Metric::backups_kept, figures.kept);
  to.add(Metric::backups_running, figures.running);
  to.add(Metric::backups_ended_total, "state", "done", figures.done);
  to.add(Metric::backups_ended_total, "state", "failed", figures.failed);
  to.add(Metric::backups_ended_total, "state", "cancelled", figures.cancelled);
  to.add(Metric::backups_stored_bytes_total, figures.stored_bytes);
  to.add(Metric::backup_failed, figures.failure.empty() ? 0 : 1);
  to.add(Metric::backup_last_success_seconds, fmt::format("{:.3f}", seconds(last.began.us)));
  to.add(Metric::backup_last_duration_seconds,
         fmt::format("{:.3f}", seconds((last.ended - last.began).us)));
  to.add(Metric::backup_last_bytes, last.bytes);
}
}  // namespace

std::string metrics_text(const ServerContext& context, bool is_ready,
                         std::chrono::steady_clock::time_point began) {
  Exposition to;
  to.add(Metric::build_info, "version", version_parts().front().second, 1);
  to.add(Metric::ready, is_ready ? 1 : 0);
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
  to.add(Metric::uptime_seconds, fmt::format("{:.3f}", passed.count()));
  add_machine(to, context.paths.directory);
  const NodeFigures figures = context.node.figures();
  add_intake(to, figures);
  const runtime::CommitTimes answers_took = context.http.event_answers();
  to.add_histogram(Metric::intake_answer_seconds, runtime::CommitTimes::kBounds,
                   answers_took.counts, answers_took.seconds);
  to.add_histogram(Metric::alert_stored_seconds, runtime::CommitTimes::kBounds,
                   figures.alert_times.counts, figures.alert_times.seconds);
  add_topics(to, figures.partitions, figures.effects.stored);
  if (figures.program) add_node(to, figures, figures.program->plan(), context.clock.now());
  add_rule_costs(to, context.rule_costs.get());
  add_store(to, context.effects.reader());
  if (context.sinks != nullptr) add_sinks(to, context.sinks->figures(), context.clock.now());
  if (context.subscriptions != nullptr)
    add_deliveries(to, *context.subscriptions, context.clock.now());
  to.add(Metric::traces_kept, context.effects.event_traces());
  add_backtests(to, context.backtests->figures());
  add_backups(to, context.backups ? context.backups->figures() : BackupFigures());
  to.describe(Metric::http_requests_total);
  for (const auto& [status, count] : context.http.by_status()) {
    to.add(Metric::http_requests_total, "status", std::to_string(status), count);
  }
  to.add(Metric::http_request_seconds_total,
         fmt::format("{:.6f}", static_cast<double>(context.http.took().count()) / 1e6));
  const ConnectionFigures connections = context.http.connections();
  for (std::size_t i = 0; i < kConnectionStates.size(); ++i)
    to.add(Metric::http_connections, "state", kConnectionStates[i], connections.open[i]);
  to.add(Metric::http_connections_evicted_total, connections.evicted);
  to.add(Metric::http_connections_refused_total, connections.refused);
  to.add(Metric::http_certificates_refused_total, connections.certificates_refused);
  const AnswerFigures answers = context.answers.figures();
  to.add(Metric::idempotency_answers, answers.answers);
  to.add(Metric::idempotency_bytes, answers.bytes);
  to.add(Metric::idempotency_repeated_total, answers.repeated);
  to.add(Metric::idempotency_evicted_total, answers.evicted);
  const AuditFigures audit = context.audit.figures();
  to.add(Metric::audit_entries_total, audit.entries);
  to.add(Metric::audit_bytes, audit.bytes);
  to.add(Metric::audit_refusals_total, context.refusals.total());
  to.add(Metric::http_bodies_bytes, context.bodies.held());
  return to.take();
}

void add_metrics_route(Router& router, ServerContext& context, std::function<bool()> is_ready) {
  router.add({.method = "GET",
              .path = "/metrics",
              .operation_id = "getMetrics",
              .tag = "operations",
              .summary = "Figures for Prometheus, in its text format",
              .role = Role::kReader,
              .answers = {{200, "The figures", "text/plain; version=0.0.4"}},
              .handler = [&context, is_ready = std::move(is_ready),
                          began = std::chrono::steady_clock::now()](ApiRequest&) {
                return HttpResponse{
                    200, {}, "text/plain; version=0.0.4", metrics_text(context, is_ready(), began)};
              }});
}
}  // namespace tocsin::api
