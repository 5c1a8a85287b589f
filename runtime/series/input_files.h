/// How input files are found and read. A port: the system's files, or those of a simulation.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "runtime/io/byte_source.h"

namespace tocsin::runtime {
/// What a file system knows of a file, besides its contents.
struct InputStatus {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;  // in bytes, as stored
  std::int64_t modified_ns = 0;
  friend bool operator==(const InputStatus&, const InputStatus&) = default;
};
/// An open file, whatever becomes of its name. Threading: one caller at a time.
class InputFile {
 public:
  InputFile() = default;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  virtual ~InputFile() = default;
  /// Up to `capacity` (> 0) bytes from `offset` on, as they are stored; 0: there are none now.
  /// Fails with kIo.
  virtual Result<std::size_t> read(std::uint64_t offset, char* to, std::size_t capacity) = 0;
  /// Fails with kIo.
  virtual Result<InputStatus> status() = 0;
};
/// Threading: one caller at a time.
class InputFiles {
 public:
  InputFiles() = default;
  InputFiles(const InputFiles&) = delete;
  InputFiles& operator=(const InputFiles&) = delete;
  virtual ~InputFiles() = default;
  /// Fails with kNotFound, kIo, and kUnsupported for what is no regular file.
  virtual Result<InputStatus> status(const std::string& path) = 0;
  /// The bytes as they are stored. Fails as open_stored().
  virtual Result<std::unique_ptr<ByteSource>> open_stored(const std::string& path,
                                                          StopRequested stop) = 0;
  /// The bytes as lines are made of them: unpacked. Fails as open_stored().
  Result<std::unique_ptr<ByteSource>> open(const std::string& path, StopRequested stop = {});

  /// Opens a file that is read while it grows. Fails as status().
  virtual Result<std::unique_ptr<InputFile>> open_growing(const std::string& path);
  /// When the names in a directory changed last, in nanoseconds since 1970; nothing where `path` is
  /// no directory, or not there.
  virtual std::optional<std::int64_t> directory_changed(const std::string& path);
  /// The names in a directory, in any order; one that is no regular file has a slash behind it.
  /// Fails with kNotFound, kIo.
  virtual Result<std::vector<std::string>> list(const std::string& directory);
  /// A clock that never jumps.
  virtual std::chrono::steady_clock::time_point now();
  virtual void pause(std::chrono::milliseconds duration);
};
/// The files of this machine.
InputFiles& system_input_files();
}  // namespace tocsin::runtime
