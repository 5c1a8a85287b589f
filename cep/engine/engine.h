/// The engine: a plan compiled to a program, and the state that it runs by key in event time. Pure
/// and deterministic: no clock, thread or I/O; equal rows in any slices give equal alerts.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/data/alert.h"
#include "cep/data/batch.h"
#include "cep/data/state_entry.h"
#include "cep/engine/profile.h"
#include "cep/engine/restore_report.h"
#include "cep/plan/limits.h"
#include "cep/record/engine_stats.h"
#include "cep/value/time.h"

namespace tocsin::cep {
class EngineImpl;
struct KeyPartQuery;
struct KeyQuery;
struct KeyReport;
struct KeyScan;
struct RuleTotals;
class Workers;
/// Threading: one caller at a time.
///
/// **State as bytes** (ARCHITECTURE.md, The engine's state as bytes): begin_snapshot() cuts between
/// two calls of advance() and gives the globals; write_snapshot() then gives, in chunks between
/// further calls of advance(), the entries of all keys that have changed since the cut before, as
/// they were at the cut. Globals, and a map to which all cuts were applied in order, are the whole
/// state: begin_restore(), restore() for each entry in any order, finish_restore() let a new
/// engine continue as if it had never stopped. Cuts may also be restored one after the other, while
/// the original engine continues: resume_restore(), then forget() and restore() for what
/// changed.
class Engine {
 public:
  /// `hash_seed` only chooses the layout of in-memory tables; alerts do not depend on it. With
  /// `workers`, which outlive it, a slice is worked through by as many threads as they have; alerts
  /// and state do not depend on that either. Null: by the caller's alone.
  Engine(Program program, std::uint64_t hash_seed, Workers* workers = nullptr);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  /// Takes the slice's rows in order (engine times at or after the last watermark given), firing
  /// each timer due at or before a row's engine time before it, then moves time to `watermark` (at
  /// or after the last row) and fires all timers due at or before it. Appends the alerts in order
  /// (cep/value/order.h). `watermark` kEventTimeMax means the end of time: every deadline passes.
  void advance(const Batch& slice, EventTime watermark, std::vector<Alert>& alerts);
  /// From now on rules from this one on raise nothing, and no time is spent on alerts that nobody
  /// reads; what they remember goes on. Nothing: all raise what they find again. What Limits allow
  /// one event to raise and to list is then not used up.
  void mute_from(std::optional<RuleIndex> first);
  EngineStats stats() const;
  /// The last one given to advance() or restored; kEventTimeMin before.
  EventTime watermark() const;

  /// What is remembered of a key (cep/engine/key_report.h), and of each rule, by RuleIndex: for
  /// people. They change nothing.
  KeyReport report(const KeyQuery& query);
  std::vector<RuleTotals> rule_totals();
  /// Goes on with a walk through the keys (cep/engine/key_scan.h), by one part of it.
  void scan_keys(KeyScan& scan);
  /// Erases what is remembered of every key that has one of these parts: whatever comes later finds
  /// nothing of it. Between two slices. Gives the number of keys. Takes time by the number of keys
  /// of tables whose keys have several parts.
  std::uint64_t erase(const std::vector<KeyPartQuery>& parts);
  /// At how many events of a key each rule needed more steps than Limits allows, by this engine; by
  /// RuleIndex, and empty where none did.
  std::vector<std::uint64_t> steps_exceeded() const;

  /// From now on measures its own work: each operator in one slice of eight, and the stages in all.
  void begin_profile();
  /// What was measured is forgotten, and nothing more is.
  void end_profile();
  /// What was measured since begin_profile(); nothing outside of that.
  EngineProfile profile() const;

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
  /// bytes that no engine wrote, kOtherVersion for a newer format.
  Result<RestoreReport> begin_restore(std::string_view globals);
  /// Whose state an entry is of: the engine of begin_restore(), or that of begin_past().
  enum class Origin : std::uint8_t { kLast, kPast };
  /// After begin_restore() and before any entry: a second engine's state, which ran this program
  /// over earlier events. What does not go on from the first goes on from it, but for what a rule
  /// holds back (`once`, `at most`), which begins with nothing; all else is of the first. Gives the
  /// report of both. `globals` and errors as in begin_restore().
  Result<RestoreReport> begin_past(std::string_view globals);
  /// One entry, each once, in any order. kCorrupt for what was not written with these globals; the
  /// engine is of no use then.
  Result<void> restore(const StateKey& key, std::string_view value, Origin origin = Origin::kLast);
  /// A later cut of the same engine follows: its globals, before its entries. An entry that came
  /// already is forgotten first.
  Result<void> resume_restore(std::string_view globals, Origin origin = Origin::kLast);
  /// Forgets what restore() made of the key's entry, where there was one.
  Result<void> forget(const StateKey& key, Origin origin = Origin::kLast);
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
