#include "library/testing/test_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "rules/format/format.h"
#include "rules/syntax/lexer.h"
#include "rules/text/utf8.h"

namespace tocsin::library {
using cep::ValueKind;

namespace {
constexpr std::int64_t kMillisecond = 1000;
constexpr std::size_t kCommentColumns = 96;

// Controls, and what cannot be seen or changes the direction of text.
bool is_hidden(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C || c == 0x180E ||
         (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
         (c >= 0xE0000 && c <= 0xE007F);
}
std::string unicode_escape(char32_t c) {
  const auto unit = [](std::uint32_t bits) { return fmt::format("\\u{:04x}", bits); };
  const auto bits = static_cast<std::uint32_t>(c);
  if (bits < 0x10000) return unit(bits);
  return unit(0xD800 + ((bits - 0x10000) >> 10U)) + unit(0xDC00 + ((bits - 0x10000) & 0x3FFU));
}

std::string escaped(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const rules::CodePoint point = rules::code_point_at(text, at);
    const std::size_t size = std::max<std::size_t>(point.bytes, 1);
    const std::string_view bytes = text.substr(at, size);
    at += size;
    if (bytes == "\"" || bytes == "\\") {
      out += '\\';
      out += bytes;
    } else if (bytes == "\n") {
      out += "\\n";
    } else if (bytes == "\t") {
      out += "\\t";
    } else if (is_hidden(point.value)) {
      out += unicode_escape(point.value);
    } else {
      out += bytes;
    }
  }
  return out + '"';
}

std::optional<std::string> number_text(const cep::Value& value) {
  const bool fits = value.number > INT64_MIN && value.number <= INT64_MAX;
  return fits ? std::optional(cep::to_text(value)) : std::nullopt;
}
bool is_whole_milliseconds(const cep::Value& value) {
  return value.number % kMillisecond == 0 && value.number > INT64_MIN;
}

const cep::EventType& type_of(const cep::Plan& plan, const rules::TestEvent& event) {
  return plan.event_types[event.type.value];
}
bool is_said(const cep::EventType& type, const rules::TestEvent& event, std::size_t field) {
  const bool by_default = field < event.by_default.size() && event.by_default[field];
  return !by_default && field != type.time_field.value && !type.fields[field].computed &&
         !event.fields[field].view().is_missing();
}

void add_member(std::string& record, const std::string& name, const cep::Value& value) {
  const std::optional<std::string> literal = literal_text(value);
  if (!literal) return;
  record += fmt::format("{}{}: {}", record.empty() ? "" : ", ", name_text(name), *literal);
}
std::string in_braces(const std::string& record) {
  return record.empty() ? "{ }" : "{ " + record + " }";
}

// A comment's lines, of one that may be longer than a line.
std::string comment_text(std::string_view comment) {
  std::string text;
  std::size_t column = 0;
  while (!comment.empty()) {
    const std::size_t end = std::min(comment.find(' '), comment.size());
    if (column == 0 || column + 1 + end > kCommentColumns) {
      text += text.empty() ? "  #" : "\n  #";
      column = 3;
    }
    text += ' ';
    text += comment.substr(0, end);
    column += 1 + end;
    comment.remove_prefix(std::min(end + 1, comment.size()));
  }
  return text + '\n';
}

std::string laid_out(std::string text) {
  rules::SourceMap sources;
  const std::uint32_t file = sources.add("test", text);
  rules::DiagnosticSink sink;
  std::optional<std::string> formatted = rules::format(sources, file, sink);
  return formatted ? *std::move(formatted) : std::move(text);
}
}  // namespace

std::optional<std::string> literal_text(const cep::Value& value) {
  switch (value.kind) {
    case ValueKind::kMissing:
      return std::nullopt;
    case ValueKind::kString:
      return escaped(value.text);
    case ValueKind::kEnum: {
      const bool is_boolean = value.text == "true" || value.text == "false";
      const bool is_plain = rules::is_plain_name(value.text) && !is_boolean;
      return is_plain ? std::string(value.text) : escaped(value.text);
    }
    case ValueKind::kInt:
    case ValueKind::kDecimal:
      return number_text(value);
    case ValueKind::kFraction: {
      const auto mantissa = cep::divide_half_even(value.number, value.denominator, cep::kScaleMax);
      if (!mantissa) return std::nullopt;
      auto text = number_text(cep::Value::decimal(*mantissa, cep::kScaleMax));
      if (!text) return std::nullopt;
      // Its zeros say nothing.
      text->erase(text->find_last_not_of('0') + 1);
      if (text->ends_with('.')) text->pop_back();
      return text;
    }
    case ValueKind::kFloat: {
      std::string text = cep::to_text(value);
      // A float's digits are more than a decimal's may be.
      const bool is_long = text.find_first_of("eE") == std::string::npos;
      return is_long && text.size() > 9 ? text + "e0" : text;
    }
    case ValueKind::kTime: {
      std::string text = cep::format_time(cep::EventTime{static_cast<std::int64_t>(value.number)});
      const auto read = cep::parse_time(text);
      return read && read->us == value.number ? std::optional(std::move(text)) : std::nullopt;
    }
    case ValueKind::kDuration:
      if (!is_whole_milliseconds(value)) return std::nullopt;
      return cep::to_text(value);
    case ValueKind::kDate: {
      std::string text = cep::to_text(value);
      return cep::parse_date(text) ? std::optional(std::move(text)) : std::nullopt;
    }
    case ValueKind::kBool:
      return cep::to_text(value);
  }
  return std::nullopt;
}

std::string name_text(const std::string& name) {
  return rules::is_plain_name(name) ? name : "`" + name + "`";
}

std::set<std::string> keep_writable(const cep::Plan& plan, rules::EmbeddedTest& test) {
  std::set<std::string> left_out;
  for (rules::TestEvent& event : test.events) {
    const cep::EventType& type = type_of(plan, event);
    event.offset.us -= event.offset.us % kMillisecond;
    const std::size_t time = type.time_field.value;
    event.fields[time] = cep::OwnedValue(cep::Value::time(test.starting + event.offset));
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      if (!is_said(type, event, i) || literal_text(event.fields[i].view())) continue;
      left_out.insert(fmt::format("{}.{}", type.name, type.fields[i].name));
      event.fields[i] = {};
    }
  }
  return left_out;
}

std::string test_text(const cep::Plan& plan, const rules::EmbeddedTest& test,
                      const std::vector<std::string>& comments) {
  std::string text = fmt::format("test {} {} {{\n", name_text(test.rule), escaped(test.title));
  for (const std::string& comment : comments) text += comment_text(comment);
  text += fmt::format("  starting {}\n", cep::format_time(test.starting));
  for (const rules::TestEvent& event : test.events) {
    const cep::EventType& type = type_of(plan, event);
    std::string record;
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      if (is_said(type, event, i)) add_member(record, type.fields[i].name, event.fields[i].view());
    }
    text += fmt::format("  {} {} {}\n", cep::format_duration(event.offset), name_text(type.name),
                        in_braces(record));
  }
  if (test.until) text += fmt::format("  until {}\n", cep::format_duration(*test.until));
  for (const rules::ExpectedAlert& expected : test.expected) {
    text += "  expect alert";
    if (expected.times != 1) text += fmt::format(" {} times", expected.times);
    if (expected.at && expected.at->us % kMillisecond == 0) {
      text += " at " + cep::format_duration(*expected.at);
    }
    std::string record;
    for (const auto& [name, value] : expected.fields) add_member(record, name, value.view());
    if (!record.empty()) text += ' ' + in_braces(record);
    text += '\n';
  }
  if (test.expected.empty()) text += "  expect no alert\n";
  return laid_out(text + "}\n");
}
}  // namespace tocsin::library
