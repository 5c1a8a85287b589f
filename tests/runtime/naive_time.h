/// The rules of time by definition, for comparison with an intake.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/event_time/intake.h"
#include "tests/runtime/intake_script.h"

namespace tocsin::tests {
/// The rules of time by definition: every watermark after every event, every row in one list.
class NaiveTime {
 public:
  explicit NaiveTime(const Script& script) : script_(script) {}

  void take(std::size_t index) {
    const Step& step = script_.steps[index];
    for (std::size_t i = 0; i < step.lines.size(); ++i) take_line(step, index, i);
    if (step.decision) decide(step);
    if (step.policy) {
      Source& source = open(*step.source);
      if (step.policy->late == runtime::LatePolicy::kClamp) take_all_jumped(source);
      source.policy = *step.policy;
      if (source.newest) {
        source.watermark = std::max(source.watermark, *source.newest - source.policy.bound);
      }
      move();
    }
    take_overtaken();
  }
  void finish() {
    for (auto& [index, source] : sources_) take_jumped(source, cep::kEventTimeMax);
  }
  cep::EventTime watermark() const { return watermark_; }

  // Sorted, repeats left out, numbered.
  std::vector<std::string> rows() {
    std::ranges::sort(rows_, {}, &Row::arrival);
    std::ranges::stable_sort(rows_, {}, &Row::time);
    std::vector<const Row*> given;
    for (const Row& row : rows_) {
      if (!is_repeat(row)) given.push_back(&row);
    }
    std::vector<std::string> texts;
    for (auto row = given.begin(); row != given.end(); ++row) {
      const auto is_equal = [&](const Row* other) {
        return (*row)->line->is_login && other->time == (*row)->time &&
               other->line->row == (*row)->line->row;
      };
      texts.push_back(fmt::format("{} {} #{}", (*row)->place, (*row)->line->row,
                                  std::count_if(given.begin(), row, is_equal)));
    }
    return texts;
  }
  std::vector<std::string> late, dead;
  std::uint64_t clamped = 0;
  std::uint64_t jumps = 0;
  std::uint64_t jumps_rejected = 0;

 private:
  enum class State { kActive, kIdle, kEnded };
  struct Arrived {
    const ScriptLine* line = nullptr;
    std::size_t step = 0;
    std::size_t place = 0;
    cep::EventTime clock;
    cep::EventTime jumped_from = {};
    int against = 0;
    std::string where() const {
      return fmt::format("{}:{} {}.{}", source_name(line->source), step * 10 + place, step + 1,
                         place);
    }
  };
  struct Source {
    runtime::SourcePolicy policy;
    State state = State::kActive;
    cep::EventTime watermark;
    std::optional<cep::EventTime> newest;
    cep::EventTime newest_at;
    std::vector<Arrived> jumped;  // and not confirmed yet
    bool did_last_jump = false;
    cep::EventTime reached() const { return std::max(*newest, watermark + policy.bound); }
  };
  struct Row {
    cep::EventTime time;
    std::size_t arrival = 0;
    std::string place;
    const ScriptLine* line = nullptr;
  };

  Source& open(std::size_t index) {
    const auto [at, is_new] = sources_.try_emplace(index);
    if (is_new) {
      at->second.policy = script_.options.policy;
      at->second.watermark = watermark_;
    }
    return at->second;
  }
  void wake(Source& source) {
    source.state = State::kActive;
    source.watermark = std::max(source.watermark, watermark_);
  }
  void move() {
    std::optional<cep::EventTime> least;
    for (const auto& [index, source] : sources_) {
      if (source.state != State::kActive) continue;
      least = least ? std::min(*least, source.watermark) : source.watermark;
    }
    if (least) watermark_ = std::max(watermark_, *least);
  }

  void take_line(const Step& step, std::size_t index, std::size_t place) {
    const ScriptLine& line = step.lines[place];
    Source& source = open(line.source);
    if (source.state != State::kActive) {
      take_overtaken();
      wake(source);
    }
    move();
    const std::string where =
        fmt::format("{}:{} {}.{}", source_name(line.source), index * 10 + place, index + 1, place);
    if (!line.is_event) {
      dead.push_back(where + " no event time `ts` of `login`");
      return;
    }
    if (script_.options.ahead_max && line.ts - step.clock > *script_.options.ahead_max) {
      dead.push_back(
          fmt::format("{} event time `{}` of `{}` is more than {} ahead of the clock: {}", where,
                      line.is_login ? "ts" : "at", line.is_login ? "login" : "ping",
                      cep::format_duration(*script_.options.ahead_max), cep::format_time(line.ts)));
      return;
    }
    const Arrived arrived{&line, index, place, step.clock};
    if (!must_wait(source, arrived)) place_line(source, arrived);
  }

  bool does_jump(const Source& source, cep::EventTime ts) const {
    return script_.options.jump_max && source.policy.late == runtime::LatePolicy::kSide &&
           source.newest && ts - source.reached() > *script_.options.jump_max;
  }
  // The rule, event by event: what `arrived` says about those that wait, then about itself.
  bool must_wait(Source& source, const Arrived& arrived) {
    const cep::EventTime ts = arrived.line->ts;
    if (!source.jumped.empty() && source.policy.late == runtime::LatePolicy::kSide) {
      const cep::Duration jump_max = *script_.options.jump_max;
      const bool jumps_too = does_jump(source, ts);
      const auto is_with = [&](const Arrived& other) {
        const cep::Duration behind = other.line->ts - ts;
        return behind <= source.policy.bound || (jumps_too && behind <= jump_max);
      };
      std::vector<Arrived> confirmed;
      std::vector<Arrived> waiting;
      const Arrived last = source.jumped.back();
      const bool has_moved = source.did_last_jump && is_with(last);
      for (Arrived one : source.jumped) {
        if ((has_moved && one.line->ts - last.line->ts <= jump_max) ||
            (!jumps_too && one.line->ts <= ts)) {
          confirmed.push_back(one);
          continue;
        }
        one.against += is_with(one) ? 0 : 1;
        if (one.against < 3) {
          waiting.push_back(one);
          continue;
        }
        ++jumps_rejected;
        dead.push_back(fmt::format(
            "{} event time is more than {} ahead of the events before it, and 3 events after it "
            "were not: {}, from {}",
            one.where(), cep::format_duration(jump_max), cep::format_time(one.line->ts),
            cep::format_time(one.jumped_from)));
      }
      source.jumped = waiting;
      for (const Arrived& one : confirmed) place_line(source, one);
    }
    source.did_last_jump = does_jump(source, ts);
    if (!source.did_last_jump) return false;
    ++jumps;
    source.jumped.push_back(arrived);
    source.jumped.back().jumped_from = source.reached();
    return true;
  }
  void take_jumped(Source& source, cep::EventTime until) {
    std::vector<Arrived> due;
    for (const Arrived& one : source.jumped) {
      if (one.line->ts <= until) due.push_back(one);
    }
    if (due.empty()) return;
    if (source.jumped.back().line->ts <= until) source.did_last_jump = false;
    std::erase_if(source.jumped, [&](const Arrived& one) { return one.line->ts <= until; });
    std::ranges::stable_sort(due, {}, [](const Arrived& one) { return one.line->ts; });
    for (const Arrived& one : due) place_line(source, one);
  }
  // As lines that come now, and wake who is idle.
  void take_all_jumped(Source& source) {
    if (source.jumped.empty()) return;
    const State state = source.state;
    if (state != State::kActive) wake(source);
    take_jumped(source, cep::kEventTimeMax);
    source.state = state;
  }
  void take_overtaken() {
    for (auto& [index, source] : sources_) {
      if (source.state != State::kActive) take_jumped(source, watermark_);
    }
  }
  void take_in_silence(Source& source, cep::EventTime clock) {
    if (source.jumped.empty()) return;
    cep::EventTime reached = source.reached();
    if (clock > source.newest_at) {
      reached = std::max(reached, std::min(clock, *source.newest + (clock - source.newest_at)));
    }
    take_jumped(source, reached + *script_.options.jump_max);
  }

  void place_line(Source& source, const Arrived& arrived) {
    const ScriptLine& line = *arrived.line;
    const std::string where = arrived.where();
    cep::EventTime time = line.ts;
    if (line.ts < source.watermark) {
      const cep::Duration by = source.watermark - line.ts;
      if (source.policy.late == runtime::LatePolicy::kSide ||
          (source.policy.late_max && by > *source.policy.late_max)) {
        late.push_back(fmt::format("{} {} by {}", where, line.ts.us, by.us));
        return;
      }
      time = source.watermark;
      ++clamped;
    } else {
      source.watermark = std::max(source.watermark, line.ts - source.policy.bound);
      if (!source.newest || line.ts > *source.newest) {
        source.newest = line.ts;
        source.newest_at = arrived.clock;
      }
    }
    move();
    rows_.push_back(
        {time, arrived.step * 10 + arrived.place,
         fmt::format("{}/{}/{}.{}", time.us, line.ts.us, arrived.step + 1, arrived.place), &line});
  }

  void decide(const Step& step) {
    take_overtaken();
    switch (*step.decision) {
      case runtime::DecisionKind::kAwake:
        wake(open(*step.source));
        break;
      case runtime::DecisionKind::kIdle:
      case runtime::DecisionKind::kEnded:
        if (const auto at = sources_.find(*step.source); at != sources_.end()) {
          Source& source = at->second;
          if (*step.decision == runtime::DecisionKind::kEnded) {
            take_all_jumped(source);
            source.state = State::kEnded;
          } else if (source.state == State::kActive) {
            take_in_silence(source, step.clock);
            source.state = State::kIdle;
          }
        }
        break;
      case runtime::DecisionKind::kHeartbeat:
        heartbeat(step);
        break;
    }
    move();
  }
  void heartbeat(const Step& step) {
    if (step.source && !sources_.contains(*step.source)) return;
    for (auto& [index, source] : sources_) {
      if (!step.source || *step.source == index) take_in_silence(source, step.clock);
    }
    std::optional<cep::EventTime> least, furthest;
    bool is_held = false;
    for (auto& [index, source] : sources_) {
      if (source.state == State::kEnded) continue;
      is_held = is_held || source.state == State::kActive;
      if (!source.newest) continue;
      const cep::EventTime now =
          std::min(step.clock, *source.newest + (step.clock - source.newest_at));
      if ((!step.source || *step.source == index) && step.clock > source.newest_at) {
        source.watermark = std::max(source.watermark, now - source.policy.bound);
      }
      furthest = furthest ? std::max(*furthest, source.watermark) : source.watermark;
      if (source.state == State::kActive)
        least = least ? std::min(*least, source.watermark) : source.watermark;
    }
    if (!is_held && furthest) watermark_ = std::max(watermark_, *furthest);
    if (step.source || !least) return;
    for (auto& [index, source] : sources_) {
      if (source.state == State::kActive && !source.newest)
        source.watermark = std::max(source.watermark, *least);
    }
  }

  // Of a ping whose id was taken less than `within` before; the newest ids are known.
  bool is_repeat(const Row& row) {
    if (row.line->is_login) return false;
    std::erase_if(taken_, [&](const Row* before) {
      return script_.unique_within && before->time + *script_.unique_within <= row.time;
    });
    const bool repeats = std::ranges::any_of(
        taken_, [&](const Row* before) { return before->line->id == row.line->id; });
    if (!repeats) taken_.push_back(&row);
    if (taken_.size() > script_.options.unique_ids_max) taken_.erase(taken_.begin());
    return repeats;
  }

  const Script& script_;
  std::map<std::size_t, Source> sources_;
  cep::EventTime watermark_ = cep::kEventTimeMin;
  std::vector<Row> rows_;
  std::vector<const Row*> taken_;
};
}  // namespace tocsin::tests
