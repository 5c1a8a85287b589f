#include "runtime/decode/decoder.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/decode/decode_problem.h"
#include "runtime/decode/decoder_impl.h"
#include "runtime/decode/field_value.h"
#include "runtime/decode/json_structure.h"
#include "runtime/decode/json_text.h"
#include "runtime/decode/line_shape.h"
#include "runtime/decode/shape_reader.h"
#include "runtime/decode/type_columns.h"
#include "runtime/decode/type_plan.h"
#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
namespace {
static_assert(kLinePadding >= kReadAhead && kLinePadding >= LineShape::kReadAheadOfShape);

// Copies a string's inside to `room`, which has eight bytes more; whether there may be escapes in
// it. Short ones eight bytes at a time; what stands behind them is then looked at too.
bool copy_text(std::string_view inside, char* room) {
  constexpr std::size_t kShortMax = 64;
  if (inside.size() > kShortMax) {
    std::memcpy(room, inside.data(), inside.size());
    return std::memchr(inside.data(), '\\', inside.size()) != nullptr;
  }
  std::uint64_t escapes = 0;
  for (std::size_t i = 0; i < inside.size(); i += 8) {
    escapes |= mark_bytes(load_word(inside.data() + i), '\\');
    std::memcpy(room + i, inside.data() + i, 8);
  }
  return escapes != 0;
}
}  // namespace

char* Decoder::Impl::text_room(std::size_t bytes) {
  if (static_cast<std::size_t>(text_end_ - text_at_) < bytes) {
    const std::size_t size = std::max(bytes, text_block_bytes_);
    text_at_ = batch_->texts.allocate(size);
    text_end_ = text_at_ + size;
  }
  return text_at_;
}

void Decoder::Impl::start_type(int type) {
  type_index_ = type;
  if (type < 0) return;
  type_ = &types_[static_cast<std::size_t>(type)];
  if (type_->used) {
    if (type_->rows == type_->capacity)
      grow_columns(*type_, batch_->types[static_cast<std::size_t>(type)]);
    row_ = type_->rows;
  }
}

void Decoder::Impl::fault(const Leaf& leaf, FieldFault what, std::string_view token) {
  if (leaf.has_column && !(what == FieldFault::kNull && leaf.optional)) {
    problems_.push_back(
        {cep::EventTypeIndex(static_cast<std::size_t>(type_index_)), leaf.field, what, token});
  }
}

// Strings, copied to the batch.
void Decoder::Impl::take_text(Leaf& leaf, std::string_view token) {
  if (token.front() != '"') {
    fault(leaf, token == "null" ? FieldFault::kNull : FieldFault::kWrongType, token);
    return;
  }
  const std::optional<std::string_view> inside = inside_of(token);
  if (!inside) {
    fault(leaf, FieldFault::kUnusable, token);
    return;
  }
  const std::size_t length = inside->size();
  char* const room = text_room(length + 8);
  std::size_t size = length;
  if (copy_text(*inside, room)) {  // perhaps only behind the string: unescape() copies then
    const std::optional<std::size_t> unescaped = unescape(*inside, room);
    if (!unescaped) {
      fault(leaf, FieldFault::kUnusable, token);
      return;
    }
    size = *unescaped;
  }
  text_at_ += size;
  leaf.text_entries[row_] = {room, size};
  leaf.known_entries[row_] = 1;
}

void Decoder::Impl::take(Leaf& leaf, std::string_view token) {
  std::int64_t word = 0;
  if (leaf.kind == cep::TypeKind::kString) {
    take_text(leaf, token);
  } else if (leaf.is_number && quick_fixed_point(token, leaf.scale, word) &&
             (leaf.form.any_year || cep::is_plausible({word}))) {
    take_word(leaf, word);
  } else if (leaf.words != nullptr && token.front() == '"' &&
             (word = leaf.words->find(token.data() + 1)) != WordTable::kAbsent) {
    take_word(leaf, word);
  } else {
    take_scalar(leaf, token);
  }
}

void Decoder::Impl::take_word(Leaf& leaf, std::int64_t word) {
  if (leaf.is_event_time) {
    has_time_ = true;
    ts_ = {word};
    if (!leaf.has_column) return;
  }
  leaf.word_entries[row_] = word;
  leaf.known_entries[row_] = 1;
}

// Any scalar but a string.
void Decoder::Impl::take_scalar(Leaf& leaf, std::string_view token) {
  const Scalar scalar = leaf.kind == cep::TypeKind::kEnum
                            ? enum_value(*leaf.words, token)
                            : scalar_value(leaf.kind, leaf.scale, token, leaf.form);
  if (scalar.ok) {
    take_word(leaf, scalar.word);
  } else if (leaf.is_event_time) {
    has_time_ = false;
    verdict_ = scalar.fault == FieldFault::kImplausible ? LineVerdict::kImplausibleTime
                                                        : LineVerdict::kBadTime;
    offender_ = token;
  } else {
    fault(leaf, scalar.fault, token);
  }
}

// Whether this key of the line's object was not there before; it is from now on.
bool Decoder::Impl::first_time(const Target& target) {
  std::uint64_t& word = seen_[target.bit / 64];
  const std::uint64_t bit = std::uint64_t{1} << (target.bit % 64);
  const bool first = (word & bit) == 0;
  word |= bit;
  return first;
}

bool Decoder::Impl::take_target(JsonCursor& at, const Target& target) {
  const char kind = at.kind();
  if (target.leaf_begin != target.leaf_end) {
    if (kind == ',' || kind == ':' || kind == '}' || kind == ']') {
      json_fault_ = JsonFault::kMalformed;
      return false;
    }
    const std::string_view token = at.scalar();
    for (std::uint32_t i = target.leaf_begin; i != target.leaf_end; ++i)
      take(type_->leaves[i], token);
  }
  if (kind == '[' && target.array != kNoChild) {
    return walk_array(at, type_->arrays[static_cast<std::size_t>(target.array)]);
  }
  if (target.child == kNoChild || kind != '{') return at.skip(json_fault_, open_);
  JsonCursor child = at.child();
  if (!child.enter(json_fault_) ||
      !walk(child, type_->objects[static_cast<std::size_t>(target.child)]))
    return false;
  at.leave(child);
  return true;
}

// Goes through the fields of an object from the one at hand on, or, without `more`, where there is
// none; false, with a fault, where it is not well-formed.
bool Decoder::Impl::walk_fields(JsonCursor& at, ObjectPlan& plan, bool more) {
  KeySequence::Position position = 0;
  for (; more; at.pass_over(plan.keys), more = at.next(json_fault_)) {
    const int index = plan.sequence.find(plan.keys, at.key(), position);
    const bool ok =
        index == WordTable::kAbsent || !first_time(plan.targets[static_cast<std::size_t>(index)])
            ? at.skip(json_fault_, open_)
            : take_target(at, plan.targets[static_cast<std::size_t>(index)]);
    if (!ok) return false;
  }
  return json_fault_ == JsonFault::kNone;
}
bool Decoder::Impl::walk(JsonCursor& cursor, ObjectPlan& plan) {
  JsonCursor at = cursor;
  const bool more = at.first(json_fault_);
  const bool ok = walk_fields(at, plan, more);
  cursor = at;
  return ok;
}

// Goes through the array that the value is; false, with a fault, where it is not well-formed.
bool Decoder::Impl::walk_array(JsonCursor& cursor, const ArrayPlan& plan) {
  JsonCursor at = cursor.child();
  at.enter_array();
  std::size_t next = 0;
  std::uint32_t place = 0;
  for (bool more = at.first_element(json_fault_); more;
       more = at.next_element(json_fault_), ++place) {
    const bool wanted = next < plan.places.size() && plan.places[next] == place;
    if (wanted) first_time(plan.targets[next]);
    if (!(wanted ? take_target(at, plan.targets[next++]) : at.skip(json_fault_, open_))) {
      return false;
    }
  }
  if (json_fault_ != JsonFault::kNone) return false;
  cursor.leave(at);
  return true;
}

// Looks for the line's `type`, most often its first key, and gets ready for it; false where the
// line is no JSON. Moves to the field that is read first: the line's first one, or behind a `type`
// that is no field as well; `more` says whether there is one.
bool Decoder::Impl::find_type(JsonCursor& begin, bool& more) {
  static const WordTable kType({"type"});
  constexpr std::uint64_t kTypeWord =
      0x2265707974;  // `type"`, the first character in the lowest byte
  constexpr std::uint64_t kTypeMask = 0xffffffffff;
  if (!begin.enter(json_fault_)) return false;
  more = begin.first(json_fault_);
  JsonCursor at = begin;
  bool is_first = true;
  for (bool found = more; found; found = at.next(json_fault_), is_first = false) {
    if ((load_word(at.key()) & kTypeMask) != kTypeWord &&
        kType.find(at.key()) == WordTable::kAbsent) {
      if (!at.skip(json_fault_, open_)) return false;
      continue;
    }
    offender_ = at.scalar();
    if (at.kind() != '"') {
      verdict_ = LineVerdict::kTypeNoString;
      start_type(kTypeIgnored);
      return true;
    }
    const int type = json_types_.find(offender_.data() + 1);
    start_type(type == WordTable::kAbsent ? kTypeIgnored
                                          : type_of_word_[static_cast<std::size_t>(type)]);
    if (is_first && type_index_ >= 0 && !type_->reads_type) {
      begin = at;
      if (!begin.skip(json_fault_, open_)) return false;
      more = begin.next(json_fault_);
    }
    return true;
  }
  verdict_ = LineVerdict::kNoType;
  return json_fault_ == JsonFault::kNone;
}

// Counts declared fields that no key of the line gave.
void Decoder::Impl::report_absent() {
  std::uint64_t absent = 0;
  for (std::size_t i = 0; i < type_->required.size(); ++i) absent |= type_->required[i] & ~seen_[i];
  if (absent == 0) return;
  for (const Leaf& leaf : type_->leaves) {
    if (!leaf.optional && (seen_[leaf.bit / 64] >> (leaf.bit % 64) & 1) == 0) {
      fault(leaf, FieldFault::kAbsent, {});
    }
  }
}

void Decoder::Impl::start_line() {
  forget_line();
  std::fill(seen_.begin(), seen_.end(), 0);
}
void Decoder::Impl::forget_line() {
  type_ = nullptr;
  type_index_ = kTypeUnknown;
  has_time_ = false;
  verdict_ = LineVerdict::kOk;
  json_fault_ = JsonFault::kNone;
  problems_.clear();
}

// False, with a fault, where there is no well-formed object.
bool Decoder::Impl::walk_line(JsonCursor& at) {
  bool more = false;
  return find_type(at, more) &&
         walk_fields(at, type_index_ >= 0 ? type_->objects[0] : nothing_, more);
}

// The type that is named here, after a quote; kTypeIgnored for one that is not declared. Most often
// it is one of the last that were.
int Decoder::Impl::type_of(const char* name) {
  const std::uint64_t first = load_word(name);
  const std::uint64_t second = load_word(name + 8);
  KnownType& known = known_types_[(first * 0x9e3779b97f4a7c15) >> (64 - kKnownTypesBits)];
  if ((((first ^ known.first) & known.first_mask) |
       ((second ^ known.second) & known.second_mask)) == 0) {
    return known.type;
  }
  const int word = json_types_.find(name);
  if (word == WordTable::kAbsent) return kTypeIgnored;
  const int type = type_of_word_[static_cast<std::size_t>(word)];
  if (const std::size_t size = string_inside(name).size() + 1; size <= 2 * sizeof(first)) {
    known.first_mask = low_bytes(size);
    known.second_mask = size > 8 ? low_bytes(size - 8) : 0;
    known.first = first & known.first_mask;
    known.second = second & known.second_mask;
    known.type = type;
  }
  return type;
}

// The form of the line at these marks, where an earlier line had it too; its type is then the
// line's. Null, and nothing is changed, otherwise.
const LineShape* Decoder::Impl::known_form(const JsonMarks& marks) {
  const auto count = static_cast<std::size_t>(marks.end - marks.begin);
  for (const std::uint32_t type_mark : type_marks_) {
    if (type_mark >= count) continue;
    const char* const value = marks.text + marks.begin[type_mark];
    const int type = *value == '"' ? type_of(value + 1) : kTypeIgnored;
    if (type < 0) continue;
    const LineShape* const shape =
        types_[static_cast<std::size_t>(type)].shapes.find(marks, type_mark);
    if (shape == nullptr) continue;
    start_type(type);
    return shape;
  }
  return nullptr;
}

// Takes the fields of a line of this form.
void Decoder::Impl::take_form(const JsonMarks& marks, const LineShape& shape) {
  for (const LineShape::Read& read : shape.reads()) {
    const std::string_view token = marks.scalar(marks.begin + read.mark);
    for (std::uint32_t i = read.leaf_begin; i != read.leaf_end; ++i) take(type_->leaves[i], token);
  }
}

// Goes through the line by its form; false, and nothing is left of it, where that is not known.
bool Decoder::Impl::take_known(MarkedLines& marked, const JsonMarks& marks, std::uint32_t end) {
  if (std::exchange(missed_, nullptr) == line_.data()) return false;
  const LineShape* const shape = known_form(marks);
  if (shape == nullptr) return false;
  if (marks.begin[shape->size() - 1] + 1 != end) {
    type_ = nullptr;
    type_index_ = kTypeUnknown;
    return false;
  }
  take_form(marks, *shape);
  std::ranges::copy(shape->seen(), seen_.begin());
  marked.ended_at(marks.begin + shape->size());
  return true;
}

// The line is well-formed, and of a type that is declared.
void Decoder::Impl::learn_form(const JsonMarks& line) {
  if (!type_->shapes.wants_another()) return;
  std::optional<LineShape> shape = read_shape(line, *type_);
  if (!shape) {
    type_->shapes.has_none();
    return;
  }
  const std::uint32_t mark = shape->type_mark();
  const bool is_known = std::ranges::find(type_marks_, mark) != type_marks_.end();
  if (!is_known && type_marks_.size() == kTypeMarksMax) return;
  if (!is_known) type_marks_.push_back(mark);
  type_->shapes.learn(std::move(*shape));
}

// Goes through the line by marks that go on behind it; false, and nothing is left of it, unless it
// is one object and ends where the line does.
bool Decoder::Impl::walk_marked(MarkedLines& marked) {
  const JsonMarks marks = marked.of(line_);
  if (marks.begin == nullptr) return false;
  start_line();
  const auto end = static_cast<std::uint32_t>(line_.data() + line_.size() - marks.text);
  if (take_known(marked, marks, end)) return true;
  JsonCursor at(marks);
  if (walk_line(at) && at.is_at(end)) {
    marked.ended_at(at.position());
    if (has_time_) learn_form({marks.text, marks.begin, at.position()});
    return true;
  }
  marked.give_up();
  if (type_index_ >= 0 && type_->used) drop();
  return false;
}

// Goes through the line by its own marks, and says what is wrong with it.
void Decoder::Impl::walk_alone() {
  start_line();
  json_fault_ = scanner_.scan(line_);
  if (json_fault_ != JsonFault::kNone) return;
  JsonCursor at(scanner_.marks());
  if (walk_line(at) && !at.is_at(static_cast<std::uint32_t>(line_.size()))) {
    json_fault_ = JsonFault::kTextAfter;
  }
}

Decoded Decoder::Impl::decode(std::string_view line, MarkedLines* marked) {
  TOCSIN_ASSERT(batch_ != nullptr, "begin() came first");
  line_ = line;
  if (marked == nullptr || !walk_marked(*marked)) walk_alone();
  if (json_fault_ != JsonFault::kNone) {
    verdict_ = LineVerdict::kNoJson;
  } else if (verdict_ == LineVerdict::kOk && type_index_ == kTypeIgnored) {
    return {LineKind::kIgnored, false, {}, {}};
  } else if (verdict_ == LineVerdict::kOk && !has_time_) {
    verdict_ = LineVerdict::kNoTime;
  }
  const bool used = type_index_ >= 0 && type_->used;
  if (verdict_ != LineVerdict::kOk) {
    if (used) drop();
    problems_.clear();
    return {};
  }
  if (used) report_absent();
  return {LineKind::kEvent, used, cep::EventTypeIndex(static_cast<std::size_t>(type_index_)), ts_};
}

std::size_t Decoder::Impl::decode_known(std::string_view text, std::size_t line_bytes_max,
                                        std::size_t rows_max, MarkedLines& marked,
                                        DecodedBlock& block) {
  const char* at = text.data();
  JsonMarks marks = marked.from(at);
  if (marks.begin == nullptr) return 0;
  forget_line();
  while (batch_->rows.size() < rows_max && marks.begin != marks.end &&
         marks.text + *marks.begin == at) {
    const LineShape* const shape = known_form(marks);
    if (shape == nullptr) {
      missed_ = at;
      break;
    }
    const char* const end = marks.text + marks.begin[shape->size() - 1] + 1;
    line_ = {at, static_cast<std::size_t>(end - at)};
    if (line_.size() > line_bytes_max) break;
    take_form(marks, *shape);
    const bool used = type_->used;
    if (!has_time_ || verdict_ != LineVerdict::kOk) {
      if (used) drop();
      break;
    }
    if (used && !shape->has_required()) {
      std::ranges::copy(shape->seen(), seen_.begin());
      report_absent();
    }
    BlockLine& line = block.lines.emplace_back();
    line.text = line_;
    line.number = static_cast<std::uint32_t>(++block.line_count);
    line.kind = LineKind::kEvent;
    line.used = used;
    line.type = cep::EventTypeIndex(static_cast<std::size_t>(type_index_));
    line.ts = ts_;
    if (!problems_.empty()) {
      line.has_problems = true;
      for (const FieldProblem& problem : problems_) {
        block.problems.push_back({block.lines.size() - 1, problem});
      }
      problems_.clear();
    }
    if (used) keep({}, {});
    has_time_ = false;
    marks.begin += shape->size();
    at = end + (*end == '\r' ? 2 : 1);
  }
  marked.ended_at(marks.begin);
  return static_cast<std::size_t>(at - text.data());
}
}  // namespace tocsin::runtime
