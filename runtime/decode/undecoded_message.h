/// A message of a topic that could not be converted to JSON, as a line of its own: an object
/// without a `type`, which is a dead letter under any rules, and gives its reason itself.
///
///     {"undecoded":"schema 17 is unknown to the registry","base64":"AAAAABEK"}
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::runtime {
/// Appends the line, without a line end. The reason is cut after 300 bytes, and what is not
/// printable ASCII in it, a quote or a backslash is replaced. If the line would be longer than
/// `line_bytes_max`, it has only the first bytes of the message, and `"bytes"` says how many there
/// are.
void append_undecoded(std::string& to, std::string_view reason, std::string_view message,
                      std::size_t line_bytes_max);
/// The reason of a line that append_undecoded() wrote, borrowed from it; nothing for other lines.
std::optional<std::string_view> undecoded_reason(std::string_view line);
}  // namespace tocsin::runtime
