/// The record that is being processed, replayed or live: rows become slices, slices become effects,
/// and effects wait for the record to be on disk.
#pragma once
#include <cstdint>
#include <vector>

#include "runtime/node/next_rules.h"
#include "runtime/node/node_parts.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class RecordRun {
 public:
  RecordRun(NodeParts& parts, NextRules& next) : parts_(parts), next_(next) {}
  RecordRun(const RecordRun&) = delete;
  RecordRun& operator=(const RecordRun&) = delete;

  /// Makes the intake for the program that holds.
  void open_intake();
  /// `is_appended`: the journal has it already.
  void begin(std::uint64_t sequence, cep::EventTime taken_at, bool is_appended);
  Result<void> append(const JournalRecord& record);
  /// Gives out what is settled. Requires that the record was appended.
  Result<void> end();
  std::uint64_t sequence() const { return sequence_; }
  cep::EventTime taken_at() const { return taken_at_; }
  cep::ArrivalNumber next_arrival() { return {sequence_, index_++}; }

  /// A little of a checkpoint, or of the state for rules that are prepared.
  void chunk();
  /// Without threads: writes the journal and stores the effects that it has the cause of.
  Result<void> commit();
  /// Waits until all that was appended is in the journal's files.
  Result<void> write_journal();
  /// Waits until the effects of all that was processed are stored.
  Result<void> store_effects();

 private:
  Result<void> advance(cep::Batch& slice, cep::EventTime watermark);
  Result<void> push_effects();

  NodeParts& parts_;
  NextRules& next_;
  std::vector<cep::Alert> alerts_;
  std::uint64_t sequence_ = 0;
  std::uint32_t index_ = 0;
  cep::EventTime taken_at_;
  bool is_appended_ = false;
};
}  // namespace tocsin::runtime
