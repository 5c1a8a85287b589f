/// The parts of a job that tests/support/line_job.h plays, and what goes between them.
#pragma once
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

#include "cep/stage/alert_merge.h"
#include "cep/stage/hold_engine.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_engine.h"
#include "cep/stage/stage_state.h"
#include "cep/value/group_range.h"
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
struct Node {
  Stage stage;
  cep::KeyGroupRange own = {};
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
  bool has_barrier = false;
  bool is_writing = false;
  Entries put = {};
  bool clears = false;  // all of its groups, before the next cut: it is under other rules
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
  // Calls `visit` with what has entries in chunks: all but the merge.
  template <typename Visit>
  auto visit_stage(Visit&& visit) const {
    if (judge) return visit(*judge);
    if (intake) return visit(*intake);
    return pass ? visit(*pass) : visit(*hold);
  }
};
using Reading = LineReading;

class CutSink : public cep::StageSink {
 public:
  CutSink(Node& node, std::string& problem) : node_(node), problem_(problem) {}
  void put(cep::KeyGroup group, std::string_view key, std::string_view value) override {
    if (!node_.put.try_emplace({group.value, std::string(key)}, value).second) twice();
  }
  void remove(cep::KeyGroup group, std::string_view key) override {
    const auto place = std::pair(group.value, std::string(key));
    if (node_.put.contains(place) || !node_.removed.insert(place).second) twice();
  }
  void clear(cep::KeyGroup /*group*/) override { problem_ = "no rules changed"; }

 private:
  void twice() { problem_ = "a key comes twice in a cut"; }
  Node& node_;
  std::string& problem_;
};

inline void append_lines(std::vector<std::string>& to, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    to.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
}
}  // namespace tocsin::tests::line_job
