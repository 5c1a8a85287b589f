/// A key's record: all that the operators of one table remember of one key, in one block of its
/// shard's arena.
///
/// Layout (words of 8 bytes, offsets count words from the block's start, 0 is none):
///
///     RecordHeader | objects …, cut one after the other, never freed alone
///       OperatorEntry[]   sorted by op: operators that have something live; the list itself is an
///       object rule state        RuleHeader, OnceState where the rule has `once`, Run[capacity]
///       ascending by first event strict state      StrictState, of rules whose events follow each
///       other directly feature state     a ring (cep/ring/feature_state.h), or a small
///       window (cep/ring/flat_window.h) Node one event of a partial match; `parent` is the
///       one before it: runs share their past KeptEvent a captured event, once for all rules of the
///       table
///
/// Nothing holds an address or another record's offset: a record moves by memcpy. When the block is
/// full, what the operators still reach is copied to a fresh layout (a two-space collection of one
/// record, some hundred bytes as a rule), and the block grows or shrinks to fit; so no object is
/// counted or freed on the hot path.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "cep/base/assert.h"
#include "cep/base/prefetch.h"
#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/record/key_table.h"
#include "cep/record/suppression.h"
#include "cep/value/identity.h"

namespace tocsin::cep {
using Offset = std::uint32_t;

struct RecordHeader {
  std::uint32_t capacity = 0;  // words of the block
  std::uint32_t used = 0;      // words cut so far, this header included
  Offset operators = 0;
  std::uint16_t operator_count = 0;
  std::uint16_t operator_capacity = 0;
};
struct OperatorEntry {
  std::uint32_t op = 0;
  Offset state = 0;

  /// Of a feature that has no ring: the state is a window in the pool, not in the record.
  static constexpr Offset kPooled = Offset{1} << 31;
  bool is_pooled() const { return (state & kPooled) != 0; }
  std::uint32_t pooled() const { return state & ~kPooled; }
};
struct RuleHeader {
  std::uint32_t run_count = 0;
  std::uint32_t run_capacity = 0;
  std::uint32_t next_start = 0;  // numbers first events, so that runs of one start know each other
  std::uint32_t lost_runs = 0;   // to a budget, since the last alert
  /// From then on, and once no partial match is left, those are forgotten.
  std::int64_t lost_until_us = 0;

  /// In run_capacity: the key is a busy one. It has no runs; the places of its PatternState, whose
  /// handle is next_start, hold what it remembers.
  static constexpr std::uint32_t kBusy = ~std::uint32_t{0};
  bool is_busy() const { return run_capacity == kBusy; }
  std::uint32_t handle() const { return next_start; }
  void set_busy(std::uint32_t handle) {
    run_count = 0;
    run_capacity = kBusy;
    next_start = handle;
  }
  void set_idle() { run_count = run_capacity = next_start = 0; }
};
/// A strict group's state. A rule's partial matches all end with the key's last event, one for each
/// length that is possible. In words: for each length u32 bits of the rules that have one (those of
/// length j + 1: the last j + 1 events fit steps 0 to j), then u32 offsets of the last events, the
/// latest first; those that no rule needs any more are memory for the next ones.
class StrictState {
 public:
  StrictState(std::byte* at, const StrictGroup& group)
      : alive_(reinterpret_cast<std::uint32_t*>(at)),
        events_(alive_ + group.depth),
        depth_(group.depth) {}
  /// By number of events taken, less one: the rules, by place in the group, that have a partial
  /// match of them.
  std::uint32_t* alive() { return alive_; }
  /// One rule's: a bit for each number of events taken, less one.
  std::uint16_t alive_of(std::size_t rule) const {
    std::uint32_t lengths = 0;
    for (std::uint32_t i = 0; i < depth_; ++i) lengths |= (alive_[i] >> rule & 1) << i;
    return static_cast<std::uint16_t>(lengths);
  }
  void set_alive_of(std::size_t rule, std::uint16_t lengths) {
    for (std::uint32_t i = 0; i < depth_; ++i) {
      alive_[i] = (alive_[i] & ~(1U << rule)) | (std::uint32_t{lengths} >> i & 1) << rule;
    }
  }
  std::uint64_t runs() const {
    std::uint64_t count = 0;
    for (std::uint32_t i = 0; i < depth_; ++i) {
      count += static_cast<std::uint64_t>(std::popcount(alive_[i]));
    }
    return count;
  }
  /// The key's last events, the latest first.
  Offset* events() { return events_; }
  /// Events that a live partial match of one rule has taken.
  static std::uint32_t event_count(std::uint32_t lengths) {
    return static_cast<std::uint32_t>(std::bit_width(lengths));
  }
  /// Of all rules.
  std::uint32_t event_count() const {
    std::uint32_t count = depth_;
    while (count > 0 && alive_[count - 1] == 0) --count;
    return count;
  }
  static std::uint32_t words(const StrictGroup& group) { return group.depth; }

 private:
  static_assert(sizeof(Offset) == sizeof(std::uint32_t));
  std::uint32_t* alive_;
  Offset* events_;
  std::uint32_t depth_;
};
/// A partial match. `node` is its last event, `anchor` the node up to which later conditions read
/// it.
struct Run {
  enum Flag : std::uint32_t {
    kWaits = 1,     // for the next step
    kCollects = 2,  // may take more of its step's loop
    kFinal = 4,     // waits for its deadline: every event is taken
  };
  std::int64_t first_time_us = 0;
  Offset node = 0;
  Offset anchor = 0;
  std::uint32_t start = 0;
  std::uint32_t packed = 0;  // count : 19, step : 10, flags : 3

  std::uint32_t count() const { return packed >> 13; }  // of the step's events, at most kUnbounded
  std::uint32_t step() const { return packed >> 3 & 0x3ff; }
  std::uint32_t flags() const { return packed & 7; }
  static std::uint32_t pack(std::uint32_t count, std::uint32_t step, std::uint32_t flags) {
    return count << 13 | step << 3 | flags;
  }
};
struct Node {
  Offset parent = 0;  // 0: the first event
  Offset event = 0;
  std::uint32_t length : 31 = 0;    // events up to and with this one
  std::uint32_t has_timer : 1 = 0;  // of a first event: there is one for a deadline that counts
                                    // from it. Known of nodes in memory only
  std::uint16_t step = 0;
  std::uint16_t subset_and_values =
      0;  // which of the step's subsets the event was in : 15, has_values : 1

  static constexpr std::uint16_t kHasValues = kKindsMax;
  void set_length(std::uint32_t events) { length = events & 0x7fffffffU; }
  std::size_t subset() const { return subset_and_values & (kHasValues - 1U); }
  /// The rule's deadline features follow, as StoredValue.
  bool has_values() const { return (subset_and_values & kHasValues) != 0; }
};
/// A feature's value at a match's last event; numbers only.
struct StoredValue {
  std::uint64_t number[2] = {};  // low, high: records are aligned to 8 bytes only
  std::uint64_t denominator[2] = {};
  double real = 0;
  std::uint64_t kind_and_scale = 0;

  static StoredValue of(const Value& value);
  Value value() const;
};
/// A captured event: this header, its ts where it differs, the rest of its arrival number where
/// that does not fit a word (its index in the record, and an alert's place after its cause), a word
/// of known bits for each 64 fields where one is missing, a word for each kept field (texts: up to
/// seven bytes in the word itself), two words for the identity's bytes and text where the layout
/// keeps it, and the longer texts.
struct KeptEvent {
  static constexpr std::uint16_t kHasTs = 1;
  static constexpr std::uint16_t kHasMissing = 2;
  static constexpr std::uint16_t kHasArrival = 4;  // the rest of its arrival number: arrival_word
                                                   // is its record alone
  static constexpr std::uint16_t kForwarded = 8;   // while the record is being collected: it is
                                                   // copied, and engine_time_us says where to
  static constexpr std::uint16_t kRoles = 4;       // from this bit on: the roles it was taken in
  std::uint32_t words = 0;
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint64_t arrival_word = 0;  // record : 40, index in it : 24
  std::int64_t engine_time_us = 0;

  /// Whether an arrival number is all in arrival_word.
  static bool fits_word(const ArrivalNumber& arrival) {
    return arrival.after == 0 && arrival.record >> kRecordBits == 0 &&
           arrival.index >> (64 - kRecordBits) == 0;
  }
  static std::uint64_t arrival_word_of(const ArrivalNumber& arrival) {
    return fits_word(arrival) ? std::uint64_t{arrival.index} << kRecordBits | arrival.record
                              : arrival.record;
  }
  ArrivalNumber arrival() const;
  std::uint32_t roles() const { return static_cast<std::uint32_t>(flags) >> kRoles; }
  EventTime engine_time() const { return {engine_time_us}; }
  EventTime ts() const;
  /// The slot values of all kept fields if nothing else precedes them; null otherwise.
  const std::uint64_t* plain_words() const {
    constexpr std::uint16_t kMore = kHasTs | kHasMissing | kHasArrival;
    return (flags & kMore) == 0 ? reinterpret_cast<const std::uint64_t*>(this + 1) : nullptr;
  }
  /// The value of a field, texts borrowed from the record; missing where it is not kept.
  Value value(const Plan& plan, const CaptureLayout& layout, FieldIndex field) const;
  /// A field's word, or its text, by the layout alone; false where it is missing or not kept.
  bool word(const CaptureLayout& layout, FieldIndex field, std::int64_t& out) const;
  bool text(const CaptureLayout& layout, FieldIndex field, std::string_view& out) const;
  /// The identity of an event without an id field.
  EventIdentity identity(const CaptureLayout& layout) const;
  /// Whether a text's word holds the text itself: equal texts are then equal words.
  static bool is_whole_text(std::uint64_t word) { return word >> 56 != 0xff; }

 private:
  static constexpr unsigned kRecordBits = 40;
  // Where a field's word is; null where it is missing or not kept.
  const std::uint64_t* word_of(const CaptureLayout& layout, FieldIndex field) const;
};

/// A captured event by its parts; texts are borrowed. Fields are by the layout's places.
struct EventParts {
  EventTypeIndex type;
  EventTime engine_time;
  EventTime ts;
  ArrivalNumber arrival;
  std::uint32_t roles = 0;
  std::vector<std::uint8_t> known;
  std::vector<std::int64_t> words;      // 0 where missing, and of texts
  std::vector<std::string_view> texts;  // empty where missing, and of others
  std::string_view identity_bytes;      // where the layout keeps them
  std::string_view identity_text;
};
/// Appends it as records keep it; false where it would be too large for one.
bool append_kept_event(const EventParts& parts, const CaptureLayout& layout,
                       std::vector<std::uint64_t>& out);

/// A run as the matcher wants it after the current event, before anything is written.
struct Draft {
  static constexpr std::uint32_t kFresh = ~std::uint32_t{0};
  Run run;
  bool takes = false;  // the current event becomes its last: `node` is the one before, 0 for a
                       // fresh start
  bool shares_node = false;     // with the draft before it
  bool anchors_here = false;    // `anchor` is the node that the current event will get
  std::uint32_t from = kFresh;  // the place of the run that it comes from; kFresh: none
};

/// Lays out afresh what the operators of a record still reach. Invariant: what it lays out holds no
/// offset of the old layout.
class RecordCollector {
 public:
  RecordCollector(const ProgramImpl& program, const TableProgram& table)
      : program_(program), table_(table) {}
  /// Lays out a record: the state of all operators but `skip_op` (0: all), the drafts' nodes and
  /// the current captured event (0: none), with a list of so many operators. The drafts and `event`
  /// follow; `old` is void afterwards.
  void collect(std::byte* old, std::uint32_t skip_op, std::span<Draft> drafts, Offset& event,
               std::uint32_t operators);
  /// The words of what was laid out.
  std::uint32_t words() const { return used_; }
  /// Writes it to a block of so many words.
  void write(std::byte* block, std::uint32_t capacity);

 private:
  void collect_ring(std::byte* old, OperatorEntry& entry, const FeatureProgram& feature);
  void collect_shared_ring(std::byte* old, OperatorEntry& entry);
  void collect_group(std::byte* old, OperatorEntry& entry, const FeatureGroup& group);
  void collect_strict(std::byte* old, OperatorEntry& entry, const StrictGroup& group);
  void collect_runs(std::byte* old, Offset state, OperatorEntry& entry, const RuleProgram& rule);
  Offset forward_node(std::byte* old, Offset node);
  Offset forward_path(std::byte* old, Offset node);
  Offset copy_node(std::byte* old, Offset node, Offset parent);
  Offset forward_event(std::byte* old, Offset event);
  Offset push(const void* from, std::uint32_t words) {
    const Offset offset = push_space(words);
    std::memcpy(layout_.get() + offset, from, std::size_t{words} * 8);
    return offset;
  }
  Offset push_space(std::uint32_t words) {
    if (capacity_ - used_ < words) grow(words);
    const Offset offset = used_;
    used_ += words;
    return offset;
  }
  void grow(std::uint32_t words);

  const ProgramImpl& program_;
  const TableProgram& table_;
  std::unique_ptr<std::uint64_t[]> layout_;
  std::uint32_t used_ = 0;
  std::uint32_t capacity_ = 0;
  std::vector<Offset> path_;           // of forward_path
  std::uint32_t deadline_values_ = 0;  // of the rule whose nodes are being copied
};

/// Reads and writes the records of one table, one shard at a time.
class RecordStore {
 public:
  RecordStore(const ProgramImpl& program, const TableProgram& table);
  /// The shard whose records are meant from now on.
  void work_on(KeyShard& keys) {
    keys_ = &keys;
    forget_foreseen();
  }
  /// Whether foresee() is worth its time.
  bool foresees() const { return !feature_words_.empty(); }
  /// Says that an operator sees the current row, of a key without a record: if a record is made at
  /// this row, it has room for what the features that were said take at once.
  void foresee(std::uint32_t op);
  void forget_foreseen() {
    foreseen_ = {};
    foreseen_ring_ = 0;
  }
  /// Says that so many more words and operators may be wanted at the current row: if the next
  /// ensure() makes the record or lays it out, it leaves room for them.
  void expect(std::uint32_t words, std::uint32_t operators) { expected_ = {words, operators, 0}; }

  /// Starts to load the lines that most records of the table have; null for none.
  void prefetch(const std::byte* record) const {
    if (record == nullptr) return;
    constexpr std::uint32_t kLeast = 24;
    const std::byte* const end = record + std::size_t{std::max(usual_words_, kLeast)} * 8;
    for (; record < end; record += 64) tocsin::prefetch(record);
  }

  /// The record of a key that has one.
  /// The hashes of keys of the shard whose records were counted, and not laid out anew since.
  std::unordered_set<std::uint64_t>& counted() const { return keys_->counted(); }
  std::byte* base(const KeySlot& slot) const { return keys_->arena().at(slot.record); }
  /// The operator's entry; null where it has none.
  OperatorEntry* find(const KeySlot& slot, std::uint32_t op) const {
    return slot.record == 0 ? nullptr : find(base(slot), op);
  }
  /// The same of a record.
  static OperatorEntry* find(std::byte* record, std::uint32_t op) {
    const auto* header = reinterpret_cast<const RecordHeader*>(record);
    auto* entries = at<OperatorEntry>(record, header->operators);
    OperatorEntry* const end = entries + header->operator_count;
    if (header->operator_count > 16) return find_in_many(entries, end, op);
    while (entries != end && entries->op < op) ++entries;
    return entries != end && entries->op == op ? entries : nullptr;
  }
  /// The same, where the operator mostly stands at this place of the list, which is learned.
  static OperatorEntry* find(std::byte* record, std::uint32_t op, std::uint32_t& place) {
    const auto* header = reinterpret_cast<const RecordHeader*>(record);
    auto* const entries = at<OperatorEntry>(record, header->operators);
    if (place < header->operator_count && entries[place].op == op) return entries + place;
    OperatorEntry* const entry = find(record, op);
    if (entry != nullptr) place = static_cast<std::uint32_t>(entry - entries);
    return entry;
  }
  /// The same of an operator that stands at the end of its table, as rings do.
  static OperatorEntry* find_near_end(std::byte* record, std::uint32_t op) {
    const auto* header = reinterpret_cast<const RecordHeader*>(record);
    auto* const end = at<OperatorEntry>(record, header->operators) + header->operator_count;
    return header->operator_count > 0 && end[-1].op == op ? end - 1 : find(record, op);
  }

  /// The operators that a record lists, ascending.
  static std::span<const OperatorEntry> operators_of(const std::byte* record) {
    const auto* header = reinterpret_cast<const RecordHeader*>(record);
    return {at<OperatorEntry>(record, header->operators), header->operator_count};
  }

  /// Makes sure that `words` more can be cut and `op` be listed, making, collecting and moving the
  /// record if need be. When it collects, `event`, the current captured event (0: none), lives on
  /// and follows. True when it collected.
  bool ensure(KeySlot& slot, std::uint32_t words, std::uint32_t op, Offset& event) {
    return ensure(slot, words, op, event, false, {});
  }
  /// The same for a rule whose runs are about to be replaced by `drafts`: collecting drops its
  /// state, and the drafts' offsets follow.
  bool ensure_replacing(KeySlot& slot, std::uint32_t words, std::uint32_t op, Offset& event,
                        std::span<Draft> drafts) {
    return ensure(slot, words, op, event, true, drafts);
  }
  /// Makes sure that `words` can be cut and so many more operators be listed, whatever they are.
  void make_room(KeySlot& slot, std::uint32_t words, std::uint32_t operators);
  /// Whether a record has so many words to cut.
  static bool has_room(const std::byte* record, std::uint32_t words) {
    const auto* header = reinterpret_cast<const RecordHeader*>(record);
    return header->capacity - header->used >= words;
  }
  /// The same where an operator is to be listed too that it does not list.
  static bool has_room_to_list(const std::byte* record, std::uint32_t words) {
    const auto* header = reinterpret_cast<const RecordHeader*>(record);
    return header->operator_count < header->operator_capacity &&
           header->capacity - header->used >= words;
  }
  /// Cuts an object; requires that ensure() or has_room() saw the room.
  static Offset cut(std::byte* record, std::uint32_t words) {
    auto* header = reinterpret_cast<RecordHeader*>(record);
    TOCSIN_ASSERT(header->capacity - header->used >= words, "ensure() made the room");
    const Offset offset = header->used;
    header->used += words;
    return offset;
  }
  /// Points `op` to `state`, listing it if it is new.
  static void set_state(std::byte* record, std::uint32_t op, Offset state);
  /// Forgets the operators for which `is_dead(record, entry)`; collects the record if any was,
  /// frees it when nothing is left.
  template <typename IsDead>
  void prune(KeySlot& slot, IsDead&& is_dead) {
    if (slot.record == 0) return;
    std::byte* record = base(slot);
    auto* header = reinterpret_cast<RecordHeader*>(record);
    auto* entries = at<OperatorEntry>(record, header->operators);
    std::uint16_t kept = 0;
    const std::uint16_t count = header->operator_count;
    for (std::uint16_t i = 0; i < count; ++i) {
      if (!is_dead(record, entries[i])) entries[kept++] = entries[i];
    }
    header->operator_count = kept;
    if (kept == 0) {
      release(slot);
    } else if (kept < count) {
      shrink(slot);
    }
  }
  /// Frees the key's record, if it has one.
  void release(KeySlot& slot);

  /// The object at an offset of a record.
  template <typename T>
  static T* at(std::byte* record, Offset offset) {
    return reinterpret_cast<T*>(record + std::size_t{offset} * 8);
  }
  template <typename T>
  static const T* at(const std::byte* record, Offset offset) {
    return reinterpret_cast<const T*>(record + std::size_t{offset} * 8);
  }
  /// The words of a record's block.
  static std::uint32_t words_of(const std::byte* record) {
    return reinterpret_cast<const RecordHeader*>(record)->capacity;
  }
  /// EngineStats::layout_work of the table.
  std::uint64_t layout_work() const { return layout_work_; }

 private:
  static OperatorEntry* find_in_many(OperatorEntry* begin, OperatorEntry* end, std::uint32_t op);
  bool ensure(KeySlot& slot, std::uint32_t words, std::uint32_t op, Offset& event, bool replaces,
              std::span<Draft> drafts);
  static std::uint32_t room_ahead(std::uint32_t words);
  void move_to_fit(KeySlot& slot, std::uint32_t needed, std::uint32_t expected = 0);
  void start_record(KeySlot& slot, std::uint32_t words, std::uint32_t least_operators);
  void move_operators(std::byte* record, std::uint32_t capacity);
  std::uint32_t places_for_more(std::uint32_t listed) const;
  void collect(std::byte* record, std::uint32_t skip_op, std::span<Draft> drafts, Offset& event,
               std::uint32_t operators_expected = 0);
  void shrink(KeySlot& slot);

  KeyShard* keys_ = nullptr;
  // What the operators take that hold something of almost every key, because they look at all
  // events of a type: a new record gets that much room, so that most are laid out once.
  std::uint32_t usual_words_ = 0;
  // Operators that may be listed, and those that a new record has places for.
  std::uint32_t operators_max_ = 0;
  std::uint32_t first_operators_ = 0;
  // Words of each operator's state of a new key, by op, and whether it lists the operator, where
  // the table has many features; else empty.
  struct Room {
    std::uint32_t words = 0;
    std::uint32_t operators = 0;
    std::uint32_t ring_op = 0;  // that it needs too; 0: none
  };
  std::vector<Room> feature_words_;
  Room foreseen_;
  std::uint32_t foreseen_ring_ = 0;  // the last one
  Room expected_;                    // beyond what the next ensure() is asked for
  RecordCollector collector_;
  std::uint64_t layout_work_ = 0;
};
inline constexpr std::uint32_t kHeaderWords = sizeof(RecordHeader) / 8;
/// Words of a rule's state before its runs.
inline std::uint32_t rule_header_words(const RuleProgram& rule) {
  const std::size_t bytes = sizeof(RuleHeader) + (rule.once ? sizeof(OnceState) : 0);
  return static_cast<std::uint32_t>(bytes / 8);
}
inline constexpr std::uint32_t kRunWords = sizeof(Run) / 8;
inline constexpr std::uint32_t kNodeWords = sizeof(Node) / 8;
inline constexpr std::uint32_t kStoredValueWords = sizeof(StoredValue) / 8;
}  // namespace tocsin::cep
