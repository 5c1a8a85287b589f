#include "tests/support/stage_job.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cep/data/batch.h"
#include "cep/eval/computed.h"
#include "cep/stage/alert_merge.h"
#include "cep/stage/hold_engine.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_engine.h"
#include "cep/stage/stage_source.h"
#include "cep/value/group_range.h"
#include "tests/support/stage_node.h"

namespace tocsin::tests {
JobShape random_shape(Random& random, std::uint32_t passes) {
  JobShape shape;
  const auto parts = [&] {
    return static_cast<std::uint32_t>(random.chance(45)   ? 1
                                      : random.chance(70) ? random.between(2, 3)
                                                          : random.between(4, 5));
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
using Item = StageItem;
using Channel = StageChannel;
using Node = StageNode;
}  // namespace

class StageJobImpl {
 public:
  StageJobImpl(const cep::Program& program, const std::vector<oracle::PlacedEvent>& events,
               std::size_t failures, const JobChanges& changes, Random random)
      : program_(program),
        events_(events),
        failures_(failures),
        change_(changes.data),
        rules_(changes.rules),
        random_(random) {
    const auto add_holds = [&](const cep::Program& of) {
      const cep::SpreadPlan plan = cep::spread_plan(of);
      has_hold_.resize(std::max(has_hold_.size(), plan.passes.size()), false);
      for (std::size_t i = 0; i < plan.passes.size(); ++i) {
        if (plan.passes[i].has_hold) has_hold_[i] = true;
      }
    };
    add_holds(program_);
    if (rules_) add_holds(rules_->next);
    if (random_.chance(5)) has_hold_.push_back(true);
    fails_behind_ = random_.chance(50);
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
  const std::set<std::string>& report() const { return report_; }

 private:
  // ---- the graph

  void begin() {
    shape_ = random_shape(random_, static_cast<std::uint32_t>(has_hold_.size()));
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
  // A program with lists of its own, as they are at a node.
  cep::Program own(const cep::Program& program, bool has_changed) const {
    if (!change_) return program;
    cep::Program own = program.with_own_data();
    if (has_changed) change_->apply(own.data());
    return own;
  }
  // A node that begins under the rules before a change, or, where what it goes on from is past it,
  // perhaps under those after it.
  Node make_node() {
    const bool is_past = rules_ && counts_.cuts > 0 && kept_.watermark >= rules_->at;
    const bool is_next = is_past && random_.chance(50);
    Node node{own(is_next ? rules_->next : program_, false)};
    node.is_told = is_next;
    return node;
  }

  void make_nodes() {
    std::map<std::pair<cep::StageEdge, std::uint32_t>, std::size_t> places;
    const auto add = [&](cep::StageEdge edge, std::uint32_t part, std::uint32_t parts) -> Node& {
      places[{edge, part}] = nodes_.size();
      nodes_.push_back(make_node());
      nodes_.back().edge = edge;
      nodes_.back().own = cep::groups_of_part(part, parts);
      return nodes_.back();
    };
    for (std::uint32_t i = 0; i < shape_.sources; ++i) {
      Node& node = nodes_.emplace_back(make_node());
      node.source = std::make_unique<cep::StageSource>(node.program, random_.next());
    }
    for (std::uint32_t pass = 0; pass < has_hold_.size(); ++pass) {
      for (std::uint32_t i = 0; i < shape_.passes[pass]; ++i) {
        Node& node = add({To::kPass, pass}, i, shape_.passes[pass]);
        node.pass =
            std::make_unique<cep::StageEngine>(node.program, pass, node.own, random_.next());
        node.pass->track_changes();
      }
      for (std::uint32_t i = 0; has_hold_[pass] && i < shape_.holds[pass]; ++i) {
        Node& node = add({To::kHold, pass}, i, shape_.holds[pass]);
        node.hold = std::make_unique<cep::HoldEngine>(node.program, pass, node.own, random_.next());
        node.hold->track_changes();
      }
    }
    Node& last = add({To::kAlerts, 0}, 0, 1);
    last.merge = std::make_unique<cep::AlertMerge>(last.program);
    for (std::size_t n = 0; n + 1 < nodes_.size(); ++n) {
      for (const auto& [to, place] : places) {
        if (sends_to(nodes_[n], to.first)) connect(n, to, place);
      }
    }
    // What goes on from state that is past a change may know it from the beginning.
    for (Node& node : nodes_) {
      if (node.source && rules_ && counts_.cuts > 0 && kept_.watermark >= rules_->at) tell(node);
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
    if (may_fail() && random_.chance(counts_.cuts > counts_.restored ? 5 : 1)) {
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
  // The last failure of some jobs comes behind a change of rules.
  bool may_fail() const {
    const bool is_kept = rules_ && fails_behind_ && kept_.watermark < rules_->at;
    return failures_ > (is_kept ? 1 : 0);
  }
  bool sources_go_on() const {
    return std::ranges::any_of(nodes_, [](const Node& node) {
      return node.source && node.watermark < cep::kEventTimeMax;
    });
  }

  void emit(Node& node) {
    if (is_cutting_ && !node.has_barrier &&
        (random_.chance(30) || node.watermark == cep::kEventTimeMax)) {
      for (std::size_t i = 0; i < node.next_event; ++i) cutting_.sent.insert(node.events[i]);
      node.has_barrier = true;
      send_barrier(node);
      return;
    }
    if (node.watermark == cep::kEventTimeMax) return;
    const std::size_t left = node.events.size() - node.next_event;
    const std::size_t count = std::min<std::size_t>(left, random_.below(6));
    if (rules_ && random_.chance(10)) tell(node);
    if (count > 0) put_events(node, count);
    if (random_.chance(50)) flush(node);
    if (node.next_event < node.events.size() && random_.chance(30)) return;
    cep::EventTime watermark = cep::kEventTimeMax;
    if (node.next_event < node.events.size()) {
      watermark.us = node.events[node.next_event]->engine_time.us - 1;
    }
    if (watermark <= node.watermark) return;
    if (rules_ && watermark >= rules_->at) tell(node);
    if (node.source->advance(watermark)) node.program = *std::exchange(node.next, std::nullopt);
    send_watermark(node, watermark);
  }

  // The next events, as many as are of one program and lists.
  void put_events(Node& node, std::size_t count) {
    const cep::EventTime first = node.events[node.next_event]->engine_time;
    if (changes_by(node, first)) change(node);
    if (rules_ && first >= rules_->at) tell(node);
    const std::optional<cep::EventTime> from = node.source->change_from();
    const bool is_next = from && first >= *from;
    const cep::Program& program = is_next ? *node.next : node.program;
    const cep::Plan& plan = program.plan();
    cep::Batch batch(plan);
    for (std::size_t i = 0; i < count; ++i, ++node.next_event) {
      const oracle::PlacedEvent& event = *node.events[node.next_event];
      if (changes_by(node, event.engine_time)) break;
      if (rules_ && first < rules_->at && event.engine_time >= rules_->at) break;
      std::vector<cep::Value> fields;
      for (const cep::OwnedValue& value : event.fields) fields.push_back(value.view());
      batch.append(plan, event.type, event.engine_time, event.ts,
                   {0, static_cast<std::uint32_t>(event.arrival)}, fields);
      batch.rows.back().equal_number = event.equal_number;
    }
    cep::fill_computed(program, batch);
    if (is_next) {
      node.source->put_next(batch);
    } else {
      node.source->put(batch);
    }
  }

  // Rules change: prepares the node, and tells those behind it.
  void tell(Node& node) {
    if (!node.is_told) prepare(node);
    if (std::exchange(node.has_told, true)) return;
    flush(node);
    send(node, {Item::Kind::kChange});
  }
  void prepare(Node& node) {
    node.is_told = true;
    node.next = own(rules_->next, node.has_changed);
    if (const Result<void> prepared = node.prepare(*node.next, rules_->at); !prepared) {
      problem_ = "prepare: " + prepared.error().message;
    }
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
      case Item::Kind::kChange:
        tell(node);
        return;
    }
  }
  void put(Node& node, const std::string& block) {
    if (const Result<void> put = node.take(block); !put) problem_ = put.error().message;
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
      if (!node.merge->advance(watermark, alerts_)) return;
    } else {
      const std::size_t most = random_.pick<std::size_t>({1, 3, 100, 10'000});
      const Result<bool> done =
          node.with_stage([&](auto& s) { return s.advance(watermark, most); });
      if (!done) problem_ = done.error().message;
      if (random_.chance(30)) flush(node);
      if (const auto report = node.take_report()) report_.merge(report_lines(*report));
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
    if (node.next) change_->apply(node.next->data());
    node.has_changed = true;
  }

  // ---- cuts

  void begin_cut() {
    is_cutting_ = true;
    cutting_ = {kept_.sent, 0, {}, {}};
    for (Node& node : nodes_) node.has_barrier = false;
  }

  void cut_if_aligned(Node& node) {
    const bool is_aligned = !node.advancing && std::ranges::all_of(node.in, [&](std::size_t c) {
      return channels_[c].is_blocked;
    });
    if (!is_aligned || node.in.empty()) return;
    for (const std::size_t channel : node.in) channels_[channel].is_blocked = false;
    flush(node);
    node.put = {};
    node.removed.clear();
    node.cleared.clear();
    node.has_barrier = true;
    if (node.merge) {
      NodeCutSink sink(node, problem_);
      node.merge->cut(sink);
      cutting_.alerts = alerts_.size();
      cutting_.watermark = node.watermark;
      complete_cut_if_done();
    } else {
      node.with_stage([](auto& s) { s.begin_cut(); });
      node.is_writing = true;
      send_barrier(node);
    }
  }
  void write(Node& node, std::size_t bytes) {
    NodeCutSink sink(node, problem_);
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
    std::map<cep::StageEdge, StageStore> entries = std::move(kept_.entries);
    for (Node& node : nodes_) {
      if (node.source) continue;
      if (auto applied = node.apply_cut(entries[node.edge]); !applied) {
        problem_ = applied.error().message;
      }
    }
    cutting_.entries = std::move(entries);
    kept_ = std::move(cutting_);
  }

  void restore() {
    for (Node& node : nodes_) {
      if (node.source || !problem_.empty()) continue;
      restore(node);
    }
  }
  void restore(Node& node) {
    NodeEntries entries(kept_.entries[node.edge], node.own);
    const bool is_past = rules_ && kept_.watermark >= rules_->at;
    if (is_past) ++counts_.restored_after;
    // Past the change, a node of the rules before is told of it first; before it, it may be.
    if (rules_ && !node.is_told && (is_past || random_.chance(30))) prepare(node);
    const auto waits = [&](cep::StageEntry kind) {
      return static_cast<std::size_t>(std::ranges::count_if(entries.rest, [&](const auto* entry) {
        return entry->first.second.front() == static_cast<char>(kind);
      }));
    };
    counts_.waiting += waits(cep::StageEntry::kWaiting);
    counts_.waiting_next += waits(cep::StageEntry::kWaitingNext);
    const Result<void> restored =
        restore_node(node, std::move(entries), random_, [&]() -> Result<void> {
          ++counts_.restored_before;
          prepare(node);
          return {};
        });
    if (!restored) problem_ = "restore: " + restored.error().message;
    node.watermark = node.merge ? node.merge->watermark()
                                : node.with_stage([](auto& s) { return s.watermark(); });
    if (changes_by(node, {node.watermark.us + 1})) change(node);
  }

  // A cut that is complete: what the job goes on from.
  struct Kept {
    std::set<const oracle::PlacedEvent*> sent = {};
    std::size_t alerts = 0;
    std::map<cep::StageEdge, StageStore> entries = {};
    cep::EventTime watermark = cep::kEventTimeMin;  // to which all stages had come
  };
  cep::Program program_;
  const std::vector<oracle::PlacedEvent>& events_;
  std::size_t failures_;
  bool fails_behind_ = false;
  std::optional<DataChange> change_;
  std::optional<RuleChange> rules_;
  std::vector<bool> has_hold_;  // by pass that there is room for
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
  std::set<std::string> report_;
};

StageJob::StageJob(const cep::Program& program, const std::vector<oracle::PlacedEvent>& events,
                   std::size_t failures, const JobChanges& changes, Random random)
    : impl_(std::make_unique<StageJobImpl>(program, events, failures, changes, random)) {}
StageJob::~StageJob() = default;
std::vector<cep::Alert> StageJob::run() { return impl_->run(); }
const std::string& StageJob::problem() const { return impl_->problem(); }
const StageJob::Counts& StageJob::counts() const { return impl_->counts(); }
const std::set<std::string>& StageJob::report() const { return impl_->report(); }
}  // namespace tocsin::tests
