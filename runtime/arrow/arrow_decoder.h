/// Record batches of Arrow to rows and columns: each row is the event, or the dead letter, that its
/// JSON line (arrow_text.h) would be.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/arrow/arrow_abi.h"
#include "runtime/arrow/arrow_column.h"
#include "runtime/arrow/arrow_text.h"
#include "runtime/arrow/arrow_values.h"
#include "runtime/decode/declared_columns.h"
#include "runtime/decode/decoded_block.h"

namespace tocsin::runtime {
/// One record batch at a time: open(), then decode() of its rows, piece by piece. Threading: one
/// caller at a time.
class ArrowDecoder : private LineTexts {
 public:
  /// `used_fields` and `used_types` as cep::Program gives them. The plan must outlive the decoder.
  ArrowDecoder(const cep::Plan& plan, std::vector<std::vector<bool>> used_fields,
               std::vector<bool> used_types);
  ArrowDecoder(const ArrowDecoder&) = delete;
  ArrowDecoder& operator=(const ArrowDecoder&) = delete;

  /// Takes up a record batch, which stays as it is until close(). `type` is the event type of its
  /// rows, as an event's `type` would say it; empty: it stands in the column `type`. Rows before
  /// `first_row` are not asked for. Fails with kInvalidArgument where columns cannot be the fields
  /// that are read, naming the column, both types and the remedy, and as arrow_columns() does.
  Result<void> open(const ArrowSchema& schema, const ArrowArray& array, std::string_view type,
                    std::int64_t first_row);
  /// Decodes rows of the record batch to one batch of the block; they are few enough to be a slice.
  void decode(std::int64_t first_row, std::size_t count, DecodedBlock& block);
  /// Lets go of the record batch and of what was borrowed from it; the block's lines have no texts
  /// any more.
  void close();

 private:
  // How rows of one event type are read.
  struct Type {
    bool is_bound = false;  // to the record batch at hand
    ArrowField time;
    std::vector<ArrowField> fields;    // that are used, with a column in batches
    std::vector<ArrowField> declared;  // others that an event's identity is made of
    std::vector<ArrowFieldOfColumn> of_columns;
    // Of the rows that are decoded: their places in the piece, and their numbers.
    std::vector<std::uint32_t> places;
    std::vector<std::int64_t> rows;
  };
  struct RowKind {
    int type = 0;  // below 0: kUnknownType, kNoTypeNamed, kNoUtf8
    cep::EventTime ts{};
    LineVerdict verdict = LineVerdict::kOk;
    std::string_view offender;
    bool has_problems = false;
  };
  static constexpr int kUnknownType = -1;
  static constexpr int kNoTypeNamed = -2;

  std::string_view line(std::uint32_t number) override;
  Result<void> bind(std::size_t type);
  Result<ArrowField> bind_field(std::size_t type, std::size_t field, bool must_be_there);
  Result<void> bind_types();
  void find_types(std::size_t count);
  void check_texts();
  void read_times();
  void keep_rows(cep::Batch& batch);
  void read_fields(cep::Batch& batch, DecodedBlock& block);
  void read_declared(cep::Batch& batch);
  void add_lines(DecodedBlock& block);
  std::string_view keep_text(std::string text);

  const cep::Plan& plan_;
  std::vector<std::vector<bool>> used_fields_;
  std::vector<bool> used_types_;
  std::unordered_map<std::string_view, int> type_names_;  // of the input
  std::vector<std::vector<ArrowWords>> words_;            // by type and field

  // The record batch at hand.
  ArrowColumn columns_;
  const ArrowColumn* type_column_ = nullptr;
  std::string json_type_;  // of all rows; empty: they say it themselves
  int only_type_ = 0;      // of them
  std::int64_t row_count_ = 0;
  std::vector<Type> types_;

  // The piece at hand.
  std::int64_t first_row_ = 0;
  std::vector<RowKind> kinds_;
  std::vector<ArrowProblem> problems_;
  cep::Column times_;
  std::deque<std::string> texts_;  // that faults and problems name
  std::string line_;
};
}  // namespace tocsin::runtime
