#include "cep/engine/table_lane.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "cep/base/prefetch.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
namespace {
// Memory is fetched for so many rows at once, one such block ahead of its use, slots more blocks: a
// fetch whose page the processor does not know waits for its address, and those of a block wait
// together.
constexpr std::uint32_t kBlock = 8;
constexpr std::uint32_t kSlotsAhead = 8 * kBlock;
}  // namespace

TableLane::TableLane(const ProgramImpl& program, std::uint32_t table, TableShards& shards,
                     TableTouches& touches, EngineStats& stats, BudgetLog& budgets)
    : program_(program),
      table_(program.tables[table]),
      shards_(shards),
      touches_(touches),
      stats_(stats),
      budgets_(budgets),
      pass_masks_(program.pass_count, std::vector<std::uint64_t>(touches.keys.operator_words())),
      store_(program, table_),
      capture_(program, table_),
      feature_store_(program, table, store_, stats),
      groups_(program, table),
      matcher_(program, table_, store_, capture_, stats, groups_, budgets),
      codec_(program, table_, store_, capture_, feature_store_, matcher_.general(), stats),
      features_(program, table),
      plain_rows_(program, table_, store_, feature_store_, capture_, stats),
      event_lists_(*program.plan) {
  for (std::size_t bit = 1; bit < table_.mask_operators.size(); ++bit) {
    const std::uint32_t pass = table_.operators[table_.mask_operators[bit] - 1].pass;
    pass_masks_[pass][bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
  closed_.resize(table_.operators.size() / 64 + 1);
  has_roles_ = std::ranges::any_of(table_.roles, [](const auto& roles) { return !roles.empty(); });
}

// ---- slots

void TableLane::run(const TablePass& pass, ShardRange range, std::vector<Alert>& alerts) {
  Slice& slice = pass.slice;
  begin_slice(slice);
  touches_end_ = touches_.keys.begin_of(range.end);
  const std::uint32_t first = touches_.keys.begin_of(range.begin);
  if (pass.is_new) {
    prefetch_slots(first, first + kSlotsAhead);
    for (std::uint32_t s = range.begin; s < range.end; ++s) {
      if (touches_.keys.begin_of(s) < touches_.keys.end_of(s)) find_slots(s, slice);
    }
  }
  prefetch_rows(first, first + 2 * kBlock, slice);
  prefetch_records(first, first + kBlock);
  fetch_for_timers(pass, range);
  std::array<std::int64_t, kShardCount>& next_due = shards_.next_due[pass.pass];
  for (std::uint32_t s = range.begin; s < range.end; ++s) {
    const bool has_rows = touches_.keys.begin_of(s) < touches_.keys.end_of(s);
    if (!has_rows && next_due[s] > pass.watermark.us) continue;
    TableShard& shard = shards_[s];
    if (has_rows) run_shard(pass.pass, s, slice, alerts);
    if (!shards_.has_timers(pass.pass)) continue;
    ShardTimers& timers = shard.timers[pass.pass];
    if (timers.next_due_us() <= pass.watermark.us) {
      fire(pass.pass, shard, {slice, alerts, shard.patterns, timers, event_lists_},
           pass.watermark.us);
    }
    next_due[s] = timers.next_due_us();
  }
}

void TableLane::begin_slice(const Slice& slice) {
  slice.join_texts();
  if (std::exchange(first_version_, slice.first_version()) != slice.first_version()) {
    value_texts_.clear();
  }
  capture_.begin_slice(slice.batch());
  feature_store_.begin_slice(slice.batch());
}

void TableLane::prefetch_slots(std::uint32_t begin, std::uint32_t end) const {
  end = std::min(end, touches_end_);
  for (std::uint32_t i = begin; i < end; ++i) {
    const std::uint64_t hash = touches_.keys.touch(i).hash;
    shards_[shard_of_hash(hash)].keys.prefetch(hash);
  }
}
void TableLane::prefetch_rows(std::uint32_t begin, std::uint32_t end, const Slice& slice) const {
  end = std::min(end, touches_end_);
  const std::vector<Row>& rows = slice.batch().rows;
  for (std::uint32_t i = begin; i < end; ++i) {
    tocsin::prefetch(&rows[touches_.keys.touch(i).row]);
    tocsin::prefetch(touches_.slots[i]);
  }
}
void TableLane::prefetch_records(std::uint32_t begin, std::uint32_t end) const {
  end = std::min(end, touches_end_);
  for (std::uint32_t i = begin; i < end; ++i) store_.prefetch(touches_.record_hints[i]);
}
void TableLane::find_slots(std::uint32_t shard_index, Slice& slice) {
  TableShard& shard = shards_[shard_index];
  const std::uint32_t begin = touches_.keys.begin_of(shard_index);
  const std::uint32_t end = touches_.keys.end_of(shard_index);
  const std::vector<Row>& rows = slice.batch().rows;
  const std::uint64_t generation = shard.keys.generation();
  for (std::uint32_t i = begin; i < end; ++i) {
    if (i % kBlock == 0) prefetch_slots(i + kSlotsAhead, i + kSlotsAhead + kBlock);
    const SliceKeys::Touch& touch = touches_.keys.touch(i);
    KeySlot* slot = shard.keys.find(touch.hash, touches_.keys.key_of(touch));
    const Row& row = rows[touch.row];
    if (slot == nullptr && (touches_.keys.mask_of(row, touch, scratch_)[0] & 1) != 0) {
      slot = shard.keys.insert(touch.hash, touches_.keys.key_of(touch));
    }
    if (slot != nullptr) {
      slot->touched = touches_.tick & (KeySlot::kTicks - 1);
      if (shards_.tracks) note_change(shard, *slot);
    }
    touches_.slots[i] = slot;
    touches_.record_hints[i] =
        slot != nullptr && slot->record != 0 ? shard.keys.arena().at(slot->record) : nullptr;
  }
  if (shard.keys.generation() != generation) {  // inserts may have moved what was found before
    for (std::uint32_t i = begin; i < end; ++i) {
      touches_.slots[i] = shard.keys.find(touches_.keys.touch(i).hash,
                                          touches_.keys.key_of(touches_.keys.touch(i)));
    }
  }
}

// ---- rows

void TableLane::run_shard(std::uint32_t pass, std::uint32_t shard_index, Slice& slice,
                          std::vector<Alert>& alerts) {
  TableShard& shard = shards_[shard_index];
  const MatchContext context{slice, alerts, shard.patterns, shard.timers[pass], event_lists_};
  work_on(shard);
  const std::uint32_t end = touches_.keys.end_of(shard_index);
  const std::vector<Row>& rows = slice.batch().rows;
  const bool has_timers = shards_.has_timers(pass);
  const bool is_plain =
      plain_rows_.may_run() && table_.predicate_places.empty() && profile_ == nullptr;
  if (is_plain) begin_plain_rows(pass, slice);
  for (std::uint32_t i = touches_.keys.begin_of(shard_index); i < end; ++i) {
    if (i % kBlock == 0) {
      prefetch_rows(i + 2 * kBlock, i + 3 * kBlock, slice);
      prefetch_records(i + kBlock, i + 2 * kBlock);
    }
    if (has_timers) {
      const std::int64_t now = rows[touches_.keys.touch(i).row].engine_time.us;
      if (shard.timers[pass].next_due_us() <= now) fire(pass, shard, context, now);
    }
    if (is_plain) {
      run_plain_row(pass, context, touches_.keys.touch(i), touches_.slots[i]);
    } else {
      run_row(pass, context, touches_.keys.touch(i), touches_.slots[i]);
    }
    if (groups_.any_over()) {
      const Row& row = rows[touches_.keys.touch(i).row];
      keep_groups_to_budget(pass, shard, context, order_at_event(row.engine_time, row.arrival));
    }
  }
}

void TableLane::run_row(std::uint32_t pass, const MatchContext& context,
                        const SliceKeys::Touch& touch, KeySlot* slot) {
  Slice& slice = context.slice;
  const Row& row = slice.batch().rows[touch.row];
  const std::uint64_t* mask = touches_.keys.mask_of(row, touch, scratch_);
  CurrentRow& current = current_;
  current = {};
  open_gates();
  feature_store_.shared().begin_row();
  current.row = &row;
  current.number = slice.number_of(touch.row);
  current.predicates = mask + touches_.keys.operator_words();
  current.slot = slot;
  current.features = &feature_store_;
  if (slot != nullptr && slot->record != 0) current.record = store_.base(*slot);
  const bool foresees = slot != nullptr && slot->record == 0 && store_.foresees();
  if (foresees) store_.forget_foreseen();
  if (has_roles_ && !table_.roles[row.type.value].empty()) {
    current.roles = touch.sources & ((std::uint32_t{1} << table_.role_places) - 1);
  }
  capture_.take_in_roles(current.roles);
  features_.begin(slice, pass, current);
  current.key = touches_.keys.key_of(touch);
  current.reader = &features_;
  if (profile_ != nullptr) [[unlikely]]
    begin_measuring();
  if (!table_.predicate_places.empty()) {
    current.places = table_.predicate_places.data();
    current.sparse = touches_.keys.sparse_of(row, touch, slice, scratch_);
    find_operators(pass, mask, touch, slice);
    for (const std::uint32_t op : row_operators_) {
      if (foresees) store_.foresee(op);
    }
    std::uint64_t done = 0;
    if (plain_rows_.may_run() && profile_ == nullptr) {
      const std::uint64_t dense = mask[0] & pass_masks_[pass][0];
      done = dense & ~plain_rows_.run(dense, current);
    }
    for (const std::uint32_t op : row_operators_) {
      if (is_closed(op) || (done != 0 && plain_rows_.is_among(op, done))) continue;
      run_operator(op, context);
      if (profile_ != nullptr) [[unlikely]]
        measure(op);
    }
    return;
  }
  const std::uint64_t* const of_pass = pass_masks_[pass].data();
  const std::uint32_t words = touches_.keys.operator_words();
  for (std::uint32_t w = 0; foresees && w < words; ++w) {
    for (std::uint64_t bits = mask[w] & of_pass[w]; bits != 0; bits &= bits - 1) {
      store_.foresee(w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
    }
  }
  for (std::uint32_t w = 0; w < words; ++w) {
    std::uint64_t left = mask[w] & of_pass[w];
    while ((left &= ~closed_[w]) != 0) {  // one that runs may close others
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(left));
      left &= left - 1;
      run_operator(w * 64 + bit, context);
      if (profile_ != nullptr) [[unlikely]]
        measure(w * 64 + bit);
    }
  }
}

// What all plain rows of a shard have in common.
void TableLane::begin_plain_rows(std::uint32_t pass, Slice& slice) {
  current_ = {};
  current_.features = &feature_store_;
  current_.reader = &features_;
  capture_.take_in_roles(0);
  features_.begin(slice, pass, current_);
  open_gates();
}

void TableLane::run_plain_row(std::uint32_t pass, const MatchContext& context,
                              const SliceKeys::Touch& touch, KeySlot* slot) {
  const Row& row = context.slice.batch().rows[touch.row];
  const std::uint64_t* const mask = touches_.keys.mask_of(row);
  std::uint64_t operators = mask[0] & pass_masks_[pass][0];
  if (operators == 0) return;
  current_.row = &row;
  current_.number = context.slice.number_of(touch.row);
  current_.predicates = mask + 1;
  current_.slot = slot;
  current_.record = slot != nullptr && slot->record != 0 ? store_.base(*slot) : nullptr;
  current_.key = touches_.keys.key_of(touch);
  current_.event = 0;
  feature_store_.shared().begin_row();
  features_.begin_row();
  if (current_.record == nullptr && slot != nullptr && store_.foresees()) {
    store_.forget_foreseen();
    for (std::uint64_t bits = operators; bits != 0; bits &= bits - 1) {
      store_.foresee(static_cast<std::uint32_t>(std::countr_zero(bits)));
    }
  }
  operators = plain_rows_.run(operators, current_);
  while ((operators &= ~closed_[0]) != 0) {  // one that runs may close others
    const auto op = static_cast<std::uint32_t>(std::countr_zero(operators));
    operators &= operators - 1;
    run_operator(op, context);
  }
  if (!closing_.empty()) open_gates();
}

void TableLane::begin_measuring() { profile_->begin(); }
void TableLane::measure(std::uint32_t op) { profile_->ran(op); }

// After the feature or group took the current row, or did not.
void TableLane::ask_gate(const CountGate& gate) {
  if (feature_store_.has_in_ring(gate, current_)) return;
  for (const auto& [word, bits] : gate.operators) closed_[word] |= bits;
  closing_.push_back(&gate);
}

// The operators that see the current row where predicates are sparse: dense ones by the mask,
// those that sparse predicates wake, and those of which the key's record holds something.
void TableLane::find_operators(std::uint32_t pass, const std::uint64_t* mask,
                               const SliceKeys::Touch& touch, const Slice& slice) {
  row_operators_.clear();
  for (std::uint32_t w = 0; w < touches_.keys.operator_words(); ++w) {
    for (std::uint64_t bits = mask[w] & pass_masks_[pass][w]; bits != 0; bits &= bits - 1) {
      const std::uint32_t bit = w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      row_operators_.push_back(table_.mask_operators[bit]);
    }
  }
  const std::size_t dense = row_operators_.size();
  touches_.keys.for_each_woken(*current_.row, touch, slice, [&](std::uint32_t op) {
    if (table_.operators[op - 1].pass == pass) row_operators_.push_back(op);
  });
  const bool is_own = (touch.sources & ((std::uint64_t{1} << table_.role_places) - 1)) != 0;
  if (current_.record != nullptr && is_own) {
    for (const OperatorEntry& entry : RecordStore::operators_of(current_.record)) {
      const std::uint32_t op = entry.op;
      const std::span<const std::uint32_t> continued = table_.continued.of(op);
      if (continued.empty() || table_.operators[op - 1].pass != pass) continue;
      const bool sees = std::any_of(continued.begin(), continued.end(),
                                    [&](std::uint32_t p) { return current_.satisfies(p); });
      if (sees) row_operators_.push_back(op);
    }
  }
  if (row_operators_.size() == dense) return;
  std::sort(row_operators_.begin(), row_operators_.end());
  row_operators_.erase(std::unique(row_operators_.begin(), row_operators_.end()),
                       row_operators_.end());
}

void TableLane::run_operator(std::uint32_t op, const MatchContext& context) {
  const OperatorProgram& program = table_.operators[op - 1];
  ++stats_.operators_run;
  switch (program.kind) {
    case OperatorKind::kFeature: {
      const FeatureProgram& feature = program_.features[program.index];
      if (takes(feature, current_, context.slice)) {
        take_into_feature(feature, current_, context.slice);
      }
      if (feature.gate) ask_gate(*feature.gate);
      break;
    }
    case OperatorKind::kGroup: {
      const FeatureGroup& group = program_.feature_groups[program.index];
      take_into_group(group, context.slice);
      if (group.gate) ask_gate(*group.gate);
      break;
    }
    case OperatorKind::kRing:
      break;
    case OperatorKind::kProbe:
      write_value(program_.probes[program.index], current_, context.slice);
      break;
    case OperatorKind::kRule:
      matcher_.on_event(program_.rules[program.index], context, current_,
                        shards_.queue_of_op()[op - 1]);
      break;
    case OperatorKind::kStrict:
      matcher_.strict().on_event(program_.strict_groups[program.index], context, current_);
      break;
  }
}

// ---- time

// The slots and records of keys whose timers this slice will fire: all at once, so that they wait
// together.
void TableLane::fetch_for_timers(const TablePass& pass, ShardRange range) {
  due_keys_.clear();
  for (std::uint32_t s = range.begin; s < range.end; ++s) {
    if (shards_.next_due[pass.pass][s] > pass.watermark.us) continue;
    const TableShard& shard = shards_[s];
    shard.timers[pass.pass].peek(pass.watermark.us, [&](std::uint64_t hash) {
      due_keys_.push_back(hash);
      shard.keys.prefetch(hash);
    });
  }
  for (const std::uint64_t hash : due_keys_) {
    KeyShard& keys = shards_[shard_of_hash(hash)].keys;
    keys.for_each_of_hash(hash, [&](const KeySlot& slot) {
      if (slot.record != 0) store_.prefetch(keys.arena().at(slot.record));
    });
  }
}

void TableLane::fire(std::uint32_t pass, TableShard& shard, const MatchContext& context,
                     std::int64_t now_us) {
  work_on(shard);
  ShardTimers& timers = shard.timers[pass];
  Timer timer;
  const auto pass_deadline = [&] {
    // Keys of one hash are told apart by the event that set the timer: it has one key.
    shard.keys.for_each_of_hash(timer.hash, [&](KeySlot& slot) {
      if (shards_.tracks) note_change(shard, slot);
      const RuleProgram& rule = program_.rules[timer.rule];
      const std::string_view key = shard.keys.key(slot);
      if (profile_ != nullptr) profile_->begin();
      if (rule.method == Method::kGeneral) {
        matcher_.general().on_deadline(rule, context, slot, key, timer,
                                       shards_.queue_of_op()[rule.op - 1]);
      } else {
        matcher_.on_deadline(rule, context, slot, key, timer);
      }
      if (profile_ != nullptr) profile_->waited(rule.op);
    });
  };
  while (timers.take_due(now_us, timer)) {
    const EventTime due{timer.deadline_us};
    ArrivalNumber last;
    do {
      last = std::max(last, timer.arrival());
      pass_deadline();
    } while (timers.take_due(due.us, timer));
    if (groups_.any_over()) {
      keep_groups_to_budget(pass, shard, context, order_at_deadline(due, last));
    }
  }
}

// ---- what a cut has of a key

TableLane::Written TableLane::write_key(TableShard& shard, KeySlot& slot) {
  slot.marks = (slot.marks & ~shards_.pending_mark) & 7;
  if (slot.record != 0 && codec_.write(store_.base(slot), shard.patterns, entry_)) {
    slot.marks |= KeySlot::kStored;
    return Written::kPut;
  }
  if (!slot.is_stored()) return Written::kNothing;
  slot.marks = slot.marks & 3;
  return Written::kRemove;
}

void TableLane::write_early(TableShard& shard, KeySlot& slot) {
  work_on(shard);
  const Written written = write_key(shard, slot);
  if (written == Written::kNothing) return;
  const std::string_view key = shard.keys.key(slot);
  if (written == Written::kPut) {
    shard.changes.early.put(key, entry_);
  } else {
    shard.changes.early.remove(key);
  }
}
}  // namespace tocsin::cep
