#include "library/c/c_stage_front.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "runtime/pushed/pushed_run.h"
#include "runtime/stages/intake_stage.h"
#include "runtime/stages/judge_stage.h"
#include "runtime/stages/side_lines.h"

namespace tocsin::library {
namespace {
using Json = nlohmann::ordered_json;

int outcome_of(runtime::LineOutcome outcome) {
  switch (outcome) {
    case runtime::LineOutcome::kSent:
      return TOCSIN_EVENT_SENT;
    case runtime::LineOutcome::kUnused:
      return TOCSIN_EVENT_UNUSED;
    case runtime::LineOutcome::kUnknown:
      return TOCSIN_EVENT_UNKNOWN;
    case runtime::LineOutcome::kRejected:
      return TOCSIN_EVENT_REJECTED;
    case runtime::LineOutcome::kLate:
      return TOCSIN_EVENT_LATE;
    case runtime::LineOutcome::kHeld:
      return TOCSIN_EVENT_HELD;
  }
  return TOCSIN_EVENT_REJECTED;
}

// What both have: lines that are set aside, and state; and how events are judged, which stays.
template <typename Stage>
class FrontPart : public StagePart {
 public:
  template <typename... Arguments>
  explicit FrontPart(const cep::Program& program, const CRunOptions& options,
                     const Arguments&... arguments)
      : stage_(arguments...),
        output_bytes_max_(options.output_bytes_max),
        bound_(runtime::with_policy(program.plan(), options.run).policy.bound),
        options_(options) {}

  cep::StageOutbox* outbox() override { return &stage_.outbox(); }
  cep::EventTime watermark() const override { return stage_.watermark(); }
  std::optional<std::string> take_lines(int output) override {
    return output == TOCSIN_LATE ? stage_.side_lines().take_late()
                                 : stage_.side_lines().take_dead();
  }
  bool has_output() override { return !stage_.outbox().empty() || stage_.side_lines().bytes() > 0; }
  bool track_changes() override { return true; }
  void begin_cut() override { stage_.begin_cut(); }
  bool write_cut(cep::StageSink& sink, std::size_t bytes_max) override {
    return stage_.write_cut(sink, bytes_max);
  }
  void mark_all_changed() override { stage_.mark_all_changed(); }
  Result<cep::RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                           std::string_view layout) override {
    return stage_.begin_restore(heads, layout);
  }
  Result<void> restore(cep::KeyGroup group, std::string_view key, std::string_view value) override {
    return stage_.restore(group, key, value);
  }
  Result<void> prepare(const cep::Program& next, cep::EventTime from) override {
    const cep::Duration bound = runtime::with_policy(next.plan(), options_.run).policy.bound;
    if (bound == bound_) return prepare_stage(next, from);
    return fail(Errc::kInvalidArgument,
                fmt::format("the next rules wait {} for late events (`up to … late`), and these {}:"
                            " say the same, or open the stages with \"out_of_orderness\"",
                            cep::format_duration(bound), cep::format_duration(bound_)));
  }

 protected:
  virtual Result<void> prepare_stage(const cep::Program& next, cep::EventTime from) = 0;
  Stage& stage() { return stage_; }
  const Stage& stage() const { return stage_; }
  Result<void> check_room() {
    if (stage_.side_lines().bytes() < output_bytes_max_) return {};
    return fail(Errc::kLimit,
                fmt::format("late and rejected lines that were not taken have more than {} bytes: "
                            "take them with tocsin_stage_take_lines()",
                            output_bytes_max_));
  }

 private:
  Stage stage_;
  std::size_t output_bytes_max_;
  cep::Duration bound_;
  CRunOptions options_;
};

class JudgePart : public FrontPart<runtime::JudgeStage> {
 public:
  using FrontPart::FrontPart;
  std::optional<Result<int>> put_line(std::string_view source, std::string_view line,
                                      std::optional<cep::EventTime> taken_at,
                                      cep::ArrivalNumber arrival) override {
    if (Result<void> room = check_room(); !room) return Result<int>(tl::unexpected(room.error()));
    // No event is ahead of the end of time.
    const Result<runtime::LineOutcome> outcome =
        stage().put_line(source, line, taken_at.value_or(cep::kEventTimeMax), arrival);
    if (!outcome) return Result<int>(tl::unexpected(outcome.error()));
    return outcome_of(*outcome);
  }
  std::optional<cep::EventTime> source_watermark(std::string_view source) override {
    return stage().source_watermark(source);
  }
  bool end_source(std::string_view source) override {
    stage().end_source(source);
    return true;
  }
  Result<void> put(std::string_view /*block*/) override {
    return fail(Errc::kInvalidArgument, "a judge takes lines, and no blocks");
  }
  Result<bool> advance(cep::EventTime watermark, std::size_t /*work_max*/) override {
    stage().advance(watermark);
    return true;
  }
  void count(tocsin_counters& to) const override {
    const runtime::RunSummary& summary = stage().summary();
    to.rows = summary.lines;
    to.late = summary.late;
    to.clamped = summary.clamped;
    to.rejected = summary.dead_letters;
    to.keys = stage().source_count();
  }
  std::string statistics_json() const override {
    const runtime::RunSummary& summary = stage().summary();
    return Json{{"lines", summary.lines},
                {"events", summary.events},
                {"rejected", summary.dead_letters},
                {"unknown", summary.ignored},
                {"late", summary.late},
                {"clamped", summary.clamped},
                {"jumps", summary.jumps},
                {"jumps_rejected", summary.jumps_rejected},
                {"sources", stage().source_count()}}
        .dump();
  }

 protected:
  Result<void> prepare_stage(const cep::Program& next, cep::EventTime from) override {
    return stage().prepare(next, from);
  }
};

class IntakePart : public FrontPart<runtime::IntakeStage> {
 public:
  template <typename... Arguments>
  explicit IntakePart(runtime::JudgesChange changes, const Arguments&... arguments)
      : FrontPart(arguments...), changes_(changes) {}
  std::optional<cep::RestoreReport> take_report() override { return stage().take_report(); }
  const cep::StageChange* awaited() const override { return stage().awaited(); }
  Result<void> put(std::string_view block) override {
    if (Result<void> room = check_room(); !room) return room;
    return stage().put(block);
  }
  Result<bool> advance(cep::EventTime watermark, std::size_t work_max) override {
    return stage().advance(watermark, work_max);
  }
  Result<void> finish_restore() override { return stage().finish_restore(); }
  StageUse waiting() const override { return {stage().waiting(), stage().waiting_bytes()}; }
  StageUse use() const override {
    StageUse use = waiting();
    use.state_bytes = stage().unique().bytes();
    return use;
  }
  std::vector<StageHolder> holders(std::size_t most) override;
  void count(tocsin_counters& to) const override {
    const runtime::RunSummary& summary = stage().summary();
    to.rows = summary.events;
    to.late = summary.late;
    to.clamped = summary.clamped;
    to.rejected = summary.dead_letters;
    to.repeats = summary.repeats;
    to.keys = stage().unique().known();
  }
  std::string statistics_json() const override {
    const runtime::RunSummary& summary = stage().summary();
    return Json{{"events", summary.events},
                {"late", summary.late},
                {"clamped", summary.clamped},
                {"repeats", summary.repeats},
                {"ids", stage().unique().known()},
                {"ids_forgotten", summary.ids_forgotten},
                {"ids_bytes", stage().unique().bytes()},
                {"fields_missing", summary.fields_missing},
                {"values_missing", stage().values_missing()},
                {"waiting", stage().waiting()},
                {"waiting_bytes", stage().waiting_bytes()}}
        .dump();
  }

 protected:
  Result<void> prepare_stage(const cep::Program& next, cep::EventTime from) override {
    return stage().prepare(next, from, changes_);
  }

 private:
  runtime::JudgesChange changes_;
};

// Ids of `unique` types; all take the same.
std::vector<StageHolder> IntakePart::holders(std::size_t most) {
  const runtime::UniqueFilter& ids = stage().unique();
  const auto each =
      static_cast<double>(ids.bytes()) / static_cast<double>(std::max<std::size_t>(1, ids.known()));
  std::vector<StageHolder> holders;
  const std::vector<cep::EventType>& types = stage().program().plan().event_types;
  for (std::size_t type = 0; type < types.size(); ++type) {
    const cep::EventTypeIndex index(type);
    const std::uint64_t count = ids.next_number(index) - ids.first_number(index);
    if (count == 0) continue;
    holders.push_back({fmt::format("ids of `unique` {}", types[type].name),
                       static_cast<std::uint64_t>(each * static_cast<double>(count))});
  }
  std::ranges::stable_sort(holders, std::ranges::greater(), &StageHolder::bytes);
  if (holders.size() > most) holders.resize(most);
  return holders;
}
}  // namespace

bool has_intake_options(int kind) {
  return kind == TOCSIN_STAGE_JUDGE || kind == TOCSIN_STAGE_INTAKE;
}

std::unique_ptr<StagePart> make_front_part(const cep::Program& program, int kind,
                                           std::uint32_t pass, cep::KeyGroupRange own,
                                           const CRunOptions& options,
                                           runtime::JudgesChange changes) {
  if (pass != 0 || !has_intake_options(kind)) return nullptr;
  const runtime::IntakeOptions intake = runtime::with_policy(program.plan(), options.run);
  const runtime::SideLinesOptions side_lines{options.keeps_late, options.keeps_rejected};
  if (kind == TOCSIN_STAGE_JUDGE) {
    return std::make_unique<JudgePart>(program, options, program, intake, side_lines, changes);
  }
  return std::make_unique<IntakePart>(changes, program, options, program, own, intake, side_lines);
}
}  // namespace tocsin::library
