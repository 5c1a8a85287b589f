#include "api/node/side_output.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "cep/value/value.h"
#include "runtime/io/topic_partition.h"

namespace tocsin::api {
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
  if (runtime::is_partition(input)) {
    out += fmt::format(",\"offset\":{}", runtime::message_offset(line));
  } else {
    out += fmt::format(",\"line\":{}", line);
  }
}

// What the formats share, from the input on.
void append_late(std::string& out, std::string_view input, std::uint64_t line,
                 cep::Duration late_by, std::string_view text) {
  append_place(out, input, line);
  out += fmt::format(",\"late_us\":{}", late_by.us);
  append_line_text(out, text);
}
void append_dead(std::string& out, std::string_view input, std::uint64_t line,
                 std::string_view reason, std::string_view text) {
  append_place(out, input, line);
  out += ",\"reason\":";
  append_json_text(out, reason);
  append_line_text(out, text);
}
}  // namespace

void append_json_text(std::string& to, std::string_view bytes) {
  cep::append_json_string(to, replace_invalid_utf8(bytes).first);
}

std::string format_dead_letter(const runtime::DeadLetter& dead_letter) {
  std::string out = "{";
  append_dead(out, dead_letter.input, dead_letter.line, dead_letter.reason, dead_letter.text);
  return out + '}';
}

std::string format_late_event(const runtime::LateEvent& late) {
  std::string out = "{";
  append_late(out, late.input, late.line, late.late_by, late.text);
  return out + '}';
}

std::string format_side_output_row(const runtime::SideOutputRow& row, std::uint32_t timeline) {
  std::string out = fmt::format("{{\"arrival\":\"{}:{}\",", row.arrival.record, row.arrival.index);
  if (row.timeline != timeline) out += fmt::format("\"timeline\":{},", row.timeline);
  if (row.kind == runtime::SideOutputKind::kLate) {
    append_late(out, row.source, row.line, row.late_by, row.text);
  } else {
    append_dead(out, row.source, row.line, row.reason, row.text);
  }
  if (row.reinjected_as != 0) out += fmt::format(",\"reinjected_as\":{}", row.reinjected_as);
  return out + '}';
}
}  // namespace tocsin::api
