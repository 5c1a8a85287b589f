#include "library/c/c_stage_source.h"

#include <tocsin.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cep/data/batch.h"
#include "cep/eval/computed.h"
#include "cep/plan/plan.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_source.h"
#include "runtime/decode/decoder.h"
#include "runtime/decode/marked_lines.h"

namespace tocsin::library {
namespace {
// Lines decoded for one program.
class Front {
 public:
  explicit Front(const cep::Program& program)
      : program_(program),
        decoder_(program_.plan(), program_.used_fields(), program_.used_types()),
        batch_(program_.plan()) {}

  // The line has padding behind it, and is valid until then. TOCSIN_EVENT_SENT: an event that may
  // be kept, at `ts`.
  int decode(std::string_view line, cep::EventTime& ts) {
    if (!std::exchange(is_begun_, true)) decoder_.begin(batch_);
    const runtime::Decoded decoded = decoder_.decode(line);
    if (decoded.kind == runtime::LineKind::kDeadLetter) return TOCSIN_EVENT_REJECTED;
    if (decoded.kind == runtime::LineKind::kIgnored) return TOCSIN_EVENT_UNKNOWN;
    if (!decoded.used) return TOCSIN_EVENT_UNUSED;
    ts = decoded.ts;
    return TOCSIN_EVENT_SENT;
  }
  void drop() { decoder_.drop(); }
  void keep(cep::EventTime engine_time, cep::ArrivalNumber arrival, std::uint32_t equal_number) {
    decoder_.keep(engine_time, arrival);
    batch_.rows.back().equal_number = equal_number;
  }
  std::size_t rows() const { return batch_.rows.size(); }
  // Gives what was kept to `send`.
  template <typename Send>
  void flush(Send&& send) {
    if (!std::exchange(is_begun_, false)) return;
    decoder_.finish();
    values_missing_ += cep::fill_computed(program_, batch_);
    send(batch_);
    batch_.clear();
  }
  std::uint64_t values_missing() const { return values_missing_; }

 private:
  cep::Program program_;
  runtime::Decoder decoder_;
  cep::Batch batch_;
  bool is_begun_ = false;
  std::uint64_t values_missing_ = 0;
};

class SourcePart : public StagePart {
 public:
  explicit SourcePart(const cep::Program& program)
      : source_(program, kHashSeed, !cep::spread_obstacles(program).empty()),
        front_(std::make_unique<Front>(program)) {}

  cep::StageOutbox* outbox() override { return &source_.outbox(); }
  void flush() override {
    front_->flush([&](const cep::Batch& batch) { source_.put(batch); });
    if (next_) next_->flush([&](const cep::Batch& batch) { source_.put_next(batch); });
  }
  std::optional<int> put_event(std::string_view line, std::optional<cep::EventTime> engine_time,
                               cep::ArrivalNumber arrival, std::uint32_t equal_number) override {
    padded_.assign(line);
    padded_.append(runtime::kLinePadding, '\0');
    const std::string_view padded = std::string_view(padded_).substr(0, line.size());
    cep::EventTime ts;
    Front* front = front_.get();
    int outcome = front->decode(padded, ts);
    const bool has_ts = outcome == TOCSIN_EVENT_SENT;
    if (next_ && is_next(engine_time, has_ts ? std::optional(ts) : std::nullopt)) {
      if (has_ts) front->drop();
      front = next_.get();
      const int before = outcome;
      outcome = front->decode(padded, ts);
      // Its time is not known before: rules that knew no time for it may be the ones that hold.
      const bool is_before =
          outcome == TOCSIN_EVENT_SENT && engine_time.value_or(ts) < *source_.change_from();
      if (is_before) {
        front->drop();
        outcome = before;
      }
    }
    if (outcome == TOCSIN_EVENT_SENT) {
      const cep::EventTime time = engine_time.value_or(ts);
      if (time < ts || time <= source_.watermark()) {
        front->drop();
        return time < ts ? kTooEarly : kTooLate;
      }
      front->keep(time, arrival, equal_number);
      if (front->rows() >= kRowsMax) flush();
    }
    ++lines_;
    return outcome;
  }
  // All that was put is sent, so that it is known how far the source has come.
  Result<void> prepare(const cep::Program& next, cep::EventTime from) override {
    flush();
    if (auto prepared = source_.prepare(next, from); !prepared) return prepared;
    next_ = std::make_unique<Front>(next);
    return {};
  }
  Result<bool> advance(cep::EventTime watermark, std::size_t /*work_max*/) override {
    flush();
    if (!source_.advance(watermark)) return true;
    values_missing_ += front_->values_missing();
    front_ = std::move(next_);
    report_.emplace().is_same_program = false;
    return true;
  }
  cep::EventTime watermark() const override { return source_.watermark(); }
  std::optional<cep::RestoreReport> take_report() override {
    return std::exchange(report_, std::nullopt);
  }
  bool has_output() override {
    flush();
    return !source_.outbox().empty();
  }
  std::string statistics_json() const override {
    std::uint64_t missing = values_missing_ + front_->values_missing();
    if (next_) missing += next_->values_missing();
    return nlohmann::ordered_json{{"lines", lines_}, {"values_missing", missing}}.dump();
  }

 private:
  static constexpr std::size_t kRowsMax = 2'048;

  // Whether the next program is to decode the line: it is of it, or its time is not known.
  bool is_next(std::optional<cep::EventTime> engine_time, std::optional<cep::EventTime> ts) const {
    const std::optional<cep::EventTime> time = engine_time ? engine_time : ts;
    return !time || *time >= *source_.change_from();
  }

  cep::StageSource source_;
  std::unique_ptr<Front> front_;
  std::unique_ptr<Front> next_;  // of the program of a change that waits
  std::string padded_;
  std::uint64_t lines_ = 0;
  std::uint64_t values_missing_ = 0;  // of programs before
  std::optional<cep::RestoreReport> report_;
};
}  // namespace

std::unique_ptr<StagePart> make_source_part(const cep::Program& program) {
  return std::make_unique<SourcePart>(program);
}
}  // namespace tocsin::library
