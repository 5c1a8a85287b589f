/// What journal, checkpoints, blobs and store of a data directory know of each other, and whether
/// they fit: what a start would refuse.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/identity.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/effects/emitted_mark.h"
#include "runtime/io/files.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/store/store.h"

namespace tocsin::runtime {
/// Something that is not as it was written.
struct VerifyFinding {
  std::string message;  // names the file
  std::string remedy;   // what to do, a clause
  friend bool operator==(const VerifyFinding&, const VerifyFinding&) = default;
};
/// The remedy where a part of a data directory cannot be made again.
inline constexpr std::string_view kNewDirectoryRemedy =
    "put a copy of it back, or begin a new data directory from a savepoint (tocsin run --from)";
/// What a store of effects says of the journal that it belongs to.
struct StoreExtent {
  std::vector<std::array<std::uint8_t, 16>> timelines;  // none: nothing was stored yet
  EmittedMark mark;
  std::uint64_t cause = 0;  // the last record of the mark's timeline of which something is stored
};
/// What a store holds of that. kNotFound for one that holds nothing yet; kOtherVersion, kCorrupt,
/// kIo.
Result<StoreExtent> extent_of(const StoreReader& store);

/// Where a checkpoint stands in the journal.
struct CheckpointPosition {
  std::string path;
  std::uint64_t position = 0;
  std::uint64_t trim = 0;
  std::array<std::uint8_t, 16> timeline{};
  std::optional<EmittedMark> mark;  // of the alerts before it
};
struct DirectoryParts {
  bool is_live = false;              // another process may change the parts
  std::uint64_t journal_end = 0;     // every record before it was on disk, as the end mark knows
  std::optional<StoreExtent> store;  // absent: damaged
  std::vector<CheckpointPosition> checkpoints;               // whole ones
  std::set<cep::Digest> blobs;                               // that are there
  std::map<cep::Digest, std::string> wanted_by_checkpoints;  // and by which
  /// The last record that needs a blob, and whether only entries of lists do, which may go.
  struct JournalBlob {
    std::uint64_t record = 0;
    bool may_go = true;
  };
  std::map<cep::Digest, JournalBlob> wanted_by_journal;

  /// Whether somebody began a run with the store.
  bool has_effects() const { return store && !store->timelines.empty(); }
};
/// Compares the parts with each other and with the journal's `extent`, and adds what does not fit
/// to `found`. Fails with kIo where the journal's folder cannot be read.
Result<void> compare_parts(Files& files, const DataPaths& paths, const DirectoryParts& parts,
                           const JournalExtent& extent, std::vector<VerifyFinding>& found);
/// What is found where `path` does not fit the other parts.
VerifyFinding mismatch(const std::string& path, const std::string& why);
}  // namespace tocsin::runtime
