#include "runtime/stages/judge_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/stage/stage_change.h"
#include "cep/value/key.h"
#include "cep/value/read_position.h"
#include "runtime/event_time/event_judge_impl.h"
#include "runtime/io/line_source.h"
#include "runtime/journal/journal_record.h"
#include "runtime/stages/front_change.h"

namespace tocsin::runtime {
// A source has a judge and a time of its own: those of others are nothing to it.
struct JudgeStage::Source {
  Source(const IntakeOptions& options, NothingWaits& waiting, JudgedRows& rows,
         LineReports& reports, RunSummary& summary)
      : judge(options, marks, waiting, rows, reports, summary) {}
  Watermarks marks;
  Judge judge;
  std::optional<cep::ArrivalNumber> last;  // of its lines
  std::uint64_t taken_before = 0;          // lines with lesser numbers were taken elsewhere
  bool is_changed = true;                  // since the last cut
  bool is_mine = false;                    // else it was only restored
};

JudgeStage::JudgeStage(const cep::Program& program, const IntakeOptions& options,
                       const SideLinesOptions& side_lines, JudgesChange changes)
    : program_(program),
      options_(options),
      side_lines_(side_lines),
      reports_(program_.plan(), options.unknown_types,
               side_lines_.sinks([this](const JudgedLine& line) { note(line); }), summary_),
      rows_(program_, changes, reports_) {
  options_.order = EqualTimeOrder::kMerged;  // lines come with their numbers
  for (std::optional<cep::Duration>* const limit : {&options_.ahead_max, &options_.jump_max}) {
    if (*limit) (*limit)->us = std::min((*limit)->us, cep::kEventTimeMax.us);
  }
  summary_.first_event = cep::kEventTimeMax;
  summary_.last_event = cep::kEventTimeMin;
}
JudgeStage::~JudgeStage() = default;

void JudgeStage::note(const JudgedLine& line) {
  if (line.arrival != arrival_) return;  // one that was held
  switch (line.fate) {
    case LineFate::kLate:
      outcome_ = LineOutcome::kLate;
      break;
    case LineFate::kDead:
      outcome_ = LineOutcome::kRejected;
      break;
    case LineFate::kIgnored:
      outcome_ = LineOutcome::kUnknown;
      break;
    case LineFate::kClamped:
    case LineFate::kRepeated:
      break;
  }
}

std::unique_ptr<JudgeStage::Source> JudgeStage::make_source() {
  return std::make_unique<Source>(options_, waiting_, rows_, reports_, summary_);
}

JudgeStage::Source& JudgeStage::find_or_open(std::string_view name) {
  if (last_ != nullptr && last_name_ == name) return *last_;
  auto found = sources_.find(name);
  if (found == sources_.end()) {
    found = sources_.try_emplace(std::string(name), make_source()).first;
    found->second->judge.open(name, options_.policy);
  }
  last_ = found->second.get();
  last_->is_mine = true;
  last_name_ = found->first;
  return *last_;
}

Result<LineOutcome> JudgeStage::put_line(std::string_view source, std::string_view line,
                                         cep::EventTime taken_at, cep::ArrivalNumber arrival) {
  Source& from = find_or_open(source);
  if (from.last && arrival <= *from.last) {
    return fail(
        Errc::kInvalidArgument,
        fmt::format("the lines of a source have ascending numbers: {} has {}.{} after "
                    "{}.{}",
                    source, arrival.record, arrival.index, from.last->record, from.last->index));
  }
  from.last = arrival;
  from.is_changed = true;
  if (cep::offset_of(arrival) < from.taken_before) return LineOutcome::kUnused;
  const cep::ArrivalNumber number{arrival.record + base_, arrival.index, 0};
  padded_.assign(line);
  padded_.append(kLinePadding, '\n');
  Line taken;
  if (!make_line(std::string_view(padded_).substr(0, line.size()), cep::offset_of(arrival),
                 options_.line_bytes_max, taken)) {
    return LineOutcome::kUnused;
  }
  rows_.name_source(last_name_, from.marks);
  arrival_ = number;
  outcome_.reset();
  const std::uint64_t jumps = summary_.jumps;
  from.judge.begin_lines(0, taken_at);
  from.judge.take_line(0, taken, number);
  if (outcome_) return *outcome_;
  if (summary_.jumps > jumps) return LineOutcome::kHeld;
  return rows_.last_sent() == number ? LineOutcome::kSent : LineOutcome::kUnused;
}

cep::EventTime JudgeStage::source_watermark(std::string_view source) {
  if (watermark_ == cep::kEventTimeMax && !sources_.contains(source)) return watermark_;
  const Watermarks::Source& time = find_or_open(source).marks.source(0);
  return time.state == SourceState::kEnded ? cep::kEventTimeMax : time.tracker.watermark();
}

void JudgeStage::end_source(std::string_view source) {
  Source& from = find_or_open(source);
  rows_.name_source(last_name_, from.marks);
  from.is_changed = true;
  from.judge.decide(DecisionKind::kEnded, 0, {});
}

void JudgeStage::advance(cep::EventTime watermark) {
  watermark_ = watermark;
  for (const auto& [name, source] : sources_) {
    if (!source->is_mine) continue;
    rows_.name_source(name, source->marks);
    const bool has_ended = watermark == cep::kEventTimeMax;
    if (!has_ended && source->judge.sources().front().held.empty()) continue;
    source->is_changed = true;
    if (has_ended) {
      source->judge.decide(DecisionKind::kEnded, 0, {});
    } else {
      source->judge.take_held_until(0, watermark);
    }
  }
  if (next_ && watermark >= *rows_.change_from()) go_over();
}

// Whether lines before this time are no more than late.
bool JudgeStage::have_come_to(cep::EventTime time) const {
  return std::ranges::all_of(sources_, [&](const auto& named) {
    const Source& source = *named.second;
    return !source.is_mine || source.marks.source(0).state == SourceState::kEnded ||
           source.marks.source(0).tracker.watermark() >= time;
  });
}

Result<void> JudgeStage::prepare(const cep::Program& next, cep::EventTime from) {
  const bool may_follow =
      next_ && from > *rows_.change_from() && have_come_to(*rows_.change_from());
  const cep::EventTime reached = std::max(watermark_, summary_.last_event);
  if (auto can = cep::check_change_time(from, reached, next_ && !may_follow); !can) return can;
  const cep::Program& now = next_ ? *next_ : program_;
  if (auto can = cep::check_change(now, next); !can) return can;
  auto can = check_front_change(now.plan(), next.plan(), JudgesChange::kYes);
  if (!can) return can;
  if (next_) go_over();
  next_ = next;
  rows_.prepare(next, from);
  return {};
}

void JudgeStage::go_over() {
  rows_.go_over();
  program_ = *std::exchange(next_, std::nullopt);
  has_layout_ = false;
}

void JudgeStage::begin_cut() {
  constexpr cep::KeyGroup kOnly;
  cut_.clear();
  cut_.put(kOnly, cep::stage_entry_key(cep::StageEntry::kHead), front_head(cep::kEventTimeMin));
  if (!std::exchange(has_layout_, true)) {
    cut_.put(kOnly, cep::stage_entry_key(cep::StageEntry::kLayout),
             front_layout(program_, FrontEntry::kSource));
  }
  if (base_ != 0 && !std::exchange(is_base_stored_, true)) {
    cut_.put(kOnly, front_key(FrontEntry::kBase, {}), write_base(base_));
  }
  for (const auto& [name, source] : sources_) {
    if (!std::exchange(source->is_changed, false)) continue;
    std::string value;
    ByteWriter to(value);
    write_source_place(to, {source->last, source->taken_before});
    source->judge.save(to);
    cut_.put(cep::key_group(name), front_key(FrontEntry::kSource, name), std::move(value));
  }
}

void JudgeStage::mark_all_changed() {
  cut_.clear();
  has_layout_ = is_base_stored_ = false;
  for (const auto& [name, source] : sources_) source->is_changed = true;
}

Result<cep::RestoreReport> JudgeStage::begin_restore(
    const std::map<std::uint32_t, std::string>& heads, std::string_view layout) {
  FrontWritten written;
  if (Result<void> begun = written.begin(heads, layout, program_, FrontEntry::kSource); !begun) {
    return tl::unexpected(begun.error());
  }
  has_layout_ = written.is_same_plan();
  cep::RestoreReport report;
  report.is_same_program = written.is_same_plan();
  return report;
}

Result<void> JudgeStage::restore(cep::KeyGroup group, std::string_view key,
                                 std::string_view value) {
  if (key == front_key(FrontEntry::kBase, {})) {
    const std::optional<std::uint64_t> base = read_base(value);
    if (!base) return tl::unexpected(damaged_entry(group));
    base_ = std::max(base_, *base);
    is_base_stored_ = true;
    return {};
  }
  if (key.size() < 2 || key.front() != static_cast<char>(FrontEntry::kSource)) {
    return tl::unexpected(damaged_entry(group));
  }
  const std::string name(key.substr(1));
  ByteReader from(value);
  const SourcePlace place = read_source_place(from);
  std::unique_ptr<Source> source = make_source();
  source->last = place.last;
  source->taken_before = place.taken_before;
  if (!from.ok() || !source->judge.restore(from, true) || !from.is_done() ||
      source->judge.sources().size() != 1 || source->judge.sources().front().name != name) {
    return tl::unexpected(damaged_entry(group));
  }
  source->is_changed = false;
  std::unique_ptr<Source>& known = sources_[name];
  if (known != nullptr) {
    // One that was only asked for has taken nothing yet.
    const bool has_begun = known->last.has_value() || known->taken_before != 0;
    if (has_begun && known->last >= source->last) return {};
    source->is_mine = known->is_mine;
  }
  known = std::move(source);
  last_ = nullptr;  // it may have been the one before
  if (known->judge.sources().front().policy != options_.policy) {
    rows_.name_source(sources_.find(name)->first, known->marks);
    known->judge.change_policy(0, options_.policy);
    known->is_changed = true;
  }
  return {};
}
}  // namespace tocsin::runtime
