/// Events by column. Rows stand in one order; the fields of each event type have columns of their
/// own.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Owns text; addresses stay valid until clear() or destruction, also over a move.
class TextArena {
 public:
  /// Copies `text` in.
  std::string_view store(std::string_view text);
  /// `size` writable bytes.
  char* allocate(std::size_t size);
  /// Forgets all text, keeps one chunk.
  void clear();
  std::size_t bytes() const { return bytes_; }

 private:
  struct Chunk {
    std::unique_ptr<char[]> data;
    std::size_t size = 0;
  };
  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;   // of the last chunk
  std::size_t bytes_ = 0;  // stored in all
};

/// One field of one event type, an entry for each row of that type. Not all fields have one: a
/// field that nothing uses has empty vectors. `words`: bool 0/1, int, decimal mantissa at the
/// field's scale, time us, date days, duration us, enum ordinal, float by its bits. Strings are in
/// `texts` instead. `known[i]` is 0 for a missing value (whose word is then 0 and text empty).
struct Column {
  std::vector<std::int64_t> words;
  std::vector<std::string_view> texts;
  std::vector<std::uint8_t> known;
};
struct TypeColumns {
  std::vector<Column> fields;  // by FieldIndex
};
/// One event's place and times.
struct Row {
  EventTypeIndex type;
  std::uint32_t index = 0;  // into its type's columns
  EventTime engine_time;
  EventTime ts;
  ArrivalNumber arrival;
  std::uint32_t equal_number =
      0;  // its number among equals at its time; only for types without an id field
  std::string_view
      raw;  // only for types without an id field, for their identity: the JSON line, an alert's id
};
/// Invariant of a slice given to the engine: rows ascend by (engine_time, arrival).
struct Batch {
  std::vector<Row> rows;
  std::vector<TypeColumns> types;  // by EventTypeIndex
  TextArena texts;
  /// Identities of events without an id field are computed from all declared fields by this, when
  /// first needed. Set by whoever fills the batch; gives one value for each declared field, texts
  /// borrowed from `scratch` or raw. Null where all declared fields have columns (append): their
  /// values are the columns'.
  using FieldsOf = std::vector<Value> (*)(const Plan& plan, const Row& row, TextArena& scratch);
  FieldsOf fields_of = nullptr;
  /// Row::raw of events without an id field is their identity's bytes: it was computed before.
  bool has_identities = false;
  /// What `fields_of` reads besides Row::raw, where it does: it lives as long as the rows.
  std::shared_ptr<const void> declared;
  std::size_t declared_bytes = 0;  // of memory

  /// An empty batch for the plan's event types.
  explicit Batch(const Plan& plan);
  Batch() = default;
  /// Forgets rows and texts, keeps capacity.
  void clear();
  /// Appends a row with all its declared fields (absent entries at the end are missing); texts are
  /// copied. For tests and small inputs; the decoder writes columns itself.
  void append(const Plan& plan, EventTypeIndex type, EventTime engine_time, EventTime ts,
              ArrivalNumber arrival, const std::vector<Value>& fields);
  /// The value of a field of a row; missing where it has no column.
  Value value(const Plan& plan, const Row& row, FieldIndex field) const;
};
/// An expression's value as a field of this type keeps it: a quotient is rounded half even, a
/// number widened. Missing where it does not fit.
Value value_as(const Type& type, const Value& value);
/// Appends a value of the column's type, or a missing one; its text is copied into `texts`.
void append_value(Column& column, const Type& type, const Value& value, TextArena& texts);
/// The value that entry `index` of a column of this type holds.
Value column_value(const Type& type, const Column& column, std::uint32_t index);
}  // namespace tocsin::cep
