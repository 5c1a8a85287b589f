/// Takes events into the features of one table and reads them: the fast rings in the key's record
/// (cep/ring/feature_state.h) for `count`, `sum` and `avg` over `last D` and `previous D`,
/// shared where several of them are over the same kind of events (SharedFeatures); for all others a
/// small window in the record (cep/ring/flat_window.h), or a window of the shard's pool
/// (cep/aggregate/feature_window.h), whose number stands in the record's operator list.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "cep/aggregate/feature_window.h"
#include "cep/alert/current_row.h"
#include "cep/base/byte_codec.h"
#include "cep/compile/program.h"
#include "cep/record/engine_stats.h"
#include "cep/record/key_record.h"
#include "cep/ring/feature_state.h"
#include "cep/ring/flat_window.h"
#include "cep/ring/shared_ring.h"

namespace tocsin::cep {
/// Which is right where the events that a key has and those that are read for it do not fit.
enum class RightEvents : std::uint8_t {
  kBoth,     // they have to fit
  kPresent,  // those of the key
  kRead,
};

/// The features of one table that share rings (cep/ring/shared_ring.h): takes events into
/// groups of them, reads them, writes and restores what each holds. A feature's bytes are those of
/// a ring of its own (cep/ring/feature_state.h): they do not say what it shares.
class SharedFeatures {
 public:
  SharedFeatures(const ProgramImpl& program, std::uint32_t table, RecordStore& store,
                 EngineStats& stats);
  /// The next row at one key: groups that take it share the event.
  void begin_row() {
    ++row_;
    taken_.group = nullptr;
  }
  /// Takes the current row into all features of the group, with the argument's known value (missing
  /// for counts).
  void take(const FeatureGroup& group, CurrentRow& current, const Value& value);
  /// The same for a group of counts. Whether its gate, if it has one, is open then.
  bool take_row(const FeatureGroup& group, CurrentRow& current);
  /// The feature's value at the current row; how many events it holds.
  static Value read(const FeatureProgram& feature, const CurrentRow& current);
  static std::uint32_t count(const FeatureProgram& feature, const CurrentRow& current);
  /// Whether the feature holds so many events or more at the current row.
  bool has_taken(const FeatureProgram& feature, const CurrentRow& current, std::uint32_t events);
  /// The value at `now_us` of a feature of a record, which stays as it is.
  static Value look_at(const FeatureProgram& feature, const std::byte* record, std::int64_t now_us);

  /// Until when the group's state of a key matters: WindowState's kDead or a time. Features that
  /// hold nothing any more are forgotten.
  std::int64_t expiry(const FeatureGroup& group, std::byte* record, const OperatorEntry& entry,
                      std::int64_t now_us);
  /// Forgets what the features at these places of the group hold of a key; whether the group then
  /// holds nothing.
  bool forget(const FeatureGroup& group, std::byte* record, const OperatorEntry& entry,
              const std::vector<std::uint32_t>& places);
  /// Whether the record's ring has lost its last group. Call once, after expiry() or forget() of
  /// each of its groups.
  bool is_ring_dead(const SharedRingProgram& ring);

  /// Writes what a record holds of the feature: nothing where it has taken nothing.
  static void save(const FeatureProgram& feature, const std::byte* record,
                   const OperatorEntry& entry, ByteWriter& to);
  /// Before the features of an entry are restored.
  void begin_restore();
  /// Reads the bytes of a feature that the key holds nothing of; the record has it after
  /// put_restored(). False for bytes that save() did not write.
  bool restore(const FeatureProgram& feature, const KeySlot& slot, ByteReader& from);
  /// Puts what was read into the slot's record. False where features of a group do not agree, if
  /// both are to be right.
  bool put_restored(KeySlot& slot, RightEvents right);

 private:
  // A group that a record lists.
  struct Listed {
    const FeatureGroup* group;
    GroupView view;
  };
  // What is known of a group beforehand.
  struct GroupPlaces {
    std::uint32_t longest = 0;  // the member of the longest window
    std::uint32_t listed = 0;   // where most records list the group, which is learned
  };
  enum class Quick : std::uint8_t { kNotTaken, kClosed, kOpen };
  Quick take_quickly(const FeatureGroup& group, const CurrentRow& current);
  GroupPlaces& places_of(const FeatureGroup& group) {
    return places_[static_cast<std::size_t>(&group - program_.feature_groups.data())];
  }
  static bool holds(const FeatureProgram& feature, const GroupView& view, std::int64_t now_us,
                    std::uint32_t events);
  GroupView view_of(std::byte* record, const FeatureGroup& group, Offset state) const;
  static GroupView view_of(std::byte* record, const FeatureProgram& feature,
                           const OperatorEntry& entry);
  void list_groups(std::byte* record, const SharedRingProgram& ring);
  void keep_to_limit(const FeatureGroup& group, const GroupView& view, std::int64_t now_us);
  void trim(const FeatureGroup& group, const GroupView& view, std::int64_t now_us);
  OperatorEntry* ensure_group(const FeatureGroup& group, CurrentRow& current);
  GroupView view_now(const FeatureGroup& group, const CurrentRow& current) const;
  bool make_room(const SharedRingProgram& program, CurrentRow& current, bool with_values);
  bool drop_front(SharedRing& ring) const;
  bool find_held(const SharedRing& ring);
  void lay_out_anew(const SharedRing& ring);
  RingShape shape_for(const RingShape& shape, std::int64_t time_us, bool has_values) const;
  void put_held(SharedRing& ring) const;
  void make_chunk_room(const FeatureGroup& group, CurrentRow& current, const GroupView& view);
  const SharedRingProgram& ring_of(const FeatureGroup& group) const {
    return program_.shared_rings[group.ring];
  }
  bool put_ring(const SharedRingProgram& program, const RingMerge& merged, KeySlot& slot);
  bool add_present(const SharedRingProgram& ring, std::byte* record, RingMerge& into);
  void put_group(const RingMerge::Group& restored, const RingMerge& merged,
                 std::byte* record) const;

  // The group that took the current row last, at the record as it was then.
  struct Taken {
    const FeatureGroup* group = nullptr;
    const std::byte* record = nullptr;
    std::optional<GroupView> view;
  };

  const ProgramImpl& program_;
  RecordStore& store_;
  EngineStats& stats_;
  std::uint64_t row_ = 0;
  Taken taken_;
  std::vector<GroupPlaces> places_;                       // by FeatureGroup's place in the program
  std::vector<std::vector<const FeatureGroup*>> groups_;  // by SharedRingProgram::place
  std::vector<std::uint64_t> row_of_newest_;     // by SharedRingProgram::place: the row that has
                                                 // come to the ring last
  std::vector<bool> alive_;                      // likewise
  std::map<std::uint32_t, RingMerge> restored_;  // by ring: of the entry in work
  // Of the ring that is laid out anew.
  std::vector<Listed> listed_;
  std::vector<std::uint64_t> held_;         // bits: the events that some feature holds
  std::vector<std::uint32_t> held_before_;  // by word of these: how many are in the words before
  std::vector<std::int64_t> times_;
  std::vector<std::int64_t> values_;
};

class FeatureStore {
 public:
  FeatureStore(const ProgramImpl& program, std::uint32_t table, RecordStore& store,
               EngineStats& stats)
      : program_(program), store_(store), stats_(stats), shared_(program, table, store, stats) {}
  /// The features that share rings.
  SharedFeatures& shared() { return shared_; }
  /// The slice that rows are of, until the next call.
  void begin_slice(const Batch& batch) { batch_ = &batch; }
  /// The shard whose windows are meant from now on.
  void work_on(WindowPool& windows) { windows_ = &windows; }
  /// Takes the current row, with the argument's known value (missing for count).
  void take(const FeatureProgram& feature, CurrentRow& current, const Value& value);
  /// Takes the current row into a feature that counts rows in a ring of its own. Whether its gate,
  /// if it has one, is open then. `place` is where most records list it, which is learned.
  bool take_row(const FeatureProgram& feature, CurrentRow& current, std::uint32_t& place) {
    if (current.record != nullptr) {
      const OperatorEntry* const entry = RecordStore::find(current.record, feature.op, place);
      if (entry != nullptr) {
        auto* const ring = RecordStore::at<RingHeader>(current.record, entry->state);
        const std::int64_t now = current.row->engine_time.us;
        // What has left the window goes when its place is wanted.
        if (ring->count < feature.window.events_max && push_time(ring, now)) {
          return !feature.gate || has_in_window(*ring, feature.gate->least, now, feature.window_us);
        }
      }
    }
    take_into_ring(feature, current, Value::missing());
    return !feature.gate || has_in_ring(*feature.gate, current);
  }
  /// Takes the current row as one that is in the window and not aggregated. Requires a feature that
  /// takes all (WindowSpec).
  void pass(const FeatureProgram& feature, CurrentRow& current);
  /// The feature's value at the current row; a text is valid until the feature takes again.
  Value read(const FeatureProgram& feature, const CurrentRow& current);
  /// The events in the ring of a feature that has one, at the current row.
  static std::uint32_t count_in_ring(const FeatureProgram& feature, const CurrentRow& current);
  /// Whether the gate's feature holds as many as one of its rules needs.
  bool has_in_ring(const CountGate& gate, const CurrentRow& current);
  /// Until when the feature's state of a key matters: WindowState's kDead, when its window has
  /// been freed, a time, or kNeverDies.
  std::int64_t expiry(const FeatureProgram& feature, std::byte* record, const OperatorEntry& entry,
                      std::int64_t now_us);
  /// Gives back what the feature holds of a key outside its record, which lists it as `entry`.
  void release(const FeatureProgram& feature, std::byte* record, const OperatorEntry& entry);
  /// Writes what the feature holds of a key whose record lists it as `entry`.
  void save(const FeatureProgram& feature, const std::byte* record, const OperatorEntry& entry,
            ByteWriter& to) const;
  /// Reads that into a key that holds nothing of the feature, and lists it in its record. False for
  /// bytes that save() did not write of a feature that means the same; nothing is listed then.
  bool restore(const FeatureProgram& feature, KeySlot& slot, ByteReader& from);

 private:
  void take_word(const FeatureProgram& feature, CurrentRow& current, Word word, bool counts);
  bool take_flat(const FeatureProgram& feature, CurrentRow& current, Word word, bool counts);
  FlatWindow flat_window(const FeatureProgram& feature, std::byte* record, Offset place) const {
    return {RecordStore::at<std::uint64_t>(record, place), feature.window, windows_->memory()};
  }
  Offset cut_words(CurrentRow& current, std::uint32_t op, std::uint32_t words);
  bool restore_flat(const FeatureProgram& feature, KeySlot& slot, std::uint32_t events,
                    ByteReader& from);
  // The window of the pool, made where there is none.
  WindowState& window_of(const FeatureProgram& feature, CurrentRow& current);
  void take_into_ring(const FeatureProgram& feature, CurrentRow& current, const Value& value);
  const Zone* zone_of(const FeatureProgram& feature, const CurrentRow& current) const;

  const ProgramImpl& program_;
  RecordStore& store_;
  EngineStats& stats_;
  SharedFeatures shared_;
  const Batch* batch_ = nullptr;
  WindowPool* windows_ = nullptr;
};
}  // namespace tocsin::cep
