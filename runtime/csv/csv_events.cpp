#include "runtime/csv/csv_events.h"

#include <fmt/format.h>
#include <simdjson.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "cep/plan/plan.h"
#include "cep/value/value.h"
#include "runtime/csv/csv_names.h"
#include "runtime/decode/field_value.h"
#include "runtime/decode/json_text.h"
#include "runtime/decode/marked_lines.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kStep = 16;
constexpr std::string_view kTypeKey = R"({"type":)";
constexpr std::size_t kEscapeBytesMax = 6;  // of a character: \u0000

// Copies whole steps, reading and writing up to kStep - 1 bytes more. Gives how many of the `size`
// characters came before the first one that must be escaped.
std::size_t copy_plain(const char* from, std::size_t size, char* to) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i slash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  for (std::size_t at = 0; at < size; at += kStep) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at), bytes);
    const __m128i found =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)),
                     _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
    const auto marks = static_cast<unsigned>(_mm_movemask_epi8(found));
    if (marks != 0) return std::min(at + static_cast<std::size_t>(__builtin_ctz(marks)), size);
  }
  return size;
#else
  const auto is_plain = [](char c) {
    return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20;
  };
  std::size_t at = 0;
  for (; at < size && is_plain(from[at]); ++at) to[at] = from[at];
  return at;
#endif
}

char* write_escaped(char* to, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  *to++ = '\\';
  if (c == '"' || c == '\\') {
    *to++ = c;
    return to;
  }
  for (const char part : {'u', '0', '0', kHex[static_cast<unsigned char>(c) >> 4],
                          kHex[static_cast<unsigned char>(c) & 0xf]}) {
    *to++ = part;
  }
  return to;
}

// A field as a JSON string.
char* write_text(char* to, const CsvField& field) {
  const char* from = field.text.data();
  std::size_t left = field.text.size();
  *to++ = '"';
  for (;;) {
    const std::size_t plain = copy_plain(from, left, to);
    to += plain;
    if (plain == left) break;
    to = write_escaped(to, from[plain]);
    // Inside quotes each stands there twice.
    const std::size_t taken = plain + (field.has_doubled && from[plain] == '"' ? 2 : 1);
    from += taken;
    left -= taken;
  }
  *to++ = '"';
  return to;
}

char* write_literal(char* to, std::string_view literal) {
  std::memcpy(to, literal.data(), literal.size());
  return to + literal.size();
}

// The first `size` bytes of a text that has kStep bytes more.
char* write_steps(char* to, const std::string& text, std::size_t size) {
  for (std::size_t at = 0; at < size; at += kStep) std::memcpy(to + at, text.data() + at, kStep);
  return to + size;
}

std::optional<bool> bool_of(std::string_view text) {
  constexpr std::size_t kLongest = 5;
  if (text.size() > kLongest) return std::nullopt;
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  for (const std::string_view yes : {"true", "t", "yes", "y", "1"}) {
    if (lower == yes) return true;
  }
  for (const std::string_view no : {"false", "f", "no", "n", "0"}) {
    if (lower == no) return false;
  }
  return std::nullopt;
}

// With a point for its first comma, and kReadAhead bytes behind.
std::string with_point(std::string_view text) {
  std::string number(text);
  if (const std::size_t comma = number.find(','); comma != std::string::npos) number[comma] = '.';
  number.append(kReadAhead, ' ');
  return number;
}

// The words of an enum, the first few.
std::string shown_words(const std::vector<std::string>& words) {
  constexpr std::size_t kShownMax = 5;
  std::string shown;
  for (std::size_t i = 0; i < words.size() && i < kShownMax; ++i) {
    shown += fmt::format("{}`{}`", i == 0 ? "" : ", ", words[i]);
  }
  return words.size() > kShownMax ? shown + ", …" : shown;
}
}  // namespace

std::string_view JsonBuffer::padded() {
  std::memset(room(0), '\n', kLinePadding);
  return {bytes_.data(), size_};
}

char* JsonBuffer::room(std::size_t bytes) {
  const std::size_t needed = size_ + bytes + kLinePadding;
  if (bytes_.size() < needed) bytes_.resize(std::max(needed, 2 * bytes_.size()));
  return bytes_.data() + size_;
}

void JsonBuffer::add(std::size_t count, char c) {
  std::memset(room(count), c, count);
  size_ += count;
}

// The columns as they lie in the JSON object.
struct CsvEvents::Step {
  std::string key;
  std::optional<std::size_t> column;
  const cep::Field* field = nullptr;
  std::vector<Step> steps = {};  // of an object
};

CsvEvents::CsvEvents(const cep::Plan& plan, CsvFormat format, OtherColumns others)
    : format_(std::move(format)), others_(others) {
  const auto type_column = std::ranges::find(format_.columns, kTypeColumn);
  type_column_ = static_cast<std::size_t>(type_column - format_.columns.begin());
  for (const cep::EventType& type : plan.event_types) {
    if (type.is_alert() || (!format_.type.empty() && format_.type != type.json_type)) continue;
    layouts_.emplace(type.json_type, layout_of(&type, type.json_type));
  }
  unknown_ = layout_of(nullptr, format_.type);
  unknown_.literal_bytes += kTypeKey.size();
}

CsvEvents::Layout CsvEvents::layout_of(const cep::EventType* type,
                                       std::string_view json_type) const {
  Step top;
  for (std::size_t c = 0; c < format_.columns.size(); ++c) {
    const std::string& name = format_.columns[c];
    if (name.empty() || name == kTypeColumn) continue;
    const cep::Field* const field = type == nullptr ? nullptr : field_of(*type, name);
    // Of a type that no file declares everything is written: it may be a dead letter.
    if (type != nullptr && field == nullptr && others_ == OtherColumns::kLeftOut) continue;
    Step* step = &top;
    std::size_t depth = 0;
    for (; field != nullptr && depth + 1 < field->path.size(); ++depth) {
      auto next = std::ranges::find(step->steps, field->path[depth], &Step::key);
      if (next == step->steps.end()) {
        step->steps.push_back({field->path[depth], std::nullopt});
        next = step->steps.end() - 1;
      }
      step = &*next;
    }
    step->steps.push_back({field == nullptr ? name : field->path[depth], c, field});
  }
  Layout layout;
  layout.type = type;
  std::string literal;
  if (!json_type.empty()) {
    literal = kTypeKey;
    cep::append_json_string(literal, json_type);
  }
  for (Step& step : top.steps) {
    const std::size_t lead = literal.size();
    literal += ',';
    add_piece(layout, step, type, lead, literal);
  }
  layout.tail = literal + '}';
  layout.literal_bytes += layout.tail.size();
  return layout;
}

void CsvEvents::add_piece(Layout& layout, Step& step, const cep::EventType* type, std::size_t lead,
                          std::string& literal) {
  cep::append_json_string(literal, step.key);
  literal += ':';
  if (!step.column) {
    char before = '{';
    for (Step& inner : step.steps) {
      literal += std::exchange(before, ',');
      add_piece(layout, inner, type, 0, literal);
    }
    literal += '}';
    return;
  }
  Piece piece;
  piece.size = literal.size();
  piece.lead = lead;
  piece.literal = std::exchange(literal, {});
  piece.literal.append(kStep, ' ');
  piece.column = *step.column;
  piece.field = step.field;
  layout.literal_bytes += piece.literal.size();
  if (const cep::Field* const field = step.field) {
    piece.scale = number_scale(*field);
    piece.is_event_time = field == &type->fields[type->time_field.value];
    switch (field->type.kind) {
      case cep::TypeKind::kString:
        piece.form = Form::kText;
        break;
      case cep::TypeKind::kEnum:
        piece.form = Form::kEnum;
        piece.words.insert(field->type.words->begin(), field->type.words->end());
        break;
      case cep::TypeKind::kInt:
      case cep::TypeKind::kDecimal:
        piece.form = Form::kFixedPoint;
        break;
      case cep::TypeKind::kTime:
        piece.form = Form::kTime;
        break;
      case cep::TypeKind::kDate:
        piece.form = Form::kDate;
        break;
      default:
        piece.form = Form::kOther;
        break;
    }
  }
  layout.pieces.push_back(std::move(piece));
}

const CsvEvents::Layout* CsvEvents::find_layout(std::string_view type) const {
  const auto found = layouts_.find(type);
  return found == layouts_.end() ? nullptr : &found->second;
}

bool CsvEvents::append(std::string_view row, std::vector<CsvField>& fields, JsonBuffer& json,
                       std::string& reason) const {
  if (row.starts_with(kByteOrderMark)) row.remove_prefix(kByteOrderMark.size());
  split_csv_record(row, format_.separator, fields);
  if (fields.size() != format_.columns.size()) {
    reason = count_reason(fields.size());
    return false;
  }
  if (!simdjson::validate_utf8(row.data(), row.size())) {
    reason = fmt::format("not valid UTF-8; {}", kConvertText);
    return false;
  }
  const Layout* layout = nullptr;
  const CsvField* type = nullptr;
  std::string type_text;
  if (format_.type.empty()) {
    type = &fields[type_column_];
    if (type->text.empty()) {
      reason = fmt::format("column `{}` is empty; it names the type of each row", kTypeColumn);
      return false;
    }
    layout = find_layout(type->text);
    if (layout == nullptr && type->has_doubled) {
      type_text = undoubled(type->text);
      layout = find_layout(type_text);
    }
  } else {
    layout = find_layout(format_.type);
  }
  if (layout == nullptr) layout = &unknown_;
  constexpr std::size_t kNullBytes = 4;
  const std::size_t before = json.size();
  char* to = json.room(layout->literal_bytes + kEscapeBytesMax * row.size() +
                       kNullBytes * layout->pieces.size());
  if (layout == &unknown_ && type != nullptr) to = write_text(write_literal(to, kTypeKey), *type);
  for (const Piece& piece : layout->pieces) {
    const CsvField& field = fields[piece.column];
    // What nobody declares need not be said to be missing.
    const bool is_left_out = piece.field == nullptr && field.is_missing();
    to = write_steps(to, piece.literal, is_left_out ? piece.lead : piece.size);
    if (is_left_out) continue;
    to = write(to, piece, field);
    if (to == nullptr) {
      json.cut(before);
      reason = value_reason(*layout, piece, field);
      return false;
    }
  }
  json.end_at(write_literal(to, layout->tail));
  return true;
}

bool CsvEvents::is_decimal(const Piece& piece) {
  return piece.form == Form::kFixedPoint ||
         (piece.form == Form::kOther && piece.field->type.kind != cep::TypeKind::kBool);
}

// Null where the value is none of the field's type.
char* CsvEvents::write(char* to, const Piece& piece, const CsvField& field) const {
  constexpr std::string_view kNull = "null";
  std::string_view text = field.text;
  const bool is_text = piece.form == Form::kText || piece.form == Form::kAny;
  if (text.empty() && !(is_text && field.is_quoted)) {
    return piece.is_event_time ? nullptr : write_literal(to, kNull);
  }
  std::string pointed;
  if (format_.has_decimal_comma && is_decimal(piece)) {
    // A point groups thousands there.
    if (text.find('.') != std::string_view::npos) return nullptr;
    pointed = with_point(text);
    text = std::string_view(pointed).substr(0, text.size());
  }
  const auto as_text = [&] {
    char* const end = write_text(to, field);
    const std::string_view token(to, static_cast<std::size_t>(end - to));
    const Scalar scalar =
        scalar_value(piece.field->type.kind, piece.scale, token, number_form(*piece.field));
    return scalar.ok ? end : nullptr;
  };
  switch (piece.form) {
    case Form::kText:
      return write_text(to, field);
    case Form::kEnum:
      if (!piece.words.contains(text) &&
          !(field.has_doubled && piece.words.contains(undoubled(text)))) {
        return nullptr;
      }
      return write_text(to, field);
    case Form::kFixedPoint:
      return fixed_point(text, piece.scale) ? write_literal(to, text) : nullptr;
    case Form::kTime: {
      const NumberForm form = number_form(*piece.field);
      std::int64_t us = 0;
      if (piece.scale >= 0 && quick_fixed_point(text, piece.scale, us) &&
          (form.any_year || cep::is_plausible({us}))) {
        return write_literal(to, text);
      }
      if (!is_number(text)) return as_text();
      break;
    }
    case Form::kDate:
      return as_text();
    case Form::kAny: {
      const bool is_plain =
          !field.is_quoted && (text == "true" || text == "false" || is_number(text));
      return is_plain ? write_literal(to, text) : write_text(to, field);
    }
    case Form::kOther:
      break;
  }
  if (piece.field->type.kind == cep::TypeKind::kBool) {
    const std::optional<bool> value = bool_of(text);
    if (!value) return nullptr;
    return write_literal(to, *value ? "true" : "false");
  }
  if (!is_number(text)) return nullptr;
  const Scalar scalar =
      scalar_value(piece.field->type.kind, piece.scale, text, number_form(*piece.field));
  return scalar.ok ? write_literal(to, text) : nullptr;
}

std::string CsvEvents::column_name(std::size_t column) const {
  if (column < format_.columns.size() && !format_.columns[column].empty()) {
    return fmt::format("column `{}`", format_.columns[column]);
  }
  return fmt::format("column {}", column + 1);
}

std::string CsvEvents::broken_reason(std::string_view line) const {
  line = without_line_end(line);
  if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  const BrokenQuote broken = find_broken_quote(line, format_.separator);
  const std::string column = column_name(broken.field);
  return fmt::format("{}; quote the whole value, and write a quote inside it twice",
                     broken.is_closed
                         ? fmt::format("text follows the closing quote of {}", column)
                         : fmt::format("the quote that opens {} is not closed", column));
}

std::string CsvEvents::count_reason(std::size_t count) const {
  const std::size_t columns = format_.columns.size();
  const std::string last = column_name(std::min(count, columns) - 1);
  const std::string counts = fmt::format("{} field{} for {} column{}", count, count == 1 ? "" : "s",
                                         columns, columns == 1 ? "" : "s");
  if (count < columns) {
    return fmt::format(
        "{}, of which {} is the last; give every column a field, if only an empty one", counts,
        last);
  }
  return fmt::format("{}, of which {} is the last; quote values that have a {} inside", counts,
                     last, separator_name(format_.separator));
}

std::string CsvEvents::value_reason(const Layout& layout, const Piece& piece,
                                    const CsvField& field) const {
  const std::string name = column_name(piece.column);
  const cep::Field& declared = *piece.field;
  if (field.text.empty()) {
    return fmt::format("{} is empty; it is the time of each `{}`", name, layout.type->name);
  }
  const std::string text = undoubled(field.text);
  const std::string value = declared.pii ? "" : ": " + shown(text);
  const std::string padded = with_point(text);
  const std::string_view pointed = std::string_view(padded).substr(0, text.size());
  if (is_decimal(piece) && text.find(',') != std::string::npos && is_number(pointed) &&
      !format_.has_decimal_comma) {
    return fmt::format("{} has a decimal comma, which --csv-decimal comma reads{}", name, value);
  }
  const Scalar scalar = piece.form == Form::kTime ? scalar_value(cep::TypeKind::kTime, piece.scale,
                                                                 pointed, number_form(declared))
                                                  : Scalar{};
  if (scalar.fault == FieldFault::kImplausible) {
    return fmt::format("{} {}", name, implausible_text(declared, pointed, !declared.pii));
  }
  std::string remedy;
  switch (declared.type.kind) {
    case cep::TypeKind::kEnum:
      remedy = "it has " + shown_words(*declared.type.words);
      break;
    case cep::TypeKind::kBool:
      remedy = "write true or false";
      break;
    case cep::TypeKind::kTime:
      remedy = "write it as 2026-03-09T10:30:00Z, or as a number";
      break;
    case cep::TypeKind::kDate:
      remedy = "write it as 2026-03-09";
      break;
    default:
      remedy = format_.has_decimal_comma ? "write digits and one comma, without points"
                                         : "write digits and one point, without commas";
      break;
  }
  return fmt::format("{} is not a valid {}; {}{}", name, cep::type_name(declared.type), remedy,
                     value);
}
}  // namespace tocsin::runtime
