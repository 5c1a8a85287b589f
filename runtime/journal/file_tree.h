/// Whole files and folders on the port Files: digests, copies, second names, removal.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "runtime/io/files.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::runtime {
/// XXH3-128 of bytes that come in pieces: the same as digest_range() of all of them.
class DigestStream {
 public:
  DigestStream();
  ~DigestStream();
  DigestStream(const DigestStream&) = delete;
  DigestStream& operator=(const DigestStream&) = delete;
  void add(std::string_view bytes);
  RangeDigest finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};
struct FileDigest {
  std::uint64_t bytes = 0;
  RangeDigest digest{};
  friend bool operator==(const FileDigest&, const FileDigest&) = default;
};
/// Called with the bytes of each piece that was read; may be empty.
using BytesRead = std::function<void(std::uint64_t bytes)>;
/// Reads the file once, to its end.
Result<FileDigest> digest_file(Files& files, const std::string& path, const BytesRead& read = {});
/// Copies a file, whose copy must not be there yet, and waits until it is on disk (its name is not
/// yet); gives the digest of what was written.
Result<FileDigest> copy_file(Files& files, const std::string& from, const std::string& to,
                             const BytesRead& read = {});
/// Makes a file that is not there, and waits until its contents are on disk (its name is not yet).
Result<void> write_synced(Files& files, const std::string& path, std::string_view contents);
/// What put_file() writes to until it is done, ends so: a crash may leave it.
inline constexpr std::string_view kUnfinishedEnding = ".part";
/// Gives the file at `path`, which need not be there, these contents at once: it has the old ones
/// or the new ones, whatever happens. On disk when it returns. Fails with kLimit without space,
/// kIo.
Result<void> put_file(Files& files, const std::string& path, std::string_view contents);
/// Waits until the contents of a file are on disk.
Result<void> sync_file(Files& files, const std::string& path);
/// Removes a file, or a folder with all that is in it; nothing where it is not there.
Result<void> remove_tree(Files& files, const std::string& path);
Result<bool> exists(Files& files, const std::string& path);
/// The folder that `path` is in: "." for a mere name.
std::string parent_path(const std::string& path);
}  // namespace tocsin::runtime
