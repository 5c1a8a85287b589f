/// Lets the journal go of what no checkpoint needs: at once, or when the archive has it.
///
/// A journal segment becomes a file of the archive on the executor, one at a time. Until that file
/// is on disk the journal keeps the segment, so that a crash loses nothing of the archive; where
/// the archive cannot be written, the journal grows up to a limit, and what is beyond it will be
/// missing there. Where the disk is full the oldest files go: new events need the space.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/value/time.h"
#include "runtime/archive/archive_writer.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/clock.h"
#include "runtime/io/executor.h"
#include "runtime/io/files.h"
#include "runtime/node/node_log.h"

namespace tocsin::runtime {
struct ArchiveOptions {
  /// Files go whose last event was taken longer ago by the clock...
  std::optional<cep::Duration> keep_for;
  /// ...and the oldest, while all together have more bytes.
  std::optional<std::uint64_t> bytes_max;
  /// What the journal holds at most for an archive that cannot be written.
  std::uint64_t backlog_bytes_max = std::uint64_t{1} << 30;
  ArchiveWriterOptions writer;
};
struct ArchiveStatus {
  bool is_kept = false;  // there is an archive
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t events = 0;
  std::uint64_t end_sequence = 1;    // every record before it is there, was missed or has gone
  std::uint64_t records_missed = 0;  // since the start
  std::uint64_t files_removed = 0;   // since the start, for their age or the size of all
  std::string failure;               // of the last try; empty when it went well
};

/// Threading: one caller at a time; what it posts shares nothing with it but a result.
class ArchiveKeeper {
 public:
  /// All must outlive it but `options`; nothing: there is no archive. `program` is the one that
  /// holds when a segment's turn comes.
  ArchiveKeeper(Files& files, Clock& clock, Executor& executor, const DataPaths& paths,
                const cep::Program& program, NodeLog& log, std::uint64_t segment_bytes,
                const std::optional<ArchiveOptions>& options);
  /// Makes the folder, removes what a crash left, and finds where the archive ends.
  Result<void> open();
  /// No checkpoint needs records before this one.
  void release_before(std::uint64_t sequence);
  /// Goes on where a file was made, and begins the next one. `needs_room`: something waits for
  /// space on the disk, and the oldest files go, as many bytes as a journal segment has at a time.
  void poll(bool needs_room);
  const ArchiveStatus& status() const { return status_; }

 private:
  struct Step {
    std::optional<Error> failure;
    bool has_more = false;        // segments that could follow at once
    std::uint64_t end = 0;        // of the archive, afterwards
    std::uint64_t missed = 0;     // records that the journal no longer had
    std::uint64_t backlog = 0;    // segments that wait, where it failed
    std::uint64_t first_end = 0;  // of the first of these
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t events = 0;
    std::uint64_t removed = 0;
  };
  // What the task gives back.
  struct Shared {
    std::mutex mutex;
    std::optional<Step> step;
  };
  // What a task works with.
  struct Work {
    DataPaths paths;
    cep::Program program;
    ArchiveOptions options;
    std::uint64_t segment_bytes = 0;
    std::uint64_t from = 0;    // the archive has what is before
    std::uint64_t target = 0;  // no checkpoint needs what is before
    cep::EventTime now;
  };
  static Step make(Files& files, const Work& work, bool makes_room);
  static Step make_next(Files& files, const Work& work);
  static void keep_to_limits(Files& files, const Work& work, bool makes_room, Step& step);
  bool may_make_room();
  void begin(bool makes_room);
  void take(const Step& step);

  Files& files_;
  Clock& clock_;
  Executor& executor_;
  const DataPaths& paths_;
  const cep::Program& program_;
  NodeLog& log_;
  std::uint64_t segment_bytes_;
  std::optional<ArchiveOptions> options_;
  std::shared_ptr<Shared> shared_;  // null: no task is under way
  std::uint64_t target_ = 0;        // no checkpoint needs what is before
  bool is_due_ = false;             // a segment may wait
  cep::EventTime made_room_at_;
  ArchiveStatus status_;
};
}  // namespace tocsin::runtime
