#include "runtime/decode/form_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
// Walks the marks of a line as the decoder does, but writes down where it was.
class FormReader {
 public:
  FormReader(std::string_view line, const JsonMarks& marks, const TypePlan& type,
             std::span<const LineForm::Kind> kinds)
      : line_(line),
        marks_(marks),
        type_(type),
        kinds_(kinds),
        count_(static_cast<std::uint32_t>(marks.end - marks.begin)),
        text_(line.data()) {}

  std::optional<LineForm> read() {
    form_.seen_.resize((type_.key_count + 63) / 64);
    if (!read_object(&type_.objects[0], 0) || at_ != count_ || !has_type_) return std::nullopt;
    if (!add_rest() || line_.find(',') < form_.lead_max_) return std::nullopt;
    for (std::size_t i = 0; i < type_.required.size(); ++i) {
      if ((type_.required[i] & ~form_.seen_[i]) != 0) form_.has_required_ = false;
    }
    return std::move(form_);
  }

 private:
  static constexpr int kDepthMax = 16;

  std::uint32_t offset(std::uint32_t mark) const { return marks_.begin[mark]; }
  char character() const { return marks_.text[offset(at_)]; }
  bool first_time(const Target& target) {
    std::uint64_t& word = form_.seen_[target.bit / 64];
    const std::uint64_t bit = std::uint64_t{1} << (target.bit % 64);
    const bool is_first = (word & bit) == 0;
    word |= bit;
    return is_first;
  }

  // The text up to `end` is not part of a value. Where it begins: so far before a separator.
  struct Place {
    std::uint32_t separator = 0;
    std::uint32_t lead = 0;
  };
  bool add_text(const char* end, Place& place) {
    const std::string_view text(text_, static_cast<std::size_t>(end - text_));
    if (text.size() > LineForm::kTextMax) return false;
    if (form_.parts_.empty()) {
      place = {0, 0 - 1U};  // behind the separator before the line
    } else if (const std::size_t comma = text.find(','); commas_ != commas_before_) {
      // Behind a value only its quote, brackets and white space stand before the comma.
      place = {commas_before_ + 1, static_cast<std::uint32_t>(comma)};
    } else {
      place = {commas_ + 1, static_cast<std::uint32_t>(text.size() - 1)};  // the line feed
    }
    if (place.separator != 0) form_.lead_max_ = std::max(form_.lead_max_, place.lead);
    commas_before_ = commas_;
    constexpr std::size_t kStep = sizeof(LineForm::Bytes);
    for (std::size_t from = 0; from < text.size(); from += kStep) {
      LineForm::Part part;
      const std::string_view step = text.substr(from, kStep);
      std::memcpy(&part.bytes, step.data(), step.size());
      std::memset(&part.mask, 0xff, step.size());
      part.separator = place.separator;
      part.lead = place.lead - static_cast<std::uint32_t>(from);
      form_.parts_.push_back(part);
    }
    return true;
  }

  // The last value ends where a text begins.
  void end_value(const Place& place) {
    if (form_.kinds_.empty()) return;
    const LineForm::Kind kind = form_.kinds_.back();
    value_.end = place.separator;
    value_.subtract = place.lead - (kind == LineForm::Kind::kString ? 1U : 0U);
    const LineForm::How how = how_to_read(kind);
    if (leaf_begin_ != leaf_end_) form_.reads_.push_back({value_, leaf_begin_, leaf_end_, how});
    if (how == LineForm::How::kNumber) return;
    if (kind == LineForm::Kind::kPlain) form_.plain_.push_back(value_);
    if (kind == LineForm::Kind::kEither) form_.either_.push_back(value_);
  }
  LineForm::How how_to_read(LineForm::Kind kind) const {
    if (leaf_end_ - leaf_begin_ != 1) return LineForm::How::kAny;
    const Leaf& leaf = type_.leaves[leaf_begin_];
    if (kind == LineForm::Kind::kPlain && leaf.is_number) return LineForm::How::kNumber;
    if (kind != LineForm::Kind::kString) return LineForm::How::kAny;
    if (leaf.kind == cep::TypeKind::kString) return LineForm::How::kText;
    return leaf.words != nullptr ? LineForm::How::kWord : LineForm::How::kAny;
  }

  bool read_scalar(const Target* target) {
    const std::string_view token = marks_.scalar(marks_.begin + at_);
    const bool is_string = token.front() == '"';
    const std::size_t number = form_.kinds_.size();
    if (number == LineForm::kValuesMax) return false;
    if (!is_string && !std::ranges::all_of(token, LineForm::is_plain)) return false;
    LineForm::Kind kind = is_string ? LineForm::Kind::kString : LineForm::Kind::kPlain;
    if (!kinds_.empty() && kinds_[number] != kind) kind = LineForm::Kind::kEither;
    form_.skeleton_.append(skeleton_from_, token.data()).push_back('\0');
    skeleton_from_ = token.data() + token.size();
    // Quotes of what is always a string are compared with the text around it.
    const std::uint32_t quote = kind == LineForm::Kind::kString ? 1 : 0;
    const char* const begin = token.data() + quote;
    const auto size = static_cast<std::uint32_t>(begin - text_);
    Place place;
    if (!add_text(begin, place)) return false;
    end_value(place);
    value_ = {place.separator, size - place.lead - quote, 0, 0};
    form_.quotes_ += 2 * quote;
    form_.kinds_.push_back(kind);
    leaf_begin_ = target == nullptr ? 0 : target->leaf_begin;
    leaf_end_ = target == nullptr ? 0 : target->leaf_end;
    if (is_type_) form_.type_begin_ = {value_.begin, value_.add};
    is_type_ = false;
    text_ = token.data() + token.size() - quote;
    ++at_;
    return true;
  }

  // What stands behind the last value, with the line's end.
  bool add_rest() {
    const char* end = line_.data() + line_.size();
    const std::uint32_t feed = *end == '\r' ? 1 : 0;
    if (end[feed] != '\n') return false;
    end += feed + 1;
    form_.skeleton_.append(skeleton_from_, end);
    Place place;
    if (!add_text(end, place)) return false;
    end_value(place);
    form_.whole_ = {0, 1, commas_ + 1, feed};
    return true;
  }

  // The value at hand; `target` is null where nothing is read of it.
  bool read_value(const Target* target, int depth) {
    const char c = character();
    if (!is_structural(c)) return read_scalar(target);
    const bool has_leaves = target != nullptr && target->leaf_begin != target->leaf_end;
    if ((c != '{' && c != '[') || has_leaves || is_type_ || depth == kDepthMax) return false;
    if (c == '{') {
      const bool is_read = target != nullptr && target->child != kNoChild;
      return read_object(
          is_read ? &type_.objects[static_cast<std::size_t>(target->child)] : nullptr, depth + 1);
    }
    const bool is_read = target != nullptr && target->array != kNoChild;
    return read_array(is_read ? &type_.arrays[static_cast<std::size_t>(target->array)] : nullptr,
                      depth + 1);
  }

  void pass_comma() {
    if (character() != ',') return;
    ++at_;
    ++commas_;
  }

  bool read_object(const ObjectPlan* plan, int depth) {
    static const WordTable kType({"type"});
    ++at_;
    while (at_ + 1 < count_ && character() != '}') {
      pass_comma();
      const char* const key = marks_.text + offset(at_) + 1;
      at_ += 2;  // and the colon
      form_.quotes_ += 2;
      if (depth == 0 && !has_type_ && kType.find(key) != WordTable::kAbsent) {
        has_type_ = true;
        is_type_ = true;
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
      pass_comma();
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

  std::string_view line_;
  const JsonMarks& marks_;
  const TypePlan& type_;
  std::span<const LineForm::Kind> kinds_;
  std::uint32_t count_;
  std::uint32_t at_ = 0;             // the mark at hand
  std::uint32_t commas_ = 0;         // so far
  std::uint32_t commas_before_ = 0;  // up to `text_`
  const char* text_;                 // behind the last value
  const char* skeleton_from_ = line_.data();
  bool has_type_ = false;
  bool is_type_ = false;  // the next value is the type
  // The last value, whose end is not yet known.
  SeparatedSpan value_;
  std::uint32_t leaf_begin_ = 0;
  std::uint32_t leaf_end_ = 0;
  LineForm form_;
};

std::optional<LineForm> read_form(std::string_view line, const JsonMarks& marks,
                                  const TypePlan& type, std::span<const LineForm::Kind> kinds) {
  const bool is_whole = marks.text + *marks.begin == line.data() &&
                        marks.text + marks.end[-1] + 1 == line.data() + line.size();
  if (!is_whole) return std::nullopt;
  return FormReader(line, marks, type, kinds).read();
}
}  // namespace tocsin::runtime
