/// Lines that a judge has taken, to the parts of the intake: what BasicEventJudge needs of rows.
#pragma once
#include <cstddef>
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
#include "runtime/io/line_source.h"

namespace tocsin::runtime {
/// Rows go out as lines at once, so that there is no store, no block and no order to care for.
/// Threading: one caller at a time.
class JudgedRows {
 public:
  explicit JudgedRows(const cep::Program& program);
  JudgedRows(const JudgedRows&) = delete;
  JudgedRows& operator=(const JudgedRows&) = delete;
  cep::StageOutbox& outbox() { return outbox_; }
  /// The source of the lines that follow.
  void name_source(std::string_view source) { source_ = source; }
  /// The arrival number of the line that was sent last.
  std::optional<cep::ArrivalNumber> last_sent() const { return last_sent_; }

  // ---- as TakenRows has them
  void need_store() {}
  void begin_lines() {}
  void make_room() {}
  void leave_block() {}
  void expect_disorder() {}
  Decoded decode(const Line& line) { return decoder_.decode(line.text); }
  Decoded decode_again(std::string_view line);
  LineFault take_fault() { return decoder_.fault(); }
  // What is wrong with fields is said where they are read.
  bool has_problems() const { return false; }
  void report_problems(const SourceLine& /*from*/) {}
  void drop() { decoder_.drop(); }
  void keep(std::size_t source, cep::EventTime engine_time, const Line& line,
            cep::ArrivalNumber arrival);

 private:
  cep::Program program_;
  std::vector<std::vector<bool>> id_fields_;  // what is decoded
  Decoder decoder_;
  cep::Batch batch_;
  cep::StageOutbox outbox_;
  std::string_view source_;
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
