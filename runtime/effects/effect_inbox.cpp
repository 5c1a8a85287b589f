// What topics of alerts bring, in a commit.
#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/effects/effect_commit.h"

namespace tocsin::runtime {
Result<void> EffectStore::Commit::take(InboxEffects& inbox) {
  if (!std::exchange(has_inbox_, true))
    batch_.put(kMetaFamily, kFormatKey, encode_format({kInboxFormat, to_.semantics_}));
  for (StoredAlert& alert : inbox.alerts) {
    if (Result<void> taken = take_from_topic(alert); !taken) return taken;
  }
  for (SideOutputRow& row : inbox.dead) {
    // Its key is behind those of all rows that are stored, and of those that retention took.
    row.arrival = {cause_, kInboxIndex + static_cast<std::uint32_t>(inbox_dead_ % kInboxIndex), 0};
    ++inbox_dead_;
    ++report_.inbox_dead;
    put_row(std::move(row));
  }
  if (!inbox.dead.empty()) batch_.put(kMetaFamily, kInboxDeadKey, encode_cause(inbox_dead_));
  for (const InboxPlace& place : inbox.places)
    batch_.put(kMetaFamily, inbox_place_key(place.source), encode_inbox_place(place));
  return {};
}

Result<void> EffectStore::Commit::take_from_topic(StoredAlert& alert) {
  const std::optional<AlertId> id = read_alert_id(alert.id);
  TOCSIN_ASSERT(id.has_value() && is_from_topic(alert), "its reader saw to that");
  const Result<std::optional<std::uint64_t>> known = number_of(*id, alert.id);
  if (!known) return tl::unexpected(known.error());
  if (*known) {
    ++report_.inbox_repeated;
    return {};
  }
  alert.number = mark_.number + 1;
  alert.timeline = 0;
  alert.stored_at = now_;
  alert.repeat_of = 0;
  // A replay, which is over by now, need not look at it.
  if (next_number_ == alert.number) ++next_number_;
  ++report_.inbox_alerts;
  return put(alert);
}

// The number of an alert with that id that is stored, or is by this commit.
Result<std::optional<std::uint64_t>> EffectStore::Commit::number_of(AlertId id,
                                                                    const std::string& text) {
  if (!ids_) {
    ids_.emplace();
    for (const auto& [one, number] : alert_ids_) ids_->emplace(one, number);
  }
  if (const auto found = ids_->find(id); found != ids_->end()) return found->second;
  const Result<std::vector<std::uint64_t>> numbers = to_.reader().numbers_of(text);
  if (!numbers) return tl::unexpected(numbers.error());
  if (numbers->empty()) return std::nullopt;
  return numbers->front();
}
}  // namespace tocsin::runtime
