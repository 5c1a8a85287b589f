#include "runtime/decode/decoder.h"

#include <algorithm>
#include <cstring>

#include "cep/base/assert.h"
#include "cep/plan/plan.h"
#include "runtime/decode/declared_fields.h"
#include "runtime/decode/decode_problem.h"
#include "runtime/decode/field_value.h"
#include "runtime/decode/json_structure.h"
#include "runtime/decode/json_text.h"
#include "runtime/decode/type_columns.h"
#include "runtime/decode/type_plan.h"
#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
static_assert(kLinePadding >= kReadAhead);

// Decoder forwards to it: intakes hold a decoder by value, and what includes them compiles without
// the columns' plans and again only when the decoder's own functions change.
class Decoder::Impl {
 public:
  Impl(const cep::Plan& plan, TypePlans types);

  void begin(cep::Batch& batch);
  Decoded decode(std::string_view line, MarkedLines* marked);
  void keep(cep::EventTime engine_time, cep::ArrivalNumber arrival);
  void drop();
  void finish();
  std::size_t batch_bytes() const;
  std::string dead_letter_reason() const;
  std::string ignored_type() const;
  std::span<const FieldProblem> problems() const { return problems_; }
  const cep::Plan& plan() const { return plan_; }

 private:
  static constexpr int kTypeUnknown = -1;  // `type` not met yet
  static constexpr int kTypeIgnored = -2;  // met, and declared by no file

  // A line's own fields are gone through without a call: it would put the cursor into memory.
  [[gnu::always_inline]] inline bool find_type(JsonCursor& begin);
  void start_line();
  [[gnu::always_inline]] inline bool walk_line(JsonCursor& at);
  bool walk_marked(MarkedLines& marked);
  void walk_alone();
  [[gnu::always_inline]] inline bool walk_fields(JsonCursor& at, ObjectPlan& plan);
  bool walk(JsonCursor& cursor, ObjectPlan& plan);
  bool walk_array(JsonCursor& cursor, const ArrayPlan& plan);
  [[gnu::always_inline]] inline bool take_target(JsonCursor& at, const Target& target);
  [[gnu::always_inline]] inline bool first_time(const Target& target);
  [[gnu::always_inline]] inline void take(Leaf& leaf, std::string_view token);
  [[gnu::always_inline]] inline void take_word(Leaf& leaf, std::int64_t word);
  void take_scalar(Leaf& leaf, std::string_view token);
  [[gnu::always_inline]] inline void take_text(Leaf& leaf, std::string_view token);
  void fault(const Leaf& leaf, FieldFault fault, std::string_view token);
  void report_absent();
  void start_type(int type);
  char* text_room(std::size_t bytes);

  const cep::Plan& plan_;
  std::vector<TypePlan> types_;
  std::vector<std::unique_ptr<WordTable>> word_tables_;
  WordTable json_types_;
  std::vector<int> type_of_word_;
  ObjectPlan nothing_;  // what an ignored line's fields lead to
  JsonScanner scanner_;
  std::vector<char> open_;  // for skipping

  cep::Batch* batch_ = nullptr;
  char* text_at_ = nullptr;
  char* text_end_ = nullptr;
  std::size_t text_block_bytes_ = std::size_t{64} << 10;  // grows to what a batch needed

  // The current line.
  std::string_view line_;
  TypePlan* type_ = nullptr;
  int type_index_ = kTypeUnknown;
  std::uint32_t row_ = 0;
  std::vector<std::uint64_t> seen_;
  bool has_time_ = false;
  cep::EventTime ts_;
  LineVerdict verdict_ = LineVerdict::kOk;
  JsonFault json_fault_ = JsonFault::kNone;
  std::string_view offender_;  // the `type` or time that was wrong
  std::vector<FieldProblem> problems_;
};

Decoder::Impl::Impl(const cep::Plan& plan, TypePlans types)
    : plan_(plan),
      types_(std::move(types.types)),
      word_tables_(std::move(types.word_tables)),
      json_types_(std::move(types.json_types)),
      type_of_word_(std::move(types.type_of_word)),
      seen_((types.key_count_max + 63) / 64) {}

void Decoder::Impl::begin(cep::Batch& batch) {
  if (batch_ != nullptr) finish();
  TOCSIN_ASSERT(batch.rows.empty() && batch.types.size() == types_.size(),
                "the batch is made for the plan and empty");
  batch_ = &batch;
  batch.fields_of = declared_fields;
  for (TypePlan& type : types_) {
    type.rows = 0;
    type.capacity = 0;
  }
  text_at_ = nullptr;
  text_end_ = nullptr;
}

void Decoder::Impl::finish() {
  if (batch_ == nullptr) return;
  for (std::size_t t = 0; t < types_.size(); ++t) {
    trim_columns(types_[t], batch_->types[t]);
  }
  // One block for the next batch's texts if it is like this one.
  constexpr std::size_t kTextBlockBytesMax = std::size_t{4} << 20;
  text_block_bytes_ = std::clamp(batch_->texts.bytes(), text_block_bytes_, kTextBlockBytesMax);
  batch_ = nullptr;
}

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

// Strings: copied to the batch eight bytes at a time, looking for escapes on the way.
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
  std::uint64_t escapes = 0;
  for (std::size_t i = 0; i < length; i += 8) {
    const std::uint64_t word = load_word(inside->data() + i);
    escapes |= mark_bytes(word, '\\');
    std::memcpy(room + i, inside->data() + i, 8);
  }
  std::size_t size = length;
  if (escapes != 0) {  // perhaps only in what stands behind the string: unescape() copies then
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

// Goes through an object that was entered; false, with a fault, where it is not well-formed.
bool Decoder::Impl::walk_fields(JsonCursor& at, ObjectPlan& plan) {
  KeySequence::Position position = 0;
  for (;;) {
    int index = WordTable::kAbsent;
    const KeySequence::Entry* const key = plan.sequence.expected(position);
    if (key != nullptr &&
        at.next_is(key->first, key->first_mask, key->second, key->second_mask, key->size)) {
      index = key->index;
      ++position;
    } else if (at.next(json_fault_)) {
      index = plan.sequence.find(plan.keys, at.key(), position);
    } else {
      break;
    }
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
  const bool ok = walk_fields(at, plan);
  cursor = at;
  return ok;
}

// Goes through the array that the value is; false, with a fault, where it is not well-formed.
bool Decoder::Impl::walk_array(JsonCursor& cursor, const ArrayPlan& plan) {
  JsonCursor at = cursor.child();
  at.enter_array();
  std::size_t next = 0;
  for (std::uint32_t place = 0; at.next_element(json_fault_); ++place) {
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
// line is no JSON. `at`, the line's object, moves past a `type` that is the first key and not a
// field as well.
bool Decoder::Impl::find_type(JsonCursor& begin) {
  static const WordTable kType({"type"});
  constexpr std::uint64_t kTypeWord =
      0x2265707974;  // `type"`, the first character in the lowest byte
  constexpr std::uint64_t kTypeMask = 0xffffffffff;
  if (!begin.enter(json_fault_)) return false;
  JsonCursor at = begin;
  for (bool is_first = true; at.next(json_fault_); is_first = false) {
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
      return begin.skip(json_fault_, open_);
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
  type_ = nullptr;
  type_index_ = kTypeUnknown;
  has_time_ = false;
  verdict_ = LineVerdict::kOk;
  json_fault_ = JsonFault::kNone;
  std::fill(seen_.begin(), seen_.end(), 0);
  problems_.clear();
}

// False, with a fault, where there is no well-formed object.
bool Decoder::Impl::walk_line(JsonCursor& at) {
  return find_type(at) && walk_fields(at, type_index_ >= 0 ? type_->objects[0] : nothing_);
}

// Goes through the line by marks that go on behind it; false, and nothing is left of it, unless it
// is one object and ends where the line does.
bool Decoder::Impl::walk_marked(MarkedLines& marked) {
  const JsonMarks marks = marked.of(line_);
  if (marks.begin == nullptr) return false;
  start_line();
  JsonCursor at(marks);
  const auto end = static_cast<std::uint32_t>(line_.data() + line_.size() - marks.text);
  if (walk_line(at) && at.is_at(end)) {
    marked.ended_at(at.position());
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

void Decoder::Impl::keep(cep::EventTime engine_time, cep::ArrivalNumber arrival) {
  cep::Row& row = batch_->rows.emplace_back();
  row.type = cep::EventTypeIndex(static_cast<std::size_t>(type_index_));
  row.index = type_->rows++;
  row.engine_time = engine_time;
  row.ts = ts_;
  row.arrival = arrival;
  if (type_->keeps_line) {
    char* const room = text_room(line_.size());
    std::memcpy(room, line_.data(), line_.size());
    text_at_ += line_.size();
    row.raw = {room, line_.size()};
  }
}

void Decoder::Impl::drop() {
  for (Leaf& leaf : type_->leaves) {
    if (!leaf.has_column) continue;
    leaf.known_entries[row_] = 0;
    if (leaf.kind == cep::TypeKind::kString) {
      leaf.text_entries[row_] = {};
    } else {
      leaf.word_entries[row_] = 0;
    }
  }
}

std::size_t Decoder::Impl::batch_bytes() const {
  if (batch_ == nullptr) return 0;
  std::size_t bytes = batch_->rows.capacity() * sizeof(cep::Row) + batch_->texts.bytes();
  for (const TypePlan& type : types_) bytes += column_bytes(type);
  return bytes;
}

std::string Decoder::Impl::dead_letter_reason() const {
  const LineProblem problem{verdict_, json_fault_, offender_};
  if (type_index_ < 0) return dead_letter_text(problem, nullptr);
  return dead_letter_text(problem, &plan_.event_types[static_cast<std::size_t>(type_index_)]);
}

std::string Decoder::Impl::ignored_type() const {
  std::string text;
  const std::optional<std::string_view> type = plain_text(offender_, text);
  return shown(type.value_or(offender_));
}

Decoder::Decoder(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                 const std::vector<bool>& used_types)
    : impl_(std::make_unique<Impl>(plan, plan_types(plan, used_fields, used_types))) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
void Decoder::begin(cep::Batch& batch) { impl_->begin(batch); }
Decoded Decoder::decode(std::string_view line, MarkedLines* marked) {
  return impl_->decode(line, marked);
}
void Decoder::keep(cep::EventTime engine_time, cep::ArrivalNumber arrival) {
  impl_->keep(engine_time, arrival);
}
void Decoder::drop() { impl_->drop(); }
void Decoder::finish() { impl_->finish(); }
std::size_t Decoder::batch_bytes() const { return impl_->batch_bytes(); }
std::string Decoder::dead_letter_reason() const { return impl_->dead_letter_reason(); }
std::string Decoder::ignored_type() const { return impl_->ignored_type(); }
std::span<const FieldProblem> Decoder::problems() const { return impl_->problems(); }
std::string Decoder::describe(const FieldProblem& problem, std::string_view place) const {
  return field_problem_text(impl_->plan(), problem, place);
}
}  // namespace tocsin::runtime
