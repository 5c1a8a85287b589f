// The walk over a line's marks.
#include <algorithm>
#include <optional>

#include "runtime/decode/decode_problem.h"
#include "runtime/decode/decoder_fields.h"
#include "runtime/decode/decoder_impl.h"
#include "runtime/decode/field_value.h"
#include "runtime/decode/json_structure.h"
#include "runtime/decode/json_text.h"
#include "runtime/decode/type_plan.h"
#include "runtime/decode/undecoded_message.h"
#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
void Decoder::Impl::more_text_room(std::size_t bytes) {
  const std::size_t size = std::max(bytes, text_block_bytes_);
  text_at_ = batch_->texts.allocate(size);
  text_end_ = text_at_ + size;
}

void Decoder::Impl::fault(const Leaf& leaf, FieldFault what, std::string_view token) {
  if (leaf.has_column && !(what == FieldFault::kNull && leaf.optional)) {
    problems_.push_back(
        {cep::EventTypeIndex(static_cast<std::size_t>(type_index_)), leaf.field, what, token});
  }
}

// Any scalar for a leaf of strings.
void Decoder::Impl::take_text(Leaf& leaf, std::string_view token) {
  if (token.front() != '"') {
    fault(leaf, token == "null" ? FieldFault::kNull : FieldFault::kWrongType, token);
    return;
  }
  const std::optional<std::string_view> inside = inside_of(token);
  if (!inside || !take_inside(leaf, *inside)) fault(leaf, FieldFault::kUnusable, token);
}

// Any scalar for a leaf of another kind.
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
    start_type(names_.find(offender_.data() + 1));
    if (is_first && type_index_ >= 0 && !type_->reads_type) {
      begin = at;
      if (!begin.skip(json_fault_, open_)) return false;
      more = begin.next(json_fault_);
    }
    return true;
  }
  verdict_ = LineVerdict::kNoType;
  if (const std::optional<std::string_view> reason = undecoded_reason(line_)) {
    verdict_ = LineVerdict::kGiven;
    offender_ = *reason;
  }
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
         walk_fields(at, type_index_ >= 0 ? type_->objects[0] : ignored_.objects[0], more);
}

}  // namespace tocsin::runtime
