#include "cep/engine/table_state.h"

#include <algorithm>
#include <bit>

#include "cep/base/prefetch.h"
#include "cep/eval/eval.h"
#include "cep/plan/feature.h"
#include "cep/value/key.h"

namespace tocsin::cep {
namespace {
// Memory is fetched for so many rows at once, one such block ahead of its use, slots more blocks: a
// fetch whose page the processor does not know waits for its address, and those of a block wait
// together.
constexpr std::uint32_t kBlock = 8;
constexpr std::uint32_t kSlotsAhead = 8 * kBlock;
constexpr std::int64_t kTickLeastUs = 1'000;
constexpr std::int64_t kTickWithoutWindowsUs = 600'000'000;

}  // namespace

TableState::Features::Features(const ProgramImpl& program, std::uint32_t table)
    : program_(program),
      pass_in_place_(program.value_count, kNone),
      places_(program.value_count, 1),
      own_(program.value_count) {
  for (const FeatureProgram& feature : program.features) {
    if (feature.table != table) continue;
    pass_in_place_[feature.index.value] = feature.pass;
  }
  for (const ProbeProgram& probe : program.probes) {
    const FeatureProgram& feature = program.features[probe.feature.value];
    places_[probe.value.value] = program.tables[feature.table].role_places;
    own_[probe.value.value] = feature.table == table && probe.source == 0;
  }
}

const Value& TableState::Features::read(FeatureIndex read) {
  FeatureIndex value = read;
  if (program_.value_by_place[read.value]) value.value += place_of_role(current_->roles);
  if (pass_in_place_[value.value] != pass_) {
    const std::size_t place = own_[value.value] ? place_of_role(current_->roles) : 0;
    return slice_->values(value)[std::size_t{current_->number} * places_[value.value] + place];
  }
  if (value.value != last_) {
    last_ = value.value;
    value_ = read_feature(program_.features[value.value], *current_);
  }
  return value_;
}

TableState::TableState(const ProgramImpl& program, std::uint32_t table, std::uint64_t hash_seed,
                       EngineStats& stats, BudgetLog& budgets)
    : program_(program),
      table_(program.tables[table]),
      seed_(hash_seed),
      stats_(stats),
      tick_us_(table_.longest_us == 0
                   ? kTickWithoutWindowsUs
                   : std::max(table_.longest_us / kTicksOfLongest, kTickLeastUs)),
      store_(program, table_),
      feature_store_(program, table, store_, stats),
      groups_(program, table),
      budgets_(budgets),
      matcher_(program, table_, store_, stats, groups_, budgets),
      codec_(program, table_, store_, feature_store_, matcher_.general(), stats),
      features_(program, table),
      slice_keys_(program, table, hash_seed, stats) {
  std::vector<std::vector<bool>> queues(program.pass_count);
  queue_of_op_.resize(table_.operators.size());
  closed_.resize(table_.operators.size() / 64 + 1);
  for (std::size_t i = 0; i < table_.operators.size(); ++i) {
    const OperatorProgram& op = table_.operators[i];
    if (op.kind != OperatorKind::kRule || !program.rules[op.index].sets_deadlines) continue;
    const RuleProgram& rule = program.rules[op.index];
    queue_of_op_[i] = static_cast<std::uint32_t>(queues[op.pass].size());
    queues[op.pass].push_back(rule.method != Method::kGeneral && !rule.waits_from_first);
  }
  pass_masks_.assign(program.pass_count, std::vector<std::uint64_t>(slice_keys_.operator_words()));
  has_pass_.resize(program.pass_count);
  for (const OperatorProgram& op : table_.operators) has_pass_[op.pass] = true;
  for (std::size_t bit = 1; bit < table_.mask_operators.size(); ++bit) {
    const std::uint32_t pass = table_.operators[table_.mask_operators[bit] - 1].pass;
    pass_masks_[pass][bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
  for (std::uint32_t i = 0; i < kShardCount; ++i) {
    shards_.push_back(std::make_unique<Shard>(hash_seed));
    for (const std::vector<bool>& of_pass : queues) shards_.back()->timers.emplace_back(of_pass);
  }
  for (const std::vector<bool>& of_pass : queues) has_timers_.push_back(!of_pass.empty());
  next_due_.resize(program.pass_count);
  for (auto& of_pass : next_due_) of_pass.fill(ShardTimers::kNone);
}

// ---- resolve

void TableState::resolve(std::uint32_t pass, Slice& slice) {
  if (!slice_keys_.resolve(pass, slice)) return;
  slots_.resize(slice_keys_.size());
  record_hints_.resize(slice_keys_.size());
  if (slice_keys_.size() > 0) {
    const EventTime latest = slice.batch().rows.back().engine_time;
    tick_ = kept_tick(tick_of(latest.us));
  }
  prefetch_slots(0, kSlotsAhead);
  for (std::uint32_t s = 0; s < kShardCount; ++s) {
    if (slice_keys_.begin_of(s) < slice_keys_.end_of(s)) find_slots(s, slice);
  }
}

void TableState::prefetch_slots(std::uint32_t begin, std::uint32_t end) const {
  end = std::min(end, slice_keys_.size());
  for (std::uint32_t i = begin; i < end; ++i) {
    const std::uint64_t hash = slice_keys_.touch(i).hash;
    shards_[shard_of_hash(hash)]->keys.prefetch(hash);
  }
}
void TableState::prefetch_rows(std::uint32_t begin, std::uint32_t end, const Slice& slice) const {
  end = std::min(end, slice_keys_.size());
  const std::vector<Row>& rows = slice.batch().rows;
  for (std::uint32_t i = begin; i < end; ++i) {
    tocsin::prefetch(&rows[slice_keys_.touch(i).row]);
    tocsin::prefetch(slots_[i]);
  }
}
// The rows were fetched before.
void TableState::prefetch_records(std::uint32_t begin, std::uint32_t end,
                                  const Slice& slice) const {
  end = std::min(end, slice_keys_.size());
  const std::vector<Row>& rows = slice.batch().rows;
  for (std::uint32_t i = begin; i < end; ++i) store_.prefetch(record_hints_[i]);
  for (std::uint32_t i = begin; i < end; ++i) {
    const Row& row = rows[slice_keys_.touch(i).row];
    tocsin::prefetch(slice_keys_.mask_of(row));
    store_.prefetch_columns(row);
  }
}
void TableState::find_slots(std::uint32_t shard_index, Slice& slice) {
  Shard& shard = *shards_[shard_index];
  const std::uint32_t begin = slice_keys_.begin_of(shard_index);
  const std::uint32_t end = slice_keys_.end_of(shard_index);
  const std::vector<Row>& rows = slice.batch().rows;
  const std::uint64_t generation = shard.keys.generation();
  for (std::uint32_t i = begin; i < end; ++i) {
    if (i % kBlock == 0) prefetch_slots(i + kSlotsAhead, i + kSlotsAhead + kBlock);
    const SliceKeys::Touch& touch = slice_keys_.touch(i);
    KeySlot* slot = shard.keys.find(touch.hash, slice_keys_.key_of(touch));
    const Row& row = rows[touch.row];
    if (slot == nullptr && (slice_keys_.mask_of(row, touch)[0] & 1) != 0) {
      slot = shard.keys.insert(touch.hash, slice_keys_.key_of(touch));
    }
    if (slot != nullptr) {
      slot->touched = tick_ & (KeySlot::kTicks - 1);
      if (tracks_) note_change(shard, *slot);
    }
    slots_[i] = slot;
    record_hints_[i] =
        slot != nullptr && slot->record != 0 ? shard.keys.arena().at(slot->record) : nullptr;
  }
  if (shard.keys.generation() != generation) {  // inserts may have moved what was found before
    for (std::uint32_t i = begin; i < end; ++i) {
      slots_[i] =
          shard.keys.find(slice_keys_.touch(i).hash, slice_keys_.key_of(slice_keys_.touch(i)));
    }
  }
}

// ---- run

void TableState::run(std::uint32_t pass, Slice& slice, EventTime watermark,
                     std::vector<Alert>& alerts) {
  resolve(pass, slice);
  store_.begin_slice(slice.batch());
  feature_store_.begin_slice(slice.batch());
  prefetch_rows(0, 2 * kBlock, slice);
  prefetch_records(0, kBlock, slice);
  fetch_for_timers(pass, watermark);
  for (std::uint32_t s = 0; s < kShardCount; ++s) {
    const bool has_rows = slice_keys_.begin_of(s) < slice_keys_.end_of(s);
    if (!has_rows && next_due_[pass][s] > watermark.us) continue;
    Shard& shard = *shards_[s];
    if (has_rows) run_shard(pass, s, slice, alerts);
    if (!has_timers_[pass]) continue;
    if (shard.timers[pass].next_due_us() <= watermark.us) {
      fire(pass, shard, {slice, alerts, shard.patterns, shard.timers[pass]}, watermark.us);
    }
    next_due_[pass][s] = shard.timers[pass].next_due_us();
  }
}

std::int64_t TableState::next_due_us() const {
  std::int64_t due = ShardTimers::kNone;
  for (std::size_t pass = 0; pass < next_due_.size(); ++pass) {
    if (has_timers_[pass]) due = std::min(due, *std::ranges::min_element(next_due_[pass]));
  }
  return due;
}

// The slots and records of keys whose timers this slice will fire: all at once, so that they wait
// together.
void TableState::fetch_for_timers(std::uint32_t pass, EventTime watermark) {
  due_keys_.clear();
  for (std::uint32_t s = 0; s < kShardCount; ++s) {
    if (next_due_[pass][s] > watermark.us) continue;
    const Shard& shard = *shards_[s];
    shard.timers[pass].peek(watermark.us, [&](std::uint64_t hash) {
      due_keys_.push_back(hash);
      shard.keys.prefetch(hash);
    });
  }
  for (const std::uint64_t hash : due_keys_) fetch_records(*shards_[shard_of_hash(hash)], hash);
}

void TableState::fetch_records(Shard& shard, std::uint64_t hash) const {
  shard.keys.for_each_of_hash(hash, [&](const KeySlot& slot) {
    if (slot.record != 0) store_.prefetch(shard.keys.arena().at(slot.record));
  });
}

void TableState::run_shard(std::uint32_t pass, std::uint32_t shard_index, Slice& slice,
                           std::vector<Alert>& alerts) {
  Shard& shard = *shards_[shard_index];
  const MatchContext context{slice, alerts, shard.patterns, shard.timers[pass]};
  work_on(shard);
  const std::uint32_t end = slice_keys_.end_of(shard_index);
  const std::vector<Row>& rows = slice.batch().rows;
  const bool has_timers = has_timers_[pass];
  for (std::uint32_t i = slice_keys_.begin_of(shard_index); i < end; ++i) {
    if (i % kBlock == 0) {
      prefetch_rows(i + 2 * kBlock, i + 3 * kBlock, slice);
      prefetch_records(i + kBlock, i + 2 * kBlock, slice);
    }
    if (has_timers) {
      const std::int64_t now = rows[slice_keys_.touch(i).row].engine_time.us;
      if (shard.timers[pass].next_due_us() <= now) fire(pass, shard, context, now);
    }
    run_row(pass, context, slice_keys_.touch(i), slots_[i]);
    if (groups_.any_over()) keep_groups_to_budget(shard, rows[slice_keys_.touch(i).row]);
  }
}

void TableState::run_row(std::uint32_t pass, const MatchContext& context,
                         const SliceKeys::Touch& touch, KeySlot* slot) {
  Slice& slice = context.slice;
  const Row& row = slice.batch().rows[touch.row];
  const std::uint64_t* mask = slice_keys_.mask_of(row, touch);
  CurrentRow& current = current_;
  current = {};
  open_gates();
  feature_store_.shared().begin_row();
  current.row = &row;
  current.number = slice.number_of(touch.row);
  current.predicates = mask + slice_keys_.operator_words();
  current.slot = slot;
  current.features = &feature_store_;
  if (slot != nullptr && slot->record != 0) current.record = store_.base(*slot);
  const bool foresees = slot != nullptr && slot->record == 0 && store_.foresees();
  if (foresees) store_.forget_foreseen();
  if (!table_.roles[row.type.value].empty()) {
    current.roles = touch.sources & ((std::uint32_t{1} << table_.role_places) - 1);
  }
  store_.take_in_roles(current.roles);
  features_.begin(slice, pass, current);
  current.key = slice_keys_.key_of(touch);
  current.reader = &features_;
  if (!table_.predicate_places.empty()) {
    current.places = table_.predicate_places.data();
    current.sparse = slice_keys_.sparse_of(row, touch, slice);
    find_operators(pass, mask, touch, slice);
    for (const std::uint32_t op : row_operators_) {
      if (foresees) store_.foresee(op);
    }
    for (const std::uint32_t op : row_operators_) {
      if (!is_closed(op)) run_operator(op, context);
    }
    return;
  }
  for (std::uint32_t w = 0; foresees && w < slice_keys_.operator_words(); ++w) {
    for (std::uint64_t bits = mask[w] & pass_masks_[pass][w]; bits != 0; bits &= bits - 1) {
      store_.foresee(w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
    }
  }
  for (std::uint32_t w = 0; w < slice_keys_.operator_words(); ++w) {
    for (std::uint64_t bits = mask[w] & pass_masks_[pass][w]; bits != 0; bits &= bits - 1) {
      const std::uint32_t op = w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      if (!is_closed(op)) run_operator(op, context);
    }
  }
}

// After the group took the current row, or did not.
void TableState::ask_gate(const CountGate& gate) {
  if (SharedFeatures::count(program_.features[gate.feature], current_) >= gate.least) return;
  for (const std::uint32_t op : gate.operators) closed_[op / 64] |= std::uint64_t{1} << (op % 64);
  closing_.push_back(&gate);
}

// The operators that see the current row where predicates are sparse: dense ones by the mask,
// those that sparse predicates wake, and those of which the key's record holds something.
void TableState::find_operators(std::uint32_t pass, const std::uint64_t* mask,
                                const SliceKeys::Touch& touch, const Slice& slice) {
  row_operators_.clear();
  for (std::uint32_t w = 0; w < slice_keys_.operator_words(); ++w) {
    for (std::uint64_t bits = mask[w] & pass_masks_[pass][w]; bits != 0; bits &= bits - 1) {
      const std::uint32_t bit = w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      row_operators_.push_back(table_.mask_operators[bit]);
    }
  }
  const std::size_t dense = row_operators_.size();
  slice_keys_.for_each_woken(*current_.row, touch, slice, [&](std::uint32_t op) {
    if (table_.operators[op - 1].pass == pass) row_operators_.push_back(op);
  });
  const bool is_own = (touch.sources & ((std::uint64_t{1} << table_.role_places) - 1)) != 0;
  if (current_.record != nullptr && is_own) {
    const auto* const header = reinterpret_cast<const RecordHeader*>(current_.record);
    const auto* const entries = RecordStore::at<OperatorEntry>(current_.record, header->operators);
    for (std::uint16_t i = 0; i < header->operator_count; ++i) {
      const std::uint32_t op = entries[i].op;
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

void TableState::run_operator(std::uint32_t op, const MatchContext& context) {
  const OperatorProgram& program = table_.operators[op - 1];
  ++stats_.operators_run;
  switch (program.kind) {
    case OperatorKind::kFeature:
      if (takes(program_.features[program.index], current_, context.slice)) {
        take_into_feature(program_.features[program.index], current_, context.slice);
      }
      break;
    case OperatorKind::kGroup:
      take_into_group(program_.feature_groups[program.index], context.slice);
      if (const auto& gate = program_.feature_groups[program.index].gate) ask_gate(*gate);
      break;
    case OperatorKind::kRing:
      break;
    case OperatorKind::kProbe:
      write_value(program_.probes[program.index], current_, context.slice);
      break;
    case OperatorKind::kRule:
      matcher_.on_event(program_.rules[program.index], context, current_, queue_of_op_[op - 1]);
      break;
    case OperatorKind::kStrict:
      matcher_.on_strict_event(program_.strict_groups[program.index], context, current_);
      break;
  }
}

// What the predicate cannot say: conditions that read features, and what a rule has raised.
bool TableState::takes(const FeatureProgram& feature, const CurrentRow& current,
                       const Slice& slice) {
  if (feature.unless && slice.is_alerted(*feature.unless, current.number)) return false;
  if (feature.where.empty()) return true;
  EvalScope scope = feature_scope(slice);
  return std::all_of(feature.where.begin(), feature.where.end(), [&](const Expr* condition) {
    return evaluate(*condition, EventView{current.row, nullptr}, scope).is_true();
  });
}

EvalScope TableState::feature_scope(const Slice& slice) {
  EvalScope scope{program_};
  scope.batch = &slice.batch();
  scope.values_missing = &stats_.values_missing;
  scope.features = &features_;
  return scope;
}

// Under arguments the event may be of another key, and of a type that the feature does not know.
void TableState::write_value(const ProbeProgram& probe, const CurrentRow& current, Slice& slice) {
  const FeatureProgram& feature = program_.features[probe.feature.value];
  Value value = read_feature(feature, current, probe.source > 0);
  if (value.kind == ValueKind::kString) value.text = slice.value_texts().store(value.text);
  const std::uint32_t places = table_.role_places;
  Value* const values = slice.values(probe.value).data() + std::size_t{current.number} * places;
  if (current.roles == 0 || probe.source > 0) {
    values[0] = value;
    return;
  }
  for (std::uint32_t place = 0; place < places; ++place) {
    if ((current.roles >> place & 1) != 0) values[place] = value;
  }
}

void TableState::take_into_feature(const FeatureProgram& feature, CurrentRow& current,
                                   const Slice& slice) {
  Value value;
  EvalScope scope = feature_scope(slice);
  const EventView event{current.row, nullptr};
  bool counts = std::all_of(
      feature.counts.begin(), feature.counts.end(),
      [&](const Expr* condition) { return evaluate(*condition, event, scope).is_true(); });
  if (counts && feature.feature->argument) {
    value = evaluate(*feature.feature->argument, event, scope);
    counts = !value.is_missing();
  }
  if (counts) {
    feature_store_.take(feature, current, value);
  } else if (feature.window.takes_all) {
    feature_store_.pass(feature, current);
  }
}

// As each of its features would take the row by itself.
void TableState::take_into_group(const FeatureGroup& group, const Slice& slice) {
  const FeatureProgram& any = program_.features[group.features[0]];
  const std::uint64_t missing = stats_.values_missing;
  Value value;
  bool is_taken = takes(any, current_, slice);
  if (is_taken && group.has_sums) {
    const EvalScope scope = feature_scope(slice);
    value = evaluate(*any.feature->argument, EventView{current_.row, nullptr}, scope);
    is_taken = !value.is_missing();
  }
  stats_.values_missing += (stats_.values_missing - missing) * (group.features.size() - 1);
  if (is_taken) feature_store_.shared().take(group, current_, value);
}

Value TableState::read_feature(const FeatureProgram& feature, const CurrentRow& current,
                               bool under_arguments) {
  if (!under_arguments && !feature.has_key[current.row->type.value]) return Value::missing();
  return current.features->read(feature, current);
}

// ---- time

void TableState::fire(std::uint32_t pass, Shard& shard, const MatchContext& context,
                      std::int64_t now_us) {
  work_on(shard);
  Timer timer;
  while (shard.timers[pass].take_due(now_us, timer)) {
    // Keys of one hash are told apart by the event that set the timer: it has one key.
    shard.keys.for_each_of_hash(timer.hash, [&](KeySlot& slot) {
      if (tracks_) note_change(shard, slot);
      const RuleProgram& rule = program_.rules[timer.rule];
      const std::string_view key = shard.keys.key(slot);
      if (rule.method == Method::kGeneral) {
        matcher_.general().on_deadline(rule, context, slot, key, timer, queue_of_op_[rule.op - 1]);
      } else {
        matcher_.on_deadline(rule, context, slot, key, timer);
      }
    });
  }
}

void TableState::end() {
  for (const std::unique_ptr<Shard>& shard : shards_) {
    const std::vector<std::string> stored =
        tracks_ ? keys_to_remove(*shard) : std::vector<std::string>();
    shard->keys.clear();
    shard->windows.clear();
    shard->patterns = PatternPool{};
    for (const std::string& key : stored) {
      KeySlot& slot = *shard->keys.insert(hash_key(key, seed_), key);
      slot.marks = KeySlot::kStored;
      note_change(*shard, slot);
    }
  }
  matcher_.general().end();
}

std::uint64_t TableState::keys() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard->keys.count();
  return sum;
}
std::uint64_t TableState::timers() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) {
    for (const ShardTimers& timers : shard->timers) sum += timers.size();
  }
  return sum;
}
std::size_t TableState::bytes() const {
  std::size_t sum = matcher_.general().bytes() + matcher_.bytes();
  for (const auto& shard : shards_) {
    sum += shard->keys.bytes() + shard->windows.bytes() + shard->patterns.bytes();
    for (const ShardTimers& timers : shard->timers) sum += timers.bytes();
  }
  return sum;
}
}  // namespace tocsin::cep
