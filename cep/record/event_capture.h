/// Captures rows: writes an event of the current slice as records keep it (KeptEvent), before it is
/// known where it is kept and in how many places.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/record/key_record.h"

namespace tocsin::cep {
class FeatureReader;

/// The events of one table, one row at a time. Invariant: what captured() gives is complete, and
/// the same however often its row is captured.
class EventCapture {
 public:
  EventCapture(const ProgramImpl& program, const TableProgram& table)
      : program_(program), table_(table), columns_(table.layouts.size()) {}
  /// The slice that captured rows are of, until the next call.
  void begin_slice(const Batch& batch);
  /// The roles in which the rows captured from now on are taken, as bits by place; 0 without roles.
  void take_in_roles(std::uint32_t roles) { roles_ = roles; }
  /// Captures a row, without the features that are kept with events; gives the words that it takes.
  std::uint32_t capture(const Row& row) { return capture(row, nullptr, 0); }
  /// The same with those features, which `features` reads as of the row in a pass.
  std::uint32_t capture(const Row& row, FeatureReader& features, std::uint32_t pass) {
    return capture(row, &features, pass);
  }
  /// The row that was captured last, until another is.
  const KeptEvent& captured() const { return *reinterpret_cast<const KeptEvent*>(captured_.get()); }
  /// Copies it to `place` of a record, where its words were cut.
  void write(std::byte* record, Offset place) const {
    auto* to = reinterpret_cast<std::uint64_t*>(record + std::size_t{place} * 8);
    const std::uint64_t* from = captured_.get();
    // They are few: two at a time, without a call.
    std::uint32_t words = captured().words;
    for (; words >= 2; words -= 2, from += 2, to += 2) std::memcpy(to, from, 16);
    if (words > 0) *to = *from;
  }

 private:
  // The column of a layout's field in the current slice; null where the field has none.
  struct CaptureColumn {
    const std::uint8_t* known = nullptr;
    const std::int64_t* words = nullptr;
    const std::string_view* texts = nullptr;
    bool all_known = false;  // in all rows of the type
  };
  // Those of one event type's own fields, once a row of it was captured in the slice.
  struct CaptureColumns {
    std::uint64_t slice = 0;
    bool may_be_plain = false;  // the layout has nothing but own fields, which all have columns
    std::vector<CaptureColumn> fields;
    // Of plain rows: the same, those with words and those with texts.
    struct WordsAt {
      const std::int64_t* words = nullptr;
      std::size_t place = 0;
    };
    struct TextsAt {
      const std::string_view* texts = nullptr;
      std::size_t place = 0;
    };
    std::vector<WordsAt> words;
    std::vector<TextsAt> texts;
    std::vector<const std::uint8_t*> known;  // those of which some are missing
  };
  std::uint32_t capture(const Row& row, FeatureReader* features, std::uint32_t pass);
  std::uint32_t capture_plain(const Row& row, const CaptureColumns& columns);
  const CaptureColumns& columns_of(std::uint32_t type) {
    CaptureColumns& columns = columns_[type];
    if (columns.slice != slice_) find_columns(type, columns);
    return columns;
  }
  void find_columns(std::uint32_t type, CaptureColumns& columns) const;
  void take_step_values(const CaptureLayout& layout, FeatureReader* features, std::uint32_t pass);
  std::uint64_t* room_to_capture(std::uint32_t words);

  const ProgramImpl& program_;
  const TableProgram& table_;
  const Batch* batch_ = nullptr;
  std::uint64_t slice_ = 0;              // number of begin_slice() calls
  std::vector<CaptureColumns> columns_;  // by event type
  std::uint32_t roles_ = 0;
  // The step values of the row that is being captured, as the layout has them.
  std::vector<std::optional<std::string>> step_values_;
  // The row that was captured last.
  std::unique_ptr<std::uint64_t[]> captured_;
  std::uint32_t captured_capacity_ = 0;
  const Row* captured_row_ = nullptr;  // of this slice; null: one with step values or an identity
  std::uint32_t captured_roles_ = 0;
};
}  // namespace tocsin::cep
