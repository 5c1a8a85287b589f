/// The files of a journal's folder, by name and header.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "runtime/io/files.h"
#include "runtime/journal/journal_format.h"

namespace tocsin::runtime {
struct SegmentFile {
  std::string path;
  SegmentHeader header;
};
struct JournalDirectory {
  std::vector<SegmentFile> segments;    // by id; each follows the one before it
  std::vector<std::string> spares;      // paths, by id
  std::vector<std::string> unfinished;  // left by a crash: to be removed
  std::uint64_t id_max = 0;             // of all of these; 0 without any
};
/// "DIR/segment-000000000007"
std::string segment_path(const std::string& directory, std::uint64_t id);
/// While its header is being written.
std::string unfinished_path(const std::string& directory, std::uint64_t id);
std::string spare_path(const std::string& directory, std::uint64_t id);
std::string lock_path(const std::string& directory);
/// Reads the headers of all segments, not their records. Fails with kCorrupt, naming the file,
/// where a header is damaged or a segment between two others is missing; kOtherVersion for a newer
/// format.
Result<JournalDirectory> survey_journal(Files& files, const std::string& directory);
}  // namespace tocsin::runtime
