/// Where an input's bytes come from: a file, standard input, gzip or Zstandard around them, or
/// memory.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::runtime {
/// A stream of bytes, read once. Threading: one caller at a time.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;
  /// Reads up to `capacity` (> 0) bytes to `to`, waiting for at least one; 0 is the end. An error's
  /// message names the input; bytes before the error were given by the calls before.
  virtual Result<std::size_t> read(char* to, std::size_t capacity) = 0;
  /// False where a read would wait for somebody (a pipe that is empty).
  bool is_ready() const { return wait_ready(std::chrono::milliseconds(0)); }
  /// Waits for at most so long until a read would not wait; false where it still would.
  virtual bool wait_ready(std::chrono::milliseconds /*at_most*/) const { return true; }
  /// Passes over bytes, fewer only at the end; returns how many.
  virtual Result<std::uint64_t> skip(std::uint64_t bytes);
  /// Bytes taken so far from what is stored (packed, where it is).
  virtual std::uint64_t bytes_read() const = 0;
  /// Memory that unpacking holds now, beside what was given: bytes.
  virtual std::size_t memory() const { return 0; }
  /// How many there are in all, where that is known.
  virtual std::optional<std::uint64_t> bytes_total() const = 0;
};
/// Asked whenever a read waits or was interrupted by a signal: true ends it with Errc::kStopped.
/// May be empty.
using StopRequested = std::function<bool()>;

/// Reads from an open file descriptor; closes it at the end if `owned`. `name` is for messages.
std::unique_ptr<ByteSource> read_descriptor(int descriptor, bool owned, std::string name,
                                            StopRequested stop = {});
/// Reads `contents`.
std::unique_ptr<ByteSource> read_memory(std::string contents);
/// Unpacks gzip (RFC 1952) of one or more members. Fails for other data, damage, and an end within
/// a member.
std::unique_ptr<ByteSource> read_gzip(std::unique_ptr<ByteSource> packed, std::string name);
/// Unpacks Zstandard (RFC 8878) of one or more frames. Fails for other data, damage, and an end
/// within a frame; and for a frame that needs a window of more than 2^`window_log_max` bytes,
/// unless that is 0.
std::unique_ptr<ByteSource> read_zstd(std::unique_ptr<ByteSource> packed, std::string name,
                                      int window_log_max = 0);
/// Whether the contents of a file of this name are packed: it ends in `.gz` or `.zst`.
bool is_packed(std::string_view path);
/// `stored`, or what it is unpacked where `path` says that it is packed.
std::unique_ptr<ByteSource> unpack(const std::string& path, std::unique_ptr<ByteSource> stored);
/// Opens a file as it is stored, or standard input for "-". Fails for what is missing, cannot be
/// read, or is a directory.
Result<std::unique_ptr<ByteSource>> open_stored(const std::string& path, StopRequested stop = {});
/// The same, unpacked.
Result<std::unique_ptr<ByteSource>> open_source(const std::string& path, StopRequested stop = {});
}  // namespace tocsin::runtime
