/// What rules make of the events that a data directory has kept, for a deploy after which they go
/// on from there (runtime/node/past_run.h):
///
///   archive, journal ─▶ take_earlier() ─▶ keep() ─▶ catch_up() ─▶ Node::prepare()
///                                           │
///                                           └─▶ a blob ─▶ restore(), in a replay
///
/// Alerts are dropped. As bytes, what is kept is: a format byte, the run's number, the record that
/// comes next, the earliest event time, the changes of lists, the intake, the engine's globals, and
/// its entries.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "cep/value/time.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/event_time/intake.h"
#include "runtime/event_time/run_options.h"
#include "runtime/io/files.h"
#include "runtime/journal/blob_store.h"
#include "runtime/node/node.h"
#include "runtime/node/past_run.h"
#include "runtime/replay/replayed_records.h"

namespace tocsin::runtime {
/// Where earlier events are.
struct EarlierEvents {
  std::string archive, journal, blobs;  // folders
};
struct EarlierRunOptions {
  /// Another one for each run, so that what one keeps is never what another one has kept, which
  /// removes it.
  std::uint64_t number = 0;
  /// State and waiting events beyond so many bytes end it (Errc::kLimit). Nothing: no limit.
  std::optional<std::uint64_t> memory_max = {};
  /// Asked between records of take_earlier() and catch_up(); true ends them with Errc::kStopped.
  std::function<bool()> stop_requested = {};
  /// From 0 to 1, and the events taken: now and then in take_earlier().
  std::function<void(double, std::uint64_t)> progress = {};
};

/// What was kept and never came into the journal is removed again with it.
///
/// Threading: one caller at a time, in any thread.
class EarlierRun : public PastRun {
 public:
  /// Of `program`, as a server would be given it, over events from `since` on. Has taken nothing
  /// yet. `files` must outlive it.
  static std::unique_ptr<EarlierRun> make(Files& files, EarlierEvents from, NodeProgram program,
                                          cep::EventTime since, EarlierRunOptions options);
  /// What keep() kept, by the blobs of a deploy's record (PastRun::kept()). Fails with kCorrupt,
  /// kOtherVersion; as BlobStore::get().
  static Result<std::unique_ptr<EarlierRun>> restore(Files& files, EarlierEvents from,
                                                     NodeProgram program,
                                                     const std::vector<CheckpointBlob>& kept,
                                                     EarlierRunOptions options);

  /// Takes all that the archive has, and what the journal has beside it. Once, before all else.
  /// `end`: records before it are there, as far as is known; progress is of them. Fails as
  /// ArchivedArrivals, with kLimit, and with kStopped.
  Result<void> take_earlier(std::uint64_t end = 0);
  /// Takes what the journal has got since, before record `end`, which must be on disk: where the
  /// journal has let go of some of it, from the archive.
  Result<void> catch_up(std::uint64_t end);
  /// Keeps the state as a blob. Again: another one takes its place. Fails with kNotFound where the
  /// entries of a list are no longer there; as BlobStore::put().
  Result<void> keep(BlobStore& blobs);
  ~EarlierRun() override;
  /// Events that were taken.
  std::uint64_t events() const { return summary_.events; }
  /// From here on neither `stop_requested` nor `progress` is called.
  void ask_no_more() { options_.stop_requested = nullptr, options_.progress = nullptr; }
  /// What was missing of archive and lists, in words, a line each.
  const std::vector<std::string>& notes() const { return notes_; }

  cep::Engine& engine() override { return engine_; }
  std::uint64_t next_sequence() const override { return next_; }
  Result<void> take(std::uint64_t sequence, const JournalRecord& record) override;
  Result<void> may_join(const Intake& node) const override;
  Result<void> join(Intake& node) override;
  std::vector<WaitingLine> waiting() override { return intake_.waiting_lines(); }
  void journaled() override { is_journaled_ = true; }
  std::uint64_t kept_before() const override { return kept_before_; }
  std::vector<CheckpointBlob> kept() const override { return kept_; }

 private:
  EarlierRun(Files& files, EarlierEvents from, NodeProgram program, cep::EventTime since,
             EarlierRunOptions options);
  Result<void> advance(cep::Batch& slice, cep::EventTime watermark);
  Result<void> check_room();
  Result<void> catch_up_by_archive(std::uint64_t end);
  void drop_kept();
  Result<void> read(std::string_view bytes, const BlobStore& blobs);

  Files& files_;
  EarlierEvents from_;
  cep::Program program_;  // with lists and tables of its own
  cep::EventTime since_;
  std::size_t line_bytes_max_;
  EarlierRunOptions options_;
  cep::Engine engine_;
  std::vector<cep::Alert> alerts_;
  RunSummary summary_;
  Intake intake_;
  std::optional<ReplayedRecords> records_;
  std::vector<std::string> notes_;
  std::uint64_t next_ = 1;
  cep::EventTime taken_at_ = cep::kEventTimeMin;  // of the lines taken last
  std::uint64_t slices_ = 0;
  std::uint64_t kept_before_ = 0;
  std::vector<CheckpointBlob> kept_;
  bool is_journaled_ = false;
};
}  // namespace tocsin::runtime
