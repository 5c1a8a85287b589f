/// Where the fields that are read stand in a JSON object: one table of keys, or one row of places,
/// for each level of their paths.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/decode/field_value.h"
#include "runtime/decode/line_form.h"
#include "runtime/decode/type_names.h"
#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
/// One declared field that is read, and where its values go.
struct Leaf {
  cep::TypeKind kind = cep::TypeKind::kBool;
  std::uint8_t scale = 0;  // of a decimal, or of a number of time in microseconds
  NumberForm form;
  bool optional = false;
  bool is_event_time = false;
  bool has_column = false;
  bool is_number = false;
  cep::FieldIndex field;
  std::uint32_t bit = 0;  // of its JSON key
  const WordTable* words = nullptr;
  // Entries of the current row's column; refreshed when the column moves.
  std::int64_t* word_entries = nullptr;
  std::string_view* text_entries = nullptr;
  std::uint8_t* known_entries = nullptr;
};

inline constexpr int kNoChild = -1;
/// What one key of an object, or one place in an array, leads to: leaves [begin, end), and plans
/// for an object and for an array where paths go on below it.
struct Target {
  std::uint32_t bit = 0;  // its number among all keys of the type: `seen` marks it
  std::uint32_t leaf_begin = 0;
  std::uint32_t leaf_end = 0;
  int child = kNoChild;
  int array = kNoChild;
};
struct ObjectPlan {
  WordTable keys;
  KeySequence sequence;
  std::vector<Target> targets;  // by index in `keys`
};

/// The elements of an array that are read.
struct ArrayPlan {
  std::vector<std::uint32_t> places;  // ascending, the first element's is 0
  std::vector<Target> targets;        // by index in `places`
};

/// The fields of one event type that are read, as they stand in the JSON object.
struct TypePlan {
  std::vector<Leaf> leaves;
  std::vector<ObjectPlan> objects;  // [0] is the line's own
  std::vector<ArrayPlan> arrays;
  std::uint32_t key_count = 0;
  std::vector<std::uint64_t> required;  // the bits of keys that a declaration without `?` reads
  bool used = false;
  bool reads_type = false;  // a declared field stands in the line's `type`
  bool keeps_line = false;  // without an id field: identities need all declared fields
  LineForms forms;
  std::uint32_t rows = 0;
  std::uint32_t capacity = 0;  // entries that the columns have now
};
/// Fills leaves, objects and the count of keys for these fields of `type` (indices, ascending). A
/// key may feed several fields, and be an object for others.
void plan_fields(const cep::EventType& type, const std::vector<std::size_t>& fields,
                 TypePlan& plan);

/// All event types of a plan, as lines of them are decoded.
struct TypePlans {
  std::vector<TypePlan> types;                          // by event type; empty for those of alerts
  std::vector<std::unique_ptr<WordTable>> word_tables;  // of enums; leaves point to them
  TypeNames names;                                      // what a line's `type` may be
  std::uint32_t key_count_max = 1;
};
/// `used_fields` and `used_types` as cep::Program gives them. An event's time is always read; other
/// fields where they are used.
TypePlans plan_types(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                     const std::vector<bool>& used_types);
}  // namespace tocsin::runtime
