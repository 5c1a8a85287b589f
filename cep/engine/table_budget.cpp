// The budgets of key groups: when enough has come that one may be exceeded, the partial matches of
// the shard's groups are counted, and the oldest of a group go until seven eighths are left.
#include <algorithm>
#include <tuple>
#include <vector>

#include "cep/base/assert.h"
#include "cep/engine/table_lane.h"
#include "cep/plan/rule.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
namespace {
// A live partial match of some key of a group.
struct OfGroup {
  LiveRun run;
  std::uint32_t key = 0;  // its place among the group's
  bool is_quiet = false;  // a quiet key, which counts as a partial match
};
struct KeyOfGroup {
  KeySlot* slot = nullptr;
  std::size_t dropped = 0;
  bool is_quiet_over = false;
};

// Over all keys; those of one key stay in their order.
void sort_oldest_first(std::vector<OfGroup>& all, const std::vector<KeyOfGroup>& keys,
                       const KeyShard& shard) {
  std::ranges::stable_sort(all, [&](const OfGroup& a, const OfGroup& b) {
    if (std::tie(a.run.time_us, a.run.arrival) != std::tie(b.run.time_us, b.run.arrival)) {
      return std::tie(a.run.time_us, a.run.arrival) < std::tie(b.run.time_us, b.run.arrival);
    }
    if (a.key == b.key) return false;
    return shard.key(*keys[a.key].slot) < shard.key(*keys[b.key].slot);
  });
}

// Numbers the alerts of what comes at `at`, the last of all, by rule, role and key: what waited
// comes behind what the event itself gave of its key.
void number_alerts(std::vector<Alert>& alerts, const OrderKey& at) {
  std::vector<OrderKey*> orders;
  for (std::size_t i = alerts.size(); i-- > 0;) {
    OrderKey& order = alerts[i].order;
    if (std::tie(order.time, order.phase, order.arrival, order.after) !=
        std::tie(at.time, at.phase, at.arrival, at.after)) {
      break;
    }
    orders.push_back(&order);
  }
  std::ranges::reverse(orders);
  const auto owner = [](const OrderKey& order) {
    return std::tie(order.rule, order.role, order.key);
  };
  std::ranges::stable_sort(
      orders, [&](const OrderKey* a, const OrderKey* b) { return owner(*a) < owner(*b); });
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const bool is_first = i == 0 || owner(*orders[i]) != owner(*orders[i - 1]);
    orders[i]->ordinal = is_first ? 0 : orders[i - 1]->ordinal + 1;
  }
}
}  // namespace

void TableLane::keep_groups_to_budget(std::uint32_t pass, TableShard& shard,
                                      const MatchContext& context, const OrderKey& at) {
  const std::size_t alerts_before = context.alerts.size();
  // What was dropped may have been in the way of matches, and these may make keys quiet.
  do {
    for (const std::uint32_t rule : groups_.take_over(pass)) {
      const RuleProgram& program = program_.rules[rule];
      released_.clear();
      GroupCredit left = groups_.full();
      for (std::uint32_t group = 0; group < kGroupsOfShard; ++group) {
        const GroupCredit of_group = keep_group_to_budget(program, shard, group, at);
        left.runs = std::min(left.runs, of_group.runs);
        left.bytes = std::min(left.bytes, of_group.bytes);
      }
      groups_.credit(rule) = left;
      for (KeySlot* const slot : released_) {
        matcher_.general().give_waiting(program, context, *slot, shard.keys.key(*slot), at,
                                        shards_.queue_of_op()[program.op - 1]);
      }
    }
  } while (groups_.any_spent());
  if (context.alerts.size() > alerts_before) number_alerts(context.alerts, at);
}

// A restored key's record takes what it may at most take of its groups' credits.
void TableLane::charge_groups(TableShard& shard, const KeySlot& slot) {
  if (slot.record == 0) return;
  const std::byte* const record = store_.base(slot);
  const auto* const header = reinterpret_cast<const RecordHeader*>(record);
  for (const OperatorEntry& entry : RecordStore::operators_of(record)) {
    const OperatorProgram& op = table_.operators[entry.op - 1];
    if (op.kind != OperatorKind::kRule) continue;
    const RuleProgram& rule = program_.rules[op.index];
    std::uint64_t runs = 0;
    std::uint64_t bytes = 8 * header->used;
    const auto add_busy = [&](const auto& busy, std::uint64_t starts) {
      runs += starts;
      bytes += busy.event_bytes + busy.entry_count * kPlaceBytes;
    };
    if (rule.method == Method::kGeneral) {
      const auto handle = *RecordStore::at<std::uint32_t>(record, entry.state);
      const PatternState& state = shard.patterns.at(handle);
      runs = state.run_count() + (state.window.open ? 1 : 0) + (state.suppression.quiet ? 1 : 0);
      bytes = 8 * state.words.size() + (runs + state.waiting.size()) * kPartialMatchBytes;
      if (state.members != nullptr) add_busy(*state.members, state.members->starts.size());
      if (state.paths != nullptr) add_busy(*state.paths, state.paths->starts.size());
      if (state.places != nullptr) add_busy(*state.places, state.places->starts());
    } else {
      const auto* const of_rule = RecordStore::at<RuleHeader>(record, entry.state);
      if (of_rule->is_busy()) {
        const PlacesState& places = *shard.patterns.at(of_rule->handle()).places;
        add_busy(places, places.starts());
      } else {
        runs = of_rule->run_count;
        bytes += runs * kPartialMatchBytes;
      }
    }
    groups_.charge(rule, runs, bytes);
  }
}

// What the group may still take in afterwards.
GroupCredit TableLane::keep_group_to_budget(const RuleProgram& rule, TableShard& shard,
                                            std::uint32_t group, const OrderKey& at) {
  const std::int64_t now = at.time.us;
  std::vector<OfGroup> all;
  std::vector<KeyOfGroup> keys;
  std::vector<LiveRun> runs;
  std::uint64_t bytes = 0;
  shard.keys.for_each_of_group(group, [&](KeySlot& slot) {
    if (slot.record == 0) return;
    std::byte* const record = store_.base(slot);
    const OperatorEntry* const entry = RecordStore::find(record, rule.op);
    if (entry == nullptr) return;
    runs.clear();
    bytes += matcher_.live_runs(rule, shard.patterns, record, entry->state, now, runs);
    for (const LiveRun& run : runs) {
      all.push_back({run, static_cast<std::uint32_t>(keys.size()), false});
      bytes += run.bytes;
    }
    const auto quiet_us = PatternMatcher::quiet_since(rule, shard.patterns, record, entry->state);
    if (quiet_us) {
      all.push_back(
          {{*quiet_us, {}, kPartialMatchBytes}, static_cast<std::uint32_t>(keys.size()), true});
      bytes += kPartialMatchBytes;
    }
    if (!runs.empty() || quiet_us) keys.push_back({&slot});
  });
  const GroupCredit most = groups_.full();
  const auto left = [&](std::uint64_t count) {
    return GroupCredit{most.runs - static_cast<std::int64_t>(count),
                       most.bytes - static_cast<std::int64_t>(bytes)};
  };
  const GroupCredit before = left(all.size());
  if (program_.limits.groups_counted_always) {
    const GroupCredit& credit = groups_.credit(rule.index.value);
    TOCSIN_ASSERT(credit.runs <= before.runs && credit.bytes <= before.bytes,
                  "a group holds no more than was spent");
  }
  if (before.runs >= 0 && before.bytes >= 0) return before;
  for (const auto& [is_exceeded, cause] :
       {std::pair{before.runs < 0, BudgetCause::kRunsPerGroup},
        std::pair{before.bytes < 0, BudgetCause::kBytesPerGroup}}) {
    if (!is_exceeded) continue;
    OrderKey order = at;
    order.rule = rule.index.value;
    budgets_.note(rule.index, cause, std::move(order));
  }
  sort_oldest_first(all, keys, shard.keys);
  std::size_t count = 0;
  const auto is_over = [&] {
    const GroupCredit now_left = left(all.size() - count);
    return now_left.runs < most.runs / 8 || now_left.bytes < most.bytes / 8;
  };
  for (; count < all.size() && is_over(); ++count) {
    KeyOfGroup& key = keys[all[count].key];
    if (all[count].is_quiet) {
      key.is_quiet_over = true;
    } else {
      ++key.dropped;
    }
    bytes -= all[count].run.bytes;
  }
  for (const KeyOfGroup& key : keys) {
    if (key.dropped == 0 && !key.is_quiet_over) continue;
    if (shards_.tracks) note_change(shard, *key.slot);
    std::byte* const record = store_.base(*key.slot);
    const OperatorEntry* const entry = RecordStore::find(record, rule.op);
    if (key.is_quiet_over) PatternMatcher::end_quiet(shard.patterns, record, entry->state);
    if (key.dropped == 0) continue;
    matcher_.drop_live_runs(rule, shard.patterns, record, entry->state, now, key.dropped);
    if (rule.method == Method::kGeneral && rule.rule->selection.in_order) {
      released_.push_back(key.slot);
    }
  }
  return left(all.size() - count);
}
}  // namespace tocsin::cep
