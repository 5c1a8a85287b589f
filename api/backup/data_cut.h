/// The files of a data directory as of one moment, while a server works in it.
///
/// What never changes gets a second name in DIR/backup.new; what grows or is replaced is copied
/// there. In this order:
///
///   ends, small files, full segments of the journal, blobs          may take long
///   the newest checkpoint C, the store, the rest of journal, blobs  again until C is there after
///   it archive, savepoints
///
/// - The store is cut after C: it has all effects up to C. The journal is copied after the store:
///   it has the cause of each effect. A blob is listed after the journal that refers to it. The
///   archive is listed after the journal: what the journal released meanwhile is archived.
/// - The ends were read first, so nothing is missing that they know.
/// - A server removes nothing that C needs while C is there. So nothing is missing if C is there
///   after all that it needs was taken.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/identity.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/files.h"

namespace tocsin::api {
/// Tells a file that has not changed. Second names share it.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t file = 0;
  std::uint64_t bytes = 0;
  std::int64_t changed_ns = 0;
  friend auto operator<=>(const FileStamp&, const FileStamp&) = default;
};
/// Of a file that is there; nothing else has one.
std::optional<FileStamp> stamp_of(const std::string& path);

struct CutFile {
  std::string path;    // in the data directory
  std::string source;  // where its bytes are now; empty: `digest` is stored already
  std::uint64_t bytes = 0;
  std::optional<FileStamp> stamp;  // of one that never changes
  cep::Digest digest{};
  bool is_growing = false;     // the segment that was being written
  std::uint64_t id = 0;        // of a segment
  std::uint64_t previous = 0;  // of the one before it; 0: none
};
struct DataCut {
  std::uint64_t checkpoint = 0;  // 0: there was none yet
  std::vector<CutFile> files;    // by path
};

struct CutPorts {
  runtime::Files& files;
  const runtime::DataPaths& paths;
  /// Makes a copy of the store, whose folder is not there yet (RocksStore::copy_to()).
  std::function<Result<void>(const std::string& to)> copy_store;
  /// The digest of a file that was seen before, if its bytes are stored.
  std::function<std::optional<cep::Digest>(const FileStamp&)> stored;
};
/// Threading: one caller at a time.
class DataCutter {
 public:
  explicit DataCutter(CutPorts ports);
  /// Fails with kLimit without space, kConflict where checkpoints are made faster than a cut, kIo.
  /// The files stay until clear().
  Result<DataCut> cut();
  /// Removes what cut() made, or what a crash left of it.
  Result<void> clear();

 private:
  bool is_there(const std::string& path) const;
  Result<std::uint64_t> newest_checkpoint() const;  // 0: there is none
  Result<void> take_first();
  // All that C needs; false where C has gone meanwhile.
  Result<bool> take_window();
  Result<void> take_window_of(std::uint64_t checkpoint);
  Result<void> drop_window();
  // Segments that were not taken before; with `is_last` also the one that is being written.
  Result<void> take_journal(bool is_last);
  Result<bool> take_segment(CutFile& file, bool is_written);
  // Every file below DIR/`name`, a file or folder; those that go meanwhile are left out.
  Result<void> take_tree(const std::string& name, bool is_copied);
  Result<void> take_small();
  Result<void> take_file(const std::string& path, bool is_copied);
  Result<void> list_store(const std::string& name);
  // Copies up to `bytes_max`; false where it is gone.
  Result<bool> copy(const std::string& from, const std::string& to, std::uint64_t& bytes) const;
  // Which segment it is, by its header; false where it is gone.
  Result<bool> read_header(CutFile& file) const;
  // What the journal released between the two looks lacks in the middle: C needs none of it, nor of
  // what is before it.
  void drop_before_gap();
  // Ends a copy of the segment that was being written with its last whole record.
  Result<void> end_segment(const CutFile& file, std::uint64_t& bytes) const;
  Result<void> make_folders_of(const std::string& path);
  std::string in_data(std::string_view path) const;
  std::string in_cut(std::string_view path) const;

  const CutPorts ports_;
  const std::string folder_;  // of what is made
  DataCut cut_;
  std::set<std::string> taken_;  // their paths
};
}  // namespace tocsin::api
