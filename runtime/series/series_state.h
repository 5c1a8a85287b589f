/// What is kept of a series, in a journal and in checkpoints: the file at hand, and how far it was
/// read; of a directory also the files that were read before.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/base/result.h"
#include "runtime/journal/journal_record.h"
#include "runtime/series/series_digest.h"

namespace tocsin::runtime {
/// A file of a directory that was read.
struct SeriesFile {
  // As it was when it was left: what has not changed is not read again.
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  // What was read of it.
  std::uint64_t bytes = 0;  // unpacked
  std::uint64_t lines = 0;
  RangeDigest digest{};
  friend bool operator==(const SeriesFile&, const SeriesFile&) = default;
};
struct SeriesState {
  std::string file;  // at hand: its name in its directory; empty: none was begun
  std::string path;  // the same as messages name its lines
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t modified_ns = 0;                         // when it was begun
  SeriesDigest read;                                    // of its bytes so far
  SeriesFile before;                                    // the file before it
  std::map<std::string, SeriesFile, std::less<>> done;  // by name
  friend bool operator==(const SeriesState&, const SeriesState&) = default;
};
void write_series(const SeriesState& state, ByteWriter& to);
/// The reader is not ok() after anything but what write_series() wrote.
SeriesState read_series(ByteReader& from);

/// That a file of a series is begun: the arguments of a command.
///
///   {"source":"in","file":"b.csv","path":"in/b.csv","device":1,"inode":7,"modified":17,"lines":0,
///    "read":"HEX","format":"…","left":{"inode":6,"size":512,"modified":16}}
struct SeriesBegin {
  std::string source;
  std::string file;
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t modified_ns = 0;
  /// Where it goes on, if a part was read before.
  std::uint64_t lines = 0;
  SeriesDigest read;
  std::string format;  // how its rows are read (write_csv_format()); empty: JSON lines
  /// Of the file before, which is to be remembered: inode, size, modified_ns.
  std::optional<SeriesFile> left;
  /// Files that are no longer there and are to be forgotten.
  std::vector<std::string> forgotten;
};
std::string write_series_begin(const SeriesBegin& begin);
/// Fails with kCorrupt.
Result<SeriesBegin> read_series_begin(std::string_view json);
/// Does what it says. `lines`: that were read of the file before.
void begin_series_file(SeriesState& state, const SeriesBegin& begin, std::uint64_t lines);
}  // namespace tocsin::runtime
