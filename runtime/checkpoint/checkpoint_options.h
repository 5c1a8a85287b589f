/// What the taking of checkpoints is told, and how it stands.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "cep/base/result.h"

namespace tocsin::runtime {
struct CheckpointOptions {
  std::string checkpoints;  // DIR/checkpoints; its parent must be there
  std::string state;        // DIR/state, the working copy: made anew by open(); same file system
  std::uint32_t semantics = 0;
  bool accept_other_semantics = false;  // of what is recovered
  /// Bytes that wait to be written or are being written, above which has_room() is false.
  std::size_t in_flight_bytes_max = std::size_t{16} << 20;
  /// Shards that are done wait until they have so many bytes, and are written together: what
  /// changed less goes to one file, more to one of each table.
  std::size_t group_bytes = std::size_t{4} << 20;
  /// Of a file, above which the next one is begun.
  std::size_t run_bytes = std::size_t{64} << 20;
};
enum class CheckpointScope : std::uint8_t {
  kChanges,  // what changed since the last cut
  kAll,      // everything: after Engine::mark_all_changed(), or with another program
};
enum class CheckpointStage : std::uint8_t {
  kIdle,    // none was begun since open()
  kTaking,  // between begin() and the end of what finish() started
  kDone,    // on disk; older ones are let go
  kFailed,  // there is none of this number; earlier ones are as they were
};
struct CheckpointStatus {
  CheckpointStage stage = CheckpointStage::kIdle;
  /// Of the newest that is on disk, from an earlier process or this one; 0 where none is.
  std::uint64_t number = 0;
  std::uint64_t position = 0;  // CheckpointMeta::position of that one; 0 where none is
  /// Every record from here on must stay in the journal: the least CheckpointMeta::trim of all that
  /// are kept. 0, so all of them, while there is no second checkpoint.
  std::uint64_t journal_needed_from = 0;
  Error error;  // for kFailed; kLimit: no space
  // Of the newest that this process made.
  std::uint64_t entries = 0;  // put and removed
  std::uint64_t entry_bytes = 0;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // of all files, shared with others or not
};
}  // namespace tocsin::runtime
