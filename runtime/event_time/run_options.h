/// What a run takes besides rules, and what it gives.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/base/workers.h"
#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "cep/engine/key_report.h"
#include "cep/engine/profile.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/event_time/input_form.h"
#include "runtime/event_time/source_policy.h"
#include "runtime/io/byte_source.h"
#include "runtime/io/clock.h"
#include "runtime/series/series_options.h"

namespace tocsin::runtime {
class WorkerThreads;
/// A file by path (`.gz` and `.zst` are unpacked), standard input ("-"), text in memory, or
/// whatever `open` opens.
struct Input {
  std::string name;                     // shown in messages: the path, or "-"
  std::optional<std::string> contents;  // JSON lines given in memory instead of the file
  /// Opens JSON lines that are neither; each call from the beginning. Empty: the file, or contents.
  std::function<Result<std::unique_ptr<ByteSource>>()> open = {};
};
/// What becomes of an event of a type that no rule file declares.
enum class UnknownTypes : std::uint8_t {
  kIgnore,  // it is counted
  kDead,    // it is a dead letter (runtime/event_time/unknown_type.h)
};
/// Which of two events at one time is first.
enum class EqualTimeOrder : std::uint8_t {
  kMerged,    // the one that was taken first, as inputs are merged
  kPosition,  // that of the input that was opened first; of one input the one that stands first
};
struct RunOptions {
  InputReading reading;      // of files and standard input
  FileSeriesOptions series;  // of directories, and of files that are followed
  /// Overrides the schemas' `up to D late` for every source.
  std::optional<cep::Duration> out_of_orderness;
  LatePolicy late = LatePolicy::kSide;
  /// An event later than this is set aside, whatever `late` says. Nothing: none is too late.
  std::optional<cep::Duration> late_max;
  /// An event further ahead of the clock is a dead letter. Nothing: none is.
  std::optional<cep::Duration> ahead_max;
  /// An event further ahead of its source's time is held until the next one confirms it
  /// (IntakeOptions::jump_max). Nothing: none is.
  std::optional<cep::Duration> jump_max;
  UnknownTypes unknown_types = UnknownTypes::kIgnore;
  EqualTimeOrder order = EqualTimeOrder::kMerged;
  /// For inputs that somebody still writes (a pipe, a terminal). After so long without a line time
  /// moves on with the clock, and after so long an input no longer holds time back. Nothing: never.
  std::optional<cep::Duration> heartbeat;
  std::optional<cep::Duration> idle_after;
  /// While the input whose turn it is has nothing at hand: reads the others on, as far as their
  /// watermarks are at most this ahead of W (IntakeOptions::drift_max), and as half of
  /// `reorder_bytes_max` has room. Nothing: each waits for its turn.
  std::optional<cep::Duration> drift_max;
  Clock* clock = nullptr;  // for heartbeat, idle_after and ahead_max; null: the machine's
  /// At the end of all inputs time moves on past every deadline.
  bool final_watermark = true;
  /// Time moves at least to here at the end (a test's `until`), before the final watermark if there
  /// is one.
  std::optional<cep::EventTime> until;
  std::size_t slice_rows_max = 2048;
  std::size_t line_bytes_max = 1 << 20;  // a longer line is a dead letter
  std::size_t reorder_bytes_max =
      1u << 30;  // events waiting to be put in order beyond it end the run (Errc::kLimit)
  std::size_t unique_ids_max = 10'000'000;  // ids known of each `unique` type, the newest
  /// The state of all programs beyond so many bytes ends the run (Errc::kLimit); looked at every
  /// few slices. Nothing: no limit.
  std::optional<std::uint64_t> state_bytes_max;
  /// cep::Limits::steps_per_event_max. Nothing: the program's.
  std::optional<std::uint64_t> steps_per_event_max;
  /// Whose threads read and decode files ahead of the caller's, which then only puts events in
  /// order and matches them; they outlive the run. Where they are four or more, one of them matches
  /// a slice while the caller puts the next in order. Null: none. What a run gives does not depend
  /// on it. Not with `heartbeat`, `idle_after` or `drift_max`, nor for inputs that somebody still
  /// writes; `stop_requested` is then also asked on these threads.
  WorkerThreads* decode_by = nullptr;
  /// How many bytes such a thread reads and decodes at once.
  std::size_t block_bytes = std::size_t{256} << 10;
  /// RunSummary::profile is wanted. Alerts do not depend on it.
  bool profiles = false;
  std::uint64_t hash_seed = 0x9e3779b97f4a7c15;
  /// Threads for the engine, which outlive the run. Null: the caller's alone.
  cep::Workers* workers = nullptr;
  /// Asked between slices and whenever a read is interrupted by a signal (EINTR). True ends the run
  /// with an error (Errc::kStopped) after everything before it was processed and handed out; no
  /// final watermark. May be empty.
  std::function<bool()> stop_requested;
};
/// A line that could not be decoded: where, why, and the line (cut to 64 KiB).
struct DeadLetter {
  std::string input;
  std::uint64_t line = 0;  // 1-based
  std::string reason;
  std::string_view text;
  cep::ArrivalNumber arrival{};
};
/// A good event that came behind the watermark and was set aside.
struct LateEvent {
  std::string input;
  std::uint64_t line = 0;
  cep::EventTime ts;
  cep::Duration late_by;
  std::string_view text;
  cep::ArrivalNumber arrival{};
  /// The line of the same source that had moved its time on, and its event time; 0: a clock or
  /// another source had.
  std::uint64_t moved_by = 0;
  cep::EventTime moved_to{};
};
/// Where a run's time went. What is left of RunSummary::seconds went into reading, decoding and
/// putting in order.
struct RunProfile {
  cep::EngineProfile engine;
  std::uint64_t output_ns = 0;          // in Sinks::alert
  std::vector<cep::RuleTotals> totals;  // what rules kept when the inputs ended, by RuleIndex
};
struct RunSummary {
  std::uint64_t lines = 0;    // read, blank ones left out
  std::uint64_t bytes = 0;    // of the inputs, unpacked
  std::uint64_t events = 0;   // good and not set aside, also of types that no rule uses
  std::uint64_t ignored = 0;  // of a type that no file declares, with UnknownTypes::kIgnore
  std::vector<std::string>
      ignored_examples;  // "TYPE at FILE:LINE": the first line of each type, the first few types
  std::uint64_t dead_letters = 0;
  std::uint64_t late = 0;  // set aside
  std::uint64_t clamped = 0;
  std::uint64_t fields_missing =
      0;  // values that are read but unusable, or absent without `?`: taken as missing
  std::vector<std::string>
      fields_missing_examples;       // "payment.amount at FILE:LINE: …", the first few
  std::uint64_t jumps = 0;           // events that jumped ahead and were held (jump_max)
  std::uint64_t jumps_rejected = 0;  // of them dead letters, which are counted there too
  std::uint64_t repeats = 0;         // of a `unique` id: left out, though counted among the events
  std::uint64_t ids_forgotten = 0;   // to RunOptions::unique_ids_max
  std::uint64_t alerts = 0;          // of live rules
  std::uint64_t undelivered = 0;     // of internal and shadow rules
  std::uint64_t budget_alerts = 0;   // the engine's own: rules that exceeded a budget
  std::vector<std::uint64_t> alerts_by_rule;  // by RuleIndex; of all
  std::vector<std::uint64_t> steps_exceeded;  // cep::Engine::steps_exceeded()
  cep::EventTime first_event,
      last_event;  // engine times; equal to kEventTimeMax/Min when there was none
  cep::EngineStats engine;
  double seconds = 0;
  std::optional<RunProfile> profile;  // with RunOptions::profiles
};
/// Counts an alert by its rule, or as the engine's own.
void count_alert(const cep::Plan& plan, const cep::Alert& alert, RunSummary& summary);
struct Progress {
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;  // 0: unknown
  std::uint64_t events = 0;
  std::uint64_t alerts = 0;
};
/// What a run hands out, on the calling thread. Any may be empty. An error from `alert` ends the
/// run.
struct Sinks {
  std::function<Result<void>(const cep::Alert&)> alert;  // of internal and shadow rules too
  /// Says which alerts `alert` is called with next, all of a slice: they stay until then. Called on
  /// the thread that matched the slice.
  std::function<void(std::span<const cep::Alert>)> upcoming;
  std::function<void(const LateEvent&)> late;
  std::function<void(const DeadLetter&)> dead_letter;
  std::function<void(const Progress&)> progress;  // a few times a second
  std::function<void(const std::string&)> note;   // how an input is read, where it is CSV: a line
};
}  // namespace tocsin::runtime
