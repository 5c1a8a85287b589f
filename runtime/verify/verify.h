/// Reads everything that a data directory or savepoint holds, each file once, and compares every
/// digest and checksum.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/files.h"
#include "runtime/verify/verify_parts.h"

namespace tocsin::runtime {
struct VerifyReport {
  bool is_savepoint = false;
  std::vector<VerifyFinding> damaged;
  std::vector<std::string> notes;  // what was not read, and why; a torn end
  std::uint64_t bytes = 0;         // read; a file with several names counts once
  std::uint64_t journal_segments = 0;
  std::uint64_t journal_records = 0;
  std::uint64_t blobs = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t savepoints = 0;
  std::uint64_t archive_files = 0;
  std::uint64_t archive_events = 0;  // in them
};
struct VerifyPorts {
  Files& files;
  /// Reads a store of effects (DIR/store, with its end mark) by its own checksums, also one that
  /// somebody writes. kNotFound for one that holds nothing yet.
  std::function<Result<StoreExtent>(const DataPaths& paths)> verify_store;
  /// What is being read, and how many bytes were so far; may be empty.
  std::function<void(const std::string& what, std::uint64_t bytes)> watch = {};
};
/// `directory`: a data directory, or the folder of a savepoint or checkpoint. Nothing in it is
/// changed. Holds the lock of a data directory while it reads; where another process has it, what
/// changes underfoot is no damage. Fails with kNotFound or kInvalidArgument where there is neither,
/// kOtherVersion for a newer format, kIo for what cannot be read.
Result<VerifyReport> verify_directory(const VerifyPorts& ports, const std::string& directory);
}  // namespace tocsin::runtime
