#include "runtime/decode/json_structure.h"

#include <simdjson.h>

#include <algorithm>

#include "cep/base/assert.h"

namespace tocsin::runtime {
struct JsonScanner::Impl {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
  std::size_t capacity = 0;

  // Makes room for the marks of a line of `size` bytes.
  bool reserve(std::size_t size) {
    constexpr std::size_t kCapacityMin = std::size_t{16} << 10;
    constexpr std::size_t kDepthMax = 1;  // of simdjson's second stage, which is not used
    const std::size_t wanted = std::max({size, kCapacityMin, std::min(capacity * 2, size * 2)});
    if (wanted > simdjson::SIMDJSON_MAXSIZE_BYTES) return false;
    capacity = 0;
    if (simdjson::get_active_implementation()->create_dom_parser_implementation(wanted, kDepthMax,
                                                                                stage)) {
      return false;
    }
    capacity = wanted;
    return true;
  }
};

JsonScanner::JsonScanner() : impl_(std::make_unique<Impl>()) {}
JsonScanner::~JsonScanner() = default;
JsonScanner::JsonScanner(JsonScanner&&) noexcept = default;
JsonScanner& JsonScanner::operator=(JsonScanner&&) noexcept = default;

JsonFault JsonScanner::scan(std::string_view line) {
  if (line.size() > impl_->capacity && !impl_->reserve(line.size())) return JsonFault::kTooLarge;
  simdjson::internal::dom_parser_implementation& stage = *impl_->stage;
  const simdjson::error_code error =
      stage.stage1(reinterpret_cast<const std::uint8_t*>(line.data()), line.size(),
                   simdjson::stage1_mode::regular);
  switch (error) {
    case simdjson::SUCCESS:
      break;
    case simdjson::UTF8_ERROR:
      return JsonFault::kUtf8;
    case simdjson::UNCLOSED_STRING:
      return JsonFault::kUnclosedString;
    case simdjson::UNESCAPED_CHARS:
      return JsonFault::kControlCharacter;
    case simdjson::EMPTY:
      return JsonFault::kNoObject;
    default:
      return JsonFault::kMalformed;
  }
  const std::uint32_t* const begin = stage.structural_indexes.get();
  marks_ = {line.data(), begin, begin + stage.n_structural_indexes};
  return JsonFault::kNone;
}

bool JsonCursor::skip_container(JsonFault& fault, std::vector<char>& open) {
  enum class Expected : std::uint8_t { kValue, kValueOrEnd, kKey, kKeyOrEnd, kSeparator };
  open.clear();
  Expected expected = Expected::kValue;
  do {
    if (at_ == end_) return failed(fault, JsonFault::kNotClosed);
    const char c = text_[*at_++];
    const bool may_end = expected == Expected::kValueOrEnd || expected == Expected::kKeyOrEnd ||
                         expected == Expected::kSeparator;
    if (c == '}' || c == ']') {
      if (!may_end || open.back() != c) return failed(fault, JsonFault::kMalformed);
      open.pop_back();
      expected = Expected::kSeparator;
    } else if (expected == Expected::kSeparator) {
      if (c != ',') return failed(fault, JsonFault::kMalformed);
      expected = open.back() == '}' ? Expected::kKey : Expected::kValue;
    } else if (expected == Expected::kKey || expected == Expected::kKeyOrEnd) {
      if (at_ == end_) return failed(fault, JsonFault::kNotClosed);
      if (c != '"' || text_[*at_++] != ':') return failed(fault, JsonFault::kMalformed);
      expected = Expected::kValue;
    } else if (c == '{') {
      open.push_back('}');
      expected = Expected::kKeyOrEnd;
    } else if (c == '[') {
      open.push_back(']');
      expected = Expected::kValueOrEnd;
    } else if (c == ',' || c == ':') {
      return failed(fault, JsonFault::kMalformed);
    } else {
      expected = Expected::kSeparator;
    }
  } while (!open.empty());
  return true;
}

const char* fault_text(JsonFault fault) {
  switch (fault) {
    case JsonFault::kNone:
      break;
    case JsonFault::kUtf8:
      return "not valid UTF-8";
    case JsonFault::kUnclosedString:
      return "a string is not closed";
    case JsonFault::kControlCharacter:
      return "a string holds a raw control character";
    case JsonFault::kNoObject:
      return "not a JSON object";
    case JsonFault::kNotClosed:
      return "the JSON object is not closed";
    case JsonFault::kMalformed:
      return "not well-formed JSON";
    case JsonFault::kTextAfter:
      return "more text after the JSON object";
    case JsonFault::kTooLarge:
      return "too large to be parsed";
  }
  TOCSIN_ASSERT(false, "asked only of faults");
}
}  // namespace tocsin::runtime
