/// Blocks of lines to rows and columns: a pure function of a block's bytes.
#pragma once
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "cep/plan/plan_fwd.h"
#include "runtime/csv/csv_events.h"
#include "runtime/csv/csv_rows.h"
#include "runtime/decode/decoded_block.h"
#include "runtime/decode/decoder.h"
#include "runtime/decode/marked_lines.h"

namespace tocsin::runtime {
/// What a block of CSV was made to.
struct CsvBlock {
  CsvRows reader;
  JsonBuffer json;
  std::deque<std::string> reasons;
};
struct BlockOptions {
  std::size_t line_bytes_max = 1 << 20;   // a longer line is a dead letter
  std::size_t rows_per_batch_max = 2048;  // > 0
};
/// What it remembers of blocks makes the next ones cheaper and changes none. Threading: one caller
/// at a time.
class BlockDecoder {
 public:
  /// `used_fields` and `used_types` as Decoder has them. The plan must outlive the decoder.
  BlockDecoder(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
               const std::vector<bool>& used_types, const BlockOptions& options);
  /// Decodes whole lines; the last may lack its end. `is_first`: they are the input's first.
  /// `block` becomes what they are, and borrows from them; its batches are used again.
  /// kLinePadding bytes behind the text are readable, and no brackets.
  void decode(std::string_view text, bool is_first, DecodedBlock& block);
  /// The same of whole records of CSV: each line is the JSON of one, and has the number of its
  /// first line in the file. The block borrows from `rows` too, which is whatever it was.
  void decode(std::string_view text, bool is_first, const CsvEvents& csv, CsvBlock& rows,
              DecodedBlock& block);

 private:
  void begin(DecodedBlock& block);
  void decode_lines(std::string_view text, bool is_first, std::size_t line_bytes_max,
                    DecodedBlock& block);
  void begin_batch(DecodedBlock& block);
  std::size_t decode_line(std::string_view text, bool is_first, std::size_t line_bytes_max,
                          DecodedBlock& block);

  const cep::Plan& plan_;
  BlockOptions options_;
  Decoder decoder_;
  MarkedLines marked_;
};
}  // namespace tocsin::runtime
