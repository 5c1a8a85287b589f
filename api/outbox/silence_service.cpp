#include "api/outbox/silence_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/effects/effect_codec.h"
#include "runtime/io/crash_point.h"

namespace tocsin::api {
Result<std::vector<SilenceService::SilencePtr>> SilenceService::read(
    const runtime::StoreReader& store, const AlertConditions& conditions) {
  std::vector<SilencePtr> all;
  Result<void> damage;
  const Result<void> read =
      store.scan(runtime::kSilenceFamily, {}, [&](std::string_view, std::string_view value) {
        Result<Silence> silence = decode_silence(value);
        if (!silence) {
          damage = tl::unexpected(silence.error());
          return false;
        }
        silence->condition_error = conditions.fit(silence->filter);
        all.push_back(std::make_shared<const Silence>(*std::move(silence)));
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  if (!damage) return tl::unexpected(damage.error());
  return all;
}

Result<void> SilenceService::load() {
  const std::lock_guard changing(changing_);
  Result<std::vector<SilencePtr>> stored = read(store_, conditions_);
  if (!stored) return tl::unexpected(stored.error());
  {
    const std::lock_guard lock(mutex_);
    for (SilencePtr& silence : *stored) {
      std::string id = silence->id;
      silences_[std::move(id)] = std::move(silence);
    }
  }
  if (Result<void> dropped = drop_old(clock_.now()); !dropped) return dropped;
  publish();
  return {};
}

// With `changing_` held.
void SilenceService::publish() {
  std::vector<SilencePtr> holding;
  {
    const std::lock_guard lock(mutex_);
    const cep::EventTime now = clock_.now();
    for (const auto& [id, silence] : silences_) {
      if (silence->state_at(now) != SilenceState::kEnded) holding.push_back(silence);
    }
  }
  // Of several that admit an alert the oldest stands in its record.
  std::ranges::stable_sort(holding, {}, [](const SilencePtr& one) { return one->created_at; });
  planner_.set_silences(std::move(holding));
}

Result<void> SilenceService::keep(const Silence& silence) {
  runtime::StoreBatch batch;
  batch.put(runtime::kSilenceFamily, silence.id, encode_silence(silence));
  runtime::crash_point("silences.before_write");
  if (Result<void> written = store_.write(batch, true); !written) return written;
  const std::lock_guard lock(mutex_);
  silences_[silence.id] = std::make_shared<const Silence>(silence);
  return {};
}

// With `changing_` held.
Result<void> SilenceService::drop_old(cep::EventTime now) {
  runtime::StoreBatch batch;
  const std::lock_guard lock(mutex_);
  std::erase_if(silences_, [&](const auto& one) {
    if (now < one.second->until + options_.ended_kept) return false;
    batch.remove(runtime::kSilenceFamily, one.first);
    return true;
  });
  return batch.empty() ? Result<void>{} : store_.write(batch, false);
}

std::vector<SilenceService::SilencePtr> SilenceService::list() {
  const std::lock_guard changing(changing_);
  // One that could not be dropped is there still, and dropped another time.
  static_cast<void>(drop_old(clock_.now()));
  const std::lock_guard lock(mutex_);
  std::vector<SilencePtr> all;
  for (const auto& [id, silence] : silences_) all.push_back(silence);
  std::ranges::stable_sort(all, std::ranges::greater{},
                           [](const SilencePtr& one) { return one->created_at; });
  return all;
}
SilenceService::SilencePtr SilenceService::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = silences_.find(id);
  return found == silences_.end() ? nullptr : found->second;
}

Result<SilenceService::SilencePtr> SilenceService::create(std::string_view settings,
                                                          const std::string& who) {
  const std::lock_guard changing(changing_);
  const cep::EventTime now = clock_.now();
  Result<Silence> silence = read_silence(settings, now);
  if (!silence) return tl::unexpected(silence.error());
  if (std::string why = conditions_.fit(silence->filter); !why.empty())
    return fail(Errc::kInvalidArgument, std::move(why));
  if (Result<void> dropped = drop_old(now); !dropped) return tl::unexpected(dropped.error());
  std::size_t holding = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, one] : silences_)
      holding += one->state_at(now) != SilenceState::kEnded ? 1 : 0;
  }
  if (holding >= options_.silences_max) {
    return fail(Errc::kConflict,
                fmt::format("there are {} silences that have not ended, as many as there may be "
                            "(silences.max): end one, or use fewer that admit more",
                            options_.silences_max));
  }
  Result<std::string> id = make_silence_id();
  if (!id) return tl::unexpected(id.error());
  silence->id = *std::move(id);
  silence->created_by = who;
  if (Result<void> kept = keep(*silence); !kept) return tl::unexpected(kept.error());
  publish();
  return find(silence->id);
}

Result<SilenceService::SilencePtr> SilenceService::end(const std::string& id,
                                                       const std::string& who) {
  const std::lock_guard changing(changing_);
  const SilencePtr before = find(id);
  if (!before) return fail(Errc::kNotFound, "there is no silence " + id);
  const cep::EventTime now = clock_.now();
  if (before->state_at(now) == SilenceState::kEnded) {
    return fail(Errc::kConflict,
                fmt::format("the silence {} ended at {}", id, cep::format_time(before->until)));
  }
  Silence ended = *before;
  ended.until = now;
  ended.ended_by = who;
  if (Result<void> kept = keep(ended); !kept) return tl::unexpected(kept.error());
  publish();
  return find(id);
}

std::vector<std::pair<std::string, std::string>> SilenceService::rules_changed() {
  const std::lock_guard changing(changing_);
  std::vector<std::pair<std::string, std::string>> broken;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, silence] : silences_) {
      if (silence->filter.condition_text.empty()) continue;
      if (silence->state_at(clock_.now()) == SilenceState::kEnded) continue;
      Silence next = *silence;
      next.condition_error = conditions_.fit(next.filter);
      if (!next.condition_error.empty() && silence->condition_error.empty())
        broken.emplace_back(id, next.condition_error);
      silence = std::make_shared<const Silence>(std::move(next));
    }
  }
  publish();
  return broken;
}
}  // namespace tocsin::api
