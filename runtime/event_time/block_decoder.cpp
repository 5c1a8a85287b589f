#include "runtime/event_time/block_decoder.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "cep/base/assert.h"
#include "cep/data/batch.h"
#include "cep/plan/plan.h"
#include "runtime/decode/decode_problem.h"
#include "runtime/io/line_source.h"

namespace tocsin::runtime {
BlockDecoder::BlockDecoder(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                           const std::vector<bool>& used_types, const BlockOptions& options)
    : plan_(plan), options_(options), decoder_(plan, used_fields, used_types) {
  TOCSIN_ASSERT(options.rows_per_batch_max > 0, "a batch has room for a row");
}

void BlockDecoder::begin(DecodedBlock& block) {
  block.lines.clear();
  block.line_count = 0;
  block.batch_count = 0;
  block.problems.clear();
  block.faults.clear();
  block.texts = nullptr;
  begin_batch(block);
}

void BlockDecoder::decode(std::string_view text, bool is_first, DecodedBlock& block) {
  begin(block);
  decode_lines(text, is_first, options_.line_bytes_max, block);
  decoder_.finish();
}

void BlockDecoder::decode_lines(std::string_view text, bool is_first, std::size_t line_bytes_max,
                                DecodedBlock& block) {
  marked_.begin(text);
  while (!text.empty()) {
    if (block.batches[block.batch_count - 1]->rows.size() == options_.rows_per_batch_max) {
      begin_batch(block);
    }
    std::size_t taken =
        decoder_.decode_known(text, line_bytes_max, options_.rows_per_batch_max, marked_, block);
    if (taken == 0) taken = decode_line(text, is_first, line_bytes_max, block);
    text.remove_prefix(taken);
  }
}

void BlockDecoder::decode(std::string_view text, bool is_first, const CsvEvents& csv,
                          CsvBlock& rows, DecodedBlock& block) {
  constexpr std::size_t kAnyLength = std::numeric_limits<std::size_t>::max() / 4;
  // A row that is no event, behind events in a row, each stretch with padding of its own.
  struct Refused {
    std::size_t end;  // of the JSON before it
    CsvRow row;
  };
  std::vector<Refused> refused;
  rows.json.clear();
  rows.reasons.clear();
  rows.reader.begin(text, csv, options_.line_bytes_max, is_first);
  // Every line that a record goes over becomes one, so that numbers are those of the file.
  for (CsvRow row; rows.reader.next(row, rows.json);) {
    const bool is_refused =
        row.kind == CsvRow::Kind::kRejected || row.kind == CsvRow::Kind::kTooLong;
    if (is_refused) refused.push_back({rows.json.size(), row});
    if (row.kind == CsvRow::Kind::kRejected) rows.reasons.push_back(rows.reader.reason());
    rows.json.add(is_refused ? kLinePadding : row.line_count, '\n');
  }
  begin(block);
  const std::string_view json = rows.json.padded();
  std::size_t done = 0;
  auto reason = rows.reasons.begin();
  for (const auto& [end, row] : refused) {
    decode_lines(json.substr(done, end - done), false, kAnyLength, block);
    done = end + kLinePadding;
    BlockLine& line = block.lines.emplace_back();
    line.number = static_cast<std::uint32_t>(block.line_count + 1);
    block.line_count += row.line_count;
    line.too_long = row.kind == CsvRow::Kind::kTooLong;
    line.text = row.text;
    if (line.too_long) {
      line.text = line.text.substr(0, std::min(options_.line_bytes_max, kLinePrefixBytesMax));
    } else {
      block.faults.push_back({{LineVerdict::kGiven, JsonFault::kNone, *reason++}, nullptr});
    }
  }
  decode_lines(json.substr(done), false, kAnyLength, block);
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
std::size_t BlockDecoder::decode_line(std::string_view text, bool is_first,
                                      std::size_t line_bytes_max, DecodedBlock& block) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::size_t taken = std::min(end + 1, text.size());
  // Only the input's first line may begin with a byte order mark.
  const std::uint64_t number = ++block.line_count + (is_first ? 0 : 1);
  Line line;
  if (!make_line(text.substr(0, end), number, line_bytes_max, line)) return taken;
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
