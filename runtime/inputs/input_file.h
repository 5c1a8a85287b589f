/// Files as inputs of a durable run: what each is known by, whether it is still what was taken of
/// it, and its bytes for a replay.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/io/byte_source.h"
#include "runtime/journal/prefix_digest.h"
#include "runtime/node/node_source.h"
#include "runtime/series/input_files.h"

namespace tocsin::runtime {
/// As a text: "DEVICE:INODE:SIZE:MODIFIED_NS:HEX:HEX", the digests of the first and last 64 KiB.
struct InputIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;  // as stored: packed, where it is
  std::int64_t modified_ns = 0;
  RangeDigest head{};
  RangeDigest tail{};
  friend bool operator==(const InputIdentity&, const InputIdentity&) = default;
};
std::string write_identity(const InputIdentity& identity);
/// What follows a space (row_format()) is passed over.
std::optional<InputIdentity> read_identity(std::string_view text);
/// Of the file as it is now. Fails with kNotFound, kIo, and kUnsupported for what is no regular
/// file.
Result<InputIdentity> identify_file(const std::string& path,
                                    InputFiles& files = system_input_files());
/// Whether the file begins with what the identity was made of, which may have grown since.
Result<bool> begins_as(const std::string& path, const InputIdentity& identity,
                       InputFiles& files = system_input_files());

/// Which known source each of some files is.
struct FileMatch {
  std::string path;
  std::string name;                   // of the source: the path, unless another has that name
  std::optional<std::size_t> source;  // among those known; nothing for a new one
  InputIdentity identity;             // as it is now
  /// Of the bytes taken so far, whole.
  PrefixDigest prefix;
  /// The source has ended, and nothing can be read behind what was taken but the beginning of a
  /// line (`unfinished_bytes` of it).
  bool is_finished = false;
  std::uint64_t unfinished_bytes = 0;
};
/// Finds the files at `paths` again among `sources`: by inode, by name, or as copies, and always by
/// what they hold. A file rotated away is found under its new name, also truncated behind a copy or
/// packed, and the file of its old name is then a new one. Fails with kMismatch, naming the file
/// and what to do, where bytes that were taken are others now or no longer there; as
/// identify_file() does.
Result<std::vector<FileMatch>> match_files(const std::vector<std::string>& paths,
                                           const std::vector<NodeSource>& sources,
                                           InputFiles& files = system_input_files());

/// The files that a journal points at, wherever they are by now: under the source's name, or among
/// other paths. Threading: one caller at a time.
class FileRanges : public RangeReader {
 public:
  /// `paths`: where else to look for a file that is not where it was.
  explicit FileRanges(std::vector<std::string> paths, InputFiles& files = system_input_files())
      : paths_(std::move(paths)), files_(files) {}
  Result<std::string_view> read(const NodeSource& source, std::uint64_t first,
                                std::uint64_t next) override;

 private:
  struct Open {
    std::string path;
    std::unique_ptr<ByteSource> bytes;
    std::uint64_t at = 0;
  };
  Result<std::string> find(const NodeSource& source) const;
  Result<Open*> open(const NodeSource& source, std::uint64_t first);

  std::vector<std::string> paths_;
  InputFiles& files_;
  std::map<std::string, Open, std::less<>> open_;  // by the source's name
  std::string buffer_;
};
}  // namespace tocsin::runtime
