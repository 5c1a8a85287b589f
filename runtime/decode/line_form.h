/// The form of a line: all of its text but its values.
///
/// Whoever writes events writes those of one type with the same keys in the same order. A line that
/// has the form of an earlier one, which was checked whole, is well-formed as that one was. Between
/// two values there is always a comma, so the separators (runtime/decode/separators.h) tell where
/// the text between them stands: it is compared sixteen bytes at a time, and nothing is looked up.
///
/// Why that is enough. The line has as many commas outside strings as the earlier one, and the same
/// text around each, so what is left between is one value each. It is a scalar that is no string if
/// all of its characters are plain. It is a string if it begins and ends with a quote and no other
/// quote in it begins or ends a string. Each has those two, as it begins outside strings and a
/// separator follows it; so no string has more if all of the line are as many as the form's. Then
/// both lines are made of the same tokens. The separators' scan has checked what is inside strings,
/// and that all is UTF-8.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/decode/separated_line.h"

namespace tocsin::runtime {
/// Made by read_form() (runtime/decode/form_reader.h).
class LineForm {
 public:
  /// What a value is. Those of one place are mostly of one kind.
  enum class Kind : std::uint8_t { kString, kPlain, kEither };
  /// How a value is read: most by one leaf, and as it expects.
  enum class How : std::uint8_t {
    kAny,
    kNumber,  // no string, for a leaf of numbers; fits() says nothing of it
    kText,    // a string, for a leaf of strings
    kWord,    // a string, for a leaf of words
  };
  /// A value that fields are read from, and the leaves [begin, end) of the type's plan.
  struct Read {
    SeparatedSpan value;
    std::uint32_t leaf_begin = 0;
    std::uint32_t leaf_end = 0;
    How how = How::kAny;
  };
  /// Where the value of the line's `type` begins: so far behind a separator.
  struct Begin {
    std::uint32_t separator = 0;
    std::uint32_t add = 0;
    friend bool operator==(const Begin&, const Begin&) = default;
  };

  /// Whether the line has this form, if each value that is read as a number is one, or is_usual();
  /// `quotes` then counts those up to its end. kReadAheadOfForm bytes behind the lines can be read.
  bool fits(const SeparatedLine& line, std::uint32_t& quotes) const;
  /// Of a line that fits: its text without its end, and which of its separators is its line feed.
  const SeparatedSpan& whole() const { return whole_; }
  std::uint32_t separators() const { return whole_.end; }
  /// In the order of the line.
  std::span<const Read> reads() const { return reads_; }
  const Begin& type_begin() const { return type_begin_; }
  /// The type's keys that such a line has, by their bits.
  std::span<const std::uint64_t> seen() const { return seen_; }
  /// Whether those are all that the type requires.
  bool has_required() const { return has_required_; }

  /// The kinds of all values, in the order of the line.
  std::span<const Kind> kinds() const { return kinds_; }
  /// What lines have in common whose values differ in kind alone.
  const std::string& skeleton() const { return skeleton_; }

  static constexpr std::size_t kValuesMax = 96;
  static constexpr std::size_t kTextMax = 48;  // between two values
  static constexpr std::size_t kReadAheadOfForm = kTextMax + 16;
  /// Whether these characters may be a value that is no string: they are some, and plain. `end` may
  /// be before `begin`.
  static bool is_usual(const char* begin, const char* end) {
    return begin < end && std::all_of(begin, end, is_plain);
  }
  /// Whether a scalar may have this character that is no string: ASCII above `,` that JSON gives no
  /// meaning outside strings.
  static bool is_plain(char c) {
    return c > ',' && static_cast<unsigned char>(c) < 0x80 && c != ':' && c != '[' && c != '\\' &&
           c != ']' && c != '{' && c != '|' && c != '}';
  }

 private:
  friend class FormReader;
  using Bytes [[gnu::vector_size(16)]] = std::uint64_t;
  // Some text between two values, or before the first or behind the last; it begins `lead` before a
  // separator.
  struct Part {
    Bytes bytes{};
    Bytes mask{};
    std::uint32_t separator = 0;
    std::uint32_t lead = 0;
  };

  std::vector<Part> parts_;
  std::vector<SeparatedSpan> plain_;   // values that are no strings, but for kNumber
  std::vector<SeparatedSpan> either_;  // values that may be some
  std::vector<Read> reads_;
  SeparatedSpan whole_;
  Begin type_begin_;
  std::uint32_t lead_max_ = 0;
  std::uint32_t quotes_ = 0;  // but those of `either_`
  bool has_required_ = true;
  std::vector<std::uint64_t> seen_;
  std::vector<Kind> kinds_;
  std::string skeleton_;
};

/// The forms in which lines of one event type came: a few, those that come most often.
class LineForms {
 public:
  /// The form of the line, whose `type` is this one and begins there; null where it has none of
  /// them.
  const LineForm* find(const SeparatedLine& line, const LineForm::Begin& type,
                       std::uint32_t& quotes) {
    if (trust_ < 0) {
      ++trust_;
      return nullptr;
    }
    for (Known& known : known_) {
      if (known.form.type_begin() != type) continue;
      if (known.form.fits(line, quotes)) return hit(known);
      trust_ -= kTrustLost;
    }
    return nullptr;
  }
  /// A well-formed line of the type had none of the forms: whether its own is to be learnt.
  bool wants_another();
  /// A known form that differs from this one in the kinds of values alone; null for none.
  const LineForm* like(const LineForm& form) const;
  /// Learns a form, in place of one that is like it. Where that is the same, another is wanted as
  /// seldom as after has_none().
  void learn(LineForm form);
  /// That line has a form that cannot be learnt: few of those that follow will be looked at.
  void has_none() { ++formless_; }

 private:
  struct Known {
    LineForm form;
    std::uint32_t hits = 0;
  };
  static constexpr std::size_t kKnownMax = 8;
  // Of lines that had none of the forms, how many pass until one is learnt in place of another.
  static constexpr std::uint32_t kMissesPerForm = 256;
  // Where many lines are compared in vain, most are no longer compared.
  static constexpr std::int32_t kTrustMax = 64;
  static constexpr std::int32_t kTrustLost = 4;

  const LineForm* hit(Known& known) {
    ++known.hits;
    if (trust_ < kTrustMax) ++trust_;
    return &known.form;
  }

  std::vector<Known> known_;
  std::int32_t trust_ = kTrustMax;
  std::uint32_t misses_ = 0;
  std::uint32_t formless_ = 0;
};
}  // namespace tocsin::runtime
