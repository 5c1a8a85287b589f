/// The current row as the places of a busy key see it; each matcher adds how it asks conditions.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/eval/eval.h"
#include "cep/eval/row_memo.h"
#include "cep/eval/steps.h"
#include "cep/places/busy_key.h"
#include "cep/places/places.h"
#include "cep/record/engine_stats.h"

namespace tocsin::cep {
class BusyRow : public PlacesEvent {
 public:
  /// `rule` has the steps and places that the key is matched by. First events that are looked at
  /// one by one take `steps`; `memo` has begun at the row.
  BusyRow(const RuleProgram& rule, BusyKey& key, StepMeter& steps, EngineStats& stats,
          RowMemo& memo)
      : rule_(rule), key_(key), steps_(steps), stats_(stats), memo_(memo) {}
  bool fits(std::uint32_t step) override {
    return fits_row(rule_.steps[step].take, static_cast<int>(step));
  }
  bool is_forbidden_after(std::uint32_t step) override;
  bool is_forbidden_by(std::uint32_t step, std::uint32_t guard) override {
    return fits_row(rule_.steps[step].guards[guard], -1);
  }
  std::uint32_t subset(std::uint32_t step) override;
  Value compared(const Expr& expr, std::uint32_t step) override;
  const std::string* value(const Expr& own) override;
  bool agrees(const KeptEvent& first) override;
  bool take_step() override;
  bool allows_sum(Int128 sum) override;
  std::uint64_t capture() override;
  void add_to_series(PlacesPart& part, std::uint32_t loop) override;
  bool is_late() override { return row().ts < row().engine_time; }
  /// Whether it is among the key's events.
  bool is_captured() const { return number_.has_value(); }
  /// Whether a first event was sought that the steps did not suffice for.
  bool gave_up() const { return gave_up_; }

 protected:
  const RuleProgram& rule() const { return rule_; }
  EventView view() const { return {&row(), nullptr}; }
  const Row& row() const { return *current().row; }
  /// Whether the row fits the element by what is asked of it alone.
  virtual bool fits_row(const ElementProgram& element, int taken_step) = 0;
  /// The scope of the rule's expressions, in which the row counts as the event of `taken_step` (-1:
  /// of none) and nothing comes before it.
  virtual EvalScope scope_at(int taken_step) = 0;
  virtual const KeptEvent& captured() = 0;

 private:
  const RuleProgram& rule_;
  BusyKey& key_;
  StepMeter& steps_;
  EngineStats& stats_;
  RowMemo& memo_;
  std::optional<std::uint64_t> number_;
  std::optional<std::string> value_;
  std::optional<Value> bound_;  // of the sum
  bool gave_up_ = false;
};
}  // namespace tocsin::cep
