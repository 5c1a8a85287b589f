#include "tests/support/line_reference.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cep/data/alert_format.h"
#include "cep/data/batch.h"
#include "cep/engine/engine.h"
#include "cep/eval/computed.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/value/read_position.h"
#include "runtime/event_time/intake.h"
#include "runtime/io/line_source.h"
#include "runtime/io/side_output_line.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/line_times.h"

namespace tocsin::tests {
namespace {
class Reference {
 public:
  Reference(const cep::Program& program, const LineJobOptions& options,
            const std::vector<RuleChange>& changes)
      : options_(options), changes_(changes) {
    programs_.push_back(program.with_own_data());
    for (const RuleChange& change : changes) programs_.push_back(change.next.with_own_data());
    engine_ = std::make_unique<cep::Engine>(programs_.front(), 1);
    if (!changes.empty()) engine_->track_changes();  // one that is restored does so already
  }

  LinesGiven run(const std::vector<LinePartition>& partitions) {
    cep::EventTime begin = cep::kEventTimeMin;
    std::vector<LinePartition> seen = partitions;
    for (std::size_t i = 0; i < programs_.size(); ++i) {
      const cep::EventTime end = i < changes_.size() ? changes_[i].at : cep::kEventTimeMax;
      read(programs_[i], seen, begin, end, i == 0 ? &given_ : nullptr);
      for (const cep::Alert& alert : alerts_) {
        given_.alerts.push_back(cep::format_alert(programs_[i].plan(), alert));
      }
      alerts_.clear();
      if (i == changes_.size()) break;
      auto other = restored_engine(programs_[i + 1], 2, whole_snapshot(*engine_));
      if (!other) return {{}, {}, {}, "migration: " + other.error().message};
      engine_ = std::make_unique<cep::Engine>(*std::move(other));
      forget_new_ids(seen, programs_[i], programs_[i + 1], end);
      begin = end;
    }
    return std::move(given_);
  }

 private:
  // What is from `begin` on and before `end` goes to the engine.
  void read(const cep::Program& program, const std::vector<LinePartition>& partitions,
            cep::EventTime begin, cep::EventTime end, LinesGiven* side) {
    runtime::RunSummary summary;
    runtime::IntakeOptions intake_options = options_.intake;
    intake_options.order = runtime::EqualTimeOrder::kPosition;
    runtime::Intake intake(runtime::UsedEvents::of(program), intake_options, sinks(side), summary,
                           [&](cep::Batch& slice, cep::EventTime watermark) -> Result<void> {
                             give(program, slice, watermark, begin, end);
                             return {};
                           });
    for (const LinePartition& partition : partitions) intake.source(partition.name);
    for (std::size_t p = 0; p < partitions.size(); ++p) {
      for (std::size_t n = 0; n < partitions[p].lines.size(); ++n) {
        const std::string& text = partitions[p].lines[n];
        const std::string padded = text + std::string(runtime::kLinePadding, '\n');
        runtime::Line line;
        if (!runtime::make_line(std::string_view(padded).substr(0, text.size()), n + 1,
                                intake_options.line_bytes_max, line)) {
          continue;
        }
        const auto arrival = cep::arrival_at(cep::ReadPosition::of_line(p, n + 1));
        note(intake.take(p, line, *arrival, options_.clock));
      }
      intake.decide(runtime::DecisionKind::kEnded, p, {});
      note(intake.flush());
    }
    note(intake.finish(true, std::nullopt));
  }
  static runtime::IntakeSinks sinks(LinesGiven* side) {
    if (side == nullptr) return {};
    runtime::IntakeSinks sinks;
    sinks.late = [side](const runtime::LateEvent& late) {
      std::string& line = side->late.emplace_back("{");
      runtime::append_late_members(line, late.input, late.line, late.late_by, late.text);
      line += '}';
    };
    sinks.dead_letter = [side](const runtime::DeadLetter& dead) {
      std::string& line = side->dead.emplace_back("{");
      runtime::append_rejected_members(line, dead.input, dead.line, dead.reason, dead.text);
      line += '}';
    };
    return sinks;
  }
  void note(const Result<void>& done) {
    if (!done && given_.problem.empty()) given_.problem = done.error().message;
  }

  void give(const cep::Program& program, cep::Batch& slice, cep::EventTime watermark,
            cep::EventTime begin, cep::EventTime end) {
    if (watermark < begin) return;
    const std::vector<cep::Row> all = std::move(slice.rows);
    const auto step = [&](cep::EventTime from, cep::EventTime to, cep::EventTime time) {
      slice.rows.clear();
      for (const cep::Row& row : all) {
        if (row.engine_time >= from && row.engine_time < to) slice.rows.push_back(row);
      }
      cep::fill_computed(program, slice);
      engine_->advance(slice, time, alerts_);
    };
    const bool is_last = end == cep::kEventTimeMax;
    const cep::EventTime time = is_last ? watermark : std::min(watermark, {end.us - 1});
    cep::EventTime from = begin;
    if (!has_changed_ && options_.data && time >= options_.data->at) {
      has_changed_ = true;
      const cep::EventTime at = options_.data->at;
      if (at > begin) step(from, at, {at.us - 1});
      from = std::max(from, at);
      for (cep::Program& each : programs_) options_.data->apply(each.data());
    }
    step(from, end, time);
  }

  // Ids of types that become `unique`, or were not used before, are new to the next rules: what
  // came before is nothing to them but its time.
  static void forget_new_ids(std::vector<LinePartition>& partitions, const cep::Program& before,
                             const cep::Program& next, cep::EventTime at) {
    for (LinePartition& partition : partitions) {
      const std::vector<std::string> lines = partition.lines;
      for_each_line(next, lines, [&](std::size_t n, const runtime::Decoded& line) {
        if (line.kind != runtime::LineKind::kEvent || line.ts >= at) return true;
        const cep::EventType& type = next.plan().event_types[line.type.value];
        const auto known = std::ranges::find(before.plan().event_types, type.json_type,
                                             &cep::EventType::json_type);
        const auto place = static_cast<std::size_t>(known - before.plan().event_types.begin());
        const bool had_ids = known->unique && before.used_types()[place];
        if (type.unique && !had_ids) partition.lines[n] = tick_line(line.ts);
        return true;
      });
    }
  }

  const LineJobOptions& options_;
  const std::vector<RuleChange>& changes_;
  std::vector<cep::Program> programs_;  // one more than changes
  std::unique_ptr<cep::Engine> engine_;
  std::vector<cep::Alert> alerts_;
  bool has_changed_ = false;
  LinesGiven given_;
};
}  // namespace

LinesGiven run_lines(const cep::Program& program, const std::vector<LinePartition>& partitions,
                     const LineJobOptions& options, const std::vector<RuleChange>& changes) {
  return Reference(program, options, changes).run(partitions);
}
}  // namespace tocsin::tests
