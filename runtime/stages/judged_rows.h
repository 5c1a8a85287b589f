/// Lines that a judge has taken, to the parts of the intake: what BasicEventJudge needs of rows.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/data/batch.h"
#include "cep/stage/outbox.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/decode/decoder.h"
#include "runtime/event_time/line_reports.h"
#include "runtime/event_time/watermarks.h"
#include "runtime/io/line_source.h"
#include "runtime/stages/front_change.h"

namespace tocsin::runtime {
/// Rows go out as lines at once, so that there is no store, no block and no order to care for.
/// Threading: one caller at a time.
class JudgedRows {
 public:
  /// With JudgesChange::kNo events of types that nothing uses are sent too: other rules may. The
  /// reports are told of whose types a line is said to be.
  JudgedRows(const cep::Program& program, JudgesChange changes, LineReports& reports);
  JudgedRows(const JudgedRows&) = delete;
  JudgedRows& operator=(const JudgedRows&) = delete;
  cep::StageOutbox& outbox() { return outbox_; }
  /// The source of the lines that follow, and its time.
  void name_source(std::string_view source, const Watermarks& marks) {
    source_ = source;
    marks_ = &marks;
  }
  /// Lines whose event or whose source has come to `from` are read by `next` from now on: those
  /// that are an event of that time to it or to the rules before; all lines once the source itself
  /// is there.
  void prepare(cep::Program next, cep::EventTime from);
  /// When the rules of lines change; nothing if no change waits.
  std::optional<cep::EventTime> change_from() const {
    return next_ ? std::optional(from_) : std::nullopt;
  }
  /// All lines are read by the next rules from now on, for which a change waits.
  void go_over();
  /// The arrival number of the line that was sent last.
  std::optional<cep::ArrivalNumber> last_sent() const { return last_sent_; }

  // ---- as TakenRows has them
  void need_store() {}
  void begin_lines() {}
  void make_room() {}
  void leave_block() {}
  void expect_disorder() {}
  Decoded decode(const Line& line) { return decode_text(line.text); }
  Decoded decode_again(std::string_view line);
  LineFault take_fault() { return at_hand_->decoder.fault(); }
  // What is wrong with fields is said where they are read.
  bool has_problems() const { return false; }
  void report_problems(const SourceLine& /*from*/) {}
  void drop() { at_hand_->decoder.drop(); }
  void keep(std::size_t source, cep::EventTime engine_time, const Line& line,
            cep::ArrivalNumber arrival);

 private:
  // Lines as some rules read them.
  struct Reading {
    Reading(cep::Program of, JudgesChange changes);
    cep::Program program;
    std::vector<std::vector<bool>> id_fields;  // what is decoded
    Decoder decoder;
    cep::Batch batch;
    std::uint64_t tag;  // of identities
  };
  Decoded decode_text(std::string_view text);

  LineReports& reports_;
  std::unique_ptr<Reading> reading_;
  std::unique_ptr<Reading> next_;
  cep::EventTime from_;  // if there is a next one
  Reading* at_hand_;     // of the line that was decoded last
  cep::StageOutbox outbox_;
  std::string_view source_;
  const Watermarks* marks_ = nullptr;
  std::optional<cep::ArrivalNumber> last_sent_;
  std::string padded_;
  std::string body_;
  std::string scratch_;
};
/// What BasicEventJudge needs of the order of rows: nothing waits in a judge.
class NothingWaits {
 public:
  void open(cep::Duration /*bound*/) {}
  void change_bound(std::size_t /*source*/, cep::Duration /*bound*/) {}
  void advance(std::size_t /*source*/, cep::EventTime /*watermark*/) {}
  void follow() {}
};
}  // namespace tocsin::runtime
