/// Where an engine's time goes, by stage, rule and feature: for people who look for what to change.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// What an engine has done since Engine::begin_profile(). Times are of a steady clock, in
/// nanoseconds.
struct EngineProfile {
  struct Part {
    std::uint64_t asked = 0;  // events at which it ran: those that its conditions let through
    std::uint64_t ns = 0;     // at them and at deadlines, over all threads; an estimate
  };
  /// A step of a rule's pattern, and at how many of the counted rows the conditions on that one
  /// event hold. Conditions that read other events or features are not among them.
  struct StepFit {
    RuleIndex rule;
    const Element* element = nullptr;  // of the plan
    std::uint64_t rows = 0;
  };
  std::uint64_t rows = 0;          // given to advance()
  std::uint64_t counted_rows = 0;  // of them, those that `steps` looks at
  /// The stages, on the caller's clock. Conditions: which rules an event concerns, and its keys.
  /// Alerts: their order and ids. Upkeep: state that is let go.
  std::uint64_t conditions_ns = 0;
  std::uint64_t matching_ns = 0;
  std::uint64_t alerts_ns = 0;
  std::uint64_t upkeep_ns = 0;
  /// By RuleIndex and FeatureIndex. What several share is divided among them. Features that no rule
  /// reads have nothing.
  std::vector<Part> rules;
  std::vector<Part> features;
  /// By rule, in the order of its pattern.
  std::vector<StepFit> steps;
};
/// A clock that is read so often that its own time counts.
class ProfileClock {
 public:
  static std::uint64_t now() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
  }
  /// What a call of now() takes.
  static std::uint64_t cost();
};
/// The stages of an engine, by the caller's clock, and which slices are measured in detail: one in
/// eight. Threading: one caller at a time.
class StageProfile {
 public:
  void begin_slice(std::size_t rows) {
    constexpr std::uint64_t kTimedOnceIn = 8;
    is_timed_ = slices_++ % kTimedOnceIn == 0;
    stages_.rows += rows;
    if (is_timed_) stages_.counted_rows += rows;
    since_ = ProfileClock::now();
  }
  /// The time since the last one, or since the begin of the slice, was the stage's.
  void lap(std::uint64_t EngineProfile::*stage) {
    const std::uint64_t now = ProfileClock::now();
    stages_.*stage += now - std::exchange(since_, now);
  }
  const EngineProfile& stages() const { return stages_; }
  /// Whether the slice in work is measured in detail.
  const bool& is_timed() const { return is_timed_; }

 private:
  EngineProfile stages_;
  bool is_timed_ = false;
  std::uint64_t slices_ = 0;
  std::uint64_t since_ = 0;
};
/// Counts the operators that a lane runs, and measures them in some slices. Threading: one caller
/// at a time; `is_timed` changes between slices.
class OperatorProfile {
 public:
  struct Cost {
    std::uint64_t runs = 0;        // at events
    std::uint64_t timed_runs = 0;  // of them, and at deadlines
    std::uint64_t timed_ns = 0;
    std::uint64_t waits = 0;  // at deadlines
    /// Of all runs, from those that were measured.
    std::uint64_t ns() const;
  };
  /// `is_timed` outlives it.
  OperatorProfile(std::size_t operators, const bool& is_timed)
      : costs_(operators), is_timed_(is_timed) {}
  /// Operators run from here on.
  void begin() {
    if (is_timed_) since_ = ProfileClock::now();
  }
  /// Operator `op`, from 1 on, has run since the last call.
  void ran(std::uint32_t op) {
    ++costs_[op - 1].runs;
    if (is_timed_) measure(costs_[op - 1]);
  }
  void waited(std::uint32_t op) {
    ++costs_[op - 1].waits;
    if (is_timed_) measure(costs_[op - 1]);
  }
  const std::vector<Cost>& costs() const { return costs_; }

 private:
  void measure(Cost& cost);

  std::vector<Cost> costs_;  // by op - 1
  const bool& is_timed_;
  std::uint64_t since_ = 0;
};
}  // namespace tocsin::cep
