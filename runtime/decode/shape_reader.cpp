#include "runtime/decode/shape_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
// Walks the marks of a line as the decoder does, but writes down where it was.
class ShapeReader {
 public:
  ShapeReader(const JsonMarks& line, const TypePlan& type)
      : line_(line), type_(type), count_(static_cast<std::uint32_t>(line.end - line.begin)) {}

  std::optional<LineShape> read() {
    shape_.seen_.resize((type_.key_count + 63) / 64);
    if (!read_object(&type_.objects[0], 0) || at_ != count_ || !has_type_) return std::nullopt;
    // The rest of the line; its own value is one that was looked at.
    if (!add_part(count_, offset(count_ - 1) + 1, shape_.type_mark_)) return std::nullopt;
    shape_.size_ = count_;
    for (std::size_t i = 0; i < type_.required.size(); ++i) {
      if ((type_.required[i] & ~shape_.seen_[i]) != 0) shape_.has_required_ = false;
    }
    return std::move(shape_);
  }

 private:
  static constexpr int kDepthMax = 16;

  std::uint32_t offset(std::uint32_t mark) const { return line_.begin[mark]; }
  char character() const { return line_.text[offset(at_)]; }
  bool first_time(const Target& target) {
    std::uint64_t& word = shape_.seen_[target.bit / 64];
    const std::uint64_t bit = std::uint64_t{1} << (target.bit % 64);
    const bool is_first = (word & bit) == 0;
    word |= bit;
    return is_first;
  }

  // The text from the part's first mark to the offset `end`, before the mark `value`.
  bool add_part(std::uint32_t next, std::uint32_t end, std::uint32_t value) {
    const std::uint32_t begin = offset(part_);
    constexpr std::uint32_t kStep = sizeof(LineShape::Bytes);
    // The last bytes read of a part that begins with a line's last one.
    if (end - begin > LineShape::kReadAheadOfShape - kStep) return false;
    if (shape_.parts_.size() == LineShape::kPartsMax) return false;
    for (std::uint32_t from = begin; from < end; from += kStep) {
      std::array<char, kStep> bytes{};
      std::array<char, kStep> mask{};
      const std::uint32_t size = std::min(kStep, end - from);
      std::memcpy(bytes.data(), line_.text + from, size);
      std::memset(mask.data(), 0xff, size);
      LineShape::Bytes all;
      LineShape::Bytes which;
      std::memcpy(&all, bytes.data(), kStep);
      std::memcpy(&which, mask.data(), kStep);
      if (from == begin) {
        shape_.parts_.push_back({all, which, part_, value});
      } else {
        shape_.tails_.push_back({all, which, part_, from - begin});
      }
    }
    part_ = next;
    return true;
  }

  // The value at hand; `target` is null where nothing is read of it.
  bool read_value(const Target* target, int depth) {
    const char c = character();
    const bool has_leaves = target != nullptr && target->leaf_begin != target->leaf_end;
    if (c == '{' || c == '[') {
      if (has_leaves || depth == kDepthMax) return false;
      if (c == '{') {
        const bool is_read = target != nullptr && target->child != kNoChild;
        return read_object(
            is_read ? &type_.objects[static_cast<std::size_t>(target->child)] : nullptr, depth + 1);
      }
      const bool is_read = target != nullptr && target->array != kNoChild;
      return read_array(is_read ? &type_.arrays[static_cast<std::size_t>(target->array)] : nullptr,
                        depth + 1);
    }
    if (is_structural(c) || !add_part(at_ + 1, offset(at_), at_)) return false;
    if (has_leaves) shape_.reads_.push_back({at_, target->leaf_begin, target->leaf_end});
    ++at_;
    return true;
  }

  bool read_object(const ObjectPlan* plan, int depth) {
    static const WordTable kType({"type"});
    ++at_;
    while (at_ + 1 < count_ && character() != '}') {
      if (character() == ',') ++at_;
      const char* const key = line_.text + offset(at_) + 1;
      at_ += 2;  // and the colon
      if (depth == 0 && !has_type_ && kType.find(key) != WordTable::kAbsent) {
        has_type_ = true;
        shape_.type_mark_ = at_;
      }
      const int index = plan == nullptr ? WordTable::kAbsent : plan->keys.find(key);
      const Target* target = nullptr;
      if (index != WordTable::kAbsent) {
        const Target& known = plan->targets[static_cast<std::size_t>(index)];
        if (first_time(known)) target = &known;
      }
      if (at_ >= count_ || !read_value(target, depth)) return false;
    }
    ++at_;
    return at_ <= count_;
  }

  bool read_array(const ArrayPlan* plan, int depth) {
    ++at_;
    std::size_t next = 0;
    for (std::uint32_t place = 0; at_ + 1 < count_ && character() != ']'; ++place) {
      if (character() == ',') ++at_;
      const Target* target = nullptr;
      if (plan != nullptr && next < plan->places.size() && plan->places[next] == place) {
        target = &plan->targets[next++];
        first_time(*target);
      }
      if (!read_value(target, depth)) return false;
    }
    ++at_;
    return at_ < count_;
  }

  const JsonMarks& line_;
  const TypePlan& type_;
  std::uint32_t count_;
  std::uint32_t at_ = 0;    // the mark at hand
  std::uint32_t part_ = 0;  // the first mark behind the last scalar
  bool has_type_ = false;
  LineShape shape_;
};

std::optional<LineShape> read_shape(const JsonMarks& line, const TypePlan& type) {
  return ShapeReader(line, type).read();
}
}  // namespace tocsin::runtime
