/// The operators of a table at rows as most are, before each is run by itself: counts take the row
/// into their rings, strict groups compare it with the key's last events, and rules that the row
/// cannot concern are left out. For tables of one source of keys, and of the operators that are
/// bits of a row's mask, where these are in one word.
#pragma once
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/alert/current_row.h"
#include "cep/compile/program.h"
#include "cep/match/feature_store.h"
#include "cep/match/strict_rows.h"
#include "cep/record/engine_stats.h"
#include "cep/record/event_capture.h"

namespace tocsin::cep {
/// Invariant: what it does of an operator is all that the operator would do at the row.
class PlainRows {
 public:
  PlainRows(const ProgramImpl& program, const TableProgram& table, RecordStore& store,
            FeatureStore& features, EventCapture& capture, EngineStats& stats);
  /// Whether the table's rows can be run here at all.
  bool may_run() const { return may_run_; }
  /// Runs what it can of these operators, as bits of a mask. Gives those that are not done, which
  /// are to be run in their order.
  std::uint64_t run(std::uint64_t operators, CurrentRow& row);
  /// Whether an operator is one of these.
  bool is_among(std::uint32_t op, std::uint64_t operators) const {
    return (operators >> bit_of_op_[op] & 1) != 0;
  }

 private:
  struct Counter {
    const FeatureProgram* feature = nullptr;  // with a ring of its own; null: a group
    const FeatureGroup* group = nullptr;
    std::uint64_t gated = 0;       // rules that wait for it to hold enough
    std::uint32_t list_place = 0;  // of the feature in most records' lists
  };
  struct Start {
    std::uint32_t predicate = 0;
    std::uint32_t op = 0;
    bool keeps_state = false;  // what its key's record lists may go on
  };
  std::optional<std::uint64_t> bits_of(const CountGate& gate) const;
  void add(const ProgramImpl& program, std::uint32_t bit, const OperatorProgram& op);
  std::uint64_t count(Counter& counter, CurrentRow& row);
  static std::uint32_t place_of(std::uint64_t operators) {
    return static_cast<std::uint32_t>(std::countr_zero(operators));
  }
  static bool concerns(const Start& start, const CurrentRow& row);

  RecordStore& store_;
  FeatureStore& features_;
  EventCapture& capture_;
  EngineStats& stats_;
  bool may_run_ = false;
  std::vector<std::uint8_t> bit_of_op_;  // 0, which is no operator's, where it has none
  // As bits of a mask; and by bit what they are, where it is set.
  std::uint64_t counting_ = 0;
  std::uint64_t starting_ = 0;
  std::uint64_t strict_ = 0;
  std::vector<Counter> counters_;
  std::vector<Start> starts_;
  std::vector<std::optional<StrictRows>> strict_rows_;
};
}  // namespace tocsin::cep
