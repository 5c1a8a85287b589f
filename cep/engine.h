/// The engine: a plan compiled to a program, and the state that it runs by key in event time. Pure
/// and deterministic: no clock, thread or I/O; equal rows in any slices give equal alerts.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cep/alert.h"
#include "cep/base/result.h"
#include "cep/batch.h"
#include "cep/plan.h"
#include "cep/time.h"

namespace tocsin::cep {
/// Limits in logical units; each bites at the event that exceeds it, oldest first, and is counted.
struct Limits {
  std::uint32_t runs_per_key_max = 10'000;      // per (rule, key)
  std::uint32_t matches_per_event_max = 1'000;  // per (rule, event)
  std::uint32_t window_events_max = 100'000;    // of a closing window, per (rule, key)
  std::uint32_t states_max = 1'000;             // of one rule's automaton: compile refuses more
  /// Events, panes or values that a feature's window keeps per key; the oldest leave early.
  std::uint64_t feature_events_per_key_max = 1'000'000;
  std::uint64_t ewma_events_per_key_max = 10'000;  // the same of `ewma` over a window that slides
  std::uint32_t text_database_mib_max = 512;  // of the automaton for one field's text: refused too
};

class ProgramImpl;
/// A plan made ready to run; immutable, shared by engines.
class Program {
 public:
  explicit Program(std::shared_ptr<const ProgramImpl> impl);
  const Plan& plan() const;
  /// For each event type, for each field: whether anything reads it (the columns that a decoder
  /// fills: no computed ones).
  const std::vector<std::vector<bool>>& used_fields() const;
  /// For each event type: whether any rule or feature can use it at all.
  const std::vector<bool>& used_types() const;
  const ProgramImpl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const ProgramImpl> impl_;
};
class TextDatabaseCache;
/// Fails when the plan does not validate or crosses a limit; the message names the rule. Text
/// databases are taken from `cache` and kept there, where one is given.
Result<Program> compile(std::shared_ptr<const Plan> plan, const Limits& limits = {},
                        TextDatabaseCache* cache = nullptr);

struct EngineStats {
  std::uint64_t rows = 0;                 // given
  std::uint64_t rows_relevant = 0;        // that reached a key record
  std::uint64_t keys = 0;                 // live now, over all tables
  std::uint64_t runs = 0;                 // live now
  std::uint64_t timers = 0;               // pending now
  std::uint64_t state_bytes = 0;          // tables, arenas, queues
  std::uint64_t values_missing = 0;       // arithmetic that overflowed or was undefined
  std::uint64_t feature_events_lost = 0;  // to Limits::feature_events_per_key_max
  std::uint64_t runs_lost = 0;            // to Limits::runs_per_key_max
  std::uint64_t matches_truncated = 0;
  std::uint64_t alerts_held_back = 0;
};
class EngineImpl;
/// Threading: one caller at a time.
class Engine {
 public:
  /// `hash_seed` only chooses the layout of in-memory tables; alerts do not depend on it.
  Engine(Program program, std::uint64_t hash_seed);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  /// Takes the slice's rows in order (engine times at or after the last watermark given), firing
  /// each timer due at or before a row's engine time before it, then moves time to `watermark` (at
  /// or after the last row) and fires all timers due at or before it. Appends the alerts in order
  /// (cep/order.h). `watermark` kEventTimeMax means the end of time: every deadline passes.
  void advance(const Batch& slice, EventTime watermark, std::vector<Alert>& alerts);
  EngineStats stats() const;

 private:
  std::unique_ptr<EngineImpl> impl_;
};
}  // namespace tocsin::cep
