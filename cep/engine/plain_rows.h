/// The operators of a table at rows as most are, before each is run by itself: counts take the row
/// into their rings, strict groups compare it with the key's last events, and rules that the row
/// cannot concern are left out. For tables of one source of keys whose operators and predicates are
/// all bits of a row's mask, the operators in one word.
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
  /// Runs what it can of these operators, as bits by op. Gives those that are not done, which are
  /// to be run in their order.
  std::uint64_t run(std::uint64_t operators, CurrentRow& row);

 private:
  struct Counter {
    const FeatureProgram* feature = nullptr;  // with a ring of its own; null: a group
    const FeatureGroup* group = nullptr;
    std::uint64_t gated = 0;       // rules that wait for it to hold enough
    std::uint32_t list_place = 0;  // of the feature in most records' lists
  };
  struct Start {
    std::uint32_t word = 0;
    std::uint64_t bit = 0;
    bool keeps_state = false;  // what its key's record lists may go on
  };
  void add(const ProgramImpl& program, const TableProgram& table, std::uint32_t op);
  std::uint64_t count(Counter& counter, CurrentRow& row);
  static std::uint32_t place_of(std::uint64_t operators) {
    return static_cast<std::uint32_t>(std::countr_zero(operators));
  }
  bool concerns(std::uint32_t op, const CurrentRow& row) const;

  RecordStore& store_;
  FeatureStore& features_;
  EventCapture& capture_;
  EngineStats& stats_;
  bool may_run_ = false;
  // By op, as bits; and by op what they are, where the bit is set.
  std::uint64_t counting_ = 0;
  std::uint64_t starting_ = 0;
  std::uint64_t strict_ = 0;
  std::vector<Counter> counters_;
  std::vector<Start> starts_;
  std::vector<std::optional<StrictRows>> strict_rows_;
};
}  // namespace tocsin::cep
