/// The bytes of messages of Protobuf as JSON lines, by the descriptors of their types.
///
/// Bytes are walked, and no message is made of them: what a message costs is bounded by its bytes
/// and its line, whatever its type has.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "runtime/formats/message_schema.h"

namespace google::protobuf {
class Descriptor;
}  // namespace google::protobuf

namespace tocsin::runtime {
/// Appends the message as MessageSchema::convert() says.
Result<void> append_protobuf_line(const google::protobuf::Descriptor& type, EventTypeFrom type_from,
                                  std::string_view bytes, std::size_t line_bytes_max,
                                  std::string& line);
/// Takes a number of 64 bits at most, as Protobuf writes it, from the front of `bytes`; false where
/// there is none.
bool take_protobuf_number(std::string_view& bytes, std::uint64_t& to);
/// A signed number from one that was written in zigzag.
inline std::int64_t from_zigzag(std::uint64_t word) {
  return static_cast<std::int64_t>(word >> 1 ^ (~(word & 1) + 1));
}
}  // namespace tocsin::runtime
