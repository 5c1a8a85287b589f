/// A block of lines as rows and columns, and what each line is. It depends on the block's bytes
/// alone, so that blocks of one input can be decoded in any order and on any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cep/data/batch.h"
#include "cep/value/time.h"
#include "runtime/decode/decode_problem.h"

namespace tocsin::runtime {
enum class LineKind : std::uint8_t {
  kEvent,
  kIgnored,  // of a type that no rule file declares
  kDeadLetter,
};
/// One line that is not blank.
struct BlockLine {
  std::string_view text;     // within the block, without its end
  std::uint32_t number = 0;  // within the block, from 1, blank lines counted
  LineKind kind = LineKind::kDeadLetter;
  bool used = false;          // kEvent: it has the next row
  bool too_long = false;      // kDeadLetter for that reason; `text` is then a prefix
  bool has_problems = false;  // kEvent: some of DecodedBlock::problems are its own
  cep::EventTypeIndex type;   // kEvent
  cep::EventTime ts;          // kEvent
};
/// Writes lines of events that came by column, once somebody asks for their text. Threading: one
/// caller at a time.
class LineTexts {
 public:
  virtual ~LineTexts() = default;
  /// The line of this number within its block (BlockLine::number), until the next call;
  /// kLinePadding bytes are readable after it.
  virtual std::string_view line(std::uint32_t number) = 0;
};
/// Why a line is no event, or the type that no file declares.
struct LineFault {
  LineProblem problem;
  const cep::EventType* type = nullptr;  // of a dead letter, where it is known
};
/// Everything that is borrowed is so from the block's bytes or the plan.
struct DecodedBlock {
  std::vector<BlockLine> lines;
  std::uint64_t line_count = 0;  // blank ones counted
  /// The rows of used events, in the order of lines, without engine times and arrival numbers. All
  /// but the last of the first `batch_count` batches are full.
  std::vector<std::unique_ptr<cep::Batch>> batches;
  std::size_t batch_count = 0;
  struct Problem {
    std::size_t line = 0;  // into `lines`
    FieldProblem problem;
  };
  std::vector<Problem> problems;  // in the order of lines
  std::vector<LineFault> faults;  // of each ignored line and dead letter that is not too long
  LineTexts* texts = nullptr;     // writes the lines, which are then empty; null: they are there
};
}  // namespace tocsin::runtime
