/// Files that are read one after the other as one input.
///
/// A *directory*: its files in the order of their names (series_names.h), each once. A *log*: a
/// file that is appended to and rotated, by renaming it or by copying and truncating it
/// (copytruncate).
///
///   next() ─▶ part: a file's bytes from where it is begun ─▶ they end ─▶ next() ─▶ …
///                └─ followed: at its end it waits, until a later file is there
///
/// Every file is known by the digest of what was read of it, so that a start finds it again under
/// another name, and sees that it was truncated or replaced.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/io/byte_source.h"
#include "runtime/series/followed_bytes.h"
#include "runtime/series/input_files.h"
#include "runtime/series/series_names.h"
#include "runtime/series/series_options.h"
#include "runtime/series/series_state.h"

namespace tocsin::runtime {
/// What is read next.
struct SeriesPart {
  std::string path;         // as messages name its lines
  std::string opened_path;  // where the file is now
  /// A file is begun, which whoever keeps the series' state journals as `begin` says; its source
  /// and format are left to them. Else the file at hand goes on, or nothing is there yet.
  bool is_begun = false;
  SeriesBegin begin;
  /// The lines that were read of it are those that are kept.
  bool keeps_lines = false;
  /// Nothing is there yet: `bytes` are none, and end once something is.
  bool is_waiting = false;
  /// From behind begin.read on. Must not outlive the series.
  std::unique_ptr<ByteSource> bytes;
};

/// Threading: one caller at a time.
class FileSeries : public FollowedSeries {
 public:
  static bool is_directory(const std::string& path, InputFiles& files) {
    return files.directory_changed(path).has_value();
  }
  /// The file that goes on, then the one behind it. Requires that the bytes of the part before have
  /// ended. Nothing: all was read, which never comes with `follows`. Fails with kIo, and as
  /// open_series() (runtime/series/open_series.h).
  virtual Result<std::optional<SeriesPart>> next() = 0;
  /// What is worth telling since the last call: one line each.
  std::vector<std::string> take_notes();
  /// Whether a note is to be told also to those who asked for quiet: something may be lost.
  static bool is_warning(std::string_view note) { return note.starts_with("tocsin: "); }

 protected:
  explicit FileSeries(FileSeriesOptions options) : options_(std::move(options)) {}

  InputFiles& files() const { return *options_.files; }
  void note(std::string text) { notes_.push_back(std::move(text)); }
  // Whether the lines of a file begin with what was read.
  Result<bool> begins_with(const std::string& path, const SeriesDigest& read);
  Result<bool> begins_with(const std::string& path, std::uint64_t bytes, const RangeDigest& digest);
  // The bytes of a file behind `read`, as they are now or followed; null where it does not begin
  // with what was read. What is looked at is what is read on, whatever becomes of its name.
  Result<std::unique_ptr<ByteSource>> open_part(const std::string& path, const SeriesDigest& read,
                                                bool follows);
  Result<SeriesPart> begin_part(const std::string& path, const std::string& file,
                                const InputStatus& status, bool follows);
  SeriesPart waiting_part();
  bool is_ready(const std::string& path);
  bool is_accepted(const std::string& path, std::uint64_t bytes) const;

  FileSeriesOptions options_;

 private:
  std::vector<std::string> notes_;
};
}  // namespace tocsin::runtime
