#include "api/health/server_health.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "api/health/certificate_end.h"

namespace tocsin::api {
HealthLimits health_limits(const Configuration& configuration) {
  return {configuration.duration("health.source_behind"),
          configuration.duration("health.delivery_wait"),
          configuration.duration("health.checkpoint_age"),
          configuration.duration("health.certificate_left"),
          static_cast<std::uint64_t>(configuration.integer("health.disk_free_percent"))};
}

namespace {
// What stops events, of which /readyz speaks.
void add_stops(const NodeService& service, const NodeFigures& figures, HealthFacts& facts) {
  facts.failure = service.failure();
  if (figures.journal.state == runtime::JournalState::kNoSpace)
    facts.journal_no_space = figures.journal.reason;
  facts.store_no_space = figures.effects.no_space;
  facts.memory_limit = figures.no_room;
}

void add_node(const NodeFigures& figures, HealthFacts& facts) {
  for (const SourceFigures& source : figures.sources) {
    facts.sources.push_back(
        {source.name, source.behind.value_or(cep::Duration{0}), source.is_holder});
  }
  facts.checkpoint_failure = figures.checkpoints.failure;
  facts.archive_failure = figures.checkpoints.archive.failure;
  facts.release_failure = figures.journal.release_failure;
}

void add_deliveries(SubscriptionService& service, cep::EventTime now, HealthFacts& facts) {
  for (const auto& one : service.list()) {
    HealthFacts::Endpoint endpoint{one->id, one->name};
    if (one->status == SubscriptionStatus::kDisabled) endpoint.disabled = one->status_reason;
    endpoint.is_circuit_open = service.figures(one->id).circuit == CircuitState::kOpen;
    endpoint.owed = service.owed(*one);
    facts.endpoints.push_back(std::move(endpoint));
  }
  if (const auto oldest = service.oldest_waiting(); oldest && *oldest)
    facts.oldest_delivery = now - **oldest;
}

void add_streams(const SinkService& sinks, cep::EventTime now, HealthFacts& facts) {
  for (const runtime::SinkFigures& sink : sinks.figures()) {
    HealthFacts::Stream stream;
    stream.name = runtime::name_of(sink.stream);
    stream.is_fenced = sink.state == runtime::SinkState::kFenced;
    if (sink.state != runtime::SinkState::kOpen) stream.error = sink.last_error;
    if (sink.debt.oldest_at) stream.oldest_owed = now - *sink.debt.oldest_at;
    facts.streams.push_back(std::move(stream));
  }
}

void add_backups(const BackupService& backups, cep::EventTime began, cep::EventTime now,
                 HealthFacts& facts) {
  const BackupFigures figures = backups.figures();
  facts.backup_failure = figures.failure;
  facts.backup_every = backups.every();
  facts.has_backup = figures.last.has_value();
  facts.backup_age = now - (figures.last ? figures.last->began : began);
}
}  // namespace

std::string unreadiness_of(const NodeService& service) {
  HealthFacts facts;
  add_stops(service, service.figures(), facts);
  return unreadiness_of(facts);
}

ServerHealth::ServerHealth(HealthSources sources)
    : sources_(std::move(sources)), began_(sources_.clock.now()) {
  const NodeFigures figures = sources_.node.figures();
  checkpoint_ = figures.checkpoints.number;
  records_ = figures.journal.next_sequence;
}

bool ServerHealth::has_news(const NodeFigures& figures) {
  const std::lock_guard lock(mutex_);
  if (checkpoint_ != figures.checkpoints.number) {
    checkpoint_ = figures.checkpoints.number;
    records_ = figures.journal.next_sequence;
  }
  return figures.journal.next_sequence > records_;
}

Health ServerHealth::ask(std::string unreadiness) {
  const cep::EventTime now = sources_.clock.now();
  const NodeFigures figures = sources_.node.figures();
  HealthFacts facts;
  add_stops(sources_.node, figures, facts);
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(sources_.directory, error);
  if (!error) {
    facts.disk_bytes = space.capacity;
    facts.disk_free_bytes = space.available;
  }
  add_node(figures, facts);
  if (has_news(figures)) facts.checkpoint_age = now - figures.checkpoint_at;
  if (sources_.subscriptions != nullptr) add_deliveries(*sources_.subscriptions, now, facts);
  if (sources_.sinks != nullptr) add_streams(*sources_.sinks, now, facts);
  if (sources_.backups != nullptr) add_backups(*sources_.backups, began_, now, facts);
  if (sources_.audit != nullptr) facts.audit_finding = sources_.audit->finding();
  facts.certificate = sources_.configuration.text("http.tls_certificate");
  if (!facts.certificate.empty()) {
    // Where the file is not readable any more, the server goes on with what it has read.
    if (const auto end = certificate_end(facts.certificate)) facts.certificate_left = *end - now;
  }
  if (const auto valid = sources_.revocations ? sources_.revocations() : std::nullopt) {
    facts.revocations = sources_.configuration.text("http.tls_client_crl");
    facts.revocations_left = valid->ends - now;
    facts.revocations_period = valid->ends - valid->begins;
  }
  Health health = {std::move(unreadiness),
                   health_causes(facts, health_limits(sources_.configuration))};
  date(health.causes, now);
  return health;
}

void ServerHealth::date(std::vector<HealthCause>& causes, cep::EventTime now) {
  const std::lock_guard lock(mutex_);
  decltype(seen_) seen;
  for (HealthCause& cause : causes) {
    const auto key = std::pair(cause.code, cause.subject);
    const auto before = seen_.find(key);
    cause.since = before == seen_.end() ? now : before->second;
    seen.emplace(key, *cause.since);
  }
  seen_ = std::move(seen);
}
}  // namespace tocsin::api
