/// Messages of JSON-RPC with their `Content-Length`, over two descriptors.
#pragma once
#include <chrono>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "cep/base/result.h"

namespace tocsin::api {
enum class StreamState : unsigned char {
  kMessage,
  kQuiet,      // nothing came in time
  kEnd,        // the other side has closed
  kMalformed,  // what came is no message; nothing after it can be read
};

/// Not for several threads.
class MessageStream {
 public:
  static constexpr std::size_t kMessageBytesMax = std::size_t{64} << 20;

  MessageStream(int in, int out) : in_(in), out_(out) {}
  /// Waits for a message, at most so long; no time at all: for one that is there already.
  StreamState read(std::chrono::milliseconds patience, nlohmann::json& message);
  /// Why the last read() was malformed.
  const std::string& problem() const { return problem_; }
  /// Errors: kIo.
  Result<void> write(const nlohmann::json& message);

 private:
  // The next message that the buffer has; kQuiet: not all of it.
  StreamState take(nlohmann::json& message);
  StreamState malformed(std::string why);

  int in_;
  int out_;
  std::string buffer_;
  std::string problem_;
  bool ended_ = false;
};
}  // namespace tocsin::api
