#include "api/rules/rule_rollout.h"

#include <boost/msm/back/state_machine.hpp>
#include <boost/msm/front/functor_row.hpp>
#include <boost/msm/front/state_machine_def.hpp>

#include "api/base/machine_states.h"
#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
namespace msm = boost::msm;

struct ToDraft {};
struct ToShadow {};
struct ToLive {};
struct ToRetired {};

struct Draft : msm::front::state<> {};
struct Shadow : msm::front::state<> {};
struct Live : msm::front::state<> {};
struct Retired : msm::front::state<> {};

struct Stages : msm::front::state_machine_def<Stages> {
  using initial_state = Draft;
  using no_exception_thrown = int;
  using no_message_queue = int;

  template <typename Source, typename Event, typename Target>
  using Row = msm::front::Row<Source, Event, Target, msm::front::none, msm::front::none>;

  // clang-format off
  struct transition_table : boost::mpl::vector<
    //  state    event      next
    Row<Draft,   ToShadow,  Shadow>,
    Row<Draft,   ToRetired, Retired>,
    Row<Shadow,  ToLive,    Live>,
    Row<Shadow,  ToDraft,   Draft>,
    Row<Shadow,  ToRetired, Retired>,
    Row<Live,    ToShadow,  Shadow>,
    Row<Live,    ToRetired, Retired>,
    Row<Retired, ToDraft,   Draft>
  > {};
  // clang-format on

  template <typename Machine, typename Event>
  void no_transition(const Event&, Machine& machine, int) {
    machine.was_refused = true;
  }

  bool was_refused = false;
};
using Machine = msm::back::state_machine<Stages>;

void give(Machine& machine, RuleStage stage) {
  switch (stage) {
    case RuleStage::kDraft:
      machine.process_event(ToDraft());
      return;
    case RuleStage::kShadow:
      machine.process_event(ToShadow());
      return;
    case RuleStage::kLive:
      machine.process_event(ToLive());
      return;
    case RuleStage::kRetired:
      machine.process_event(ToRetired());
      return;
  }
}

// A machine begins as a draft: the way from there.
std::vector<RuleStage> way_to(RuleStage stage) {
  switch (stage) {
    case RuleStage::kDraft:
      return {};
    case RuleStage::kShadow:
      return {RuleStage::kShadow};
    case RuleStage::kLive:
      return {RuleStage::kShadow, RuleStage::kLive};
    case RuleStage::kRetired:
      return {RuleStage::kRetired};
  }
  TOCSIN_ASSERT(false, "all stages have a way");
}

constexpr Named<RuleStage> kStages[] = {
    {RuleStage::kDraft, "draft"},
    {RuleStage::kShadow, "shadow"},
    {RuleStage::kLive, "live"},
    {RuleStage::kRetired, "retired"},
};
}  // namespace

std::string_view name_of(RuleStage stage) { return name_in(kStages, stage); }

std::optional<RuleStage> rule_stage_named(std::string_view name) {
  return value_named(kStages, name);
}

bool may_become(RuleStage from, RuleStage to) {
  if (from == to) return true;
  Machine machine;
  machine.start();
  for (const RuleStage stage : way_to(from)) give(machine, stage);
  TOCSIN_ASSERT(!machine.was_refused, "the way to each stage is open");
  give(machine, to);
  return !machine.was_refused;
}

std::string text_of(const Rollout& rollout) {
  std::string text(name_of(rollout.stage));
  if (!rollout.share.is_whole()) text += " " + rollout.share.text();
  return text;
}

std::optional<Rollout> parse_rollout(std::string_view text) {
  const std::size_t blank = text.find(' ');
  const std::optional<RuleStage> stage = rule_stage_named(text.substr(0, blank));
  if (!stage) return std::nullopt;
  Rollout rollout{*stage};
  if (blank == std::string_view::npos) return rollout;
  const std::optional<cep::KeyShare> share = cep::KeyShare::parse(text.substr(blank + 1));
  if (!share || *stage != RuleStage::kLive) return std::nullopt;
  rollout.share = *share;
  return rollout;
}

Rollout rollout_of(const std::map<std::string, Rollout>& rollouts, const std::string& rule) {
  const auto found = rollouts.find(rule);
  return found == rollouts.end() ? Rollout() : found->second;
}

std::vector<RuleStage> next_stages(RuleStage from) {
  std::vector<RuleStage> next;
  for (const auto& [stage, name] : kStages) {
    if (stage != from && may_become(from, stage)) next.push_back(stage);
  }
  return next;
}
}  // namespace tocsin::api
