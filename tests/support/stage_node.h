/// A part of a stage as StageJob plays it: what it is, and what its cuts gave.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
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
#include "cep/engine/restore_report.h"
#include "cep/stage/alert_merge.h"
#include "cep/stage/hold_engine.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_engine.h"
#include "cep/stage/stage_source.h"
#include "cep/stage/stage_state.h"
#include "cep/value/group_range.h"
#include "cep/value/time.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// Entries of a stage by group and key, without heads and layouts.
using StageEntries = std::map<std::pair<std::uint32_t, std::string>, std::string>;
/// What a backend keeps of a stage. Heads and layouts, of which there are many alike, are kept by
/// group.
struct StageStore {
  std::map<std::uint32_t, std::string> heads = {};
  std::map<std::uint32_t, std::shared_ptr<const std::string>> layouts = {};
  StageEntries entries = {};
  void put(std::uint32_t group, std::string_view key, std::string_view value);
};

struct StageItem {
  enum class Kind : std::uint8_t { kBlock, kWatermark, kBarrier, kChange };
  Kind kind = Kind::kBlock;
  std::string block = {};
  cep::EventTime watermark = {};
};
/// From one part to another, in order.
struct StageChannel {
  std::size_t to = 0;
  std::deque<StageItem> items;
  cep::EventTime watermark = cep::kEventTimeMin;
  bool is_blocked = false;  // its barrier has come, and others have not
};

struct StageNode {
  cep::Program program;                   // with lists of its own
  std::optional<cep::Program> next = {};  // that rules change to
  std::unique_ptr<cep::StageSource> source = {};
  std::unique_ptr<cep::StageEngine> pass = {};
  std::unique_ptr<cep::HoldEngine> hold = {};
  std::unique_ptr<cep::AlertMerge> merge = {};
  cep::StageEdge edge = {};          // by which it is known; not of a source
  cep::KeyGroupRange own = {};       // not of a source
  bool has_changed = false;          // its lists
  bool is_told = false;              // that rules change
  bool has_told = false;             // those behind it
  std::vector<std::size_t> in = {};  // channels
  std::map<std::pair<cep::StageEdge, std::uint32_t>, std::size_t> out = {};
  std::vector<const oracle::PlacedEvent*> events = {};  // of a source
  std::size_t next_event = 0;
  cep::EventTime watermark = cep::kEventTimeMin;  // that it has sent on
  std::optional<cep::EventTime> advancing = {};
  bool has_barrier = false;  // of the cut in hand
  bool is_writing = false;   // its part of the cut
  StageStore put = {};       // by the cut in hand
  std::set<std::pair<std::uint32_t, std::string>> removed = {};
  std::set<std::uint32_t> cleared = {};

  cep::StageOutbox* outbox() const;
  /// Calls `visit` with the pass or the hold.
  template <typename Visit>
  auto with_stage(Visit&& visit) const {
    return pass ? visit(*pass) : visit(*hold);
  }
  Result<void> take(std::string_view block) const;
  Result<void> prepare(const cep::Program& to, cep::EventTime from) const;
  std::optional<cep::RestoreReport> take_report() const;
  /// What the cut in hand gave is put into the store.
  Result<void> apply_cut(StageStore& store);
};

/// Takes a node's cut; says in `problem` what it should not be.
class NodeCutSink : public cep::StageSink {
 public:
  NodeCutSink(StageNode& node, std::string& problem) : node_(node), problem_(problem) {}
  void put(cep::KeyGroup group, std::string_view key, std::string_view value) override;
  void remove(cep::KeyGroup group, std::string_view key) override;
  void clear(cep::KeyGroup group) override;

 private:
  StageNode& node_;
  std::string& problem_;
};

/// "kept rule NAME" and so on, for each line of a report.
std::set<std::string> report_lines(const cep::RestoreReport& report);

/// The entries that a node has of a store: heads, the layout and the others.
struct NodeEntries {
  NodeEntries(const StageStore& store, cep::KeyGroupRange own);
  std::map<std::uint32_t, std::string> heads;
  std::string layout;
  std::vector<const StageEntries::value_type*> rest;
};
/// Restores a fresh node from them, the rest in any order. `prepare` prepares it for a change of
/// rules that the state waits for.
Result<void> restore_node(StageNode& node, NodeEntries entries, Random& random,
                          const std::function<Result<void>()>& prepare);
}  // namespace tocsin::tests
