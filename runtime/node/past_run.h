/// Rules that are about to hold, and what they make of earlier events: an engine that runs them
/// over the records of the last days, for a deploy after which they go on from there.
///
/// What it makes follows from the state that was kept of it, as a blob that the deploy's record
/// names, and from the records of the journal between that state and the deploy: a replay makes it
/// again from both.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/engine/engine.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/event_time/intake.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::runtime {
/// A port, for who knows the archive implements it. Threading: one caller at a time.
class PastRun {
 public:
  PastRun() = default;
  PastRun(const PastRun&) = delete;
  PastRun& operator=(const PastRun&) = delete;
  virtual ~PastRun() = default;
  /// Tracks changes.
  virtual cep::Engine& engine() = 0;
  /// All records before it were taken, as far as they were asked for.
  virtual std::uint64_t next_sequence() const = 0;
  /// Takes record `sequence`, which is next_sequence(). Fails with kLimit where it may not take as
  /// much memory.
  virtual Result<void> take(std::uint64_t sequence, const JournalRecord& record) = 0;
  /// Whether join() may come. Fails with kConflict, saying why, where a source of the node holds
  /// time back of which nothing is known here.
  virtual Result<void> may_join(const Intake& node) const = 0;
  /// After the last record: here and in the node, whose intake this is, time moves on to where the
  /// later of both stands, so that both have taken the same events; what is later waits in both.
  virtual Result<void> join(Intake& node) = 0;
  /// After join(): the events that wait, those that the node did not keep for its rules among them.
  virtual std::vector<WaitingLine> waiting() = 0;

  /// The record that names kept() comes into the journal: from here on the blobs are its own.
  virtual void journaled() = 0;
  /// Where the state that was kept ends: all records before it are in it.
  virtual std::uint64_t kept_before() const = 0;
  /// The blobs of that state, for the deploy's record: the state itself, under kPastRole, then
  /// entries of lists.
  virtual std::vector<CheckpointBlob> kept() const = 0;
};
/// The role of a kept state. It begins as that of lists' entries: it goes when no start needs it.
inline constexpr std::string_view kPastRole = "entries:past";
}  // namespace tocsin::runtime
