/// Blocks of lines to rows and columns: a pure function of a block's bytes.
#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

#include "cep/plan/plan_fwd.h"
#include "runtime/decode/decoded_block.h"
#include "runtime/decode/decoder.h"
#include "runtime/decode/marked_lines.h"

namespace tocsin::runtime {
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

 private:
  void begin_batch(DecodedBlock& block);
  std::size_t decode_line(std::string_view text, bool is_first, DecodedBlock& block);

  const cep::Plan& plan_;
  BlockOptions options_;
  Decoder decoder_;
  MarkedLines marked_;
};
}  // namespace tocsin::runtime
