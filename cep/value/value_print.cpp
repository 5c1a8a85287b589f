// Values and types as people and JSON read them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "cep/value/buffer_values.h"
#include "cep/value/int128.h"
#include "cep/value/number_text.h"
#include "cep/value/short_text.h"
#include "cep/value/text_buffer.h"
#include "cep/value/value.h"
#include "cep/value/value_text.h"

namespace tocsin::cep {
namespace {
bool is_plain_name(std::string_view word) {
  if (word.empty() || (word.front() >= '0' && word.front() <= '9')) return false;
  for (const char c : word) {
    const bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!fits && c != '_') return false;
  }
  return true;
}

// The texts that follow are appended to a std::string or a TextBuffer.
template <typename Out>
void put_decimal(Out& out, Int128 mantissa, int scale) {
  out.append(DecimalText(mantissa, scale).view());
}
void put_whole(std::string& out, Int128 number) { put_decimal(out, number, 0); }
void put_whole(TextBuffer& out, Int128 number) {
  if (!fits_64(number)) return put_decimal(out, number, 0);
  out.number(static_cast<std::int64_t>(number));
}
template <typename Out>
void put_fraction(Out& out, const Value& value, std::string_view where_too_large) {
  const auto mantissa = divide_half_even(value.number, value.denominator, kScaleMax);
  if (!mantissa) {
    out.append(where_too_large);
    return;
  }
  put_decimal(out, *mantissa, kScaleMax);
}
template <typename Out>
void put_real(Out& out, double real) {
  std::array<char, 40> digits;
  const char* const end = fmt::format_to(digits.data(), "{}", real);
  out.append(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

constexpr bool is_plain_in_json(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}
// Bits of those of eight bytes that do not stand for themselves in a JSON string; 0: all do.
std::uint64_t not_plain_in_json(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  // Subtracting a limit sets the high bit of a byte below it. Bytes of the upper half, which are
  // plain, do not count.
  const std::uint64_t below =
      (word - kOnes * 0x20) | ((word ^ kOnes * '"') - kOnes) | ((word ^ kOnes * '\\') - kOnes);
  return below & ~word & kHighBits;
}
// Whether all bytes of a short text, given as its word, stand for themselves.
bool is_short_plain_in_json(std::uint64_t word, std::size_t size) {
  // A byte of the size is not plain, so a plain one stands in its place.
  constexpr std::uint64_t kPlain = std::uint64_t{'x'} << 56;
  constexpr std::uint64_t kSpaces = 0x2020202020202020;
  const std::uint64_t bytes = word & ~std::uint64_t{0} >> 8;
  return not_plain_in_json(bytes | kPlain | kSpaces << 8 * size) == 0;
}
// Whether all bytes of a text do.
bool is_plain_in_json(std::string_view text) {
  if (text.size() <= kShortTextMax) {
    return is_short_plain_in_json(short_text_word(text), text.size());
  }
  std::uint64_t word = 0;
  std::size_t at = 0;
  for (; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (not_plain_in_json(word) != 0) return false;
  }
  std::memcpy(&word, text.data() + text.size() - sizeof word, sizeof word);
  return not_plain_in_json(word) == 0;
}

template <typename Out>
void put_escaped(Out& out, char c) {
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\f':
      out.append("\\f");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default: {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      out.append("\\u00");
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 0xf]);
    }
  }
}
// Byte by byte: texts with escapes are rare.
template <typename Out>
[[gnu::noinline]] void put_escaped_string(Out& out, std::string_view text) {
  out.push_back('"');
  for (;;) {
    const auto at =
        std::find_if_not(text.begin(), text.end(), [](char c) { return is_plain_in_json(c); });
    const auto plain = static_cast<std::size_t>(at - text.begin());
    out.append(text.substr(0, plain));
    if (plain == text.size()) break;
    put_escaped(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
  out.push_back('"');
}
void put_json_string(std::string& out, std::string_view text) {
  if (!is_plain_in_json(text)) return put_escaped_string(out, text);
  out += '"';
  out += text;
  out += '"';
}
// Copies the text, with up to seven bytes behind it, and gives whether all its bytes stand for
// themselves in a JSON string.
bool copy_plain(char* to, std::string_view text) {
  const std::size_t size = text.size();
  std::uint64_t word = 0;
  if (size <= kShortTextMax) {
    word = short_text_word(text);
    std::memcpy(to, &word, sizeof word);
    return is_short_plain_in_json(word, size);
  }
  const auto copy_word = [&](std::size_t at) {
    std::memcpy(&word, text.data() + at, sizeof word);
    std::memcpy(to + at, &word, sizeof word);
    return not_plain_in_json(word);
  };
  std::uint64_t not_plain = copy_word(size - sizeof word);
  for (std::size_t at = 0; at + sizeof word < size; at += sizeof word) not_plain |= copy_word(at);
  return not_plain == 0;
}
void put_json_string(TextBuffer& out, std::string_view text) {
  static_assert(TextBuffer::kSpare >= sizeof(std::uint64_t));
  char* const to = out.room(text.size() + 2);
  if (!copy_plain(to + 1, text)) return put_escaped_string(out, text);
  to[0] = '"';
  to[text.size() + 1] = '"';
  out.took(text.size() + 2);
}

template <typename Out>
void put_json(Out& out, const Value& value) {
  switch (value.kind) {
    case ValueKind::kMissing:
      out.append("null");
      return;
    case ValueKind::kBool:
      out.append(value.is_true() ? "true" : "false");
      return;
    case ValueKind::kFraction:
      put_fraction(out, value, "null");
      return;
    case ValueKind::kInt:
    case ValueKind::kTime:
    case ValueKind::kDuration:
      put_whole(out, value.number);
      return;
    case ValueKind::kDecimal:
      put_decimal(out, value.number, value.scale);
      return;
    case ValueKind::kFloat:
      put_real(out, value.real);
      return;
    case ValueKind::kString:
    case ValueKind::kEnum:
      put_json_string(out, value.text);
      return;
    case ValueKind::kDate:
      out.push_back('"');
      out.append(format_date(static_cast<std::int64_t>(value.number)));
      out.push_back('"');
      return;
  }
}
template <typename Out>
void put_text(Out& out, const Value& value) {
  switch (value.kind) {
    case ValueKind::kMissing:
      out.append("missing");
      return;
    case ValueKind::kBool:
      out.append(value.is_true() ? "true" : "false");
      return;
    case ValueKind::kInt:
      put_whole(out, value.number);
      return;
    case ValueKind::kDecimal:
      put_decimal(out, value.number, value.scale);
      return;
    case ValueKind::kFraction:
      put_fraction(out, value, "missing");
      return;
    case ValueKind::kFloat:
      put_real(out, value.real);
      return;
    case ValueKind::kString:
    case ValueKind::kEnum:
      out.append(value.text);
      return;
    case ValueKind::kTime:
      out.append(TimeText({static_cast<std::int64_t>(value.number)}).view());
      return;
    case ValueKind::kDate:
      out.append(format_date(static_cast<std::int64_t>(value.number)));
      return;
    case ValueKind::kDuration:
      out.append(format_duration({static_cast<std::int64_t>(value.number)}));
      return;
  }
}
}  // namespace

std::string type_name(const Type& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      return "bool";
    case TypeKind::kInt:
      return "int";
    case TypeKind::kFloat:
      return "float";
    case TypeKind::kDecimal:
      return fmt::format("decimal({})", type.scale);
    case TypeKind::kFraction:
      return fmt::format("decimal({})", kScaleMax);
    case TypeKind::kString:
      return "string";
    case TypeKind::kTime:
      return "time";
    case TypeKind::kDate:
      return "date";
    case TypeKind::kDuration:
      return "duration";
    case TypeKind::kEnum:
      break;
  }
  std::string out = "enum(";
  if (type.words) {
    for (const std::string& word : *type.words) {
      if (&word != &type.words->front()) out += ", ";
      if (is_plain_name(word)) {
        out += word;
      } else {
        append_json_string(out, word);
      }
    }
  }
  return out + ")";
}

std::string to_text(const Value& value) {
  std::string out;
  append_text(out, value);
  return out;
}

void append_text(std::string& out, const Value& value) { put_text(out, value); }
void append_text(TextBuffer& out, const Value& value) { put_text(out, value); }
void append_json(std::string& out, const Value& value) { put_json(out, value); }
void append_json(TextBuffer& out, const Value& value) { put_json(out, value); }
void append_json_string(std::string& out, std::string_view text) { put_json_string(out, text); }
void append_json_string(TextBuffer& out, std::string_view text) { put_json_string(out, text); }
}  // namespace tocsin::cep
