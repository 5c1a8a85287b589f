#include "runtime/decode/json_structure.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

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

bool is_utf8(std::string_view text) {
  return simdjson::get_active_implementation()->validate_utf8(text.data(), text.size());
}

JsonScanner::JsonScanner() : impl_(std::make_unique<Impl>()) {}
JsonScanner::~JsonScanner() = default;
JsonScanner::JsonScanner(JsonScanner&&) noexcept = default;
JsonScanner& JsonScanner::operator=(JsonScanner&&) noexcept = default;

JsonFault JsonScanner::scan(std::string_view line) {
  if (line.empty()) return JsonFault::kNoObject;  // there may be nothing yet that scans
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

namespace {
// Goes past members of an object that are scalars. True at one that is not: `c` is its first
// character. Otherwise `c` is what stands behind the last scalar. `at` is then past `c`; `c` is 0
// where something else stands. Reads three marks behind `end` at most.
bool past_members(const char* text, const std::uint32_t*& at, const std::uint32_t* end, char& c) {
  do {
    if (at >= end || text[at[0]] != '"' || text[at[1]] != ':') {
      c = 0;
      return false;
    }
    c = text[at[2]];
    if (is_structural(c)) {
      at += 3;
      return true;
    }
    c = text[at[3]];
    at += 4;
  } while (c == ',');
  return false;
}

// The same of an array's elements.
bool past_elements(const char* text, const std::uint32_t*& at, const std::uint32_t* end, char& c) {
  do {
    if (at >= end) {
      c = 0;
      return false;
    }
    c = text[at[0]];
    if (is_structural(c)) {
      ++at;
      return true;
    }
    c = text[at[1]];
    at += 2;
  } while (c == ',');
  return false;
}

// As past_container(), with others in it.
const std::uint32_t* past_nested(const char* text, const std::uint32_t* at,
                                 const std::uint32_t* end) {
  // What is open, the innermost in the lowest bit: 1 for an object, 0 for an array; above them a 1.
  std::uint64_t open = 1;
  constexpr std::uint64_t kTooDeep = std::uint64_t{1} << 63;
  char c = text[*at++];
  bool begins = true;
  for (;;) {
    if (begins) {
      if ((c != '{' && c != '[') || (open & kTooDeep) != 0) return nullptr;
      open = open << 1 | (c == '{' ? 1U : 0U);
      c = text[*at];
      at += c == '}' || c == ']' ? 1 : 0;
    }
    if (!begins || c == '}' || c == ']') {
      while (c != ',') {
        if (c != ((open & 1) != 0 ? '}' : ']') || at > end) return nullptr;
        open >>= 1;
        if (open == 1) return at;
        c = text[*at++];
      }
    }
    begins = (open & 1) != 0 ? past_members(text, at, end, c) : past_elements(text, at, end, c);
  }
}
}  // namespace

// Most have neither arrays nor objects in them. Reads three marks behind `end` at most.
const std::uint32_t* past_container(const char* text, const std::uint32_t* at,
                                    const std::uint32_t* end) {
  const std::uint32_t* past = at + 1;
  char c = 0;
  if (text[*at] == '{') {
    do {
      if (past >= end || text[past[0]] != '"' || text[past[1]] != ':') break;
      if (is_structural(text[past[2]])) break;
      c = text[past[3]];
      past += 4;
    } while (c == ',');
    if (c == '}' && past <= end) return past;
  } else {
    do {
      if (past >= end || is_structural(text[past[0]])) break;
      c = text[past[1]];
      past += 2;
    } while (c == ',');
    if (c == ']' && past <= end) return past;
  }
  return past_nested(text, at, end);
}

const std::uint32_t* past_fields(const char* text, const std::uint32_t* at,
                                 const std::uint32_t* end, const WordTable& keys) {
  // A comma, a key, a colon, a value, and at least the object's end.
  constexpr std::ptrdiff_t kMarksMin = 5;
  if (end - at < kMarksMin) return at;
  const std::uint32_t* const last = end - kMarksMin;
  while (at <= last) {
    const char* const key = text + at[1] + 1;
    const char* const colon = text + at[2];
    // White space may stand before the colon; then the key's size is not known.
    if (text[at[0]] != ',' || key[-1] != '"' || std::memcmp(colon - 1, "\":", 2) != 0) return at;
    if (keys.may_have(key, static_cast<std::size_t>(colon - key) - 1)) return at;
    const std::uint32_t* past = at + 4;
    const char value = text[at[3]];
    if (is_structural(value)) {
      if (value != '{' && value != '[') return at;
      past = past_container(text, at + 3, end);
      if (past == nullptr) return at;
    }
    at = past;
  }
  return at;
}

// Container by container and mark by mark, which tells what is wrong.
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
