// Values and types as people and JSON read them.
#include <fmt/format.h>

#include <iterator>

#include "cep/value/value.h"

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
  switch (value.kind) {
    case ValueKind::kMissing:
      return "missing";
    case ValueKind::kBool:
      return value.is_true() ? "true" : "false";
    case ValueKind::kInt:
      return format_decimal(value.number, 0);
    case ValueKind::kDecimal:
      return format_decimal(value.number, value.scale);
    case ValueKind::kFraction: {
      const auto mantissa = divide_half_even(value.number, value.denominator, kScaleMax);
      return mantissa ? format_decimal(*mantissa, kScaleMax) : "missing";
    }
    case ValueKind::kFloat:
      return fmt::format("{}", value.real);
    case ValueKind::kString:
    case ValueKind::kEnum:
      return std::string(value.text);
    case ValueKind::kTime:
      return format_time({static_cast<std::int64_t>(value.number)});
    case ValueKind::kDate:
      return format_date(static_cast<std::int64_t>(value.number));
    case ValueKind::kDuration:
      return format_duration({static_cast<std::int64_t>(value.number)});
  }
  return {};
}

void append_json(std::string& out, const Value& value) {
  switch (value.kind) {
    case ValueKind::kMissing:
      out += "null";
      return;
    case ValueKind::kFraction: {
      const std::string text = to_text(value);
      out += text == "missing" ? "null" : text;
      return;
    }
    case ValueKind::kTime:
    case ValueKind::kDuration:
      out += format_decimal(value.number, 0);
      return;
    case ValueKind::kString:
    case ValueKind::kEnum:
      append_json_string(out, value.text);
      return;
    case ValueKind::kDate:
      out += '"';
      out += to_text(value);
      out += '"';
      return;
    case ValueKind::kBool:
    case ValueKind::kInt:
    case ValueKind::kDecimal:
    case ValueKind::kFloat:
      out += to_text(value);
      return;
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}
}  // namespace tocsin::cep
