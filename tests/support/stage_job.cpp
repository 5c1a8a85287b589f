#include "tests/support/stage_job.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "cep/data/batch.h"
#include "cep/eval/computed.h"
#include "cep/stage/alert_merge.h"
#include "cep/stage/hold_engine.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_engine.h"
#include "cep/stage/stage_source.h"
#include "cep/value/group_range.h"

namespace tocsin::tests {
JobShape random_shape(Random& random, std::uint32_t passes) {
  JobShape shape;
  const auto parts = [&] {
    return static_cast<std::uint32_t>(random.chance(30) ? 1 : random.between(2, 5));
  };
  shape.sources = parts();
  for (std::uint32_t pass = 0; pass < passes; ++pass) {
    shape.passes.push_back(parts());
    shape.holds.push_back(parts());
  }
  return shape;
}

namespace {
using To = cep::StageEdge::To;
// By group and key: what a backend keeps of a stage.
using Entries = std::map<std::pair<std::uint32_t, std::string>, std::string>;

struct Item {
  enum class Kind : std::uint8_t { kBlock, kWatermark, kBarrier };
  Kind kind = Kind::kBlock;
  std::string block;
  cep::EventTime watermark;
};
// From one part to another, in order.
struct Channel {
  std::size_t to = 0;
  std::deque<Item> items;
  cep::EventTime watermark = cep::kEventTimeMin;
  bool is_blocked = false;  // its barrier has come, and others have not
};
// A part of a stage.
struct Node {
  cep::Program program;  // with lists of its own
  std::unique_ptr<cep::StageSource> source = {};
  std::unique_ptr<cep::StageEngine> pass = {};
  std::unique_ptr<cep::HoldEngine> hold = {};
  std::unique_ptr<cep::AlertMerge> merge = {};
  cep::StageEdge edge = {};          // by which it is known; not of a source
  bool has_changed = false;          // its lists
  std::vector<std::size_t> in = {};  // channels
  std::map<std::pair<cep::StageEdge, std::uint32_t>, std::size_t> out = {};
  std::vector<const oracle::PlacedEvent*> events = {};  // of a source
  std::size_t next = 0;
  cep::EventTime watermark = cep::kEventTimeMin;  // that it has sent on
  std::optional<cep::EventTime> advancing = {};
  bool has_barrier = false;  // of the cut in hand
  bool is_writing = false;   // its part of the cut
  Entries put = {};          // by the cut in hand
  std::set<std::pair<std::uint32_t, std::string>> removed = {};

  cep::StageOutbox* outbox() const {
    if (source) return &source->outbox();
    if (pass) return &pass->outbox();
    return hold ? &hold->outbox() : nullptr;
  }
  // Calls `visit` with the pass or the hold.
  template <typename Visit>
  auto with_stage(Visit&& visit) const {
    return pass ? visit(*pass) : visit(*hold);
  }
};

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

 private:
  void twice() { problem_ = "a key comes twice in a cut"; }
  Node& node_;
  std::string& problem_;
};
}  // namespace

class StageJobImpl {
 public:
  StageJobImpl(const cep::Program& program, const std::vector<oracle::PlacedEvent>& events,
               std::size_t failures, const std::optional<DataChange>& change, Random random)
      : program_(program), events_(events), failures_(failures), change_(change), random_(random) {
    begin();
  }

  std::vector<cep::Alert> run() {
    while (problem_.empty() && step()) {
    }
    if (problem_.empty() && nodes_.back().watermark != cep::kEventTimeMax) {
      problem_ = "the job stands still";
    }
    return std::move(alerts_);
  }
  const std::string& problem() const { return problem_; }
  const StageJob::Counts& counts() const { return counts_; }

 private:
  // ---- the graph

  void begin() {
    shape_ = random_shape(random_, program_.impl().pass_count);
    nodes_.clear();
    channels_.clear();
    is_cutting_ = false;
    make_nodes();
    for (const oracle::PlacedEvent& event : events_) {
      if (kept_.sent.contains(&event)) continue;
      nodes_[random_.below(shape_.sources)].events.push_back(&event);
    }
    alerts_.resize(kept_.alerts);
    if (counts_.cuts > 0) restore();
  }

  void make_nodes() {
    const cep::SpreadPlan plan = cep::spread_plan(program_);
    std::map<std::pair<cep::StageEdge, std::uint32_t>, std::size_t> places;
    const auto add = [&](cep::StageEdge edge, std::uint32_t part) -> Node& {
      places[{edge, part}] = nodes_.size();
      nodes_.push_back({program_.with_own_data()});
      nodes_.back().edge = edge;
      return nodes_.back();
    };
    for (std::uint32_t i = 0; i < shape_.sources; ++i) {
      Node& node = nodes_.emplace_back(Node{program_.with_own_data()});
      node.source = std::make_unique<cep::StageSource>(node.program, random_.next());
    }
    for (std::uint32_t pass = 0; pass < plan.passes.size(); ++pass) {
      for (std::uint32_t i = 0; i < shape_.passes[pass]; ++i) {
        Node& node = add({To::kPass, pass}, i);
        node.pass = std::make_unique<cep::StageEngine>(
            node.program, pass, cep::groups_of_part(i, shape_.passes[pass]), random_.next());
        node.pass->track_changes();
      }
      for (std::uint32_t i = 0; plan.passes[pass].has_hold && i < shape_.holds[pass]; ++i) {
        Node& node = add({To::kHold, pass}, i);
        node.hold = std::make_unique<cep::HoldEngine>(
            node.program, pass, cep::groups_of_part(i, shape_.holds[pass]), random_.next());
        node.hold->track_changes();
      }
    }
    add({To::kAlerts, 0}, 0).merge = std::make_unique<cep::AlertMerge>(program_);
    for (std::size_t n = 0; n + 1 < nodes_.size(); ++n) {
      for (const auto& [to, place] : places) {
        if (sends_to(nodes_[n], to.first)) connect(n, to, place);
      }
    }
  }
  static bool sends_to(const Node& node, cep::StageEdge edge) {
    if (edge.to == To::kAlerts) return !node.source;
    if (node.source) return edge.to == To::kPass;
    if (edge.to == To::kHold) return node.pass && edge.pass == node.edge.pass;
    return edge.pass > node.edge.pass;
  }
  void connect(std::size_t from, std::pair<cep::StageEdge, std::uint32_t> to, std::size_t place) {
    nodes_[from].out[to] = channels_.size();
    nodes_[place].in.push_back(channels_.size());
    channels_.push_back({place, {}, cep::kEventTimeMin, false});
    if (to.first.to == To::kAlerts) return;
    const std::vector<std::uint32_t>& parts =
        to.first.to == To::kPass ? shape_.passes : shape_.holds;
    nodes_[from].outbox()->set_parts(to.first, parts[to.first.pass]);
  }

  // ---- what happens

  // Anything that may happen next; false where nothing may.
  bool step() {
    std::vector<std::pair<bool, std::size_t>> may;  // a node works, or a channel delivers
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      const Node& node = nodes_[n];
      const bool emits = node.source && (node.watermark < cep::kEventTimeMax ||
                                         (is_cutting_ && !node.has_barrier));
      if (node.advancing || node.is_writing || emits) may.emplace_back(true, n);
    }
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      if (!channels_[c].items.empty() && !channels_[c].is_blocked) may.emplace_back(false, c);
    }
    if (may.empty()) return false;
    if (failures_ > 0 && random_.chance(counts_.cuts > counts_.restored ? 5 : 1)) {
      --failures_;
      if (counts_.cuts > 0) ++counts_.restored;
      begin();
      return true;
    }
    if (!is_cutting_ && random_.chance(20) && sources_go_on()) begin_cut();
    const auto [works, place] = random_.pick(may);
    if (!works) {
      deliver(place);
    } else if (nodes_[place].source) {
      emit(nodes_[place]);
    } else {
      work(nodes_[place]);
    }
    return true;
  }
  bool sources_go_on() const {
    return std::ranges::any_of(nodes_, [](const Node& node) {
      return node.source && node.watermark < cep::kEventTimeMax;
    });
  }

  void emit(Node& node) {
    if (is_cutting_ && !node.has_barrier &&
        (random_.chance(30) || node.watermark == cep::kEventTimeMax)) {
      for (std::size_t i = 0; i < node.next; ++i) cutting_.sent.insert(node.events[i]);
      node.has_barrier = true;
      send_barrier(node);
      return;
    }
    if (node.watermark == cep::kEventTimeMax) return;
    const std::size_t left = node.events.size() - node.next;
    const std::size_t count = std::min<std::size_t>(left, random_.below(6));
    const cep::Plan& plan = program_.plan();
    cep::Batch batch(plan);
    for (std::size_t i = 0; i < count; ++i) {
      const oracle::PlacedEvent& event = *node.events[node.next];
      if (changes_by(node, event.engine_time)) {
        if (i > 0) break;
        change(node);
      }
      ++node.next;
      std::vector<cep::Value> fields;
      for (const cep::OwnedValue& value : event.fields) fields.push_back(value.view());
      batch.append(plan, event.type, event.engine_time, event.ts,
                   {0, static_cast<std::uint32_t>(event.arrival)}, fields);
      batch.rows.back().equal_number = event.equal_number;
    }
    cep::fill_computed(node.program, batch);
    node.source->put(batch);
    if (random_.chance(50)) flush(node);
    if (node.next < node.events.size() && random_.chance(30)) return;
    cep::EventTime watermark = cep::kEventTimeMax;
    if (node.next < node.events.size()) {
      watermark.us = node.events[node.next]->engine_time.us - 1;
    }
    if (watermark > node.watermark) send_watermark(node, watermark);
  }

  void flush(Node& node) {
    cep::StageOutbox* const outbox = node.outbox();
    if (outbox == nullptr) return;
    cep::StageBlock block;
    while (outbox->take(block)) {
      const auto to = node.out.find({block.edge, block.part});
      if (to == node.out.end()) {
        problem_ = "a block for nobody";
        return;
      }
      if (block.edge.to != To::kAlerts && !node.source) ++counts_.exchanged;
      channels_[to->second].items.push_back({Item::Kind::kBlock, std::move(block.bytes), {}});
    }
  }
  void send(const Node& node, const Item& item) {
    for (const auto& [to, channel] : node.out) channels_[channel].items.push_back(item);
  }
  void send_watermark(Node& node, cep::EventTime watermark) {
    flush(node);
    node.watermark = watermark;
    send(node, {Item::Kind::kWatermark, {}, watermark});
  }
  void send_barrier(Node& node) {
    flush(node);
    send(node, {Item::Kind::kBarrier, {}, {}});
  }

  void deliver(std::size_t number) {
    Channel& channel = channels_[number];
    Node& node = nodes_[channel.to];
    const Item item = std::move(channel.items.front());
    channel.items.pop_front();
    switch (item.kind) {
      case Item::Kind::kBlock:
        put(node, item.block);
        return;
      case Item::Kind::kWatermark:
        channel.watermark = item.watermark;
        begin_advance(node);
        return;
      case Item::Kind::kBarrier:
        channel.is_blocked = true;
        cut_if_aligned(node);
        return;
    }
  }
  void put(Node& node, const std::string& block) {
    const Result<void> put = node.merge ? node.merge->put(block)
                                        : node.with_stage([&](auto& s) { return s.put(block); });
    if (!put) problem_ = put.error().message;
  }

  void begin_advance(Node& node) {
    if (node.advancing) return;
    cep::EventTime least = cep::kEventTimeMax;
    for (const std::size_t channel : node.in) least = std::min(least, channels_[channel].watermark);
    if (least > node.watermark) node.advancing = least;
  }
  // The watermark in hand, or the cut.
  void work(Node& node) {
    if (node.is_writing && (!node.advancing || random_.chance(50))) {
      write(node, random_.chance(50) ? 1 : SIZE_MAX);
      return;
    }
    const bool changes = changes_by(node, *node.advancing);
    const cep::EventTime watermark = changes ? cep::EventTime{change_->at.us - 1} : *node.advancing;
    if (node.merge) {
      node.merge->advance(watermark, alerts_);
    } else {
      const std::size_t most = random_.pick<std::size_t>({1, 3, 100, 10'000});
      const Result<bool> done =
          node.with_stage([&](auto& s) { return s.advance(watermark, most); });
      if (!done) problem_ = done.error().message;
      if (random_.chance(30)) flush(node);
      if (!done || !*done) return;
    }
    if (changes) {
      change(node);
      return;
    }
    node.advancing.reset();
    send_watermark(node, watermark);
    begin_advance(node);
    cut_if_aligned(node);
  }

  // Whether its lists change before it comes to this time.
  bool changes_by(const Node& node, cep::EventTime time) const {
    return change_ && !node.has_changed && !node.merge && time >= change_->at;
  }
  void change(Node& node) {
    change_->apply(node.program.data());
    node.has_changed = true;
  }

  // ---- cuts

  void begin_cut() {
    is_cutting_ = true;
    cutting_ = {kept_.sent, 0, {}};
    for (Node& node : nodes_) node.has_barrier = false;
  }

  void cut_if_aligned(Node& node) {
    const bool is_aligned = !node.advancing && std::ranges::all_of(node.in, [&](std::size_t c) {
      return channels_[c].is_blocked;
    });
    if (!is_aligned || node.in.empty()) return;
    for (const std::size_t channel : node.in) channels_[channel].is_blocked = false;
    flush(node);
    node.put.clear();
    node.removed.clear();
    node.has_barrier = true;
    if (node.merge) {
      CutSink sink(node, problem_);
      node.merge->cut(sink);
      cutting_.alerts = alerts_.size();
      complete_cut_if_done();
    } else {
      node.with_stage([](auto& s) { s.begin_cut(); });
      node.is_writing = true;
      send_barrier(node);
    }
  }
  void write(Node& node, std::size_t bytes) {
    CutSink sink(node, problem_);
    if (!node.with_stage([&](auto& s) { return s.write_cut(sink, bytes); })) return;
    node.is_writing = false;
    complete_cut_if_done();
  }
  void complete_cut_if_done() {
    const bool is_done = std::ranges::all_of(
        nodes_, [](const Node& node) { return node.has_barrier && !node.is_writing; });
    if (!is_done) return;
    is_cutting_ = false;
    ++counts_.cuts;
    std::map<cep::StageEdge, Entries> entries = std::move(kept_.entries);
    for (Node& node : nodes_) {
      if (node.source) continue;
      Entries& of_stage = entries[node.edge];
      for (const auto& place : node.removed) {
        if (of_stage.erase(place) == 0) problem_ = "an entry that no cut had is removed";
      }
      for (auto& [place, value] : node.put) of_stage.insert_or_assign(place, std::move(value));
    }
    cutting_.entries = std::move(entries);
    kept_ = std::move(cutting_);
  }

  void restore() {
    std::map<cep::StageEdge, std::uint32_t> parts;
    for (Node& node : nodes_) {
      if (node.source || !problem_.empty()) continue;
      const std::uint32_t part = parts[node.edge]++;
      const std::uint32_t count = node.merge  ? 1
                                  : node.pass ? shape_.passes[node.edge.pass]
                                              : shape_.holds[node.edge.pass];
      restore_node(node, cep::groups_of_part(part, count));
    }
  }
  void restore_node(Node& node, cep::KeyGroupRange own) {
    const Entries& entries = kept_.entries[node.edge];
    const std::string head_key = cep::stage_entry_key(cep::StageEntry::kHead);
    const std::string layout_key = cep::stage_entry_key(cep::StageEntry::kLayout);
    std::map<std::uint32_t, std::string> heads;
    std::string layout;
    std::vector<const Entries::value_type*> rest;
    for (const auto& entry : entries) {
      const auto& [group, key] = entry.first;
      if (!own.has({group})) continue;
      if (key == head_key) {
        heads[group] = entry.second;
      } else if (key == layout_key) {
        layout = entry.second;
      } else {
        rest.push_back(&entry);
      }
    }
    const auto note = [&](const auto& result) {
      if (!result) problem_ = "restore: " + result.error().message;
    };
    if (node.merge) {
      note(node.merge->begin_restore(heads[0], layout));
    } else {
      node.with_stage([&](auto& s) {
        const auto report = s.begin_restore(heads, layout);
        note(report);
        if (report && !report->is_same_program) problem_ = "the same program is another one";
      });
    }
    for (std::size_t i = rest.size(); i > 1; --i) std::swap(rest[i - 1], rest[random_.below(i)]);
    for (const Entries::value_type* const entry : rest) {
      const cep::KeyGroup group{entry->first.first};
      const std::string& key = entry->first.second;
      if (!problem_.empty()) return;
      if (key.front() == static_cast<char>(cep::StageEntry::kWaiting)) ++counts_.waiting;
      if (node.merge) {
        note(node.merge->restore(key, entry->second));
      } else {
        node.with_stage([&](auto& s) { note(s.restore(group, key, entry->second)); });
      }
    }
    if (!node.merge) node.with_stage([](auto& s) { s.finish_restore(); });
    node.watermark = node.merge ? node.merge->watermark()
                                : node.with_stage([](auto& s) { return s.watermark(); });
    if (changes_by(node, {node.watermark.us + 1})) change(node);
  }

  // A cut that is complete: what the job goes on from.
  struct Kept {
    std::set<const oracle::PlacedEvent*> sent = {};
    std::size_t alerts = 0;
    std::map<cep::StageEdge, Entries> entries = {};
  };
  cep::Program program_;
  const std::vector<oracle::PlacedEvent>& events_;
  std::size_t failures_;
  std::optional<DataChange> change_;
  Random random_;
  JobShape shape_;
  std::vector<Node> nodes_;  // sources first, the merge last
  std::vector<Channel> channels_;
  std::vector<cep::Alert> alerts_;
  bool is_cutting_ = false;
  Kept cutting_;
  Kept kept_;
  std::string problem_;
  StageJob::Counts counts_;
};

StageJob::StageJob(const cep::Program& program, const std::vector<oracle::PlacedEvent>& events,
                   std::size_t failures, const std::optional<DataChange>& change, Random random)
    : impl_(std::make_unique<StageJobImpl>(program, events, failures, change, random)) {}
StageJob::~StageJob() = default;
std::vector<cep::Alert> StageJob::run() { return impl_->run(); }
const std::string& StageJob::problem() const { return impl_->problem(); }
const StageJob::Counts& StageJob::counts() const { return impl_->counts(); }
}  // namespace tocsin::tests
