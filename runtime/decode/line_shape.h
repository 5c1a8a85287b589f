/// The form of a line: all of its text but its scalars.
///
/// Whoever writes events writes those of one type with the same keys in the same order. A line that
/// has the form of an earlier one, which was checked whole, is well-formed as that one was, and its
/// fields stand at the same marks: so its text between the scalars is compared, sixteen bytes at a
/// time, and nothing is looked up.
///
/// Why equal text is enough. A part begins at a mark, which is outside strings. From there on its
/// bytes alone decide what is marked, so it has as many marks as the earlier line's part, the last
/// before the scalar. The mark behind it is then the next part's first one or, where the part is
/// followed by no scalar, a character that fits() refuses. What stands inside scalars is no part of
/// the form: a scalar that is two words has a mark too many, and the next part differs.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/decode/json_structure.h"

namespace tocsin::runtime {
/// Made by read_shape() (runtime/decode/shape_reader.h).
class LineShape {
 public:
  /// A scalar that fields are read from: its mark, and the leaves [begin, end) of the type's plan.
  struct Read {
    std::uint32_t mark = 0;
    std::uint32_t leaf_begin = 0;
    std::uint32_t leaf_end = 0;
  };
  /// Whether the text has this form, from the mark `begin` on. Requires that size() marks follow
  /// and kReadAheadOfShape bytes behind each can be read. Says nothing of the value of `type`.
  bool fits(const char* text, const std::uint32_t* begin) const;
  /// Marks of a line of this form.
  std::uint32_t size() const { return size_; }
  /// The mark of the value of the line's `type`.
  std::uint32_t type_mark() const { return type_mark_; }
  /// In the order of the line.
  std::span<const Read> reads() const { return reads_; }
  /// The type's keys that such a line has, by their bits.
  std::span<const std::uint64_t> seen() const { return seen_; }
  /// Whether those are all that the type requires.
  bool has_required() const { return has_required_; }

  static constexpr std::size_t kReadAheadOfShape = 64;

 private:
  friend class ShapeReader;
  using Bytes [[gnu::vector_size(16)]] = std::uint64_t;
  // The first bytes of what stands before a scalar.
  struct Part {
    Bytes bytes{};
    Bytes mask{};
    std::uint32_t mark = 0;   // where it begins
    std::uint32_t value = 0;  // the scalar's
  };
  // The bytes behind those, where there are more.
  struct Tail {
    Bytes bytes{};
    Bytes mask{};
    std::uint32_t mark = 0;
    std::uint32_t offset = 0;
  };
  static constexpr std::size_t kPartsMax = 96;
  std::vector<Part> parts_;
  std::vector<Tail> tails_;
  std::vector<Read> reads_;
  std::vector<std::uint64_t> seen_;
  std::uint32_t size_ = 0;
  std::uint32_t type_mark_ = 0;
  bool has_required_ = true;
};

/// The forms in which lines of one event type came: a few, those that come most often.
class LineShapes {
 public:
  /// The form of the line at these marks, whose `type` stands at `type_mark` and is this one; null
  /// where it has none of them. Such a line ends directly behind its last mark, with a line feed or
  /// a carriage return and one.
  const LineShape* find(const JsonMarks& marks, std::uint32_t type_mark) {
    if (trust_ < 0) {
      ++trust_;
      return nullptr;
    }
    for (Known& known : known_) {
      const LineShape& shape = known.shape;
      if (shape.type_mark() != type_mark ||
          shape.size() > static_cast<std::size_t>(marks.end - marks.begin) ||
          !ends_line(marks.text + marks.begin[shape.size() - 1])) {
        continue;
      }
      if (shape.fits(marks.text, marks.begin)) return hit(known);
      trust_ -= kTrustLost;
    }
    return nullptr;
  }
  /// A well-formed line of the type had none of the forms: whether its own is to be learnt.
  bool wants_another();
  void learn(LineShape shape);
  /// That line has a form that cannot be learnt: few of those that follow will be looked at.
  void has_none() { ++formless_; }

 private:
  struct Known {
    LineShape shape;
    std::uint32_t hits = 0;
  };
  static constexpr std::size_t kKnownMax = 4;
  // Of lines that had none of the forms, how many pass until one is learnt in place of another.
  static constexpr std::uint32_t kMissesPerForm = 64;
  // Where many lines are compared in vain, most are no longer compared.
  static constexpr std::int32_t kTrustMax = 64;
  static constexpr std::int32_t kTrustLost = 4;

  static bool ends_line(const char* last) {
    return *last == '}' && (last[1] == '\n' || (last[1] == '\r' && last[2] == '\n'));
  }
  const LineShape* hit(Known& known) {
    ++known.hits;
    if (trust_ < kTrustMax) ++trust_;
    return &known.shape;
  }

  std::vector<Known> known_;
  std::int32_t trust_ = kTrustMax;
  std::uint32_t misses_ = 0;
  std::uint32_t formless_ = 0;
};
}  // namespace tocsin::runtime
