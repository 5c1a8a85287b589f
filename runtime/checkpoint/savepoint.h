/// Savepoints: checkpoints that are kept, with the rule texts and all else that a start from them
/// needs; a folder that may be copied anywhere.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/io/files.h"

namespace tocsin::runtime {
/// Whether `name` may be a savepoint's: 1 to 100 of the letters a-z A-Z 0-9 _ - . and not beginning
/// with . or - nor ending in .new or .old. Fails with kInvalidArgument, saying so.
Result<void> check_savepoint_name(std::string_view name);

/// Makes a savepoint in `directory`, which must not be there (kConflict) and whose parent must, of
/// the finished checkpoint (or savepoint) in `checkpoint` and its blobs in `blobs` (DIR/blobs, or
/// the savepoint's own). Every file is read and compared; it gets a second name, or is copied where
/// that is not possible. Once it returns it is on disk; a crash before leaves `directory`.new at
/// most, which the next attempt replaces. Fails with kLimit without space, kCorrupt for a damaged
/// blob or file.
Result<Manifest> make_savepoint(Files& files, const std::string& checkpoint,
                                const std::string& blobs, const std::string& directory,
                                const std::string& name);
struct SavepointEntry {
  std::string name;
  std::string directory;
  Result<Manifest> manifest;  // kCorrupt, kOtherVersion: is said in the list
  std::uint64_t bytes = 0;    // of all its files, by the manifest
};
/// By name; none where `directory` (DIR/savepoints) is not there.
Result<std::vector<SavepointEntry>> list_savepoints(Files& files, const std::string& directory);
/// Removes a savepoint: it is renamed first, so that a crash never leaves a part under its name.
/// Fails with kNotFound, and kUnsupported for a folder that is no savepoint. A damaged one goes
/// too.
Result<void> delete_savepoint(Files& files, const std::string& directory);
/// Removes what crashes left in DIR/savepoints; by the owner of the data directory.
Result<void> clean_savepoints(Files& files, const std::string& directory);
/// Where a savepoint's blobs are: DIRECTORY/blobs, a BlobStore's folder.
std::string savepoint_blobs(const std::string& directory);
}  // namespace tocsin::runtime
