#include "api/trace/silenced_alerts.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/alerts/alert_conditions.h"
#include "api/alerts/stored_effects.h"
#include "api/outbox/silence_service.h"

namespace tocsin::api {
namespace {
using SilencePtr = std::shared_ptr<const Silence>;

// Nothing: none held of it when it was stored.
Result<std::optional<SilencedAlert>> silencing_of(const runtime::EffectReader& store,
                                                  const std::vector<SilencePtr>& silences,
                                                  std::uint64_t number) {
  Result<std::vector<runtime::WithheldRow>> withheld = store.withheld(number);
  if (!withheld) return tl::unexpected(withheld.error());
  for (runtime::WithheldRow& row : *withheld) {
    if (row.kind != runtime::WithheldKind::kSilenced) continue;
    const auto known = std::ranges::find(silences, row.silence, &Silence::id);
    return SilencedAlert{std::move(row.silence), known == silences.end() ? nullptr : *known};
  }
  // Where nobody subscribes to it nothing was withheld.
  const Result<std::optional<runtime::StoredAlert>> alert = store.alert(number);
  if (!alert) return tl::unexpected(alert.error());
  if (!*alert) return std::nullopt;
  const auto holding = std::ranges::find_if(
      silences, [&](const SilencePtr& silence) { return silence->admits(**alert); });
  if (holding == silences.end()) return std::nullopt;
  return SilencedAlert{(*holding)->id, *holding};
}
}  // namespace

Result<void> note_silenced(const runtime::EffectReader& store,
                           const std::vector<SilencePtr>& silences, KeyTrace& trace) {
  for (const TraceEntry& entry : trace.entries) {
    for (const cep::TraceNote& note : entry.notes) {
      if (note.kind != cep::TraceNote::Kind::kAlert) continue;
      const Result<std::vector<std::uint64_t>> numbers = store.numbers_of(note.alert);
      if (!numbers) return tl::unexpected(numbers.error());
      for (const std::uint64_t number : *numbers) {
        Result<std::optional<SilencedAlert>> silencing = silencing_of(store, silences, number);
        if (!silencing) return tl::unexpected(silencing.error());
        if (*silencing) trace.silenced.insert_or_assign(note.alert, **std::move(silencing));
      }
    }
  }
  return {};
}

Result<void> note_silenced(const std::string& data_directory, const KeyTracer& tracer,
                           KeyTrace& trace) {
  const Result<StoredEffects> effects = StoredEffects::open(data_directory);
  if (!effects) return tl::unexpected(effects.error());
  if (!effects->reader()) return {};
  const AlertConditions conditions(tracer.rules_plan());
  const Result<std::vector<SilencePtr>> silences =
      SilenceService::read(effects->store(), conditions);
  if (!silences) return tl::unexpected(silences.error());
  return note_silenced(*effects->reader(), *silences, trace);
}

std::string silences_missing_text(const Error& error) {
  return fmt::format("which alerts were silenced is not known: {}\n", error.message);
}
}  // namespace tocsin::api
