#include "tests/support/line_job.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "cep/stage/alert_merge.h"
#include "cep/stage/hold_engine.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_engine.h"
#include "cep/value/group_range.h"
#include "cep/value/read_position.h"
#include "runtime/stages/intake_stage.h"
#include "runtime/stages/judge_stage.h"
#include "tests/support/line_job_node.h"
#include "tests/support/line_times.h"

namespace tocsin::tests {
namespace {
using namespace line_job;  // NOLINT: the parts of this

class LineJob {
 public:
  LineJob(const cep::Program& program, const std::vector<LinePartition>& partitions,
          const LineJobOptions& options, Random random)
      : program_(program),
        partitions_(partitions),
        options_(options),
        failures_(options.failures),
        random_(random) {
    if (options.begin != nullptr) {
      kept_.entries = options.begin->entries;
      kept_.readings = options.begin->readings;
    }
    kept_.readings.resize(partitions.size());
    if (options_.rules) find_changed_lines();
    begin();
  }

  LineJobOutcome run() {
    while (outcome_.problem.empty() && !outcome_.is_stopped && step()) {
    }
    if (outcome_.is_stopped) return stopped();
    if (outcome_.problem.empty() && nodes_.back().watermark != cep::kEventTimeMax) {
      outcome_.problem = "the job stands still";
    }
    outcome_.alerts = std::move(alerts_);
    std::tie(outcome_.late, outcome_.late_in_intake, outcome_.dead) =
        std::tie(kept_.late, kept_.late_in_intake, kept_.dead);
    for (const Node& node : nodes_) add_side_lines(node, node.late, node.dead);
    return std::move(outcome_);
  }

 private:
  // As of the last cut.
  LineJobOutcome stopped() {
    alerts_.resize(kept_.alerts);
    outcome_.alerts = std::move(alerts_);
    std::tie(outcome_.late, outcome_.late_in_intake, outcome_.dead) =
        std::tie(kept_.late, kept_.late_in_intake, kept_.dead);
    outcome_.state = {kept_.entries, kept_.readings};
    return std::move(outcome_);
  }
  void add_side_lines(const Node& node, const std::vector<std::string>& late,
                      const std::vector<std::string>& dead) {
    std::vector<std::string>& to = node.judge ? outcome_.late : outcome_.late_in_intake;
    to.insert(to.end(), late.begin(), late.end());
    outcome_.dead.insert(outcome_.dead.end(), dead.begin(), dead.end());
  }

  // ---- the graph

  std::uint32_t some_parts() {
    return static_cast<std::uint32_t>(random_.chance(30) ? 1 : random_.between(2, 4));
  }
  void begin() {
    nodes_.clear();
    channels_.clear();
    parts_.clear();
    is_cutting_ = false;
    readings_ = kept_.readings;
    idle_.assign(partitions_.size(), false);
    alerts_.resize(kept_.alerts);
    const cep::SpreadPlan plan = cep::spread_plan(program_);
    add_parts(kJudge, [&](Node& node) {
      node.judge = std::make_unique<runtime::JudgeStage>(
          node.program, options_.intake, runtime::SideLinesOptions{}, judges_change());
      node.is_told |= options_.judges_stay;
    });
    add_parts(kIntake, [&](Node& node) {
      node.intake = std::make_unique<runtime::IntakeStage>(node.program, node.own, options_.intake,
                                                           runtime::SideLinesOptions{});
    });
    std::size_t passes = plan.passes.size();
    if (options_.rules) {
      passes = std::max(passes, cep::spread_plan(options_.rules->next).passes.size());
    }
    for (std::uint32_t pass = 0; pass < passes; ++pass) {
      add_parts({To::kPass, pass}, [&](Node& node) {
        node.pass =
            std::make_unique<cep::StageEngine>(node.program, pass, node.own, random_.next());
        node.pass->track_changes();
      });
      if (!options_.rules && !plan.passes[pass].has_hold) continue;
      add_parts({To::kHold, pass}, [&](Node& node) {
        node.hold = std::make_unique<cep::HoldEngine>(node.program, pass, node.own, random_.next());
        node.hold->track_changes();
      });
    }
    add_parts(kMerge,
              [&](Node& node) { node.merge = std::make_unique<cep::AlertMerge>(node.program); });
    connect_all();
    for (std::size_t p = 0; p < partitions_.size(); ++p) {
      nodes_[random_.below(parts_[kJudge])].partitions.push_back(p);
    }
    if (outcome_.cuts > 0 || options_.begin != nullptr) restore();
    for (const Node& node : nodes_) {  // as readers announce what they have
      for (const std::size_t p : node.partitions) {
        if (!readings_[p].has_ended) node.judge->source_watermark(partitions_[p].name);
      }
    }
  }
  template <typename Make>
  void add_parts(Stage stage, Make&& make) {
    const std::uint32_t parts = parts_[stage] = stage == kMerge ? 1 : some_parts();
    // One that has come to the change may be opened with the rules behind it at once.
    const bool opens_next = has_passed(stage) && random_.chance(40);
    for (std::uint32_t part = 0; part < parts; ++part) {
      const cep::Program& program = opens_next ? options_.rules->next : program_;
      nodes_.push_back({stage, cep::groups_of_part(part, parts), program.with_own_data()});
      Node& node = nodes_.back();
      if (options_.rules && !opens_next) node.next = options_.rules->next.with_own_data();
      node.is_told = !node.next;
      make(node);
    }
  }
  void connect_all() {
    std::map<Stage, std::uint32_t> next;
    for (std::size_t to = 0; to < nodes_.size(); ++to) {
      const Stage stage = nodes_[to].stage;
      const std::uint32_t part = next[stage]++;
      for (Node& node : nodes_) {
        if (!sends_to(node.stage, stage)) continue;
        node.out[{stage, part}] = channels_.size();
        nodes_[to].in.push_back(channels_.size());
        channels_.push_back({to, {}, cep::kEventTimeMin, false});
        if (stage != kMerge) node.outbox()->set_parts(stage, parts_[stage]);
      }
    }
  }

  // ---- what happens

  bool step() {
    std::vector<std::pair<bool, std::size_t>> may;  // a node works, or a channel delivers
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      const Node& node = nodes_[n];
      const bool emits =
          node.judge && (node.watermark < cep::kEventTimeMax || (is_cutting_ && !node.has_barrier));
      if (node.advancing || node.is_writing || emits) may.emplace_back(true, n);
    }
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      if (!channels_[c].items.empty() && !channels_[c].is_blocked) may.emplace_back(false, c);
    }
    if (may.empty()) return false;
    if (failures_ > 0 && random_.chance(outcome_.cuts > outcome_.restored ? 5 : 1)) {
      --failures_;
      if (outcome_.cuts > 0) ++outcome_.restored;
      begin();
      return true;
    }
    const bool judges_go_on = std::ranges::any_of(
        nodes_, [](const Node& node) { return node.judge && node.watermark < cep::kEventTimeMax; });
    if (!is_cutting_ && judges_go_on &&
        random_.chance(options_.failures + options_.stop_after > 0 ? 20 : 2))
      begin_cut();
    const auto [works, place] = random_.pick(may);
    if (!works) {
      deliver(place);
    } else if (nodes_[place].judge && !(nodes_[place].is_writing && random_.chance(50))) {
      emit(nodes_[place]);
    } else {
      work(nodes_[place]);
    }
    return true;
  }

  void emit(Node& node) {
    if (is_cutting_ && !node.has_barrier &&
        (random_.chance(30) || node.watermark == cep::kEventTimeMax)) {
      cut(node);
      return;
    }
    std::vector<std::size_t> open;
    for (const std::size_t p : node.partitions) {
      if (!readings_[p].has_ended) open.push_back(p);
    }
    if (open.empty()) {
      if (node.watermark == cep::kEventTimeMax) return;
      node.judge->advance(cep::kEventTimeMax);
      send_watermark(node, cep::kEventTimeMax);
      return;
    }
    const std::size_t p = random_.pick(open);
    if (options_.may_be_idle && random_.chance(15)) idle_[p] = !idle_[p];
    if (!idle_[p] || random_.chance(10)) read(node, p);
    if (random_.chance(50)) flush(node);
    if (random_.chance(40)) send_own_watermark(node);
  }
  void read(Node& node, std::size_t p) {
    const LinePartition& from = partitions_[p];
    Reading& reading = readings_[p];
    if (random_.chance(20)) tell(node);
    for (std::size_t count = random_.below(6); count > 0; --count) {
      if (options_.rules && reading.next >= first_changed_[p]) tell(node);
      if (reading.next == from.lines.size()) {
        reading.has_ended = true;
        node.judge->end_source(from.name);
        return;
      }
      const auto arrival = cep::arrival_at(cep::ReadPosition::of_line(p, reading.next + 1));
      const auto outcome =
          node.judge->put_line(from.name, from.lines[reading.next++], options_.clock, *arrival);
      if (!outcome) outcome_.problem = outcome.error().message;
    }
  }
  // One less than the least of those that are not idle, if there are any.
  void send_own_watermark(Node& node) {
    cep::EventTime least = cep::kEventTimeMax;
    for (const std::size_t p : node.partitions) {
      if (idle_[p] || readings_[p].has_ended) continue;
      least = std::min(least, node.judge->source_watermark(partitions_[p].name));
    }
    if (least == cep::kEventTimeMin || least == cep::kEventTimeMax) return;
    const cep::EventTime watermark{least.us - 1};
    if (watermark > node.watermark) send_watermark(node, watermark);
  }

  // ---- rules and lists that change

  runtime::JudgesChange judges_change() const {
    return options_.judges_stay ? runtime::JudgesChange::kNo : runtime::JudgesChange::kYes;
  }
  // Whether all that a stage goes on from is behind the change.
  bool has_passed(Stage stage) const {
    if (!options_.rules || outcome_.cuts == 0) return false;
    if (stage == kJudge && (options_.may_be_idle || options_.judges_stay)) return false;
    const auto kept = kept_.watermarks.find(stage);
    return kept != kept_.watermarks.end() && kept->second >= options_.rules->at;
  }
  void tell(Node& node) {
    if (!options_.rules || std::exchange(node.is_told, true)) return;
    const Result<void> told = node.prepare(options_.rules->at, judges_change());
    if (!told) outcome_.problem = "prepare: " + told.error().message;
  }
  void change_data(Node& node) {
    options_.data->apply(node.program.data());
    if (node.next) options_.data->apply(node.next->data());
    node.has_changed = true;
  }
  // A judge is told before it is given an event of the change's time, of either rules.
  void find_changed_lines() {
    const auto& [at, next] = *options_.rules;
    for (const LinePartition& partition : partitions_) {
      first_changed_.push_back(std::min(first_line_from(program_, partition.lines, at),
                                        first_line_from(next, partition.lines, at)));
    }
  }

  void flush(Node& node) {
    node.take_side_lines();
    cep::StageOutbox* const outbox = node.outbox();
    if (outbox == nullptr) return;
    cep::StageBlock block;
    while (outbox->take(block)) {
      const auto to = node.out.find({block.edge, block.part});
      if (to == node.out.end()) {
        outcome_.problem = "a block for nobody";
        return;
      }
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

  void deliver(std::size_t number) {
    Channel& channel = channels_[number];
    Node& node = nodes_[channel.to];
    const Item item = std::move(channel.items.front());
    channel.items.pop_front();
    if (item.kind == Item::Kind::kBlock) {
      Result<void> put = node.put(item.block);
      if (!put && put.error().code == Errc::kMismatch && !node.is_told) {
        tell(node);
        put = node.put(item.block);
      }
      if (!put) outcome_.problem = put.error().message;
    } else if (item.kind == Item::Kind::kWatermark) {
      if (options_.rules && (item.watermark >= options_.rules->at || random_.chance(10))) {
        tell(node);
      }
      channel.watermark = item.watermark;
      begin_advance(node);
    } else {
      channel.is_blocked = true;
      cut_if_aligned(node);
    }
  }

  void begin_advance(Node& node) {
    if (node.advancing) return;
    cep::EventTime least = cep::kEventTimeMax;
    for (const std::size_t channel : node.in) least = std::min(least, channels_[channel].watermark);
    if (least > node.watermark) node.advancing = least;
  }
  void work(Node& node) {
    if (node.is_writing && (!node.advancing || random_.chance(50))) {
      write(node, random_.chance(50) ? 1 : SIZE_MAX);
      return;
    }
    const bool changes = options_.data && !node.has_changed && *node.advancing >= options_.data->at;
    const cep::EventTime watermark =
        changes ? cep::EventTime{options_.data->at.us - 1} : *node.advancing;
    const std::size_t most = random_.pick<std::size_t>({1, 3, 100, 10'000});
    Result<bool> done = true;
    if (node.merge) done = node.merge->advance(watermark, alerts_);
    if (node.intake) done = node.intake->advance(watermark, most);
    if (node.pass) done = node.pass->advance(watermark, most);
    if (node.hold) done = node.hold->advance(watermark, most);
    if (!done) outcome_.problem = done.error().message;
    if (random_.chance(30)) flush(node);
    if (!done || !*done) return;
    if (changes) {
      change_data(node);
      return;
    }
    node.advancing.reset();
    send_watermark(node, watermark);
    begin_advance(node);
    cut_if_aligned(node);
  }

  // ---- cuts, with aligned barriers

  void begin_cut() {
    is_cutting_ = true;
    cutting_ = kept_;
    for (Node& node : nodes_) node.has_barrier = node.is_writing = false;
  }
  void cut_if_aligned(Node& node) {
    const bool is_aligned =
        !node.advancing && !node.in.empty() &&
        std::ranges::all_of(node.in, [&](std::size_t c) { return channels_[c].is_blocked; });
    if (!is_aligned) return;
    for (const std::size_t channel : node.in) channels_[channel].is_blocked = false;
    cut(node);
  }
  void cut(Node& node) {
    flush(node);
    node.entries.clear();
    node.removed.clear();
    node.cleared.clear();
    node.has_barrier = true;
    node.cut_watermark = node.watermark;
    if (node.judge) cutting_.judges_told |= node.is_told;
    node.cut_late = node.late;
    node.cut_dead = node.dead;
    for (const std::size_t p : node.partitions) cutting_.readings[p] = readings_[p];
    if (node.merge) {
      CutSink sink(node, outcome_.problem);
      node.merge->cut(sink);
      cutting_.alerts = alerts_.size();
    } else {
      node.visit_stage([](auto& stage) { stage.begin_cut(); });
      node.is_writing = true;
      send(node, {Item::Kind::kBarrier, {}, {}});
    }
    complete_cut_if_done();
  }
  void write(Node& node, std::size_t bytes) {
    CutSink sink(node, outcome_.problem);
    if (!node.visit_stage([&](auto& stage) { return stage.write_cut(sink, bytes); })) return;
    node.is_writing = false;
    complete_cut_if_done();
  }
  void complete_cut_if_done() {
    const bool is_done = std::ranges::all_of(
        nodes_, [](const Node& node) { return node.has_barrier && !node.is_writing; });
    if (!is_done) return;
    is_cutting_ = false;
    ++outcome_.cuts;
    cutting_.watermarks.clear();
    for (Node& node : nodes_) {
      cutting_.note_watermark(node);
      if (!node.give_cut(cutting_.entries[node.stage])) {
        outcome_.problem = "an entry that no cut had is removed";
      }
      std::vector<std::string>& late = node.judge ? cutting_.late : cutting_.late_in_intake;
      late.insert(late.end(), node.cut_late.begin(), node.cut_late.end());
      cutting_.dead.insert(cutting_.dead.end(), node.cut_dead.begin(), node.cut_dead.end());
    }
    for (Node& node : nodes_) node.forget_cut_lines();
    kept_ = std::move(cutting_);
    outcome_.is_stopped = outcome_.cuts == options_.stop_after;
  }

  void restore() {
    for (Node& node : nodes_) {
      if (outcome_.problem.empty()) restore_node(node);
    }
  }
  void restore_node(Node& node) {
    Written written = written_for(node, kept_.entries[node.stage]);
    std::map<std::uint32_t, std::string>& heads = written.heads;
    std::vector<const Entries::value_type*>& rest = written.rest;
    const auto note = [&](const auto& result) {
      if (!result) outcome_.problem = "restore: " + result.error().message;
    };
    for (std::size_t i = rest.size(); i > 1; --i) std::swap(rest[i - 1], rest[random_.below(i)]);
    const bool tells_first = has_passed(node.stage) || random_.chance(50);
    const bool waits = !node.judge && !has_passed(node.stage) && has_change(heads);
    if (node.judge ? kept_.judges_told : tells_first && (waits || has_passed(node.stage))) {
      tell(node);
    }
    if (waits) ++outcome_.restored_before;
    if (has_passed(node.stage)) ++outcome_.restored_after;
    const auto restore_all = [&](auto&& begin, auto&& one) {
      note(begin());
      if (node.awaited() != nullptr) tell(node);
      for (const Entries::value_type* const entry : rest) {
        if (!outcome_.problem.empty()) return;
        note(one(cep::KeyGroup{entry->first.first}, entry->first.second, entry->second));
        if (!node.intake) continue;
        const bool is_line =
            entry->first.second.front() == static_cast<char>(runtime::FrontEntry::kLine);
        ++(is_line ? outcome_.waiting : outcome_.ids);
      }
    };
    if (node.merge) {
      restore_all([&] { return node.merge->begin_restore(heads[0], written.layout); },
                  [&](cep::KeyGroup, const std::string& key, const std::string& value) {
                    return node.merge->restore(key, value);
                  });
      note(node.merge->finish_restore());
      node.watermark = node.merge->watermark();
      if (options_.data && node.watermark >= options_.data->at) change_data(node);
      return;
    }
    node.visit_stage([&](auto& stage) {
      restore_all(
          [&] {
            const auto report = stage.begin_restore(heads, written.layout);
            node.clears = report && !report->is_same_program;
            return report;
          },
          [&](cep::KeyGroup group, const std::string& key, const std::string& value) {
            return stage.restore(group, key, value);
          });
    });
    if (node.intake) note(node.intake->finish_restore());
    if (node.pass) note(node.pass->finish_restore());
    if (node.hold) note(node.hold->finish_restore());
    if (node.clears) node.visit_stage([](auto& stage) { stage.mark_all_changed(); });
    node.watermark = node.visit_stage([](auto& stage) { return stage.watermark(); });
    if (options_.data && node.watermark >= options_.data->at) change_data(node);
  }

  cep::Program program_;
  const std::vector<LinePartition>& partitions_;
  LineJobOptions options_;
  std::size_t failures_;
  Random random_;
  std::map<Stage, std::uint32_t> parts_;
  std::vector<Node> nodes_;  // judges first, the merge last
  std::vector<Channel> channels_;
  std::vector<Reading> readings_;           // by partition
  std::vector<bool> idle_;                  // partitions that do not hold the watermark
  std::vector<std::size_t> first_changed_;  // by partition: its first line that may be changed
  std::vector<cep::Alert> alerts_;
  bool is_cutting_ = false;
  Kept cutting_;
  Kept kept_;
  LineJobOutcome outcome_;
};
}  // namespace

LineJobOutcome run_line_job(const cep::Program& program,
                            const std::vector<LinePartition>& partitions,
                            const LineJobOptions& options, Random random) {
  return LineJob(program, partitions, options, random).run();
}
}  // namespace tocsin::tests
