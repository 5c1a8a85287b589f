#include "tests/crash/moments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "cep/data/alert_format.h"
#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "cep/value/identity.h"
#include "rules/context/rules.h"
#include "runtime/journal/list_change.h"
#include "runtime/node/node_commands.h"
#include "tests/support/engine_run.h"

namespace tocsin {
namespace {
constexpr std::string_view kMoment = "moment";
constexpr std::string_view kMomentList = "moment_cards";
constexpr std::size_t kOracleEventsMax = 600;  // more are beyond it

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "crash_oracle: %s\n", message.c_str());
  std::exit(1);
}

std::string read_blob(const std::filesystem::path& blobs, const cep::Digest& digest) {
  std::ifstream in(blobs / cep::hex(digest), std::ios::binary);
  if (!in) die("there is no blob " + cep::hex(digest));
  return {std::istreambuf_iterator<char>(in), {}};
}

bool is_of_moment(const cep::Plan& plan, const cep::Alert& alert) {
  return plan.rules[alert.rule.value].id.starts_with("moment_");
}

// The list's values, where it is there.
std::vector<cep::OwnedValue>* values_of(cep::Plan& plan) {
  const auto list = std::ranges::find(plan.lists, kMomentList, &cep::List::name);
  return list == plan.lists.end() ? nullptr : &list->values;
}

// The texts of ["a","b"]; the harness gives none that need escapes, and none that end.
std::vector<std::string> texts_of(std::string_view json) {
  if (json.find_first_of("\\[", 1) != std::string_view::npos) {
    die("entries that this oracle does not know: " + std::string(json));
  }
  std::vector<std::string> texts;
  for (std::size_t at = json.find('"'); at != std::string_view::npos; at = json.find('"', at + 1)) {
    const std::size_t end = json.find('"', at + 1);
    texts.emplace_back(json.substr(at + 1, end - at - 1));
    at = end;
  }
  return texts;
}

// Rules that are not live for all, as the stages beside the rule files say.
void set_stage(cep::Rule& rule, const std::string& stage) {
  constexpr std::string_view kShare = "live ";
  if (stage == "shadow") {
    rule.status = cep::Status::kShadow;
  } else if (stage.starts_with(kShare)) {
    const auto share = cep::KeyShare::parse(stage.substr(kShare.size()));
    if (!share) die("a share that this oracle does not know: " + stage);
    rule.share = *share;
  } else if (stage != "live") {
    die("a stage that this oracle does not know: " + stage);
  }
}

cep::Plan deployed_plan(const runtime::Command& command, const std::filesystem::path& blobs) {
  constexpr std::string_view kRole = "rules:";
  std::map<std::string, std::string> texts;
  std::vector<std::string> paths;
  std::map<std::string, std::string> stages;
  for (const runtime::BlobReference& blob : command.blobs) {
    if (blob.role == "stages") {
      stages = nlohmann::json::parse(read_blob(blobs, blob.digest))
                   .get<std::map<std::string, std::string>>();
    }
    if (!blob.role.starts_with(kRole)) continue;
    paths.emplace_back(blob.role.substr(kRole.size()));
    texts[paths.back()] = read_blob(blobs, blob.digest);
  }
  const rules::Loaded loaded =
      rules::load(paths, [&](const std::string& path) -> Result<std::string> {
        const auto found = texts.find(path);
        if (found == texts.end()) return fail(Errc::kNotFound, "there is no such file");
        return found->second;
      });
  if (!loaded.rules) die("rules that were deployed do not check");
  cep::Plan plan = *loaded.rules->plan;
  for (cep::Rule& rule : plan.rules) {
    if (const auto stage = stages.find(rule.id); stage != stages.end()) {
      set_stage(rule, stage->second);
    }
  }
  return plan;
}
}  // namespace

Moments::Moments(cep::Plan plan, std::filesystem::path blobs) : blobs_(std::move(blobs)) {
  begin(std::move(plan), 0);
}

void Moments::begin(cep::Plan plan, std::size_t taken) {
  if (std::vector<cep::OwnedValue>* const values = values_of(plan); values && values_) {
    values->clear();
    for (const std::string& text : *values_) values->emplace_back(cep::Value::string(text));
  }
  segments_.push_back({taken, std::move(plan)});
}

void Moments::take(const runtime::Command& command, std::size_t taken) {
  if (command.name == runtime::kDeployCommand) {
    begin(deployed_plan(command, blobs_), taken);
    return;
  }
  if (command.name != runtime::kListCommand) return;
  const Result<runtime::ListCommand> change = runtime::read_list_command(command.arguments);
  if (!change || change->name.is_table || change->name.name != kMomentList) {
    die("a change of another list");
  }
  cep::Plan plan = segments_.back().plan;
  if (!values_) {
    values_.emplace();
    for (const cep::OwnedValue& value : *values_of(plan)) {
      values_->emplace(cep::to_text(value.view()));
    }
  }
  const std::vector<std::string> texts = texts_of(
      command.blobs.empty() ? change->entries : read_blob(blobs_, command.blobs.front().digest));
  switch (change->action) {
    case runtime::ListAction::kReplace:
      values_->clear();
      [[fallthrough]];
    case runtime::ListAction::kAdd:
      values_->insert(texts.begin(), texts.end());
      break;
    case runtime::ListAction::kRemove:
      for (const std::string& text : texts) values_->erase(text);
      break;
    case runtime::ListAction::kReset:
      die("a list that was reset");
  }
  begin(std::move(plan), taken);
}

std::vector<Moments::Raised> Moments::raised(const cep::Plan& plan,
                                             const std::vector<oracle::PlacedEvent>& placed,
                                             cep::EventTime end, std::string& by) const {
  std::vector<cep::Alert> alerts;
  std::optional<oracle::Outcome> outcome;
  if (placed.size() <= kOracleEventsMax) {
    outcome = oracle::evaluate(plan, placed, {.bound = {}, .end = end, .work_max = 300'000});
  }
  if (outcome) {
    by = "oracle";
    alerts = std::move(outcome->alerts);
  } else {
    // The engine without any of what is tested answers.
    by = "engine";
    const auto program = cep::compile(std::make_shared<const cep::Plan>(plan), {});
    if (!program) die(program.error().message);
    alerts = tests::run_engine(*program, placed, end, {.rows = 500});
  }
  std::vector<Raised> raised;
  for (cep::Alert& alert : alerts) {
    const cep::Rule& rule = plan.rules[alert.rule.value];
    if (rule.status != cep::Status::kLive || !rule.share.has(alert.order.key)) continue;
    std::string line = cep::format_alert(plan, alert);
    raised.push_back({std::move(alert), std::move(line)});
  }
  return raised;
}

Moments::Outcome Moments::evaluate(const std::vector<oracle::PlacedEvent>& placed,
                                   const std::map<std::size_t, std::size_t>& taken_before,
                                   cep::EventTime end) const {
  Outcome outcome;
  const cep::Plan& first = segments_.front().plan;
  std::vector<Raised> all = raised(first, placed, end, outcome.by);
  if (segments_.size() > 1) {
    std::erase_if(all, [&](const Raised& one) { return is_of_moment(first, one.alert); });
    // Ids are unique, and nothing but the event itself counts: those of one segment are enough.
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      const cep::Plan& plan = segments_[i].plan;
      const std::size_t next =
          i + 1 < segments_.size() ? segments_[i + 1].begin : static_cast<std::size_t>(-1);
      std::vector<oracle::PlacedEvent> here;
      for (const oracle::PlacedEvent& event : placed) {
        const std::size_t taken = taken_before.at(event.arrival);
        const bool is_here = taken >= segments_[i].begin && taken < next;
        if (!is_here || first.event_types[event.type.value].name != kMoment) continue;
        // Other rules have their types in another order.
        here.push_back(event);
        const auto type = std::ranges::find(plan.event_types, kMoment, &cep::EventType::name);
        here.back().type.value = static_cast<std::uint32_t>(type - plan.event_types.begin());
      }
      std::string by;
      for (Raised& one : raised(plan, here, end, by)) {
        if (is_of_moment(plan, one.alert)) all.push_back(std::move(one));
      }
    }
    std::ranges::stable_sort(
        all, {}, [](const Raised& one) -> const cep::OrderKey& { return one.alert.order; });
  }
  for (Raised& one : all) outcome.lines.push_back(std::move(one.line));
  return outcome;
}
}  // namespace tocsin
