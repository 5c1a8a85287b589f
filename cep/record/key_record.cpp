#include "cep/record/key_record.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/event_type.h"
#include "cep/record/feature_reader.h"
#include "cep/ring/feature_state.h"
#include "cep/ring/flat_window.h"
#include "cep/ring/shared_ring.h"

namespace tocsin::cep {
namespace {
// Places for the operators of most keys: their list then stays in the record's first line.
constexpr std::uint32_t kFirstOperators = 3;
// Longer lists are searched by halves, and grow in proportion to their length.
constexpr std::uint32_t kShortList = 16;
// Words from which on records have more room ahead, and less again.
constexpr std::uint32_t kSmallRecord = 40;
constexpr std::uint32_t kLargeRecord = 2'048;
// While a record is collected, the parent of a node that was copied says where it went.
constexpr Offset kForwarded = 1U << 31;

std::uint32_t words_of_new_ring(const Feature& feature) {
  const RingHeader ring = make_ring(feature, 0);
  return ring_words(ring.capacity, ring.wide_times != 0, ring.value);
}
std::uint32_t words_of_new_feature(const FeatureProgram& feature) {
  if (feature.in_ring) return words_of_new_ring(*feature.feature);
  return feature.window.flat == FlatForm::kNone ? 0 : FlatWindow::words_of_new(feature.window);
}
std::uint32_t words_of_group(const FeatureGroup& group) {
  return EventGroup::words(static_cast<std::uint32_t>(group.features.size()), group.has_sums);
}
std::uint32_t words_of_new_shared_ring(bool has_values) {
  return RingShape{SharedRing::kCapacityLeast, false, has_values}.words();
}
// Room for some events more.
std::uint32_t with_room(std::uint32_t count) { return count + count / 4; }
}  // namespace

RecordStore::RecordStore(const ProgramImpl& program, const TableProgram& table)
    : collector_(program, table) {
  constexpr std::uint32_t kMost = 64;
  const auto takes_all = [&](std::uint32_t predicate) {
    const std::vector<AtomFormula>& by_type = table.predicates[predicate].by_type;
    return std::any_of(by_type.begin(), by_type.end(), [](const AtomFormula& formula) {
      return formula.steps.size() == 1 && formula.steps[0].op == AtomFormula::Op::kTrue;
    });
  };
  std::size_t event_words = 0;
  for (const CaptureLayout& layout : table.layouts) {
    event_words = std::max(event_words, sizeof(KeptEvent) / 8 + layout.fields.size());
  }
  const auto keeps_state = [&](const OperatorProgram& op) {
    return op.kind != OperatorKind::kProbe &&
           (op.kind != OperatorKind::kRule || program.rules[op.index].method != Method::kSingle);
  };
  operators_max_ = static_cast<std::uint32_t>(
      std::count_if(table.operators.begin(), table.operators.end(), keeps_state));
  std::size_t words = kHeaderWords;
  std::uint32_t usual_operators = 0;  // and rings
  std::uint32_t usual_ring = ~std::uint32_t{0};
  for (const OperatorProgram& op : table.operators) {
    if (op.kind == OperatorKind::kFeature) {
      const FeatureProgram& feature = program.features[op.index];
      if (takes_all(feature.predicate)) {
        words += words_of_new_feature(feature);
        ++usual_operators;
      }
    } else if (op.kind == OperatorKind::kGroup) {
      const FeatureGroup& group = program.feature_groups[op.index];
      if (!takes_all(program.features[group.features[0]].predicate)) continue;
      words += words_of_group(group);
      ++usual_operators;
      if (std::exchange(usual_ring, group.ring) != group.ring) {
        words += words_of_new_shared_ring(group.has_sums);
        ++usual_operators;
      }
    } else if (op.kind == OperatorKind::kStrict) {
      const StrictGroup& group = program.strict_groups[op.index];
      const bool is_usual =
          std::any_of(group.rules.begin(), group.rules.end(), [&](std::uint32_t rule) {
            return takes_all(program.rules[rule].steps[0].take.predicate);
          });
      if (is_usual) words += StrictState::words(group) + group.depth * event_words;
    }
  }
  first_operators_ =
      std::min(std::clamp(usual_operators, kFirstOperators, kShortList / 2), operators_max_);
  words += first_operators_;
  usual_words_ = static_cast<std::uint32_t>(std::min<std::size_t>(words, kMost));
  if (table.operators.size() <= kShortList) return;
  feature_words_.resize(table.operators.size() + 1);
  for (std::size_t i = 0; i < table.operators.size(); ++i) {
    const OperatorProgram& op = table.operators[i];
    if (op.kind == OperatorKind::kFeature) {
      const FeatureProgram& feature = program.features[op.index];
      feature_words_[i + 1] = {words_of_new_feature(feature), 1, 0};
    } else if (op.kind == OperatorKind::kGroup) {
      const FeatureGroup& group = program.feature_groups[op.index];
      const std::uint32_t ring_op = program.shared_rings[group.ring].op;
      feature_words_[i + 1] = {words_of_group(group), 1, ring_op};
      Room& ring = feature_words_[ring_op];
      ring = {std::max(ring.words, words_of_new_shared_ring(group.has_sums)), 1, 0};
    }
  }
}

void RecordStore::foresee(std::uint32_t op) {
  const Room& room = feature_words_[op];
  foreseen_.words += room.words;
  foreseen_.operators += room.operators;
  if (room.ring_op != 0 && std::exchange(foreseen_ring_, room.ring_op) != room.ring_op) {
    foresee(room.ring_op);
  }
}

OperatorEntry* RecordStore::find_in_many(OperatorEntry* begin, OperatorEntry* end,
                                         std::uint32_t op) {
  // Operators are numbered from 1 and listed once: none stands behind this place. A key that has
  // them all, or gets them one after the other, finds each at once.
  OperatorEntry* const last = begin + std::min<std::ptrdiff_t>(op, end - begin) - 1;
  if (last->op <= op) return last->op == op ? last : nullptr;
  OperatorEntry* const entry = std::lower_bound(
      begin, last, op, [](const OperatorEntry& e, std::uint32_t wanted) { return e.op < wanted; });
  return entry->op == op ? entry : nullptr;
}

bool RecordStore::ensure(KeySlot& slot, std::uint32_t words, std::uint32_t op, Offset& event,
                         bool replaces, std::span<Draft> drafts) {
  const Room expected = std::exchange(expected_, {});
  if (slot.record == 0) {
    start_record(slot, words + expected.words, std::max(first_operators_, 1 + expected.operators));
    return false;
  }
  auto* header = reinterpret_cast<RecordHeader*>(base(slot));
  std::uint32_t list_words = 0;
  if (header->operator_count == header->operator_capacity && find(slot, op) == nullptr) {
    list_words = places_for_more(header->operator_count +
                                 (expected.operators > 1 ? expected.operators - 1 : 0));
  }
  if (header->capacity - header->used < words + list_words) {
    collect(base(slot), replaces ? op : 0, drafts, event, expected.operators);
    move_to_fit(slot, collector_.words() + words, expected.words);
    return true;
  }
  if (list_words != 0) move_operators(base(slot), list_words);
  return false;
}

void RecordStore::start_record(KeySlot& slot, std::uint32_t words, std::uint32_t least_operators) {
  const std::uint32_t operators = std::max(least_operators, foreseen_.operators);
  const std::uint32_t used = kHeaderWords + operators;
  const std::uint32_t room = std::max(words, foreseen_.words);
  foreseen_ = {};
  const std::uint32_t capacity = Arena::rounded(std::max(used + room, usual_words_));
  slot.record = keys_->arena().allocate(capacity);
  RecordHeader header;
  header.capacity = capacity;
  header.used = used;
  header.operators = kHeaderWords;
  header.operator_capacity = static_cast<std::uint16_t>(operators);
  std::memcpy(base(slot), &header, sizeof(header));
}

// Places of a list that grows beyond `listed` operators. Each operator of a new key is then copied
// a bounded number of times, however many there are.
std::uint32_t RecordStore::places_for_more(std::uint32_t listed) const {
  return std::min(operators_max_, listed + (listed <= kShortList ? 2 : listed / 2));
}

// To a list with more room, which is cut.
void RecordStore::move_operators(std::byte* record, std::uint32_t capacity) {
  auto* const header = reinterpret_cast<RecordHeader*>(record);
  const Offset list = cut(record, capacity);
  std::memcpy(at<OperatorEntry>(record, list), at<OperatorEntry>(record, header->operators),
              header->operator_count * sizeof(OperatorEntry));
  header->operators = list;
  header->operator_capacity = static_cast<std::uint16_t>(capacity);
  layout_work_ += header->operator_count;
}

void RecordStore::make_room(KeySlot& slot, std::uint32_t words, std::uint32_t operators) {
  if (slot.record == 0) {
    start_record(slot, words, std::max(first_operators_, operators));
    return;
  }
  const auto* header = reinterpret_cast<const RecordHeader*>(base(slot));
  const std::uint32_t listed = header->operator_count + operators;
  if (header->capacity - header->used < words + listed) {
    Offset none = 0;
    collect(base(slot), 0, {}, none);
    move_to_fit(slot, collector_.words() + words + listed);
    header = reinterpret_cast<const RecordHeader*>(base(slot));
  }
  if (listed > header->operator_capacity) move_operators(base(slot), listed);
}

void RecordStore::set_state(std::byte* record, std::uint32_t op, Offset state) {
  if (OperatorEntry* entry = find(record, op)) {
    entry->state = state;
    return;
  }
  auto* header = reinterpret_cast<RecordHeader*>(record);
  TOCSIN_ASSERT(header->operator_count < header->operator_capacity, "ensure() made the room");
  auto* entries = at<OperatorEntry>(record, header->operators);
  std::uint16_t place = header->operator_count++;
  for (; place > 0 && entries[place - 1].op > op; --place) entries[place] = entries[place - 1];
  entries[place] = {op, state};
}

void RecordStore::release(KeySlot& slot) {
  if (slot.record == 0) return;
  keys_->arena().free(slot.record, words_of(base(slot)));
  if (!counted().empty()) counted().erase(slot.hash);
  slot.record = 0;
}

void RecordCollector::grow(std::uint32_t words) {
  const std::uint32_t capacity = std::max(capacity_ * 2, used_ + words + 1024);
  auto grown = std::make_unique_for_overwrite<std::uint64_t[]>(capacity);
  if (used_ > 0) {
    std::memcpy(grown.get(), layout_.get(), std::size_t{used_} * 8);
  }
  layout_ = std::move(grown);
  capacity_ = capacity;
}

Offset RecordCollector::forward_event(std::byte* old, Offset event) {
  auto* kept = RecordStore::at<KeptEvent>(old, event);
  if ((kept->flags & KeptEvent::kForwarded) == 0) {
    const Offset to = push(kept, kept->words);
    kept->flags |= KeptEvent::kForwarded;
    kept->engine_time_us = to;
  }
  return static_cast<Offset>(kept->engine_time_us);
}

// Copies a node of which the one before it is at `parent` in the new layout.
Offset RecordCollector::copy_node(std::byte* old, Offset node, Offset parent) {
  auto* const from = RecordStore::at<Node>(old, node);
  Node copy = *from;
  copy.parent = parent;
  copy.event = forward_event(old, from->event);
  const Offset to = push_space(kNodeWords);
  std::memcpy(layout_.get() + to, &copy, sizeof(copy));
  if (copy.has_values()) push(from + 1, deadline_values_ * kStoredValueWords);
  from->parent = kForwarded | to;
  return to;
}

// Copies a node and those before it that were not copied yet.
Offset RecordCollector::forward_path(std::byte* old, Offset node) {
  path_.clear();
  Offset next = node;
  while (next != 0 && (RecordStore::at<Node>(old, next)->parent & kForwarded) == 0) {
    path_.push_back(next);
    next = RecordStore::at<Node>(old, next)->parent;
  }
  Offset copied = next == 0 ? 0 : RecordStore::at<Node>(old, next)->parent & ~kForwarded;
  for (std::size_t i = path_.size(); i-- > 0;) copied = copy_node(old, path_[i], copied);
  return copied;
}

// Where the node is in the new layout; 0 for none.
Offset RecordCollector::forward_node(std::byte* old, Offset node) {
  if (node == 0) return 0;
  const Offset parent = RecordStore::at<Node>(old, node)->parent;
  if ((parent & kForwarded) != 0) return parent & ~kForwarded;
  return parent == 0 ? copy_node(old, node, 0) : forward_path(old, node);
}

void RecordCollector::collect_runs(std::byte* old, Offset state, OperatorEntry& entry,
                                   const RuleProgram& rule) {
  deadline_values_ = static_cast<std::uint32_t>(rule.deadline_features.size());
  const auto* header = RecordStore::at<RuleHeader>(old, state);
  const std::uint32_t count = header->run_count;
  std::uint32_t capacity = count + count / 4;
  if (count < 2) capacity = header->is_busy() ? 0 : std::min(header->run_capacity, 2U);
  RuleHeader copy = *header;
  if (!header->is_busy()) copy.run_capacity = capacity;
  const std::uint32_t header_words = rule_header_words(rule);
  entry.state = push_space(header_words + capacity * kRunWords);
  std::memcpy(layout_.get() + entry.state, &copy, sizeof(copy));
  if (rule.once) {
    std::memcpy(layout_.get() + entry.state + sizeof(copy) / 8, header + 1, sizeof(OnceState));
  }
  const Run* const from = RecordStore::at<Run>(old, state + header_words);
  for (std::uint32_t i = 0; i < count; ++i) {
    Run run = from[i];
    const bool is_anchor = run.anchor == run.node;
    run.node = forward_node(old, run.node);
    run.anchor = is_anchor ? run.node : forward_node(old, run.anchor);
    const Offset to = entry.state + header_words + i * kRunWords;
    std::memcpy(layout_.get() + to, &run, sizeof(run));
  }
}

void RecordCollector::collect_ring(std::byte* old, OperatorEntry& entry,
                                   const FeatureProgram& feature) {
  auto* const ring = RecordStore::at<RingHeader>(old, entry.state);
  if (ring->count > 0) trim_ring(ring, newest_in_ring(*ring), feature.window_us);
  entry.state = push_space(ring_words_compact(*ring));
  copy_ring_compact(*ring, reinterpret_cast<RingHeader*>(layout_.get() + entry.state));
}

void RecordCollector::collect_shared_ring(std::byte* old, OperatorEntry& entry) {
  const auto* ring = RecordStore::at<SharedRing>(old, entry.state);
  RingShape shape = ring->shape();
  shape.capacity = std::max(with_room(ring->count()), SharedRing::kCapacityLeast);
  entry.state = push_space(shape.words());
  auto* const to = reinterpret_cast<SharedRing*>(layout_.get() + entry.state);
  to->start(shape);
  ring->copy_to(*to);
}

void RecordCollector::collect_group(std::byte* old, OperatorEntry& entry,
                                    const FeatureGroup& group) {
  auto* const from = RecordStore::at<EventGroup>(old, entry.state);
  const Offset older = from->older;
  from->older = 0;
  if (older != 0 && RecordStore::at<EventChunks>(old, older)->count > 0) {
    EventChunks* const chunks = RecordStore::at<EventChunks>(old, older);
    const EventChunks header{chunks->count, with_room(chunks->count)};
    from->older = push_space(EventChunks::words(header.capacity));
    std::uint64_t* const to = layout_.get() + from->older;
    std::memcpy(to, &header, sizeof(header));
    std::memcpy(to + 1, chunks->chunks(), header.count * sizeof(EventChunk));
  }
  entry.state = push(from, words_of_group(group));
}

void RecordCollector::collect_strict(std::byte* old, OperatorEntry& entry,
                                     const StrictGroup& group) {
  std::byte* const words = RecordStore::at<std::byte>(old, entry.state);
  StrictState state(words, group);
  const std::uint32_t count = state.event_count();
  for (std::uint32_t i = 0; i < group.depth; ++i) {
    state.events()[i] = i < count ? forward_event(old, state.events()[i]) : 0;
  }
  entry.state = push(words, StrictState::words(group));
}

void RecordCollector::collect(std::byte* old, std::uint32_t skip_op, std::span<Draft> drafts,
                              Offset& event, std::uint32_t operators) {
  used_ = 0;
  push_space(kHeaderWords);
  RecordHeader fresh;
  fresh.operators = kHeaderWords;
  fresh.operator_capacity = static_cast<std::uint16_t>(operators);
  push_space(fresh.operator_capacity);
  for (OperatorEntry entry : RecordStore::operators_of(old)) {
    if (entry.op == skip_op) continue;
    const OperatorProgram& op = table_.operators[entry.op - 1];
    if (op.kind == OperatorKind::kFeature) {
      const FeatureProgram& feature = program_.features[op.index];
      if (feature.in_ring) {
        collect_ring(old, entry, feature);
      } else if (!entry.is_pooled()) {
        const auto* const window = RecordStore::at<std::uint64_t>(old, entry.state);
        entry.state = push(window, FlatWindow::words_of(feature.window, *window));
      }
    } else if (op.kind == OperatorKind::kGroup) {
      collect_group(old, entry, program_.feature_groups[op.index]);
    } else if (op.kind == OperatorKind::kRing) {
      collect_shared_ring(old, entry);
    } else if (op.kind == OperatorKind::kStrict) {
      collect_strict(old, entry, program_.strict_groups[op.index]);
    } else if (program_.rules[op.index].method == Method::kGeneral) {
      entry.state = push(RecordStore::at<std::uint64_t>(old, entry.state), 1);
    } else {
      collect_runs(old, entry.state, entry, program_.rules[op.index]);
    }
    std::memcpy(layout_.get() + kHeaderWords + fresh.operator_count, &entry, sizeof(entry));
    ++fresh.operator_count;
  }
  if (skip_op != 0) {
    deadline_values_ = static_cast<std::uint32_t>(
        program_.rules[table_.operators[skip_op - 1].index].deadline_features.size());
  }
  for (Draft& draft : drafts) {
    if (draft.run.node != 0) draft.run.node = forward_node(old, draft.run.node);
    if (!draft.anchors_here && draft.run.anchor != 0) {
      draft.run.anchor = forward_node(old, draft.run.anchor);
    }
  }
  if (event != 0) event = forward_event(old, event);
  std::memcpy(layout_.get(), &fresh, sizeof(fresh));
}

void RecordCollector::write(std::byte* block, std::uint32_t capacity) {
  RecordHeader header;
  std::memcpy(static_cast<void*>(&header), layout_.get(), sizeof(header));
  header.capacity = capacity;
  header.used = used_;
  std::memcpy(layout_.get(), &header, sizeof(header));
  std::memcpy(block, layout_.get(), std::size_t{used_} * 8);
}

// The list has room for one operator more, or some of a long one.
void RecordStore::collect(std::byte* record, std::uint32_t skip_op, std::span<Draft> drafts,
                          Offset& event, std::uint32_t operators_expected) {
  const std::uint32_t listed =
      reinterpret_cast<const RecordHeader*>(record)->operator_count + operators_expected;
  collector_.collect(
      record, skip_op, drafts, event,
      std::min(operators_max_, std::max(first_operators_, listed + 1 + listed / kShortList)));
}

// Words of room for events to come. The more a record has, the less often it is laid out afresh;
// of most keys it is small, and they have few events to come.
std::uint32_t RecordStore::room_ahead(std::uint32_t words) {
  if (words >= kLargeRecord) return words / 4 + words / 8;
  return words >= kSmallRecord ? words / 2 + words / 8 : words / 4;
}

// Puts what was laid out into the record's block, or into another one where it does not fit well:
// some room is left for events to come, at least the words that are expected, and a block that fits
// is kept, because its memory is warm.
void RecordStore::move_to_fit(KeySlot& slot, std::uint32_t needed, std::uint32_t expected) {
  const std::uint32_t old_capacity = words_of(base(slot));
  std::uint32_t capacity = old_capacity;
  const std::uint32_t least = needed + needed / 4 + expected;
  if (capacity < least || capacity > 3 * (needed + expected)) {
    capacity = Arena::rounded(std::max(least, needed + room_ahead(needed)));
    TOCSIN_ASSERT(capacity < kForwarded, "one key's record stays below 16 GiB");
    keys_->arena().free(slot.record, old_capacity);
    slot.record = keys_->arena().allocate(capacity);
  }
  collector_.write(base(slot), capacity);
  if (!counted().empty()) counted().erase(slot.hash);
  layout_work_ += collector_.words();
}

void RecordStore::shrink(KeySlot& slot) {
  Offset none = 0;
  collect(base(slot), 0, {}, none);
  move_to_fit(slot, collector_.words());
}

}  // namespace tocsin::cep
