#include "cep/stage/engine_job.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/base/byte_codec.h"
#include "cep/compile/program.h"
#include "cep/engine/state_targets.h"
#include "cep/record/state_values.h"
#include "cep/stage/row_groups.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_sender.h"

namespace tocsin::cep {
namespace {
constexpr KeyGroup kOnly;
constexpr KeyGroupRange kAllGroups{0, kKeyGroupCount};
constexpr KeyGroupRange kOnlyRange{0, 1};
constexpr std::size_t kCounts = 7;
// Of what each group of each stage is told of the alerts of the last time.
constexpr std::size_t kGivenBytesMax = std::size_t{256} << 20;

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Errc::kCorrupt, fmt::format("the state is damaged: {}", what));
}
bool is_whole_stage(StageEntry holds) { return holds == StageEntry::kEngine; }
}  // namespace

std::string stage_name(StageEdge edge) {
  if (edge.to == StageEdge::To::kPass) return fmt::format("pass {}", edge.pass);
  if (edge.to == StageEdge::To::kHold) return fmt::format("hold {}", edge.pass);
  return edge.to == StageEdge::To::kAlerts ? "alerts" : "intake";
}

std::string write_globals(const EngineGlobals& globals) {
  std::string bytes = globals.layout;
  ByteWriter to(bytes);
  to.signed_varint(globals.given.time.us);
  for (std::size_t i = 0; i < kCounts; ++i) to.varint(0);
  to.varint(globals.given.counts.size());
  for (const auto& [digest, count] : globals.given.counts) {
    to.text(alert_id(digest));
    to.varint(count);
  }
  to.raw(globals.budgets);
  return bytes;
}

Result<EngineGlobals> read_globals(std::string_view bytes) {
  if (auto known = check_state_format(bytes); !known) return tl::unexpected(known.error());
  ByteReader from(bytes);
  StateLayout layout;
  if (!layout.read(from)) return damaged("the engine's layout");
  EngineGlobals globals;
  globals.layout = bytes.substr(0, bytes.size() - from.left());
  if (!restore_time(from, globals.given.time.us)) return damaged("the engine's watermark");
  for (std::size_t i = 0; i < kCounts; ++i) from.varint();
  for (std::uint64_t left = from.varint_up_to(from.left()); left > 0 && from.ok(); --left) {
    const std::optional<AlertDigest> digest = read_alert_digest(from.text());
    if (!digest) return damaged("the ids of alerts");
    globals.given.counts[*digest] = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  }
  globals.budgets = from.raw(from.left());
  if (!from.ok()) return damaged("the engine's globals");
  return globals;
}

// ---- of an engine

Result<StagesOfEngine> StagesOfEngine::make(const Program& program, std::string_view globals) {
  StagesOfEngine stages(program, std::string(globals));
  Result<EngineGlobals> parts = read_globals(globals);
  if (!parts) return tl::unexpected(parts.error());
  stages.parts_ = *std::move(parts);
  const GivenAt& given = stages.parts_.given;
  if (given.time == kEventTimeMax) {
    return fail(Errc::kConflict,
                "time has ended in this state (--final-watermark): nothing can go on from it");
  }
  stages.time_ = {given.time, given.time != kEventTimeMin};
  ByteReader from(stages.parts_.layout);
  StateLayout layout;
  layout.read(from);
  const ProgramImpl& impl = program.impl();
  const SpreadPlan plan = spread_plan(program);
  stages.is_whole_ = plan.is_whole;
  stages.tables_ = layout.tables.size();
  const StateLayout own = StateLayout::of(impl);
  const StateTargets targets = make_targets(layout, own, impl);
  for (const auto& takers : targets.tables) {
    std::vector<std::uint32_t>& passes = stages.passes_.emplace_back();
    for (const auto& [table, target] : takers) passes.push_back(pass_of(impl.tables[table]));
    std::ranges::sort(passes);
    passes.erase(std::unique(passes.begin(), passes.end()), passes.end());
  }
  for (const std::uint32_t target : targets.values) {
    auto& hold = stages.holds_.emplace_back();
    if (target == StateTargets::kNone) continue;
    const RuleIndex rule(own.values[target].rule);
    hold.emplace(impl.rules[rule.value].pass, group_of_rule(*impl.plan, rule));
  }
  constexpr std::size_t kBytesOfId = sizeof(AlertDigest) + 1;
  const std::size_t told = given.counts.size() * kBytesOfId * kKeyGroupCount;
  if (!stages.is_whole_ &&
      told > kGivenBytesMax / (2 * std::max<std::size_t>(1, plan.passes.size()))) {
    return fail(Errc::kLimit,
                fmt::format("{} alerts were raised at {}, the time that the state stands at, and "
                            "another may be equal to any of them: take one more event of a later "
                            "time first",
                            given.counts.size(), format_time(given.time)));
  }
  return stages;
}

Result<void> StagesOfEngine::begin_part(StageEdge to, StageEntry holds, KeyGroupRange groups,
                                        const std::string& head, const Put& put) const {
  std::string layout;
  ByteReader from(parts_.layout);
  StateLayout of_engine;
  of_engine.read(from);
  layout = stage_layout(program_.impl(), of_engine, holds, {});
  const bool tells =
      !parts_.given.counts.empty() && (holds == StageEntry::kKey || holds == StageEntry::kValues);
  const std::string given = tells ? write_given(parts_.given) : std::string();
  for (std::uint32_t group = groups.begin; group < groups.end; ++group) {
    auto done = put(to, {group}, stage_entry_key(StageEntry::kHead), head);
    if (done) done = put(to, {group}, stage_entry_key(StageEntry::kLayout), layout);
    if (done && tells) done = put(to, {group}, stage_entry_key(StageEntry::kGiven), given);
    if (!done) return done;
  }
  return {};
}

Result<void> StagesOfEngine::begin(const Put& put) const {
  const std::string head = stage_head(time_);
  const StageEdge alerts{StageEdge::To::kAlerts, 0};
  std::string no_budgets;
  ByteWriter(no_budgets).varint(0);
  auto done = begin_part(alerts, StageEntry::kBudgets, kOnlyRange,
                         stage_head({time_.watermark(), false}), put);
  if (done) {
    done = put(alerts, kOnly, stage_entry_key(StageEntry::kBudgets),
               is_whole_ ? no_budgets : parts_.budgets);
  }
  if (done && is_whole_) {
    std::string with_globals;
    ByteWriter to(with_globals);
    to.text(head);
    to.raw(globals_);
    return begin_part({StageEdge::To::kPass, 0}, StageEntry::kEngine, kOnlyRange, with_globals,
                      put);
  }
  const SpreadPlan plan = spread_plan(program_);
  for (std::uint32_t pass = 0; pass < plan.passes.size() && done; ++pass) {
    done = begin_part({StageEdge::To::kPass, pass}, StageEntry::kKey, kAllGroups, head, put);
    if (done && plan.passes[pass].has_hold) {
      done = begin_part({StageEdge::To::kHold, pass}, StageEntry::kValues, kAllGroups, head, put);
    }
  }
  return done;
}

Result<void> StagesOfEngine::put(const StateKey& key, std::string_view value,
                                 const Put& put) const {
  if (key.table >= tables_ + holds_.size()) return damaged("an entry of no table");
  const std::string of_key = stage_entry_key(StageEntry::kKey, key.table, key.key);
  if (is_whole_) return put({StageEdge::To::kPass, 0}, key.group, of_key, value);
  if (key.table >= tables_) {
    const auto& hold = holds_[key.table - tables_];
    if (!hold) return {};
    const auto number = static_cast<std::uint16_t>(key.table - tables_);
    return put({StageEdge::To::kHold, hold->first}, hold->second,
               stage_entry_key(StageEntry::kValues, number, key.key), value);
  }
  for (const std::uint32_t pass : passes_[key.table]) {
    if (auto done = put({StageEdge::To::kPass, pass}, key.group, of_key, value); !done) return done;
  }
  return {};
}

// ---- of stages

Result<void> EngineOfStages::take_head(Stage& stage, StageEdge edge, KeyGroup group,
                                       std::string_view value) {
  const Result<StageHead> head = read_stage_head(value);
  if (!head) return tl::unexpected(head.error());
  if (head->change) {
    return fail(
        Errc::kConflict,
        fmt::format("a change of rules at {} waits in {}: let the job come to that time, or "
                    "go on without the change, and stop it then",
                    format_time(head->change->from), stage_name(edge)));
  }
  if (!stage.times.try_emplace(group.value, head->time).second) {
    return damaged(fmt::format("key group {} comes twice in {}", group.value, stage_name(edge)));
  }
  return {};
}

Result<void> EngineOfStages::collect(StageEdge edge, KeyGroup group, std::string_view key,
                                     std::string_view value) {
  if (key.empty()) return damaged("an entry without a key");
  Stage& stage = stages_[edge];
  switch (static_cast<StageEntry>(key.front())) {
    case StageEntry::kHead: {
      // Whether it is of a program in one part is known once the layout is.
      const Result<StageHead> plain = read_stage_head(value);
      ByteReader from(value);
      const std::string_view head = from.text();
      const bool is_whole = edge == StageEdge{StageEdge::To::kPass, 0} && from.ok() &&
                            read_stage_head(head).has_value() && !plain;
      if (is_whole) whole_ = from.raw(from.left());
      return take_head(stage, edge, group, is_whole ? head : value);
    }
    case StageEntry::kLayout: {
      const Result<StageLayout> layout = read_stage_layout(value);
      if (!layout) return tl::unexpected(layout.error());
      if (stage.layout.empty()) stage.layout = value;
      return {};
    }
    case StageEntry::kWaiting:
    case StageEntry::kWaitingNext:
      return fail(Errc::kConflict,
                  fmt::format("something waits in {} for its turn: stop the job with a savepoint "
                              "of aligned checkpoints, in which nothing is on its way",
                              stage_name(edge)));
    case StageEntry::kGiven: {
      std::optional<GivenAt> given = read_given(value);
      if (!given) return damaged("the ids of alerts");
      given_ = *std::move(given);
      return {};
    }
    case StageEntry::kBudgets:
      budgets_ = value;
      return {};
    case StageEntry::kKey:
    case StageEntry::kValues:
    case StageEntry::kEngine:
      break;
  }
  return {};
}

Result<void> EngineOfStages::finish() {
  std::optional<GroupTime> time;
  std::string layout;
  bool is_whole = false;
  for (const auto& [edge, stage] : stages_) {
    const std::string name = stage_name(edge);
    if (stage.layout.empty()) return damaged(name + " has no layout");
    const Result<StageLayout> read = read_stage_layout(stage.layout);
    if (!read) return tl::unexpected(read.error());
    is_whole = is_whole || is_whole_stage(read->holds);
    const bool is_one = edge.to == StageEdge::To::kAlerts || is_whole_stage(read->holds);
    const std::size_t groups = is_one ? 1 : kKeyGroupCount;
    if (stage.times.size() != groups) {
      return damaged(fmt::format("{} has {} of {} key groups: a part of it is missing", name,
                                 stage.times.size(), groups));
    }
    // Of alerts it may be that of who wrote them first: no entry of theirs needs it.
    const bool is_other = edge.to != StageEdge::To::kAlerts && layout != read->engine;
    if (!layout.empty() && (plan_ != read->plan || is_other)) {
      return damaged(name + " is of other rules than the stages before it");
    }
    plan_ = read->plan;
    if (layout.empty()) layout = read->engine;
    for (const auto& [group, of_group] : stage.times) {
      // Alerts are not open, whatever passes are.
      const bool is_same =
          !time || (edge.to == StageEdge::To::kAlerts ? time->watermark() == of_group.watermark()
                                                      : *time == of_group);
      if (!is_same) {
        return fail(Errc::kConflict,
                    fmt::format("parts of the job have come to different times, {} to {} and "
                                "others to {}: stop the job with a savepoint of aligned "
                                "checkpoints, and export that",
                                name, format_time(of_group.reached), format_time(time->reached)));
      }
      if (!time) time = of_group;
    }
  }
  if (!time) return damaged("it has no pass");
  time_ = *time;
  if (time_.reached == kEventTimeMax) {
    return fail(Errc::kConflict,
                "time has ended in this state: nothing can go on from it; stop the job before its "
                "inputs have ended, with a savepoint and without draining it");
  }
  if (budgets_.empty()) return damaged("the alerts have no state");
  if (!given_.counts.empty() && given_.time != time_.reached) return damaged("the ids of alerts");
  given_.time = time_.reached;
  ByteReader from(layout);
  StateLayout tables;
  if (!tables.read(from) || !from.is_done()) return damaged("its layout");
  tables_ = tables.tables.size();
  if (is_whole) {
    const Result<EngineGlobals> globals = read_globals(whole_);
    if (!globals) return tl::unexpected(globals.error());
    globals_ = whole_;
  } else {
    globals_ = write_globals({std::move(layout), given_, budgets_});
  }
  return {};
}

std::optional<StateKey> EngineOfStages::key_of(StageEdge edge, KeyGroup group,
                                               std::string_view key) const {
  if (edge.to == StageEdge::To::kPass) return read_stage_key(StageEntry::kKey, group, key);
  if (edge.to != StageEdge::To::kHold) return std::nullopt;
  std::optional<StateKey> of = read_stage_key(StageEntry::kValues, group, key);
  if (!of) return std::nullopt;
  of->table = static_cast<std::uint16_t>(of->table + tables_);
  of->group = key_group(of->key);
  return of;
}
}  // namespace tocsin::cep
