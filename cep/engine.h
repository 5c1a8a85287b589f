/// The engine: a plan compiled to a program, and the state that it runs by key in event time. Pure
/// and deterministic: no clock, thread or I/O; equal rows in any slices give equal alerts.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cep/alert.h"
#include "cep/base/result.h"
#include "cep/batch.h"
#include "cep/plan.h"
#include "cep/state_entry.h"
#include "cep/time.h"

namespace tocsin::cep {
/// Limits in logical units; each bites at the event that exceeds it, oldest first, and is counted.
struct Limits {
  std::uint32_t runs_per_key_max = 10'000;      // partial matches, per (rule, key)
  std::uint32_t matches_per_event_max = 1'000;  // per (rule, event)
  /// Events that partial matches hold, or a closing window, per (rule, key), and bytes as
  /// cep/budget.h counts them.
  std::uint64_t events_per_key_max = 100'000;
  std::uint64_t bytes_per_key_max = std::uint64_t{16} << 20;
  /// Of all keys of a key group (cep/key.h) together, per rule. What exceeds it brings it down to
  /// seven eighths.
  std::uint64_t runs_per_group_max = 1'000'000;
  std::uint64_t bytes_per_group_max = std::uint64_t{1} << 30;
  std::uint32_t states_max = 1'000;  // of one rule's automaton: compile refuses more
  /// Events, panes or values that a feature's window keeps per key; the oldest leave early.
  std::uint64_t feature_events_per_key_max = 1'000'000;
  std::uint64_t ewma_events_per_key_max = 10'000;  // the same of `ewma` over a window that slides
  std::uint32_t text_database_mib_max = 512;  // of the automaton for one field's text: refused too
};

class ProgramImpl;
struct ReferenceData;
/// A plan made ready to run; shared by engines, and immutable but for the entries of its lists and
/// tables.
class Program {
 public:
  explicit Program(std::shared_ptr<const ProgramImpl> impl);
  const Plan& plan() const;
  /// For each event type, for each field: whether anything reads it (the columns that a decoder
  /// fills: no computed ones).
  const std::vector<std::vector<bool>>& used_fields() const;
  /// For each event type: whether any rule or feature can use it at all.
  const std::vector<bool>& used_types() const;
  /// The same with lists and tables of its own: what is changed there, no other program sees.
  Program with_own_data() const;
  /// Lists and tables (cep/reference_data.h), to be changed between two slices.
  ReferenceData& data() const;
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
  std::uint64_t values = 0;               // live now: by which `for each` holds back
  std::uint64_t runs = 0;                 // live now
  std::uint64_t timers = 0;               // pending now
  std::uint64_t state_bytes = 0;          // tables, arenas, queues
  std::uint64_t values_missing = 0;       // arithmetic that overflowed or was undefined
  std::uint64_t feature_events_lost = 0;  // to Limits::feature_events_per_key_max
  std::uint64_t runs_lost = 0;            // to budgets; events of a closing window too
  std::uint64_t matches_truncated = 0;
  std::uint64_t alerts_held_back = 0;
  /// Events of partial matches that were counted to keep keys to their budgets, by this engine.
  std::uint64_t budget_work = 0;
};
/// What becomes of state that was written under the same or another program.
struct RestoreReport {
  enum class Fate : std::uint8_t {
    kKept,     // goes on where it was
    kStarted,  // new, or changed so that what was kept does not fit: begins with nothing
    kLost,     // no longer there, or changed
  };
  struct Line {
    bool is_rule = true;  // else a feature
    std::string name;     // the rule's id; the feature's name
    Fate fate = Fate::kKept;
    /// Of a rule that is kept: what it holds back begins anew, because `once` or `at most` changed.
    bool suppression_lost = false;
  };
  /// Every line is kept with all that it had, and tables and operators have the same numbers: a
  /// store that holds these entries goes on with the changes of later cuts.
  bool is_same_program = true;
  std::vector<Line> lines;  // rules, then features, in this program's order; then what is lost
  /// Changes of lists and tables that have no place any more: "the changes of the list NAME".
  std::vector<std::string> data_lost;
};
class EngineImpl;
struct KeyQuery;
struct KeyReport;
struct RuleTotals;
/// Threading: one caller at a time.
///
/// **State as bytes** (ARCHITECTURE.md, The engine's state as bytes): begin_snapshot() cuts between
/// two calls of advance() and gives the globals; write_snapshot() then gives, in bites between
/// further calls of advance(), the entries of all keys that have changed since the cut before, as
/// they were at the cut. Globals, and a map to which all cuts were applied in order, are the whole
/// state: begin_restore(), restore() for each entry in any order, finish_restore() make a fresh
/// engine go on as if it had never stopped. Cuts may also be restored one after the other, while
/// the engine that they are of goes on: resume_restore(), then forget() and restore() for what
/// changed.
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
  /// The last one given to advance() or restored; kEventTimeMin before.
  EventTime watermark() const;

  /// What is remembered of a key (cep/key_report.h), and of each rule, by RuleIndex: for people.
  /// They change nothing.
  KeyReport report(const KeyQuery& query);
  std::vector<RuleTotals> rule_totals();

  /// From now on keeps account of the keys that change; without it no snapshot can be begun, and
  /// nothing is paid. Before the first row and before begin_restore().
  void track_changes();
  /// Cuts here; requires that the cut before is complete. Gives the globals: all that belongs to no
  /// key, and the layout by which entries are read.
  std::string begin_snapshot();
  /// Gives the cut's next entries to `sink`, at least one, until they have `bytes_max` bytes of
  /// keys and values or more; shard by shard, with shard_done() after each of the 64. No key comes
  /// twice in a cut. True when the cut is complete; requires that one was begun.
  bool write_snapshot(StateSink& sink, std::size_t bytes_max);
  /// The next cut writes every key. For a store that is empty, also after a cut whose entries could
  /// not be kept: one that is open is given up. Takes time by the number of keys.
  void mark_all_changed();

  /// Before the first row: what entries written with these globals will become here. kCorrupt for
  /// bytes that no engine wrote.
  Result<RestoreReport> begin_restore(std::string_view globals);
  /// One entry, each once, in any order. kCorrupt for what was not written with these globals; the
  /// engine is of no use then.
  Result<void> restore(const StateKey& key, std::string_view value);
  /// A later cut of the same engine follows: its globals, before its entries. An entry that came
  /// already is forgotten first.
  Result<void> resume_restore(std::string_view globals);
  /// Forgets what restore() made of the key's entry, where there was one.
  Result<void> forget(const StateKey& key);
  /// Sets the timers of what was restored in a shard (StateSink) since the last call: work that
  /// finish_restore() then has not to do.
  void settle_restored(std::uint32_t shard);
  /// After the last entry: sets timers. From here on advance() may be called. Unless the report
  /// says that it is the same program and a store holds exactly these entries, mark_all_changed()
  /// goes before the next cut.
  Result<void> finish_restore();

 private:
  std::unique_ptr<EngineImpl> impl_;
};
}  // namespace tocsin::cep
