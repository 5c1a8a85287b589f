#include "runtime/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "cep/base/assert.h"
#include "runtime/json_structure.h"
#include "runtime/json_text.h"
#include "runtime/word_table.h"

namespace tocsin::runtime {
namespace {
static_assert(kLinePadding >= kReadAhead);

// Values and reasons that messages quote are cut to this many bytes.
constexpr std::size_t kShownBytesMax = 60;
constexpr int kNoChild = -1;

// A text cut for a message, at a character's boundary.
std::string shown(std::string_view text) {
  if (text.size() <= kShownBytesMax) return std::string(text);
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

bool begins_number(char c) { return c == '-' || (c >= '0' && c <= '9'); }

bool in_time_range(std::int64_t us) {
  return us >= cep::kEventTimeMin.us && us <= cep::kEventTimeMax.us;
}

// One declared field that is read, and where its values go.
struct Leaf {
  cep::TypeKind kind = cep::TypeKind::kBool;
  std::uint8_t scale = 0;
  bool optional = false;
  bool is_event_time = false;
  bool has_column = false;
  cep::FieldIndex field;
  std::uint32_t bit = 0;  // of its JSON key
  const WordTable* words = nullptr;
  // Entries of the current row's column; refreshed when the column moves.
  std::int64_t* word_entries = nullptr;
  std::string_view* text_entries = nullptr;
  std::uint8_t* known_entries = nullptr;
};

// What one key of an object leads to: leaves [begin, end), and an object plan where paths go on
// below it.
struct Target {
  std::uint32_t bit = 0;  // its number among all keys of the type: `seen` marks it
  std::uint32_t leaf_begin = 0;
  std::uint32_t leaf_end = 0;
  int child = kNoChild;
};
struct ObjectPlan {
  WordTable keys;
  KeySequence sequence;
  std::vector<Target> targets;  // by index in `keys`
};

// The event types' fields that are read, as they stand in the JSON object.
struct TypePlan {
  std::vector<Leaf> leaves;
  std::vector<ObjectPlan> objects;  // [0] is the line's own
  std::uint32_t key_count = 0;
  std::vector<std::uint64_t> required;  // the bits of keys that a declaration without `?` reads
  bool used = false;
  bool keeps_line = false;  // without an id field: identities need all declared fields
  std::uint32_t rows = 0;
  std::uint32_t capacity = 0;  // entries that the columns have now
};

// Builds the object plans of a type from the paths of the fields chosen.
class TypePlanBuilder {
 public:
  TypePlanBuilder(const cep::EventType& type, TypePlan& plan) : type_(type), plan_(plan) {}

  void build(const std::vector<std::size_t>& fields) {
    std::vector<Path> paths;
    for (const std::size_t field : fields) {
      paths.push_back({field, std::span<const std::string>(type_.fields[field].path)});
    }
    add_object(paths);
  }

 private:
  struct Path {
    std::size_t field;
    std::span<const std::string> rest;
  };

  int add_object(const std::vector<Path>& paths) {
    const std::size_t index = plan_.objects.size();
    plan_.objects.emplace_back();
    std::vector<std::string> keys;
    for (const Path& path : paths) {
      if (std::find(keys.begin(), keys.end(), path.rest.front()) == keys.end()) {
        keys.push_back(path.rest.front());
      }
    }
    std::vector<Target> targets;
    for (const std::string& key : keys) {
      Target target;
      target.bit = plan_.key_count++;
      target.leaf_begin = static_cast<std::uint32_t>(plan_.leaves.size());
      std::vector<Path> below;
      for (const Path& path : paths) {
        if (path.rest.front() != key) continue;
        if (path.rest.size() == 1) {
          add_leaf(path.field, target.bit);
        } else {
          below.push_back({path.field, path.rest.subspan(1)});
        }
      }
      target.leaf_end = static_cast<std::uint32_t>(plan_.leaves.size());
      if (!below.empty()) target.child = add_object(below);
      targets.push_back(target);
    }
    plan_.objects[index].keys = WordTable(std::move(keys));
    plan_.objects[index].targets = std::move(targets);
    return static_cast<int>(index);
  }

  void add_leaf(std::size_t field, std::uint32_t bit) {
    const cep::Field& declared = type_.fields[field];
    Leaf leaf;
    leaf.kind = declared.type.kind;
    leaf.scale = declared.type.scale;
    leaf.optional = declared.optional;
    leaf.is_event_time = field == type_.time_field.value;
    leaf.field = cep::FieldIndex(field);
    leaf.bit = bit;
    plan_.leaves.push_back(leaf);
  }

  const cep::EventType& type_;
  TypePlan& plan_;
};

// A value of a scalar field: its word, or its text as it stands between the quotes.
struct Scalar {
  FieldFault fault = FieldFault::kAbsent;
  bool ok = false;
  std::int64_t word = 0;
};
constexpr Scalar good(std::int64_t word) { return {FieldFault::kAbsent, true, word}; }
constexpr Scalar bad(FieldFault fault) { return {fault, false, 0}; }
Scalar good_or_unusable(std::optional<std::int64_t> word) {
  return word ? good(*word) : bad(FieldFault::kUnusable);
}

// The inside of a string token; the token is trimmed and begins with a quote. Nothing when it does
// not end with one.
std::optional<std::string_view> inside_of(std::string_view token) {
  if (token.size() < 2 || token.back() != '"') return std::nullopt;
  return token.substr(1, token.size() - 2);
}

// A string's characters where escapes are not expected (times, dates); `buffer` holds them when
// there are some.
std::optional<std::string_view> plain_text(std::string_view token, std::string& buffer) {
  const std::optional<std::string_view> inside = inside_of(token);
  if (!inside || inside->find('\\') == std::string_view::npos) return inside;
  buffer.resize(inside->size());
  const std::optional<std::size_t> size = unescape(*inside, buffer.data());
  if (!size) return std::nullopt;
  return std::string_view(buffer.data(), *size);
}

Scalar time_value(std::string_view token, bool is_date) {
  std::string buffer;
  const std::optional<std::string_view> text = plain_text(token, buffer);
  if (!text) return bad(FieldFault::kUnusable);
  if (is_date) return good_or_unusable(cep::parse_date(*text));
  const std::optional<cep::EventTime> time = cep::parse_time(*text);
  return time && in_time_range(time->us) ? good(time->us) : bad(FieldFault::kUnusable);
}

Scalar number_of_us(std::string_view token) {
  const std::optional<std::int64_t> us = fixed_point(token, 0);
  return us && in_time_range(*us) ? good(*us) : bad(FieldFault::kUnusable);
}

// Reads any scalar but a string's or enum's. `token` is trimmed and not empty.
Scalar scalar_value(cep::TypeKind kind, int scale, std::string_view token) {
  const char first = token.front();
  if (first == 'n') return bad(token == "null" ? FieldFault::kNull : FieldFault::kUnusable);
  const bool number = begins_number(first);
  const bool string = first == '"';
  switch (kind) {
    case cep::TypeKind::kBool:
      if (token == "true") return good(1);
      if (token == "false") return good(0);
      return bad(first == 't' || first == 'f' ? FieldFault::kUnusable : FieldFault::kWrongType);
    case cep::TypeKind::kInt:
    case cep::TypeKind::kDecimal:
      if (!number) return bad(FieldFault::kWrongType);
      return good_or_unusable(fixed_point(token, scale));
    case cep::TypeKind::kFloat: {
      if (!number) return bad(FieldFault::kWrongType);
      const std::optional<double> value = floating_point(token);
      return value ? good(std::bit_cast<std::int64_t>(*value)) : bad(FieldFault::kUnusable);
    }
    case cep::TypeKind::kTime:
      if (number) return number_of_us(token);
      return string ? time_value(token, false) : bad(FieldFault::kWrongType);
    case cep::TypeKind::kDate:
      return string ? time_value(token, true) : bad(FieldFault::kWrongType);
    case cep::TypeKind::kDuration:
      return number ? number_of_us(token) : bad(FieldFault::kWrongType);
    case cep::TypeKind::kEnum:
    case cep::TypeKind::kString:
    case cep::TypeKind::kFraction:
      break;
  }
  TOCSIN_ASSERT(false, "texts are read elsewhere, fractions are never declared");
}

Scalar enum_value(const WordTable& words, std::string_view token) {
  if (token == "null") return bad(FieldFault::kNull);
  if (token.front() != '"') return bad(FieldFault::kWrongType);
  const int ordinal = words.find(token.data() + 1);
  return ordinal == WordTable::kAbsent ? bad(FieldFault::kUnusable) : good(ordinal);
}

}  // namespace

class Decoder::Impl {
 public:
  Impl(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
       const std::vector<bool>& used_types);

  void begin(cep::Batch& batch);
  Decoded decode(std::string_view line);
  void keep(cep::EventTime engine_time, cep::ArrivalNumber arrival);
  void drop();
  void finish();
  std::size_t batch_bytes() const;
  std::string dead_letter_reason() const;
  std::string ignored_type() const;
  std::span<const FieldProblem> problems() const { return problems_; }
  std::string describe(const FieldProblem& problem, std::string_view place) const;

 private:
  enum class Verdict : std::uint8_t { kOk, kNoJson, kNoType, kTypeNoString, kNoTime, kBadTime };
  static constexpr int kTypeUnknown = -1;  // `type` not met yet
  static constexpr int kTypeIgnored = -2;  // met, and declared by no file

  bool find_type();
  bool walk(JsonCursor& at, ObjectPlan& plan);
  bool take_target(JsonCursor& at, const Target& target);
  bool first_time(const Target& target);
  void take(Leaf& leaf, std::string_view token);
  void take_text(Leaf& leaf, std::string_view token);
  void fault(const Leaf& leaf, FieldFault fault, std::string_view token);
  void report_absent();
  void start_type(int type);
  void grow(TypePlan& type);
  void point_at_columns(TypePlan& type);
  char* text_room(std::size_t bytes);

  const cep::Plan& plan_;
  std::vector<TypePlan> types_;
  std::vector<std::unique_ptr<WordTable>> word_tables_;
  WordTable json_types_;
  ObjectPlan nothing_;  // what an ignored line's fields lead to
  JsonScanner scanner_;
  std::vector<char> open_;  // for skipping

  cep::Batch* batch_ = nullptr;
  char* text_at_ = nullptr;
  char* text_end_ = nullptr;
  std::size_t text_block_bytes_ = std::size_t{64} << 10;  // grows to what a batch needed

  // The line in hand.
  std::string_view line_;
  TypePlan* type_ = nullptr;
  int type_index_ = kTypeUnknown;
  std::uint32_t row_ = 0;
  std::vector<std::uint64_t> seen_;
  bool has_time_ = false;
  cep::EventTime ts_;
  Verdict verdict_ = Verdict::kOk;
  JsonFault json_fault_ = JsonFault::kNone;
  std::string_view offender_;  // the `type` or time that was wrong
  std::vector<FieldProblem> problems_;
};

Decoder::Impl::Impl(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                    const std::vector<bool>& used_types)
    : plan_(plan) {
  TOCSIN_ASSERT(
      used_fields.size() == plan.event_types.size() && used_types.size() == plan.event_types.size(),
      "the masks are those of a program of this plan");
  std::vector<std::string> json_types;
  std::uint32_t key_count_max = 1;
  types_.resize(plan.event_types.size());
  for (std::size_t t = 0; t < types_.size(); ++t) {
    const cep::EventType& event_type = plan.event_types[t];
    TypePlan& type = types_[t];
    json_types.push_back(event_type.json_type);
    type.used = used_types[t];
    type.keeps_line = type.used && !event_type.id_field;
    std::vector<std::size_t> fields;
    for (std::size_t f = 0; f < event_type.fields.size(); ++f) {
      if (f == event_type.time_field.value || (type.used && used_fields[t][f])) fields.push_back(f);
    }
    TypePlanBuilder(event_type, type).build(fields);
    type.required.resize((type.key_count + 63) / 64);
    for (Leaf& leaf : type.leaves) {
      if (!leaf.optional) type.required[leaf.bit / 64] |= std::uint64_t{1} << (leaf.bit % 64);
      const cep::Field& field = event_type.fields[leaf.field.value];
      leaf.has_column = type.used && used_fields[t][leaf.field.value];
      if (field.type.kind == cep::TypeKind::kEnum) {
        word_tables_.push_back(std::make_unique<WordTable>(*field.type.words));
        leaf.words = word_tables_.back().get();
      }
    }
    key_count_max = std::max(key_count_max, type.key_count);
  }
  json_types_ = WordTable(std::move(json_types));
  seen_.resize((key_count_max + 63) / 64);
}

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
    TypePlan& type = types_[t];
    for (const Leaf& leaf : type.leaves) {
      if (!leaf.has_column) continue;
      cep::Column& column = batch_->types[t].fields[leaf.field.value];
      column.known.resize(type.rows);
      if (leaf.kind == cep::TypeKind::kString) {
        column.texts.resize(type.rows);
      } else {
        column.words.resize(type.rows);
      }
    }
  }
  // One block for the next batch's texts if it is like this one.
  constexpr std::size_t kTextBlockBytesMax = std::size_t{4} << 20;
  text_block_bytes_ = std::clamp(batch_->texts.bytes(), text_block_bytes_, kTextBlockBytesMax);
  batch_ = nullptr;
}

// Doubles the entries of the type's columns; the new ones are missing.
void Decoder::Impl::grow(TypePlan& type) {
  constexpr std::uint32_t kFirstCapacity = 64;
  type.capacity = std::max(kFirstCapacity, type.capacity * 2);
  const auto t = static_cast<std::size_t>(&type - types_.data());
  for (Leaf& leaf : type.leaves) {
    if (!leaf.has_column) continue;
    cep::Column& column = batch_->types[t].fields[leaf.field.value];
    column.known.resize(type.capacity);
    leaf.known_entries = column.known.data();
    if (leaf.kind == cep::TypeKind::kString) {
      column.texts.resize(type.capacity);
      leaf.text_entries = column.texts.data();
    } else {
      column.words.resize(type.capacity);
      leaf.word_entries = column.words.data();
    }
  }
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
    if (type_->rows == type_->capacity) grow(*type_);
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
  if (leaf.kind == cep::TypeKind::kString) {
    take_text(leaf, token);
    return;
  }
  const Scalar scalar = leaf.kind == cep::TypeKind::kEnum
                            ? enum_value(*leaf.words, token)
                            : scalar_value(leaf.kind, leaf.scale, token);
  if (leaf.is_event_time) {
    has_time_ = scalar.ok;
    ts_ = {scalar.word};
    if (!scalar.ok) {
      verdict_ = Verdict::kBadTime;
      offender_ = token;
      return;
    }
    if (!leaf.has_column) return;
  }
  if (!scalar.ok) {
    fault(leaf, scalar.fault, token);
    return;
  }
  leaf.word_entries[row_] = scalar.word;
  leaf.known_entries[row_] = 1;
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
  if (target.child == kNoChild || kind != '{') return at.skip(json_fault_, open_);
  JsonCursor child = at.child();
  if (!child.enter(json_fault_) ||
      !walk(child, type_->objects[static_cast<std::size_t>(target.child)]))
    return false;
  at.leave(child);
  return true;
}

// Goes through an object that was entered; false, with a fault, where it is not well-formed.
bool Decoder::Impl::walk(JsonCursor& at, ObjectPlan& plan) {
  KeySequence::Position position = 0;
  while (at.next(json_fault_)) {
    const int index = plan.sequence.find(plan.keys, at.key(), position);
    const bool ok =
        index == WordTable::kAbsent || !first_time(plan.targets[static_cast<std::size_t>(index)])
            ? at.skip(json_fault_, open_)
            : take_target(at, plan.targets[static_cast<std::size_t>(index)]);
    if (!ok) return false;
  }
  return json_fault_ == JsonFault::kNone;
}

// Looks for the line's `type`, most often its first key, and gets ready for it; false where the
// line is no JSON.
bool Decoder::Impl::find_type() {
  static const WordTable kType({"type"});
  constexpr std::uint64_t kTypeWord =
      0x2265707974;  // `type"`, the first character in the lowest byte
  constexpr std::uint64_t kTypeMask = 0xffffffffff;
  JsonCursor at(scanner_.marks());
  if (!at.enter(json_fault_)) return false;
  while (at.next(json_fault_)) {
    if ((load_word(at.key()) & kTypeMask) != kTypeWord &&
        kType.find(at.key()) == WordTable::kAbsent) {
      if (!at.skip(json_fault_, open_)) return false;
      continue;
    }
    offender_ = at.scalar();
    if (at.kind() != '"') {
      verdict_ = Verdict::kTypeNoString;
      start_type(kTypeIgnored);
      return true;
    }
    const int type = json_types_.find(offender_.data() + 1);
    start_type(type == WordTable::kAbsent ? kTypeIgnored : type);
    return true;
  }
  verdict_ = Verdict::kNoType;
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

Decoded Decoder::Impl::decode(std::string_view line) {
  TOCSIN_ASSERT(batch_ != nullptr, "begin() came first");
  line_ = line;
  type_ = nullptr;
  type_index_ = kTypeUnknown;
  has_time_ = false;
  verdict_ = Verdict::kOk;
  std::fill(seen_.begin(), seen_.end(), 0);
  problems_.clear();

  json_fault_ = scanner_.scan(line);
  if (json_fault_ == JsonFault::kNone && find_type()) {
    JsonCursor at(scanner_.marks());
    if (at.enter(json_fault_) && walk(at, type_index_ >= 0 ? type_->objects[0] : nothing_) &&
        !at.at_end()) {
      json_fault_ = JsonFault::kTextAfter;
    }
  }
  if (json_fault_ != JsonFault::kNone) {
    verdict_ = Verdict::kNoJson;
  } else if (verdict_ == Verdict::kOk && type_index_ == kTypeIgnored) {
    return {LineKind::kIgnored, false, {}, {}};
  } else if (verdict_ == Verdict::kOk && !has_time_) {
    verdict_ = Verdict::kNoTime;
  }
  const bool used = type_index_ >= 0 && type_->used;
  if (verdict_ != Verdict::kOk) {
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
  for (const TypePlan& type : types_) {
    std::size_t entry = 0;
    for (const Leaf& leaf : type.leaves) {
      if (leaf.has_column) entry += 1 + (leaf.kind == cep::TypeKind::kString ? 16 : 8);
    }
    bytes += entry * type.capacity;
  }
  return bytes;
}

std::string Decoder::Impl::dead_letter_reason() const {
  const auto time_name = [&] {
    const cep::EventType& type = plan_.event_types[static_cast<std::size_t>(type_index_)];
    return fmt::format("`{}` of `{}`", type.fields[type.time_field.value].name, type.name);
  };
  switch (verdict_) {
    case Verdict::kNoJson:
      return fault_text(json_fault_);
    case Verdict::kNoType:
      return "no `type`";
    case Verdict::kTypeNoString:
      return "`type` is not a string: " + shown(offender_);
    case Verdict::kNoTime:
      return fmt::format("no event time {}", time_name());
    case Verdict::kBadTime:
      return fmt::format("event time {} is not a valid time: {}", time_name(), shown(offender_));
    case Verdict::kOk:
      break;
  }
  TOCSIN_ASSERT(false, "asked only after a dead letter");
}

std::string Decoder::Impl::ignored_type() const {
  std::string text;
  const std::optional<std::string_view> type = plain_text(offender_, text);
  return shown(type.value_or(offender_));
}

std::string Decoder::Impl::describe(const FieldProblem& problem, std::string_view place) const {
  const cep::EventType& type = plan_.event_types[problem.type.value];
  const cep::Field& field = type.fields[problem.field.value];
  const std::string name = fmt::format("{}.{} at {}", type.name, field.name, place);
  const std::string value = field.pii ? "" : ": " + shown(problem.token);
  switch (problem.fault) {
    case FieldFault::kAbsent:
      return name + ": absent";
    case FieldFault::kNull:
      return name + ": null";
    case FieldFault::kWrongType:
    case FieldFault::kUnusable:
      return fmt::format("{}: not a valid {}{}", name, cep::type_name(field.type), value);
  }
  TOCSIN_ASSERT(false, "all faults are named");
}

namespace {
// Decodes all declared fields of one line by plain comparison of names: for rows whose identity is
// asked for.
class DeclaredFields {
 public:
  DeclaredFields(const cep::EventType& type, cep::TextArena& scratch)
      : type_(type), scratch_(scratch), values_(type.fields.size()), passed_(type.fields.size()) {}

  std::vector<cep::Value> decode(std::string_view line) {
    static thread_local JsonScanner scanner;
    char* const padded = scratch_.allocate(line.size() + kLinePadding);
    std::memcpy(padded, line.data(), line.size());
    std::memset(padded + line.size(), 0, kLinePadding);
    JsonFault fault = scanner.scan({padded, line.size()});
    JsonCursor at(scanner.marks());
    const bool ok = fault == JsonFault::kNone && at.enter(fault) && walk(at, 0);
    TOCSIN_ASSERT(ok, "the line was decoded before");
    return std::move(values_);
  }

 private:
  // Goes through an object that was entered, `depth` keys below the line's own.
  bool walk(JsonCursor& at, std::size_t depth) {
    JsonFault fault = JsonFault::kNone;
    while (at.next(fault)) {
      std::string buffer;
      const std::string_view raw = string_inside(at.key());
      const std::string_view key =
          plain_text({raw.data() - 1, raw.size() + 2}, buffer).value_or(raw);
      bool descend = false;
      for (std::size_t f = 0; f < values_.size(); ++f) {
        const std::vector<std::string>& path = type_.fields[f].path;
        if (passed_[f] != depth || path.size() <= depth || path[depth] != key) continue;
        if (!same_parents(f, depth)) continue;
        ++passed_[f];
        if (path.size() > depth + 1) {
          descend = at.kind() == '{';
        } else {
          values_[f] = value(type_.fields[f].type, at.scalar());
        }
      }
      if (!descend) {
        if (!at.skip(fault, open_)) return false;
        continue;
      }
      JsonCursor child = at.child();
      parents_.emplace_back(key);
      if (!child.enter(fault) || !walk(child, depth + 1)) return false;
      parents_.pop_back();
      at.leave(child);
    }
    return fault == JsonFault::kNone;
  }

  // Whether the objects around are those of the field's path: others may have been let in as often.
  bool same_parents(std::size_t f, std::size_t depth) const {
    return std::equal(parents_.begin(), parents_.end(), type_.fields[f].path.begin(),
                      type_.fields[f].path.begin() + static_cast<std::ptrdiff_t>(depth));
  }

  cep::Value value(const cep::Type& type, std::string_view token) {
    if (type.kind == cep::TypeKind::kString || type.kind == cep::TypeKind::kEnum) {
      const std::optional<std::string_view> inside =
          token.front() == '"' ? inside_of(token) : std::nullopt;
      if (!inside) return cep::Value::missing();
      char* const room = scratch_.allocate(inside->size());
      const std::optional<std::size_t> size = unescape(*inside, room);
      if (!size) return cep::Value::missing();
      const std::string_view text(room, *size);
      if (type.kind == cep::TypeKind::kString) return cep::Value::string(text);
      const auto word = std::find(type.words->begin(), type.words->end(), text);
      if (word == type.words->end()) return cep::Value::missing();
      return cep::Value::enumerated(word - type.words->begin(), *word);
    }
    const Scalar scalar = scalar_value(type.kind, type.scale, token);
    if (!scalar.ok) return cep::Value::missing();
    switch (type.kind) {
      case cep::TypeKind::kBool:
        return cep::Value::boolean(scalar.word != 0);
      case cep::TypeKind::kInt:
        return cep::Value::integer(scalar.word);
      case cep::TypeKind::kFloat:
        return cep::Value::floating(std::bit_cast<double>(scalar.word));
      case cep::TypeKind::kDecimal:
        return cep::Value::decimal(scalar.word, type.scale);
      case cep::TypeKind::kTime:
        return cep::Value::time({scalar.word});
      case cep::TypeKind::kDate:
        return cep::Value::date(scalar.word);
      default:
        return cep::Value::duration({scalar.word});
    }
  }

  const cep::EventType& type_;
  cep::TextArena& scratch_;
  std::vector<cep::Value> values_;
  std::vector<std::size_t> passed_;  // for each field how many keys of its path were met
  std::vector<std::string> parents_;
  std::vector<char> open_;
};
}  // namespace

std::vector<cep::Value> declared_fields(const cep::Plan& plan, const cep::Row& row,
                                        cep::TextArena& scratch) {
  return DeclaredFields(plan.event_types[row.type.value], scratch).decode(row.raw);
}

Decoder::Decoder(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                 const std::vector<bool>& used_types)
    : impl_(std::make_unique<Impl>(plan, used_fields, used_types)) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
void Decoder::begin(cep::Batch& batch) { impl_->begin(batch); }
Decoded Decoder::decode(std::string_view line) { return impl_->decode(line); }
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
  return impl_->describe(problem, place);
}
}  // namespace tocsin::runtime
