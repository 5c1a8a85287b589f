// What topics of alerts bring, in a commit.
#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/effects/effect_commit.h"

namespace tocsin::runtime {
Result<void> EffectStore::take(InboxEffects& inbox, Commit& commit) const {
  if (!std::exchange(commit.has_inbox, true))
    commit.batch.put(kMetaFamily, kFormatKey, encode_format({kInboxFormat, semantics_}));
  for (StoredAlert& alert : inbox.alerts) {
    if (Result<void> taken = take_from_topic(alert, commit); !taken) return taken;
  }
  for (SideOutputRow& row : inbox.dead) {
    // Its key is behind those of all rows that are stored, and of those that retention took.
    row.arrival = {commit.cause,
                   kInboxIndex + static_cast<std::uint32_t>(commit.inbox_dead % kInboxIndex), 0};
    ++commit.inbox_dead;
    ++commit.report.inbox_dead;
    put_row(std::move(row), commit);
  }
  if (!inbox.dead.empty())
    commit.batch.put(kMetaFamily, kInboxDeadKey, encode_cause(commit.inbox_dead));
  for (const InboxPlace& place : inbox.places)
    commit.batch.put(kMetaFamily, inbox_place_key(place.source), encode_inbox_place(place));
  return {};
}

Result<void> EffectStore::take_from_topic(StoredAlert& alert, Commit& commit) const {
  const std::optional<AlertId> id = read_alert_id(alert.id);
  TOCSIN_ASSERT(id.has_value() && is_from_topic(alert), "its reader saw to that");
  const Result<std::optional<std::uint64_t>> known = number_of(*id, alert.id, commit);
  if (!known) return tl::unexpected(known.error());
  if (*known) {
    ++commit.report.inbox_repeated;
    return {};
  }
  alert.number = commit.mark.number + 1;
  alert.timeline = 0;
  alert.stored_at = commit.now;
  alert.repeat_of = 0;
  // A replay, which is over by now, need not look at it.
  if (commit.next_number == alert.number) ++commit.next_number;
  ++commit.report.inbox_alerts;
  return put(alert, commit);
}

// The number of an alert with that id that is stored, or is by this commit.
Result<std::optional<std::uint64_t>> EffectStore::number_of(AlertId id, const std::string& text,
                                                            Commit& commit) const {
  if (!commit.ids) {
    commit.ids.emplace();
    for (const auto& [one, number] : commit.alert_ids) commit.ids->emplace(one, number);
  }
  if (const auto found = commit.ids->find(id); found != commit.ids->end()) return found->second;
  const Result<std::vector<std::uint64_t>> numbers = reader().numbers_of(text);
  if (!numbers) return tl::unexpected(numbers.error());
  if (numbers->empty()) return std::nullopt;
  return numbers->front();
}
}  // namespace tocsin::runtime
