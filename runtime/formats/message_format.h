/// How the messages of topics become JSON lines. A port; where there is none, messages are JSON.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tocsin::runtime {
enum class Conversion : std::uint8_t {
  kLine,     // the message's JSON line was appended
  kRefused,  // a line was appended that says why there is none (append_undecoded())
  kLater,    // nothing was appended: what it needs is on its way
};
/// Who hears of what a format waits for. Both are called on some thread and may be empty.
struct FormatListener {
  std::function<void()> arrived;  // messages that were to be tried again later may be
  std::function<void(const std::string&)> note;  // what is worth reporting: one line
};
/// Threading: one caller of convert() at a time.
class MessageFormat {
 public:
  MessageFormat() = default;
  MessageFormat(const MessageFormat&) = delete;
  MessageFormat& operator=(const MessageFormat&) = delete;
  virtual ~MessageFormat() = default;
  /// Appends a line of at most `line_bytes_max` bytes, without a line end, for the bytes of one
  /// message. Waits for nothing.
  virtual Conversion convert(std::string_view message, std::size_t line_bytes_max,
                             std::string& line) = 0;
  /// Names who hears of it from here on; after the call the one before is called no more.
  virtual void listen(FormatListener listener) = 0;
};
}  // namespace tocsin::runtime
