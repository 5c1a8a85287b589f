/// Writes a journal: records in groups, one sync for each group. Single-threaded and without
/// waiting; runtime/journal/journal.h puts it behind a thread.
///
/// Invariants: a record is counted durable only after a sync that began after it was written; a
/// group is written only after the one before it was synced; a segment is made only after the one
/// before it was synced; nothing that was synced is written over with anything else. What is
/// written are whole blocks of kDirectBytes, so that it may go past the system's cache: the block
/// that a group begins in is written again with what stands in it, and zeros follow the end mark.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "runtime/io/aligned_bytes.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "runtime/journal/end_mark.h"
#include "runtime/journal/journal_directory.h"
#include "runtime/journal/journal_format.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::runtime {
struct JournalOptions {
  /// A segment is closed when the next record would make it larger. At least 8 KiB, and whole
  /// blocks.
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  /// A file grows by so many zeros at a time, ahead of the records.
  std::uint64_t extend_bytes = std::uint64_t{1} << 20;
  /// How many segments that are no longer needed are kept for their blocks.
  std::size_t spares_max = 2;
  /// Of the engine that runs. A journal whose last segment has another number is refused...
  std::uint32_t semantics = 1;
  /// ...unless this is said; a new segment then begins.
  bool accept_other_semantics = false;
  /// Of a new journal, which begins with `first_sequence`. An old one goes on with its own...
  Timeline timeline;
  std::uint64_t first_sequence = 1;
  /// ...unless this is said: `timeline` then begins with a new segment.
  bool begin_timeline = false;
  /// Records before this one were on disk, as something else than the journal knows. An old one
  /// that ends before it is damaged: it is refused before its end is cut.
  std::uint64_t known_end = 0;
  /// The file of its end mark, which raises `known_end` and is kept from then on; empty: none.
  std::string end_mark = {};
};

/// The most bytes that the frame of a record may have.
std::size_t frame_bytes_max(const JournalOptions& options);

/// Records that wait to be written, already as frames.
class JournalGroup {
 public:
  /// Takes in a record unless its frame has more than `frame_bytes_max` bytes.
  bool add(std::uint64_t sequence, const JournalRecord& record, std::size_t frame_bytes_max);
  bool empty() const { return begin_ == end_; }
  /// Of all frames not yet written.
  std::size_t bytes() const { return end_ - begin_; }
  /// Where in its block the first frame will stand, as far as that is known: frames then need not
  /// be moved. Requires that it is empty.
  void begin_at(std::size_t place);

 private:
  friend class JournalWriter;
  char* data() { return bytes_.data(); }
  // Moves the frames so that the first has this place in its block.
  void move_to(std::size_t place);
  AlignedBytes bytes_;     // frames that lack checksum and `synced`
  std::size_t begin_ = 0;  // of the first that is not yet durable
  std::size_t end_ = 0;
  std::string front_;  // of one record
};

/// What became of a group.
enum class CommitState : std::uint8_t {
  kDurable,  // all of it is on disk, and the group is empty
  kNoSpace,  // what is not on disk is still in the group: commit it again when there is space
  kFailed,   // for good: nothing more is written or acknowledged
};

class JournalWriter {
 public:
  /// Opens the journal in `directory`, whose parent must exist, or begins one. Takes the lock,
  /// finds the end, makes sure that all before it is on disk. Fails with kInUse for a live owner,
  /// kOtherVersion for a newer format or another semantics number; kCorrupt, naming file, offset
  /// and record, for damage, which changes no segment; kLimit without space.
  static Result<std::unique_ptr<JournalWriter>> open(Files& files, Clock& clock,
                                                     std::string directory,
                                                     const JournalOptions& options);
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  /// Of the oldest record that is held.
  std::uint64_t first_sequence() const { return segments_.front().header.first_sequence; }
  /// Every record before this one is on disk.
  std::uint64_t durable_end() const { return durable_end_; }
  std::size_t frame_bytes_max() const { return runtime::frame_bytes_max(options_); }
  /// Writes and syncs a group whose sequences go on from durable_end(), or from the group before.
  CommitState commit(JournalGroup& group);
  /// Where the group after this one will most likely begin: for JournalGroup::begin_at().
  std::size_t place_after(const JournalGroup& group) const {
    return static_cast<std::size_t>((offset_ + group.bytes()) % kDirectBytes);
  }
  /// Lets go of segments all of whose records are before `sequence`. The last one stays. A failure
  /// leaves files that the next call or opening tries again, except after failed() is true.
  Result<void> release_before(std::uint64_t sequence);

  /// What is written from here on begins a new segment, and the blocks of the ones before are not
  /// kept for their blocks: nothing of what they held stays once they are let go of. Fails where
  /// spares cannot be removed.
  Result<void> begin_segment();

  bool failed() const { return !failure_.empty(); }
  /// Why commit() gave kFailed or, last time, kNoSpace.
  const std::string& failure() const { return failure_; }
  const std::string& no_space() const { return no_space_; }
  /// What opening cut off.
  const std::optional<TornEnd>& torn_end() const { return torn_end_; }
  const Timeline& timeline() const { return segments_.back().header.timeline; }
  std::size_t segment_count() const { return segments_.size(); }

 private:
  JournalWriter(Files& files, Clock& clock, std::string directory, const JournalOptions& options);
  Result<void> begin();
  // Raises known_end by the end mark.
  Result<void> ask_end_mark();
  Result<void> check_last(const SegmentHeader& header) const;
  // Goes on in the last segment, or sets must_roll_ where that must not be.
  Result<void> resume(const SegmentFile& last);
  // Writes the last commit again: a sync of it may have failed before.
  FileResult<void> rewrite(std::string_view commit);
  CommitState roll();
  FileResult<std::unique_ptr<File>> take_file(std::uint64_t id, std::string& path,
                                              std::uint64_t& extent);
  CommitState write_piece(JournalGroup& group);
  FileResult<void> write_frames(JournalGroup& group, std::size_t end);
  void extend(std::uint64_t to);
  CommitState note(const FileError& error);
  CommitState fail_for_good(const FileError& error);
  bool has_room(std::size_t bytes) const;

  Files& files_;
  Clock& clock_;
  std::string directory_;
  JournalOptions options_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<EndMark> end_mark_;  // null: none
  std::vector<SegmentFile> segments_;  // the last is being written
  std::vector<std::string> spares_;
  std::uint64_t no_spares_before_ = 0;  // segments that begin before it do not become any
  std::uint64_t id_max_ = 0;
  std::unique_ptr<File> file_;
  std::uint64_t offset_ = 0;     // where the next frame goes
  std::uint64_t extent_ = 0;     // bytes that the file has
  std::string block_;            // what stands before it in its block
  std::uint64_t kept_from_ = 0;  // what stands before was let go from memory
  std::uint32_t seed_ = 0;
  bool must_roll_ = false;
  std::uint64_t durable_end_ = 1;
  std::optional<TornEnd> torn_end_;
  std::string failure_;
  std::string no_space_;
};
}  // namespace tocsin::runtime
