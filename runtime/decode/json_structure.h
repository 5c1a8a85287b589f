/// The structure of one JSON line: where its brackets, colons, commas and values stand, and that
/// they stand rightly.
///
/// simdjson's first stage (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB
/// Journal 28, 2019) marks every structural character and the begin of every string and scalar in
/// one pass with the widest instructions that the machine has, and checks UTF-8 and that strings
/// are closed. A JsonCursor walks the marks and checks the grammar of RFC 8259 but for what stands
/// inside scalars. Nothing here depends on how deep values are nested.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "runtime/decode/json_text.h"
#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
enum class JsonFault : std::uint8_t {
  kNone,
  kUtf8,
  kUnclosedString,
  kControlCharacter,
  kNoObject,
  kNotClosed,
  kMalformed,
  kTextAfter,
  kTooLarge,
};
/// Whether the bytes are UTF-8.
bool is_utf8(std::string_view text);
/// What a fault says to people: "not valid UTF-8".
const char* fault_text(JsonFault fault);

/// Whether this character, at a mark, is a bracket, a colon or a comma, and so no scalar's first.
inline bool is_structural(char c) {
  static constexpr std::array<bool, 256> kStructural = [] {
    std::array<bool, 256> table{};
    for (const char one : {'{', '}', '[', ']', ':', ','}) {
      table[static_cast<unsigned char>(one)] = true;
    }
    return table;
  }();
  return kStructural[static_cast<unsigned char>(c)];
}

/// The marks of one line: offsets of `{ } [ ] : ,` outside strings and of the first character of
/// each string and scalar, ascending. mark(end) is the line's size, and two more can be read.
struct JsonMarks {
  const char* text = nullptr;
  const std::uint32_t* begin = nullptr;
  const std::uint32_t* end = nullptr;

  /// The text of the scalar at this mark, with white space that follows it cut off.
  std::string_view scalar(const std::uint32_t* mark) const {
    const char* first = text + mark[0];
    const char* last = text + mark[1];
    while (is_space(last[-1])) --last;  // stops at the first character, which is none
    return {first, static_cast<std::size_t>(last - first)};
  }

 private:
  // JSON's white space: any other character after a scalar is part of it, and poisons it.
  static bool is_space(char c) {
    return static_cast<unsigned char>(c) <= ' ' &&
           (c == ' ' || c == '\t' || c == '\r' || c == '\n');
  }
};
/// Whether these bytes are UTF-8.
bool is_utf8(std::string_view text);

/// Owns the memory for marks; the marks of one scan stand until the next. Threading: one caller at
/// a time.
class JsonScanner {
 public:
  JsonScanner();
  ~JsonScanner();
  JsonScanner(JsonScanner&&) noexcept;
  JsonScanner& operator=(JsonScanner&&) noexcept;
  /// Marks `line`; kNone, or what is wrong with its characters. Reads nothing after the line.
  JsonFault scan(std::string_view line);
  const JsonMarks& marks() const { return marks_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  JsonMarks marks_;
};

/// The mark behind the array or object that begins at the mark `at`. Null where it is not
/// well-formed before `end`, and where it is nested too deeply to be gone past quickly.
const std::uint32_t* past_container(const char* text, const std::uint32_t* at,
                                    const std::uint32_t* end);

/// The mark behind the last of the fields that begin with the comma at the mark `at`, are
/// well-formed and whose keys are none of these; `at` where there is no such field.
const std::uint32_t* past_fields(const char* text, const std::uint32_t* at,
                                 const std::uint32_t* end, const WordTable& keys);

/// Walks the fields of one object:
///
///     JsonCursor at(marks);
///     if (!at.enter(fault)) return;
///     for (bool more = at.first(fault); more; more = at.next(fault)) {
///       … at.key(), at.kind(), at.scalar() …
///       if (!at.skip(fault, open)) return;
///     }
///
/// `fault` is kNone at first and says afterwards whether the walk ended at the object's end. The
/// elements of an array are gone through in the same way, by enter_array(), first_element() and
/// next_element().
class JsonCursor {
 public:
  JsonCursor() = default;
  /// The object that the line is.
  explicit JsonCursor(const JsonMarks& marks)
      : text_(marks.text), at_(marks.begin), end_(marks.end) {}

  /// Steps into the object that begins here; false, with a fault, when there is none.
  bool enter(JsonFault& fault) {
    if (at_ == end_ || text_[*at_] != '{') return failed(fault, JsonFault::kNoObject);
    ++at_;
    return true;
  }
  /// Moves to the object's first field; false at the object's end, then past it, or with a fault.
  bool first(JsonFault& fault) {
    if (at_ != end_ && text_[*at_] == '}') {
      ++at_;
      return false;
    }
    return take_key(fault);
  }
  /// Moves to the next field, likewise; the value of the field before was gone past.
  bool next(JsonFault& fault) {
    if (at_ == end_) return failed(fault, JsonFault::kNotClosed);
    const char c = text_[*at_++];
    if (c == '}') return false;
    if (c != ',') return failed(fault, JsonFault::kMalformed);
    return take_key(fault);
  }
  /// Steps into the array that begins here.
  void enter_array() { ++at_; }
  /// Moves to the array's first element; false at its end, then past it, or with a fault.
  bool first_element(JsonFault& fault) {
    if (at_ == end_) return failed(fault, JsonFault::kNotClosed);
    if (text_[*at_] == ']') {
      ++at_;
      return false;
    }
    return has_element(fault);
  }
  /// Moves to the next element, likewise.
  bool next_element(JsonFault& fault) {
    if (at_ == end_) return failed(fault, JsonFault::kNotClosed);
    const char c = text_[*at_++];
    if (c == ']') return false;
    if (c != ',') return failed(fault, JsonFault::kMalformed);
    return has_element(fault);
  }
  /// The key's characters as they stand in the line, after the opening quote.
  const char* key() const { return key_; }
  /// The first character of the value.
  char kind() const { return text_[*at_]; }
  /// A scalar's text, with white space that follows it cut off.
  std::string_view scalar() const { return JsonMarks{text_, at_, end_}.scalar(at_); }
  /// A cursor for the object or array that the value is, to be entered; afterwards leave() takes
  /// this one past it.
  JsonCursor child() const { return *this; }
  void leave(const JsonCursor& child) { at_ = child.at_; }
  /// Goes past the value, checking what it is made of; false with a fault. `open` is memory for the
  /// way down.
  bool skip(JsonFault& fault, std::vector<char>& open) {
    const char c = kind();
    if (!is_structural(c)) {
      ++at_;
      return true;
    }
    if (c != '{' && c != '[') return failed(fault, JsonFault::kMalformed);
    if (const std::uint32_t* const past = past_container(text_, at_, end_)) {
      at_ = past;
      return true;
    }
    // A copy goes there, so that this cursor can stay in registers.
    JsonCursor at = *this;
    const bool ok = at.skip_container(fault, open);
    *this = at;
    return ok;
  }
  /// Goes past the fields that follow, up to one that next() is for: whose key may be one of these,
  /// which ends the object, or with which something is wrong.
  void pass_over(const WordTable& keys) { at_ = past_fields(text_, at_, end_, keys); }
  /// Whether just the marks before this offset were gone through.
  bool is_at(std::uint32_t offset) const { return *at_ >= offset && at_[-1] < offset; }
  /// The mark that the cursor stands at, or the marks' end.
  const std::uint32_t* position() const { return at_; }

 private:
  // A key, a colon, a value, and at least the object's end must follow.
  bool take_key(JsonFault& fault) {
    if (end_ - at_ < 4) return failed(fault, too_short());
    if (text_[at_[0]] != '"' || text_[at_[1]] != ':') return failed(fault, JsonFault::kMalformed);
    key_ = text_ + at_[0] + 1;
    at_ += 2;
    return true;
  }
  // A value, and the ends of the array and of the object around it must follow.
  bool has_element(JsonFault& fault) const { return end_ - at_ >= 3 || failed(fault, too_short()); }
  static bool failed(JsonFault& fault, JsonFault what) {
    fault = what;
    return false;
  }
  JsonFault too_short() const {
    return text_[end_[-1]] == '}' ? JsonFault::kMalformed : JsonFault::kNotClosed;
  }
  [[gnu::cold]] bool skip_container(JsonFault& fault, std::vector<char>& open);

  const char* text_ = nullptr;
  const std::uint32_t* at_ = nullptr;
  const std::uint32_t* end_ = nullptr;
  const char* key_ = nullptr;
};
}  // namespace tocsin::runtime
