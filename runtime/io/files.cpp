#include "runtime/io/files.h"

#include <algorithm>

namespace tocsin::runtime {
void File::let_go(std::uint64_t, std::uint64_t) {}
void File::bypass_cache() {}
FileResult<void> Files::make_private(const std::string&) { return {}; }

Error to_error(const FileError& error) {
  switch (error.code) {
    case FileErrc::kNoSpace:
      return {Errc::kLimit, error.message};
    case FileErrc::kInUse:
      return {Errc::kInUse, error.message};
    case FileErrc::kNotFound:
      return {Errc::kNotFound, error.message};
    case FileErrc::kExists:
    case FileErrc::kInterrupted:
    case FileErrc::kNoLink:
    case FileErrc::kIo:
      break;
  }
  return {Errc::kIo, error.message};
}

FileResult<void> write_all(File& file, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const FileResult<std::size_t> written = file.write(offset, bytes);
    if (!written) {
      if (written.error().code == FileErrc::kInterrupted) continue;
      return tl::unexpected(written.error());
    }
    offset += *written;
    bytes.remove_prefix(*written);
  }
  return {};
}

FileResult<void> read_range(File& file, std::uint64_t offset, std::uint64_t bytes_max,
                            std::string& to) {
  to.clear();
  const FileResult<std::uint64_t> size = file.size();
  if (!size) return tl::unexpected(size.error());
  if (*size <= offset) return {};
  to.resize(static_cast<std::size_t>(std::min(bytes_max, *size - offset)));
  std::size_t done = 0;
  while (done < to.size()) {
    const FileResult<std::size_t> count =
        file.read(offset + done, to.data() + done, to.size() - done);
    if (!count) {
      if (count.error().code == FileErrc::kInterrupted) continue;
      return tl::unexpected(count.error());
    }
    if (*count == 0) break;  // it was cut meanwhile
    done += *count;
  }
  to.resize(done);
  return {};
}

FileResult<std::string> read_whole(Files& files, const std::string& path) {
  const FileResult<std::unique_ptr<File>> file = files.open(path, OpenMode::kRead);
  if (!file) return tl::unexpected(file.error());
  std::string contents;
  const FileResult<void> read = read_range(**file, 0, UINT64_MAX, contents);
  if (!read) return tl::unexpected(read.error());
  return contents;
}

FileResult<void> make_durable_directory(Files& files, const std::string& path) {
  FileResult<void> made = files.make_directory(path);
  if (!made) return made;
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return files.sync_directory(".");
  return files.sync_directory(slash == 0 ? "/" : path.substr(0, slash));
}
}  // namespace tocsin::runtime
