/// Answers that are sent as they are made, without a thread each.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tocsin::api {
/// Bytes that several connections may send, each at its own pace.
using SharedBytes = std::shared_ptr<const std::string>;

/// The body of an answer that has no length. A connection takes from it whenever it has sent all it
/// had taken before, so a slow client holds no more than one piece.
class HttpStream {
 public:
  enum class Next : std::uint8_t {
    kReady,  // take() again once the pieces are sent
    kWork,   // work(), then take() again
    kWait,   // nothing now: take() again once woken
    kEnd,    // these were the last pieces
  };
  HttpStream() = default;
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;
  virtual ~HttpStream() = default;
  /// Appends what is ready. Called on an I/O thread: it waits for nothing.
  virtual Next take(std::vector<SharedBytes>& pieces) = 0;
  /// Makes more ready, on a worker, between two take(): it may read a disk. What it throws breaks
  /// the answer off, so that the client does not take it for a whole one.
  virtual void work() {}
  /// Called once, before the first take(). From then on `wake`, which may be called from any
  /// thread, says that take() may give something else than kWait. It is not called once the server
  /// has ended.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): those that use it keep it
  virtual void begin(std::function<void()> /*wake*/) {}
};
/// A stream of pages that a worker makes one by one, as the client takes them; nothing ends it.
std::shared_ptr<HttpStream> page_stream(std::function<std::optional<std::string>()> page);
}  // namespace tocsin::api
