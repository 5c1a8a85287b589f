#include "api/rules/sample_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "cep/value/time.h"
#include "cep/value/value.h"
#include "runtime/decode/field_value.h"
#include "runtime/decode/json_text.h"
#include "runtime/io/byte_source.h"
#include "runtime/io/line_source.h"

namespace tocsin::api {
namespace {
using cep::TimeUnit;

constexpr std::uint64_t kLinesMax = 10'000;
constexpr std::size_t kLineBytesMax = std::size_t{1} << 20;
constexpr std::size_t kFieldsMax = 500;
constexpr std::size_t kDistinctMax = 10'000;

// One line: the scalars outside of arrays, with their paths.
struct Scalar {
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kText };
  std::string path;
  Kind kind = Kind::kNull;
  std::string text;  // of a number as it stands, or of a text
};
class LineReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<Scalar> scalars;
  bool has_array = false;
  bool has_odd_key = false;  // one with a point, or empty: no path leads there

  bool null() override { return add(Scalar::Kind::kNull, {}); }
  bool boolean(bool value) override { return add(Scalar::Kind::kBool, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return add(Scalar::Kind::kNumber, fmt::format("{}", value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return add(Scalar::Kind::kNumber, fmt::format("{}", value));
  }
  bool number_float(number_float_t, const string_t& text) override {
    return add(Scalar::Kind::kNumber, text);
  }
  bool string(string_t& value) override { return add(Scalar::Kind::kText, value); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    if (arrays_ == 0) keys_.emplace_back();
    return keys_.size() <= kDepthMax;
  }
  bool key(string_t& value) override {
    if (arrays_ == 0) keys_.back() = value;
    return true;
  }
  bool end_object() override {
    if (arrays_ == 0) keys_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override {
    has_array = true;
    return ++arrays_ <= kDepthMax && !keys_.empty();
  }
  bool end_array() override {
    --arrays_;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  static constexpr std::size_t kDepthMax = 64;
  bool add(Scalar::Kind kind, std::string text) {
    if (keys_.empty()) return false;  // no object
    if (arrays_ > 0) return true;
    for (const std::string& key : keys_) {
      if (!key.empty() && key.find('.') == std::string::npos) continue;
      has_odd_key = true;
      return true;
    }
    scalars.push_back({fmt::format("{}", fmt::join(keys_, ".")), kind, std::move(text)});
    return true;
  }

  std::vector<std::string> keys_;
  std::size_t arrays_ = 0;
};

bool is_plausible(std::string_view number, TimeUnit unit) {
  std::string padded(number);
  padded.append(runtime::kReadAhead, '\0');
  const std::string_view token(padded.data(), number.size());
  return runtime::scalar_value(cep::TypeKind::kTime, 0, token, {unit, false}).ok;
}

void note_number(SeenField& field, std::string_view text) {
  ++field.numbers;
  const std::size_t point = text.find('.');
  if (text.find_first_of("eE") != std::string_view::npos) field.has_exponent = true;
  if (point != std::string_view::npos) {
    field.digits = std::max(field.digits, static_cast<int>(text.size() - point - 1));
  }
  std::string padded(text);
  padded.append(runtime::kReadAhead, '\0');
  const int scale = std::min(field.digits, 9);
  const std::string_view token(padded.data(), text.size());
  if (!field.has_exponent && !runtime::fixed_point(token, scale)) field.is_large = true;
  for (std::size_t i = 0; i < kSampleUnits.size(); ++i) {
    if (is_plausible(text, kSampleUnits[i])) ++field.plausible[i];
  }
}

void note(SeenField& field, const Scalar& scalar) {
  if (scalar.kind == Scalar::Kind::kNull) return;
  ++field.values;
  if (scalar.kind == Scalar::Kind::kBool) ++field.bools;
  if (scalar.kind == Scalar::Kind::kNumber) note_number(field, scalar.text);
  if (scalar.kind == Scalar::Kind::kText) {
    ++field.texts;
    if (cep::parse_time(scalar.text)) ++field.times;
    if (cep::parse_date(scalar.text)) ++field.dates;
  }
  if (field.values_seen.size() >= kDistinctMax) return;
  if (!field.values_seen.insert(scalar.text).second) field.is_distinct = false;
}

// Adds an event of this type.
void note(std::vector<SeenType>& types, const std::string& json_type,
          const std::vector<Scalar>& scalars) {
  auto seen = std::ranges::find(types, json_type, &SeenType::json_type);
  if (seen == types.end()) {
    types.push_back({json_type, 0, {}});
    seen = types.end() - 1;
  }
  ++seen->events;
  std::set<std::string_view> met;
  for (const Scalar& scalar : scalars) {
    if (!met.insert(scalar.path).second) continue;  // of a repeated key the first counts
    auto field = std::ranges::find(seen->fields, scalar.path, &SeenField::path);
    if (field == seen->fields.end()) {
      if (seen->fields.size() >= kFieldsMax) continue;
      seen->fields.push_back({});
      field = seen->fields.end() - 1;
      field->path = scalar.path;
    }
    note(*field, scalar);
  }
}
}  // namespace

Result<Sample> read_sample(const std::string& path) {
  Result<std::unique_ptr<runtime::ByteSource>> bytes = runtime::open_source(path);
  if (!bytes) return tl::unexpected(bytes.error());
  runtime::LineSource lines(std::move(*bytes), kLineBytesMax);
  Sample sample;
  std::uint64_t count = 0;
  while (count < kLinesMax) {
    runtime::Line line;
    const runtime::LineSource::Next next = lines.next(line);
    if (next == runtime::LineSource::Next::kEnd) break;
    if (next == runtime::LineSource::Next::kNeedsBytes) {
      if (const Result<void> filled = lines.fill(); !filled) return tl::unexpected(filled.error());
      continue;
    }
    ++count;
    LineReader reader;
    const bool is_object = !line.too_long && nlohmann::json::sax_parse(line.text, &reader);
    const auto type = std::ranges::find_if(reader.scalars, [](const Scalar& scalar) {
      return scalar.path == "type" && scalar.kind == Scalar::Kind::kText;
    });
    if (!is_object || type == reader.scalars.end()) {
      ++sample.untyped;
      continue;
    }
    sample.has_array = sample.has_array || reader.has_array;
    sample.has_odd_key = sample.has_odd_key || reader.has_odd_key;
    note(sample.types, type->text, reader.scalars);
  }
  return sample;
}
}  // namespace tocsin::api
