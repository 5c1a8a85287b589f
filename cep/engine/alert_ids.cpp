#include "cep/engine/alert_ids.h"

#include <map>
#include <optional>

#include "cep/data/alert_work.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
// The digest's contents.
void AlertIds::begin(const Alert& alert, AlertDigester& digester) const {
  const Rule& rule = *program_.rules[alert.rule.value].rule;
  const std::size_t events = alert.window_begin ? 1 : alert.events.size();
  digester.begin(rule.id, alert.order.key, alert.ts, events + (alert.events_omitted > 0 ? 1 : 0));
  if (alert.window_begin) {
    digester.add(identity_of_window(*alert.window_begin, alert.ts));
  } else {
    for (const BoundEvent& event : alert.events) digester.add(event.identity);
  }
  if (alert.events_omitted > 0) digester.add(identity_of_omitted(alert.events_omitted));
}

AlertDigest AlertIds::digest_of(const Alert& alert, AlertDigester& digester) const {
  begin(alert, digester);
  return digester.digest(0);
}

// `digest`: the alert's with number 0.
void AlertIds::give(Alert& alert, AlertDigest digest, AlertDigester& digester) {
  OfPass& ids = ids_[program_.rules[alert.rule.value].pass];
  if (alert.ts != ids.time) {
    ids.given.clear();
    ids.time = alert.ts;
  }
  if (const std::uint32_t number = ids.given.count(digest)++; number > 0) {
    begin(alert, digester);
    digest = digester.digest(number);
  }
  alert.digest = digest;
}

void AlertIds::give(std::span<Alert> alerts, Workers* workers) {
  const auto count = static_cast<std::uint32_t>(alerts.size());
  const std::uint32_t parts = parts_of(workers, count * kRowsOfAlert, 1);
  if (digesters_.size() < parts) digesters_.resize(parts);
  digests_.resize(count);
  run_parts(workers, parts, [&](std::uint32_t part, std::uint32_t /*worker*/) {
    const PartRange range = part_range(count, part, parts);
    for (std::uint32_t i = range.begin; i < range.end; ++i) {
      digests_[i] = digest_of(alerts[i], digesters_[part]);
    }
  });
  for (std::uint32_t i = 0; i < count; ++i) give(alerts[i], digests_[i], digester_);
}

void AlertIds::save(EventTime time, ByteWriter& to) const {
  std::map<AlertDigest, std::uint32_t> given;
  for (const OfPass& ids : ids_) {
    if (ids.time != time) continue;
    ids.given.for_each(
        [&given](const AlertDigest& digest, std::uint32_t count) { given.emplace(digest, count); });
  }
  to.varint(given.size());
  for (const auto& [digest, count] : given) {
    to.text(alert_id(digest));
    to.varint(count);
  }
}

bool AlertIds::restore(EventTime time, ByteReader& from) {
  begin_at(time);
  const std::uint64_t count = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
    const std::optional<AlertDigest> digest = read_alert_digest(from.text());
    const auto times = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
    if (!digest) return false;
    note(*digest, times);
  }
  return from.ok();
}

void AlertIds::begin_at(EventTime time) {
  for (OfPass& ids : ids_) {
    ids.time = time;
    ids.given.clear();
  }
}

void AlertIds::note(const AlertDigest& digest, std::uint32_t count) {
  for (OfPass& ids : ids_) ids.given.count(digest) = count;
}
}  // namespace tocsin::cep
