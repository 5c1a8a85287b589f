/// One NDJSON line to one row of a columnar batch: only the columns that the program uses, decimals
/// exactly, with nothing between the line and the column.
///
/// What is checked of every line, whatever the rules read: it is valid UTF-8 with closed strings
/// and no raw control characters; it is one object with nothing after it, its brackets, keys,
/// colons and commas in their places at every depth; `type` is a string; and, where a rule file
/// declares that type, the event time is there and valid. Anything else makes a dead letter. What
/// stands inside a scalar is looked at only where a rule reads it, and never costs the event: it is
/// then missing, and counted with its place. So whether a line is an event never depends on what
/// the rules read of it.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"
#include "runtime/decode/declared_fields.h"
#include "runtime/decode/decode_problem.h"
#include "runtime/decode/decoded_block.h"
#include "runtime/decode/marked_lines.h"

namespace tocsin::runtime {
struct Decoded {
  LineKind kind = LineKind::kDeadLetter;
  bool used = false;  // kEvent: some rule or feature can use this type; only then has it a row
  cep::EventTypeIndex type;
  cep::EventTime ts;
};
/// Decodes lines into the batch that begin() named. One event at a time: decode(), then keep() or
/// drop(). Invariant: rows that were not kept leave no trace in the batch. Threading: one caller at
/// a time.
class Decoder {
 public:
  /// `used_fields` and `used_types` as cep::Program gives them; only fields marked there get
  /// columns. The plan must outlive the decoder.
  Decoder(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
          const std::vector<bool>& used_types);
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  /// Rows go to `batch` from here on: made for the plan and empty. Ends the batch before it,
  /// which must still be there unless finish() was called.
  void begin(cep::Batch& batch);
  /// Decodes one line, without its line end; kLinePadding bytes are readable after it. `marked` may
  /// know its structure; the result is the same without.
  Decoded decode(std::string_view line, MarkedLines* marked = nullptr);
  /// Decodes lines of `text`, which begins where a line does, as long as they have the form of
  /// earlier lines (runtime/decode/line_form.h), are events and no longer than `line_bytes_max`,
  /// and until the batch has `rows_max` rows; appends them to `block`, and their rows, without
  /// engine time and arrival number, to the batch. Gives the bytes of these lines with their ends,
  /// 0 for none. `text` is in what `marked` began with; kLinePadding bytes are readable behind it.
  std::size_t decode_known(std::string_view text, std::size_t line_bytes_max, std::size_t rows_max,
                           MarkedLines& marked, DecodedBlock& block);
  /// Makes the event just decoded (used) the batch's next row.
  void keep(cep::EventTime engine_time, cep::ArrivalNumber arrival);
  /// Forgets the event just decoded (used).
  void drop();
  /// Gives the batch's columns their exact sizes and lets go of it.
  void finish();
  /// Bytes of the rows, columns and texts of the current batch, about.
  std::size_t batch_bytes() const;

  /// Why the last line is no event; borrowed from the line.
  LineFault fault() const;
  /// Why the last line is a dead letter: a fact, a colon and the offending value where there is
  /// one.
  std::string dead_letter_reason() const;
  /// The `type` of the last line, where it was ignored.
  std::string ignored_type() const;
  /// What was wrong with the fields of the last event; valid until the next decode().
  std::span<const FieldProblem> problems() const;
  /// "payment.amount at PLACE: not a valid decimal(2): 1.005"; values of fields marked `pii` are
  /// not shown.
  std::string describe(const FieldProblem& problem, std::string_view place) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};
}  // namespace tocsin::runtime
