/// What one schema says of the bytes of messages. A port: Avro's, or Protobuf's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::runtime {
/// How a message names its event type, which is the member `type` of its JSON.
enum class EventTypeFrom : std::uint8_t {
  kField,   // its field `type`; if its schema has no such field, the name of the schema
  kSchema,  // the name of the schema; a field `type` is then read as `type_`
};
/// Threading: immutable.
class MessageSchema {
 public:
  MessageSchema() = default;
  MessageSchema(const MessageSchema&) = delete;
  MessageSchema& operator=(const MessageSchema&) = delete;
  virtual ~MessageSchema() = default;
  /// Appends the message as a JSON line of at most `line_bytes_max` bytes, without a line end. The
  /// same bytes give the same line. Fails with kCorrupt for bytes that the schema does not
  /// describe, kLimit for too long a line and values nested too deeply; what was appended until
  /// then is the caller's to remove.
  virtual Result<void> convert(std::string_view bytes, std::size_t line_bytes_max,
                               std::string& line) const = 0;
};
}  // namespace tocsin::runtime
