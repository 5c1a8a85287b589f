#include "runtime/event_time/block_decoder.h"

#include <algorithm>
#include <memory>

#include "cep/base/assert.h"
#include "cep/data/batch.h"
#include "cep/plan/plan.h"
#include "runtime/io/line_source.h"

namespace tocsin::runtime {
BlockDecoder::BlockDecoder(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                           const std::vector<bool>& used_types, const BlockOptions& options)
    : plan_(plan), options_(options), decoder_(plan, used_fields, used_types) {
  TOCSIN_ASSERT(options.rows_per_batch_max > 0, "a batch has room for a row");
}

void BlockDecoder::decode(std::string_view text, bool is_first, DecodedBlock& block) {
  block.lines.clear();
  block.line_count = 0;
  block.batch_count = 0;
  block.problems.clear();
  block.faults.clear();
  begin_batch(block);
  marked_.begin(text);
  while (!text.empty()) {
    std::size_t taken = decoder_.decode_known(text, options_.line_bytes_max,
                                              options_.rows_per_batch_max, marked_, block);
    if (taken == 0) taken = decode_line(text, is_first, block);
    text.remove_prefix(taken);
    const cep::Batch& batch = *block.batches[block.batch_count - 1];
    if (batch.rows.size() == options_.rows_per_batch_max && !text.empty()) begin_batch(block);
  }
  decoder_.finish();
}

void BlockDecoder::begin_batch(DecodedBlock& block) {
  if (block.batch_count == block.batches.size()) block.batches.emplace_back();
  std::unique_ptr<cep::Batch>& batch = block.batches[block.batch_count++];
  if (batch == nullptr) {
    batch = std::make_unique<cep::Batch>(plan_);
  } else {
    batch->clear();
  }
  decoder_.begin(*batch);
}

// The line at the front of the text; gives its bytes, with its end.
std::size_t BlockDecoder::decode_line(std::string_view text, bool is_first, DecodedBlock& block) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::size_t taken = std::min(end + 1, text.size());
  // Only the input's first line may begin with a byte order mark.
  const std::uint64_t number = ++block.line_count + (is_first ? 0 : 1);
  Line line;
  if (!make_line(text.substr(0, end), number, options_.line_bytes_max, line)) return taken;
  BlockLine& made = block.lines.emplace_back();
  made.text = line.text;
  made.number = static_cast<std::uint32_t>(block.line_count);
  made.too_long = line.too_long;
  if (line.too_long) return taken;
  const Decoded decoded = decoder_.decode(line.text, &marked_);
  made.kind = decoded.kind;
  if (decoded.kind != LineKind::kEvent) {
    block.faults.push_back(decoder_.fault());
    return taken;
  }
  made.used = decoded.used;
  made.type = decoded.type;
  made.ts = decoded.ts;
  for (const FieldProblem& problem : decoder_.problems()) {
    made.has_problems = true;
    block.problems.push_back({block.lines.size() - 1, problem});
  }
  if (decoded.used) decoder_.keep({}, {});
  return taken;
}
}  // namespace tocsin::runtime
