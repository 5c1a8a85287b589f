#include "api/health/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
// A list in the last quarter of its time should have been renewed.
constexpr std::int64_t kRevocationsLastPart = 4;

struct CauseKind {
  std::string_view name;
  HealthLevel level;
  std::string_view remedy;
};
constexpr std::array kKinds = {
#define TOCSIN_HEALTH_CAUSE(code, level, remedy) CauseKind{#code, HealthLevel::level, remedy},
#include "api/health/health_causes.def"
#undef TOCSIN_HEALTH_CAUSE
};
const CauseKind& kind_of(HealthCode code) { return kKinds[static_cast<std::size_t>(code)]; }

// A duration for people: no finer than seconds.
std::string about(cep::Duration duration) {
  constexpr std::int64_t kSecond = 1'000'000;
  return cep::format_duration({std::max(kSecond, duration.us / kSecond * kSecond)});
}

// Those that stop events, the most fundamental first.
void add_stops(const HealthFacts& facts, std::vector<HealthCause>& causes) {
  if (!facts.failure.empty()) causes.push_back({HealthCode::engine_failed, "", facts.failure});
  for (const std::string* full : {&facts.journal_no_space, &facts.store_no_space}) {
    if (full->empty()) continue;
    causes.push_back({HealthCode::disk_full, "", "the disk is full: " + *full});
    break;  // mostly it is one disk
  }
  if (!facts.memory_limit.empty()) {
    causes.push_back(
        {HealthCode::memory_full, "", "memory is at its limit: " + facts.memory_limit});
  }
}

void add_storage(const HealthFacts& facts, const HealthLimits& limits,
                 std::vector<HealthCause>& causes) {
  // In parts of the whole, so that nothing overflows.
  if (facts.disk_bytes >= 100 &&
      facts.disk_free_bytes / (facts.disk_bytes / 100) < limits.disk_free_percent) {
    causes.push_back({HealthCode::disk_low, "",
                      fmt::format("{} MiB of {} MiB are free on the file system with the data",
                                  facts.disk_free_bytes >> 20, facts.disk_bytes >> 20)});
  }
  if (!facts.checkpoint_failure.empty()) {
    causes.push_back({HealthCode::checkpoint_failed, "", facts.checkpoint_failure});
  }
  if (facts.checkpoint_age && *facts.checkpoint_age > limits.checkpoint_age) {
    causes.push_back({HealthCode::checkpoint_old, "",
                      fmt::format("the newest checkpoint is {} old, and events have come since",
                                  about(*facts.checkpoint_age))});
  }
  if (!facts.archive_failure.empty()) {
    causes.push_back({HealthCode::archive_failed, "", facts.archive_failure});
  }
  if (!facts.release_failure.empty()) {
    causes.push_back({HealthCode::journal_not_released, "", facts.release_failure});
  }
}

// One is missed where the next one is due too.
void add_backups(const HealthFacts& facts, std::vector<HealthCause>& causes) {
  if (!facts.backup_failure.empty())
    causes.push_back({HealthCode::backup_failed, "", facts.backup_failure});
  if (!facts.backup_every) return;
  const cep::Duration most{2 * facts.backup_every->us};
  if (facts.backup_age <= most) return;
  causes.push_back(
      {HealthCode::backup_old, "",
       facts.has_backup
           ? fmt::format("the newest backup is of {} ago, and one is asked for every {}",
                         about(facts.backup_age), cep::format_duration(*facts.backup_every))
           : fmt::format("there is no backup, and one is asked for every {}",
                         cep::format_duration(*facts.backup_every))});
}

void add_deliveries(const HealthFacts& facts, const HealthLimits& limits,
                    std::vector<HealthCause>& causes) {
  for (const HealthFacts::Endpoint& one : facts.endpoints) {
    const std::string named = one.name.empty() ? one.id : fmt::format("{} ({})", one.name, one.id);
    if (!one.disabled.empty()) {
      causes.push_back({HealthCode::delivery_disabled, one.id,
                        fmt::format("{} is sent nothing any more: {}", named, one.disabled)});
    } else if (one.is_circuit_open) {
      causes.push_back({HealthCode::delivery_failing, one.id,
                        fmt::format("deliveries to {} fail, and {} are owed", named, one.owed)});
    }
  }
  if (facts.oldest_delivery > limits.delivery_wait) {
    causes.push_back({HealthCode::delivery_behind, "",
                      fmt::format("the oldest alert that is owed to an endpoint has waited for {}",
                                  about(facts.oldest_delivery))});
  }
  for (const HealthFacts::Stream& one : facts.streams) {
    if (one.is_fenced) {
      causes.push_back({HealthCode::stream_fenced, one.name,
                        fmt::format("{} are not written any more: {}", one.name, one.error)});
    } else if (!one.error.empty() || one.oldest_owed > limits.delivery_wait) {
      std::string detail =
          fmt::format("{} are owed to their topic for {}", one.name, about(one.oldest_owed));
      if (!one.error.empty()) detail += ": " + one.error;
      causes.push_back({HealthCode::stream_behind, one.name, std::move(detail)});
    }
  }
}
}  // namespace

std::string_view name_of(HealthLevel level) {
  return level == HealthLevel::kCritical ? "critical" : "warning";
}
std::string_view name_of(HealthCode code) { return kind_of(code).name; }
HealthLevel level_of(HealthCode code) { return kind_of(code).level; }
std::string_view remedy_of(HealthCode code) { return kind_of(code).remedy; }

std::vector<HealthCause> health_causes(const HealthFacts& facts, const HealthLimits& limits) {
  std::vector<HealthCause> causes;
  add_stops(facts, causes);
  add_storage(facts, limits, causes);
  for (const HealthFacts::Source& source : facts.sources) {
    if (source.behind <= limits.source_behind) continue;
    causes.push_back(
        {HealthCode::source_behind, source.name,
         fmt::format("{} is {} behind the most advanced source{}", source.name,
                     about(source.behind), source.is_holder ? ", and holds event time back" : "")});
  }
  add_deliveries(facts, limits, causes);
  add_backups(facts, causes);
  if (!facts.audit_finding.empty())
    causes.push_back({HealthCode::audit_broken, "", facts.audit_finding});
  if (facts.certificate_left && *facts.certificate_left < limits.certificate_left) {
    const bool is_over = *facts.certificate_left <= cep::Duration{0};
    causes.push_back(
        {HealthCode::certificate_ends, facts.certificate,
         is_over ? "the certificate has ended: clients refuse it"
                 : fmt::format("the certificate ends in {}", about(*facts.certificate_left))});
  }
  const cep::Duration soon{
      std::min(limits.certificate_left.us, facts.revocations_period.us / kRevocationsLastPart)};
  if (facts.revocations_left && *facts.revocations_left < soon) {
    const bool is_over = *facts.revocations_left <= cep::Duration{0};
    causes.push_back({HealthCode::revocations_end, facts.revocations,
                      is_over ? "a revocation list is out of date: clients of its authority are "
                                "refused"
                              : fmt::format("a revocation list is out of date in {}: clients of "
                                            "its authority are then refused",
                                            about(*facts.revocations_left))});
  }
  std::stable_partition(causes.begin(), causes.end(), [](const HealthCause& cause) {
    return level_of(cause.code) == HealthLevel::kCritical;
  });
  return causes;
}

std::string unreadiness_of(const HealthFacts& facts) {
  std::vector<HealthCause> causes;
  add_stops(facts, causes);
  return causes.empty() ? std::string() : std::move(causes.front().detail);
}

ordered_json health_cause_json(const HealthCause& cause) {
  ordered_json document = {{"code", name_of(cause.code)}, {"level", name_of(level_of(cause.code))}};
  if (!cause.subject.empty()) document["subject"] = cause.subject;
  if (cause.since) document["since"] = cep::format_time(*cause.since);
  document["detail"] = cause.detail;
  document["remedy"] = remedy_of(cause.code);
  return document;
}
}  // namespace tocsin::api
