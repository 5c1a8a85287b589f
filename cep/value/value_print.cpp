// Values and types as people and JSON read them.
#include <fmt/format.h>

#include <array>
#include <cstring>

#include "cep/value/number_text.h"
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
// How many bytes at the front of a text stand for themselves in a JSON string.
std::size_t plain_in_json(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  // The high bit of the lowest byte that is below `limit` is set, and none before it.
  const auto below = [](std::uint64_t word, std::uint64_t limit) {
    return (word - kOnes * limit) & ~word & kHighBits;
  };
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if ((below(word, 0x20) | below(word ^ kOnes * '"', 1) | below(word ^ kOnes * '\\', 1)) != 0) {
      break;
    }
  }
  while (at < text.size() && is_plain_in_json(text[at])) ++at;
  return at;
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
template <typename Out>
void put_json_string(Out& out, std::string_view text) {
  out.push_back('"');
  for (;;) {
    const std::size_t plain = plain_in_json(text);
    out.append(text.substr(0, plain));
    if (plain == text.size()) break;
    put_escaped(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
  out.push_back('"');
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
      put_decimal(out, value.number, 0);
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

void append_text(std::string& out, const Value& value) {
  switch (value.kind) {
    case ValueKind::kMissing:
      out += "missing";
      return;
    case ValueKind::kBool:
      out += value.is_true() ? "true" : "false";
      return;
    case ValueKind::kInt:
      put_decimal(out, value.number, 0);
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
      out += value.text;
      return;
    case ValueKind::kTime:
      out += TimeText({static_cast<std::int64_t>(value.number)}).view();
      return;
    case ValueKind::kDate:
      out += format_date(static_cast<std::int64_t>(value.number));
      return;
    case ValueKind::kDuration:
      out += format_duration({static_cast<std::int64_t>(value.number)});
      return;
  }
}

void append_json(std::string& out, const Value& value) { put_json(out, value); }
void append_json(TextBuffer& out, const Value& value) { put_json(out, value); }
void append_json_string(std::string& out, std::string_view text) { put_json_string(out, text); }
void append_json_string(TextBuffer& out, std::string_view text) { put_json_string(out, text); }
}  // namespace tocsin::cep
