/// Input that was not taken, as JSON: the members of a rejected line and of a late event.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/value/time.h"

namespace tocsin::runtime {
/// The text with U+FFFD in the place of each byte that is no UTF-8.
std::string valid_utf8(std::string_view bytes);
/// Appends any bytes as a JSON string, made valid likewise.
void append_json_text(std::string& to, std::string_view bytes);
/// Appends `"input":"a.ndjson","line":17,"late_us":1500000,"text":"…"`: how far the event lay
/// behind the time already reached. Of a message of a topic "offset" stands in the place of "line".
/// JSON holds no invalid UTF-8: where the line is, each bad byte is U+FFFD in `text` and the line's
/// exact bytes follow in "base64".
void append_late_members(std::string& to, std::string_view input, std::uint64_t line,
                         cep::Duration late_by, std::string_view text);
/// The same of a line that was rejected: `"input":"a.ndjson","line":17,"reason":"…","text":"…"`.
void append_rejected_members(std::string& to, std::string_view input, std::uint64_t line,
                             std::string_view reason, std::string_view text);
}  // namespace tocsin::runtime
