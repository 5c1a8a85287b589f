#include "runtime/event_time/intake.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/runtime/event_plan.h"
#include "tests/runtime/intake_script.h"
#include "tests/support/printing.h"

namespace tocsin::runtime {
namespace {
using cep::Duration;
using cep::EventTime;
using tests::Script;
using tests::ScriptLine;
using tests::Step;

// The rules of time by definition: every watermark after every event, every row in one list.
class NaiveTime {
 public:
  explicit NaiveTime(const Script& script) : script_(script) {}

  void take(std::size_t index) {
    const Step& step = script_.steps[index];
    for (std::size_t i = 0; i < step.lines.size(); ++i) take_line(step, index, i);
    if (step.decision) decide(step);
    if (step.policy) {
      Source& source = open(*step.source);
      if (step.policy->late == LatePolicy::kClamp) take_jumped(source, cep::kEventTimeMax);
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
  EventTime watermark() const { return watermark_; }

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
    EventTime clock;
    EventTime jumped_from = {};
    int against = 0;
    std::string where() const {
      return fmt::format("{}:{} {}.{}", tests::source_name(line->source), step * 10 + place,
                         step + 1, place);
    }
  };
  struct Source {
    SourcePolicy policy;
    State state = State::kActive;
    EventTime watermark;
    std::optional<EventTime> newest;
    EventTime newest_at;
    std::vector<Arrived> jumped;  // and not confirmed yet
    bool did_last_jump = false;
    EventTime reached() const { return std::max(*newest, watermark + policy.bound); }
  };
  struct Row {
    EventTime time;
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
    std::optional<EventTime> least;
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
    const std::string where = fmt::format("{}:{} {}.{}", tests::source_name(line.source),
                                          index * 10 + place, index + 1, place);
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

  bool does_jump(const Source& source, EventTime ts) const {
    return script_.options.jump_max && source.policy.late == LatePolicy::kSide && source.newest &&
           ts - source.reached() > *script_.options.jump_max;
  }
  // The rule, event by event: what `arrived` says about those that wait, then about itself.
  bool must_wait(Source& source, const Arrived& arrived) {
    const EventTime ts = arrived.line->ts;
    if (!source.jumped.empty() && source.policy.late == LatePolicy::kSide) {
      const Duration jump_max = *script_.options.jump_max;
      const bool jumps_too = does_jump(source, ts);
      const auto is_with = [&](const Arrived& other) {
        const Duration behind = other.line->ts - ts;
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
  void take_jumped(Source& source, EventTime until) {
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
  void take_overtaken() {
    for (auto& [index, source] : sources_) {
      if (source.state != State::kActive) take_jumped(source, watermark_);
    }
  }
  void take_in_silence(Source& source, EventTime clock) {
    if (source.jumped.empty()) return;
    EventTime reached = source.reached();
    if (clock > source.newest_at) {
      reached = std::max(reached, std::min(clock, *source.newest + (clock - source.newest_at)));
    }
    take_jumped(source, reached + *script_.options.jump_max);
  }

  void place_line(Source& source, const Arrived& arrived) {
    const ScriptLine& line = *arrived.line;
    const std::string where = arrived.where();
    EventTime time = line.ts;
    if (line.ts < source.watermark) {
      const Duration by = source.watermark - line.ts;
      if (source.policy.late == LatePolicy::kSide ||
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
      case DecisionKind::kAwake:
        wake(open(*step.source));
        break;
      case DecisionKind::kIdle:
      case DecisionKind::kEnded:
        if (const auto at = sources_.find(*step.source); at != sources_.end()) {
          if (*step.decision == DecisionKind::kEnded) {
            take_jumped(at->second, cep::kEventTimeMax);
            at->second.state = State::kEnded;
          } else {
            take_in_silence(at->second, step.clock);
          }
          if (at->second.state == State::kActive) at->second.state = State::kIdle;
        }
        break;
      case DecisionKind::kHeartbeat:
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
    std::optional<EventTime> least, furthest;
    bool is_held = false;
    for (auto& [index, source] : sources_) {
      if (source.state == State::kEnded) continue;
      is_held = is_held || source.state == State::kActive;
      if (!source.newest) continue;
      const EventTime now = std::min(step.clock, *source.newest + (step.clock - source.newest_at));
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
  EventTime watermark_ = cep::kEventTimeMin;
  std::vector<Row> rows_;
  std::vector<const Row*> taken_;
};

// What is said of single lines is what is said of all, and of nothing that became a row.
void check_judged(const tests::ScriptRun& run) {
  const auto arrival_of = [](const JudgedLine& line) {
    return fmt::format("{}.{} ", line.arrival.record, line.arrival.index);
  };
  std::map<LineFate, std::uint64_t> counts;
  std::vector<std::string> late, dead;
  std::set<std::string> gone;  // told when it is foreseen, and when its turn comes
  for (const JudgedLine& line : run.judged()) {
    ++counts[line.fate];
    if (line.fate == LineFate::kLate) {
      late.push_back(fmt::format("{}by {}", arrival_of(line), line.late_by.us));
    }
    if (line.fate == LineFate::kDead) dead.push_back(arrival_of(line) + line.reason);
    if (line.fate == LineFate::kRepeated) gone.insert('/' + arrival_of(line));
    if (line.fate == LineFate::kClamped) REQUIRE(line.late_by.us > 0);
  }
  REQUIRE(counts[LineFate::kClamped] == run.summary().clamped);
  REQUIRE(gone.size() >= run.summary().repeats);
  REQUIRE(counts[LineFate::kIgnored] == run.summary().ignored);
  REQUIRE(late.size() == run.outcome().late.size());
  for (std::size_t i = 0; i < late.size(); ++i) {
    const std::string& said = run.outcome().late[i];
    REQUIRE(said.find(' ' + late[i].substr(0, late[i].find("by"))) != std::string::npos);
    REQUIRE(said.ends_with(late[i].substr(late[i].find("by"))));
  }
  REQUIRE(dead.size() == run.outcome().dead.size());
  for (std::size_t i = 0; i < dead.size(); ++i) REQUIRE(run.outcome().dead[i].ends_with(dead[i]));
  if (run.summary().ids_forgotten != 0) return;  // then what was foreseen may be taken
  REQUIRE(gone.size() == run.summary().repeats);
  for (const std::string& arrival : gone) {
    for (const std::string& row : run.outcome().rows) {
      REQUIRE(row.find(arrival) == std::string::npos);
    }
  }
}

// One intake of event_plan() for small cases.
struct Small {
  explicit Small(IntakeOptions options = {})
      : intake({plan, fields, types}, options,
               {[this](const LateEvent& event) { late.push_back(event.ts.us); },
                [this](const DeadLetter& letter) { dead.push_back(letter.reason); }},
               summary, [this](cep::Batch& slice, EventTime) -> Result<void> {
                 for (const cep::Row& row : slice.rows) given.push_back(row.engine_time.us);
                 return {};
               }) {}
  void take(const std::string& source, std::int64_t ts, std::int64_t clock = 0) {
    const std::string line = fmt::format(R"({{"type":"login","ts":{},"user":"u"}})", ts);
    const std::string padded = line + std::string(kLinePadding, '\n');
    REQUIRE(intake.take(intake.source(source), {std::string_view(padded).substr(0, line.size()), 1},
                        {++arrivals, 0}, {clock}));
  }
  cep::Plan plan = tests::event_plan();
  std::vector<std::vector<bool>> fields = tests::all_fields(plan);
  std::vector<bool> types = tests::all_types(plan);
  RunSummary summary;
  std::vector<std::int64_t> given, late;
  std::vector<std::string> dead;
  std::uint64_t arrivals = 0;
  Intake intake;
};
}  // namespace

TEST_CASE("intake: what is late, each engine time and every watermark are as defined") {
  std::size_t late = 0;
  std::size_t dead = 0;
  std::size_t clamped = 0;
  std::size_t repeats = 0;
  std::size_t jumps = 0;
  std::size_t jumps_rejected = 0;
  const std::size_t cases = tests::for_all_seeds("runtime", 1'500, [&](tests::Random& random) {
    const Script script = tests::random_script(random, 20 + random.below(100));
    const cep::Plan plan = tests::script_plan(script);
    tests::ScriptRun run(script, plan);
    NaiveTime naive(script);
    for (std::size_t i = 0; i < script.steps.size(); ++i) {
      run.take(i);
      naive.take(i);
      REQUIRE(run.intake().watermark() == naive.watermark());
    }
    run.finish();
    naive.finish();
    REQUIRE(run.summary().jumps == naive.jumps);
    REQUIRE(run.summary().jumps_rejected == naive.jumps_rejected);
    REQUIRE(run.outcome().late == naive.late);
    REQUIRE(run.outcome().dead == naive.dead);
    REQUIRE(run.outcome().rows == naive.rows());
    REQUIRE(run.summary().clamped == naive.clamped);
    REQUIRE(run.intake().waiting_events() == 0);
    check_judged(run);
    late += naive.late.size();
    dead += naive.dead.size();
    clamped += naive.clamped;
    repeats += run.summary().repeats;
    jumps += naive.jumps;
    jumps_rejected += naive.jumps_rejected;
  });
  if (cases < 1'000) return;
  CHECK(jumps > 1'000);
  CHECK(jumps_rejected > 500);
  CHECK(late > 1'000);
  CHECK(dead > 1'000);
  CHECK(clamped > 1'000);
  CHECK(repeats > 1'000);
}

TEST_CASE("intake: lines set aside as late are taken when they come again") {
  IntakeOptions options;
  options.policy.late_max = Duration{5};
  options.policy.late = LatePolicy::kClamp;
  Small small(options);
  small.take("in", 100);
  small.take("in", 90);
  small.take("in", 96);
  CHECK(small.late == std::vector<std::int64_t>{90});
  const std::size_t late = small.intake.source("late", {Duration{0}, LatePolicy::kClamp, {}});
  small.take("late", 90);
  small.intake.decide(DecisionKind::kEnded, late, {});
  // What came again holds back nobody.
  small.take("in", 110);
  REQUIRE(small.intake.flush());
  CHECK(small.given == std::vector<std::int64_t>{100, 100, 100, 110});
  CHECK(small.intake.watermark() == EventTime{110});
  // The same way once more.
  CHECK(small.intake.source("late") == late);
  small.take("late", 91);
  small.intake.decide(DecisionKind::kEnded, late, {});
  REQUIRE(small.intake.flush());
  CHECK(small.given.back() == 110);
}

TEST_CASE(
    "intake: who is far ahead, and who is not holding time while memory is short, is paused") {
  IntakeOptions options;
  options.drift_max = Duration{1'000};
  options.policy.bound = Duration{100'000};
  options.waiting_bytes_max = 400'000;
  options.slice_rows_max = 64;
  Small small(options);
  const std::size_t a = small.intake.source("a");
  const std::size_t b = small.intake.source("b");
  CHECK(small.intake.may_read(a));
  CHECK(small.intake.may_read(b));
  small.take("a", 200'000);
  CHECK_FALSE(small.intake.may_read(a));  // nothing is known of b
  CHECK(small.intake.may_read(b));
  small.take("b", 199'500);
  CHECK(small.intake.holder() == b);
  CHECK(small.intake.may_read(a));
  small.take("a", 200'501);
  CHECK_FALSE(small.intake.may_read(a));
  small.intake.decide(DecisionKind::kIdle, b, {});
  CHECK(small.intake.holder() == a);
  CHECK(small.intake.may_read(a));
  small.intake.decide(DecisionKind::kAwake, b, {});
  small.take("a", 200'600);
  CHECK(small.intake.may_read(a));

  std::int64_t at = 200'600;
  while (small.intake.waiting_bytes() <= options.waiting_bytes_max / 2) small.take("a", at);
  CHECK_FALSE(small.intake.may_read(a));
  CHECK(small.intake.may_read(b));
  const std::size_t waiting = small.intake.waiting_events();
  CHECK(waiting > 100);
  CHECK(small.intake.status(a).waiting == waiting - 1);
  // Beyond all of it nobody is read; who replays takes what comes.
  CHECK(small.intake.check_room());
  while (small.intake.waiting_bytes() <= options.waiting_bytes_max) small.take("a", at);
  const Result<void> room = small.intake.check_room();
  REQUIRE_FALSE(room);
  CHECK(room.error().code == Errc::kLimit);
  CHECK(room.error().message.find("--reorder-memory") != std::string::npos);
  REQUIRE(small.intake.flush());
  // Time moves, and memory is there again.
  small.take("b", 1'000'000);
  small.take("a", 1'000'000);
  REQUIRE(small.intake.flush());
  CHECK(small.intake.may_read(a));
  CHECK(small.given.size() > waiting);
  CHECK(small.intake.check_room());
}

TEST_CASE("intake: of one source with bound 0 nothing waits, also when others come later") {
  Small small;
  small.take("a", 5);
  small.take("a", 7);
  CHECK(small.intake.waiting_events() == 0);
  CHECK(small.intake.waiting_bytes() == 0);
  small.take("b", 6);
  CHECK(small.late == std::vector<std::int64_t>{6});
  small.take("b", 9);
  small.take("a", 8);
  REQUIRE(small.intake.flush());
  CHECK(small.given == std::vector<std::int64_t>{5, 7, 8});
  CHECK(small.intake.waiting_events() == 1);
  // An end by one source frees what waited for it.
  small.intake.decide({DecisionKind::kEnded, {}, "a"});
  REQUIRE(small.intake.flush());
  CHECK(small.given.back() == 9);
  // Unknown sources change nothing, but by being awake.
  small.intake.decide({DecisionKind::kEnded, {}, "nobody"});
  small.intake.decide({DecisionKind::kIdle, {}, "nobody"});
  small.intake.decide({DecisionKind::kHeartbeat, {}, "nobody"});
  CHECK(small.intake.source_count() == 2);
  small.intake.decide({DecisionKind::kAwake, {}, "somebody"});
  CHECK(small.intake.find("somebody") == 2);
  CHECK(small.intake.watermark_of(2) == EventTime{9});
  CHECK(small.intake.status(2).name == "somebody");
}
}  // namespace tocsin::runtime
