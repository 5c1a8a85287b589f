/// The parts of a job that tests/support/line_job.h plays, and what goes between them.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/stage/alert_merge.h"
#include "cep/stage/hold_engine.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_engine.h"
#include "cep/stage/stage_state.h"
#include "cep/value/group_range.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"
#include "runtime/stages/intake_stage.h"
#include "runtime/stages/judge_stage.h"
#include "tests/support/line_job.h"
#include "tests/support/stage_entry_map.h"

namespace tocsin::tests::line_job {
using To = cep::StageEdge::To;
// A stage: judges have pass 1 of the edge to the intake, which nobody sends to.
using Stage = cep::StageEdge;
inline constexpr Stage kJudge = kJudgesOfJob;
inline constexpr Stage kIntake{To::kIntake, 0};
inline constexpr Stage kMerge{To::kAlerts, 0};
using Entries = StageEntryMap;

inline bool sends_to(Stage from, Stage to) {
  if (from == kMerge || to == kJudge) return false;
  if (from == kJudge) return to == kIntake;
  if (from == kIntake) return to.to == To::kPass;
  if (to == kMerge) return true;
  if (to == kIntake) return false;
  if (to.to == To::kHold) return from == Stage{To::kPass, to.pass};
  return to.pass > from.pass;
}

struct Item {
  enum class Kind : std::uint8_t { kBlock, kWatermark, kBarrier };
  Kind kind = Kind::kBlock;
  std::string block;
  cep::EventTime watermark;
};
struct Channel {
  std::size_t to = 0;
  std::deque<Item> items;
  cep::EventTime watermark = cep::kEventTimeMin;
  bool is_blocked = false;
};
inline void append_lines(std::vector<std::string>& to, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    to.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
}

struct Node {
  Stage stage;
  cep::KeyGroupRange own = {};
  cep::Program program;                   // with lists of its own
  std::optional<cep::Program> next = {};  // that rules change to
  bool is_told = false;                   // that they do
  bool has_changed = false;               // its lists
  std::unique_ptr<runtime::JudgeStage> judge = {};
  std::unique_ptr<runtime::IntakeStage> intake = {};
  std::unique_ptr<cep::StageEngine> pass = {};
  std::unique_ptr<cep::HoldEngine> hold = {};
  std::unique_ptr<cep::AlertMerge> merge = {};
  std::vector<std::size_t> in = {};
  std::map<std::pair<Stage, std::uint32_t>, std::size_t> out = {};
  std::vector<std::size_t> partitions = {};  // of a judge
  cep::EventTime watermark = cep::kEventTimeMin;
  std::optional<cep::EventTime> advancing = {};
  cep::EventTime cut_watermark = cep::kEventTimeMin;
  bool has_barrier = false;
  bool is_writing = false;
  Entries entries = {};
  bool clears = false;  // all of its groups, before the next cut: it is under other rules
  std::set<std::uint32_t> cleared = {};
  std::set<std::pair<std::uint32_t, std::string>> removed = {};
  // Set aside since the job went on, and of these before the barrier.
  std::vector<std::string> late = {};
  std::vector<std::string> dead = {};
  std::vector<std::string> cut_late = {};
  std::vector<std::string> cut_dead = {};

  cep::StageOutbox* outbox() const {
    if (judge) return &judge->outbox();
    if (intake) return &intake->outbox();
    if (pass) return &pass->outbox();
    return hold ? &hold->outbox() : nullptr;
  }
  Result<void> put(std::string_view block) const {
    if (merge) return merge->put(block);
    if (intake) return intake->put(block);
    return pass ? pass->put(block) : hold->put(block);
  }
  Result<void> prepare(cep::EventTime from, runtime::JudgesChange judges) const {
    if (judge) return judge->prepare(*next, from);
    if (intake) return intake->prepare(*next, from, judges);
    if (pass) return pass->prepare(*next, from);
    return hold ? hold->prepare(*next, from) : merge->prepare(*next, from);
  }
  const cep::StageChange* awaited() const {
    if (intake) return intake->awaited();
    if (pass) return pass->awaited();
    if (hold) return hold->awaited();
    return merge ? merge->awaited() : nullptr;
  }
  // Gives a complete cut to a store; false where an entry is removed that no cut had.
  bool give_cut(Entries& store) {
    const bool clears_all = std::exchange(clears, false);
    if (clears_all)
      std::erase_if(store, [&](const auto& one) { return own.has({one.first.first}); });
    for (const std::uint32_t group : cleared) {
      store.erase(store.lower_bound({group, {}}), store.lower_bound({group + 1, {}}));
    }
    // A key that died since then may be removed from what is cleared.
    bool had_all = true;
    for (const auto& place : removed) had_all &= store.erase(place) == 1 || clears_all;
    for (auto& [place, value] : entries) store.insert_or_assign(place, std::move(value));
    return had_all;
  }
  // What was set aside before the barrier is in the cut, once.
  void forget_cut_lines() {
    late.erase(late.begin(), late.begin() + static_cast<std::ptrdiff_t>(cut_late.size()));
    dead.erase(dead.begin(), dead.begin() + static_cast<std::ptrdiff_t>(cut_dead.size()));
  }
  void take_side_lines() {
    runtime::SideLines* const lines = judge    ? &judge->side_lines()
                                      : intake ? &intake->side_lines()
                                               : nullptr;
    if (lines == nullptr) return;
    append_lines(late, lines->take_late());
    append_lines(dead, lines->take_dead());
  }
  // Calls `visit` with what has entries in chunks: all but the merge.
  template <typename Visit>
  auto visit_stage(Visit&& visit) const {
    if (judge) return visit(*judge);
    if (intake) return visit(*intake);
    return pass ? visit(*pass) : visit(*hold);
  }
};
using Reading = LineReading;

// A cut that is complete: what a job goes on from.
struct Kept {
  std::vector<Reading> readings = {};
  std::size_t alerts = 0;
  std::map<Stage, Entries> entries = {};
  std::vector<std::string> late = {};
  std::vector<std::string> late_in_intake = {};
  std::vector<std::string> dead = {};
  std::map<Stage, cep::EventTime> watermarks = {};
  bool judges_told = false;

  void note_watermark(const Node& node) {
    const auto least = watermarks.try_emplace(node.stage, node.cut_watermark).first;
    least->second = std::min(least->second, node.cut_watermark);
  }
};

// What a part goes on from.
struct Written {
  std::map<std::uint32_t, std::string> heads = {};
  std::string layout = {};
  std::vector<const Entries::value_type*> rest = {};
};
inline Written written_for(const Node& node, const Entries& of_stage) {
  const std::string head_key = cep::stage_entry_key(cep::StageEntry::kHead);
  const std::string layout_key = cep::stage_entry_key(cep::StageEntry::kLayout);
  Written written;
  for (const auto& entry : of_stage) {
    const auto& [group, key] = entry.first;
    if (!node.judge && !node.own.has({group})) continue;
    if (key == head_key) {
      written.heads[group] = entry.second;
    } else if (key == layout_key) {
      written.layout = entry.second;
    } else {
      written.rest.push_back(&entry);
    }
  }
  return written;
}

// Whether a change of rules waits in a state of these heads: they have its digest then.
inline bool has_change(const std::map<std::uint32_t, std::string>& heads) {
  return std::ranges::any_of(
      heads, [](const auto& head) { return head.second.size() > sizeof(cep::Digest); });
}

class CutSink : public cep::StageSink {
 public:
  CutSink(Node& node, std::string& problem) : node_(node), problem_(problem) {}
  void put(cep::KeyGroup group, std::string_view key, std::string_view value) override {
    if (!node_.entries.try_emplace({group.value, std::string(key)}, value).second) twice();
  }
  void remove(cep::KeyGroup group, std::string_view key) override {
    const auto place = std::pair(group.value, std::string(key));
    if (node_.entries.contains(place) || !node_.removed.insert(place).second) twice();
  }
  void clear(cep::KeyGroup group) override {
    const auto first = node_.entries.lower_bound({group.value, {}});
    const bool has_more = first != node_.entries.end() && first->first.first == group.value;
    if (has_more || !node_.cleared.insert(group.value).second) {
      problem_ = "a group is cleared after an entry of it";
    }
  }

 private:
  void twice() { problem_ = "a key comes twice in a cut"; }
  Node& node_;
  std::string& problem_;
};
}  // namespace tocsin::tests::line_job
