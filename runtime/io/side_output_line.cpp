#include "runtime/io/side_output_line.h"

#include <fmt/format.h>

#include <cstddef>
#include <utility>

#include "cep/value/value.h"
#include "runtime/io/topic_partition.h"

namespace tocsin::runtime {
namespace {
// The number of bytes of the well-formed UTF-8 sequence at the beginning of `text`; 0 where there
// is none (Unicode standard, table 3-7).
std::size_t sequence_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto is_trail = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return is_trail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!is_trail(1) || !is_trail(2)) return 0;
    const bool overlong = lead == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = lead == 0xed && byte(1) > 0x9f;
    return overlong || surrogate ? 0 : 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!is_trail(1) || !is_trail(2) || !is_trail(3)) return 0;
    const bool overlong = lead == 0xf0 && byte(1) < 0x90;
    const bool too_large = lead == 0xf4 && byte(1) > 0x8f;
    return overlong || too_large ? 0 : 4;
  }
  return 0;
}

// `text` with each byte that belongs to no sequence replaced; the flag says whether there was one.
std::pair<std::string, bool> replace_invalid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  bool replaced = false;
  while (!text.empty()) {
    const std::size_t size = sequence_size(text);
    if (size == 0) {
      valid += "\xef\xbf\xbd";
      text.remove_prefix(1);
      replaced = true;
    } else {
      valid += text.substr(0, size);
      text.remove_prefix(size);
    }
  }
  return {std::move(valid), replaced};
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view group = bytes.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (j < group.size() ? static_cast<std::uint8_t>(group[j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= group.size() ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

void append_line_text(std::string& out, std::string_view text) {
  const auto [valid, replaced] = replace_invalid_utf8(text);
  out += ",\"text\":";
  cep::append_json_string(out, valid);
  if (replaced) out += ",\"base64\":\"" + base64(text) + '"';
}

void append_place(std::string& out, std::string_view input, std::uint64_t line) {
  out += "\"input\":";
  append_json_text(out, input);
  if (is_partition(input)) {
    out += fmt::format(",\"offset\":{}", message_offset(line));
  } else {
    out += fmt::format(",\"line\":{}", line);
  }
}
}  // namespace

std::string valid_utf8(std::string_view bytes) { return replace_invalid_utf8(bytes).first; }

void append_json_text(std::string& to, std::string_view bytes) {
  cep::append_json_string(to, valid_utf8(bytes));
}

void append_late_members(std::string& to, std::string_view input, std::uint64_t line,
                         cep::Duration late_by, std::string_view text) {
  append_place(to, input, line);
  to += fmt::format(",\"late_us\":{}", late_by.us);
  append_line_text(to, text);
}

void append_rejected_members(std::string& to, std::string_view input, std::uint64_t line,
                             std::string_view reason, std::string_view text) {
  append_place(to, input, line);
  to += ",\"reason\":";
  append_json_text(to, reason);
  append_line_text(to, text);
}
}  // namespace tocsin::runtime
