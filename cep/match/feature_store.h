/// Takes events into the features of one table and reads them: the fast rings in the key's record
/// (cep/aggregate/feature_state.h) for `count`, `sum` and `avg` over `last D` and `previous D`,
/// shared where several of them are over the same kind of events (cep/match/shared_features.h); a
/// window of the shard's pool (cep/aggregate/feature_window.h) for all others, with its number
/// in the record's operator list.
#pragma once
#include <cstdint>

#include "cep/aggregate/feature_window.h"
#include "cep/compile/program.h"
#include "cep/match/shared_features.h"
#include "cep/record/engine_stats.h"
#include "cep/record/key_record.h"

namespace tocsin::cep {
struct CurrentRow;

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
  /// Takes the current row as one that is in the window and not aggregated. Requires a feature that
  /// takes all (WindowSpec).
  void pass(const FeatureProgram& feature, CurrentRow& current);
  /// The feature's value at the current row; a text is valid until the feature takes again.
  Value read(const FeatureProgram& feature, const CurrentRow& current);
  /// The events in the ring of a feature that has one, at the current row.
  static std::uint32_t count_in_ring(const FeatureProgram& feature, const CurrentRow& current);
  /// Until when the feature's state of a key matters: WindowState's kDead, when its window has
  /// been freed, a time, or kNeverDies.
  std::int64_t expiry(const FeatureProgram& feature, std::byte* record, const OperatorEntry& entry,
                      std::int64_t now_us);
  /// Gives back what the feature holds of a key outside its record, which lists it as `entry`.
  void release(const FeatureProgram& feature, const OperatorEntry& entry) {
    if (!feature.in_ring) windows_->free(entry.state);
  }
  /// Writes what the feature holds of a key whose record lists it as `entry`.
  void save(const FeatureProgram& feature, const std::byte* record, const OperatorEntry& entry,
            ByteWriter& to) const;
  /// Reads that into a key that holds nothing of the feature, and lists it in its record. False for
  /// bytes that save() did not write of a feature that means the same; nothing is listed then.
  bool restore(const FeatureProgram& feature, KeySlot& slot, ByteReader& from);

 private:
  // The window of the current key, made where there is none.
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
