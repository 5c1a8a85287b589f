/// How input files are found and read. A port: the system's files, or those of a simulation.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "cep/base/result.h"
#include "runtime/io/byte_source.h"

namespace tocsin::runtime {
/// What a file system knows of a file, besides its contents.
struct InputStatus {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;  // in bytes, as stored
  std::int64_t modified_ns = 0;
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
};
/// The files of this machine.
InputFiles& system_input_files();
}  // namespace tocsin::runtime
