/// Rows of CSV as the JSON lines of the same events: whatever follows (decoding, judging, keeping)
/// has one form of event.
///
///     type;amount;merchant.city {"type":"payment","amount":12.50,"merchant":{"city":"Oslo"}}
///     payment;12.50;Oslo          ─▶
///
/// A value is written as its field's declaration asks for. A row that has a value of another kind
/// is refused, whatever rules read of it: a table says nothing of its columns' types, so that a
/// wrong value is most often one in every row.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/csv/csv_format.h"
#include "runtime/csv/csv_records.h"

namespace tocsin::runtime {
/// JSON text that grows at its end.
class JsonBuffer {
 public:
  void clear() { size_ = 0; }
  std::size_t size() const { return size_; }
  /// The text, with kLinePadding readable line feeds behind it, until it grows.
  std::string_view padded();
  /// Room for so many more bytes.
  char* room(std::size_t bytes);
  /// What was written ends here.
  void end_at(const char* end) { size_ = static_cast<std::size_t>(end - bytes_.data()); }
  void add(std::size_t count, char c);
  /// Takes back what is behind the first `size` bytes.
  void cut(std::size_t size) { size_ = size; }

 private:
  std::vector<char> bytes_;
  std::size_t size_ = 0;
};

/// What is written of columns that no event type declares.
enum class OtherColumns : std::uint8_t {
  kLeftOut,
  kWritten,  // by their look, for rules that come later
};
/// Immutable: any number of threads may use it, each with fields of its own.
class CsvEvents {
 public:
  /// The plan must outlive it.
  CsvEvents(const cep::Plan& plan, CsvFormat format, OtherColumns others);
  const CsvFormat& format() const { return format_; }
  /// Appends the JSON line of a row, without its end. False where the row is no event, with the
  /// reason, which names the column and says what to do; nothing is then appended. `row`: a record
  /// that is whole, without its end; kLinePadding bytes behind it are readable. `fields` is
  /// whatever it was, for its memory.
  bool append(std::string_view row, std::vector<CsvField>& fields, JsonBuffer& json,
              std::string& reason) const;
  /// The reason of a line whose quotes are broken.
  std::string broken_reason(std::string_view line) const;
  /// The separator; nothing for null, which means JSON lines.
  static std::optional<char> separator_of(const CsvEvents* csv) {
    return csv == nullptr ? std::nullopt : std::optional(csv->format_.separator);
  }

 private:
  enum class Form : std::uint8_t { kAny, kText, kEnum, kFixedPoint, kTime, kDate, kOther };
  // What is written for a column, after the literal that leads to it, of which `lead` bytes end
  // what came before.
  struct Piece {
    std::string literal;  // and kStep bytes more, for copies of whole steps
    std::size_t size = 0;
    std::size_t lead = 0;
    std::size_t column = 0;
    Form form = Form::kAny;
    const cep::Field* field = nullptr;  // null: no event type declares it
    int scale = 0;
    bool is_event_time = false;
    std::unordered_set<std::string_view> words;  // of an enum
  };
  struct Layout {
    const cep::EventType* type = nullptr;
    std::vector<Piece> pieces;
    std::string tail;
    std::size_t literal_bytes = 0;
  };
  struct Step;
  Layout layout_of(const cep::EventType* type, std::string_view json_type) const;
  static void add_piece(Layout& layout, Step& step, const cep::EventType* type, std::size_t lead,
                        std::string& literal);
  const Layout* find_layout(std::string_view type) const;
  char* write(char* to, const Piece& piece, const CsvField& field) const;
  static bool is_decimal(const Piece& piece);
  std::string column_name(std::size_t column) const;
  std::string value_reason(const Layout& layout, const Piece& piece, const CsvField& field) const;
  std::string count_reason(std::size_t count) const;

  CsvFormat format_;
  OtherColumns others_;
  std::size_t type_column_ = 0;                         // where the format has no type
  std::map<std::string, Layout, std::less<>> layouts_;  // by the `type` of the JSON line
  Layout unknown_;  // of a type that no file declares, behind its name
};
}  // namespace tocsin::runtime
