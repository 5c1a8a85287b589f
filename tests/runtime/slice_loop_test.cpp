#include "runtime/event_time/slice_loop.h"
#include "runtime/io/worker_threads.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/batch.h"
#include "cep/value/read_position.h"
#include "tests/runtime/event_plan.h"
#include "tests/runtime/loop_run.h"
#include "tests/support/printing.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
using cep::Duration;
using cep::EventTime;
using tests::in_memory;
using tests::lines;
using tests::login;
using tests::LoopOutcome;
using tests::run_loop;

// What a line of the naive definition is.
struct NaiveLine {
  std::string text;
  EventTime ts;
  std::string row;        // type and fields, as in LoopOutcome; empty for a dead letter
  bool numbered = false;  // of a type without an id
};
struct NaiveRow {
  EventTime engine_time;
  std::uint64_t arrival;
  std::string text;
};

// By definition: reads the line of the input whose watermark is least, decides what is late, sorts
// by time, then by the order of reading or by input and line.
struct Naive {
  std::vector<std::string> rows;
  std::vector<std::string> late;
  std::uint64_t clamped = 0;
};
Naive naive_run(const std::vector<std::vector<NaiveLine>>& inputs, Duration bound,
                LatePolicy policy, EqualTimeOrder order) {
  Naive naive;
  std::vector<std::size_t> at(inputs.size());
  std::vector<EventTime> watermarks(inputs.size(), cep::kEventTimeMin);
  std::vector<NaiveRow> rows;
  for (std::uint64_t arrival = 1;; ++arrival) {
    std::optional<std::size_t> least;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (at[i] < inputs[i].size() && (!least || watermarks[i] < watermarks[*least])) least = i;
    }
    if (!least) break;
    const NaiveLine& line = inputs[*least][at[*least]++];
    if (line.row.empty()) continue;
    EventTime& watermark = watermarks[*least];
    EventTime engine_time = line.ts;
    if (line.ts < watermark) {
      if (policy == LatePolicy::kSide) {
        naive.late.push_back(fmt::format("{}:{} {} by {} {}", *least, at[*least], line.ts.us,
                                         (watermark - line.ts).us, line.text));
        continue;
      }
      engine_time = watermark;
      ++naive.clamped;
    }
    watermark = std::max(watermark, line.ts - bound);
    const std::uint64_t number =
        order == EqualTimeOrder::kMerged ? arrival : (std::uint64_t{*least} << 44U) + at[*least];
    rows.push_back({engine_time, number,
                    fmt::format("{}/{}/{} {}", engine_time.us, line.ts.us, number, line.row)});
    if (line.numbered) rows.back().text += '?';
  }
  std::ranges::sort(rows, [](const NaiveRow& a, const NaiveRow& b) {
    return std::pair(a.engine_time, a.arrival) < std::pair(b.engine_time, b.arrival);
  });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string& text = rows[i].text;
    const std::string row = text.substr(text.find(' '));
    std::size_t number = 0;
    if (text.back() == '?') {
      for (std::size_t j = 0; j < i; ++j) {
        if (rows[j].engine_time == rows[i].engine_time &&
            rows[j].text.substr(rows[j].text.find(' ')) == row)
          ++number;
      }
    }
    naive.rows.push_back(text + fmt::format("#{}", number));
  }
  for (std::string& row : naive.rows) {
    if (const std::size_t mark = row.find('?'); mark != std::string::npos) row.erase(mark, 1);
    row.insert(row.rfind('#'), " ");
  }
  return naive;
}

NaiveLine random_line(tests::Random& random, std::int64_t& now, std::int64_t span,
                      std::int64_t disorder) {
  now += random.chance(40) ? 0 : random.between(0, span);
  const std::int64_t ts = now - (random.chance(50) ? random.between(0, disorder) : 0);
  NaiveLine line;
  line.ts = {ts};
  const std::string user(1 + random.below(3), random.pick({'a', 'b'}));
  const std::string time = cep::to_text(cep::Value::time(line.ts));
  switch (random.weighted({5, 5, 1})) {
    case 0:
      line.numbered = true;
      line.row = fmt::format("login {} {} missing", time, user);
      // Equal values in other words are equal.
      line.text = random.chance(50)
                      ? login(ts, user)
                      : fmt::format(R"({{"user": "{}", "ts":{}, "x":1,"type":"login"}})", user, ts);
      break;
    case 1:
      line.row = fmt::format("ping {} {}", time, user.size());
      line.text = fmt::format(R"({{"type":"PNG","when":{{"us":{}}},"id":{}}})", ts, user.size());
      break;
    default:
      line.text = R"({"type":"login","user":"x"})";
      break;
  }
  return line;
}
}  // namespace

TEST_CASE(
    "slices: order, lateness, merging and numbers among equals are as defined, however slices are "
    "cut") {
  std::size_t late = 0;
  std::size_t clamped = 0;
  std::size_t repeated = 0;
  std::size_t differ = 0;  // the two orders
  const std::size_t cases = tests::for_all_seeds("runtime", 400, [&](tests::Random& random) {
    const std::int64_t disorder = random.pick<std::int64_t>({0, 3, 300, 100'000});
    const Duration bound{
        random.pick<std::int64_t>({0, 0, disorder / 2, disorder, 2 * disorder + 1})};
    std::vector<std::vector<NaiveLine>> all(1 + random.below(4));
    std::vector<Input> inputs;
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::int64_t now = random.between(-1000, 1000);
      const std::int64_t span = random.pick<std::int64_t>({0, 2, 100, 20'000});
      std::string contents;
      for (std::size_t n = random.below(150); n > 0; --n) {
        all[i].push_back(random_line(random, now, span, disorder));
        contents += all[i].back().text + "\n";
      }
      inputs.push_back(in_memory(std::to_string(i), contents));
    }
    RunOptions options;
    options.out_of_orderness = bound;
    options.late = random.chance(50) ? LatePolicy::kSide : LatePolicy::kClamp;
    options.order = random.chance(50) ? EqualTimeOrder::kMerged : EqualTimeOrder::kPosition;
    const Naive expected = naive_run(all, bound, options.late, options.order);
    std::optional<WorkerThreads> workers;
    if (options.order == EqualTimeOrder::kPosition) {
      if (random.chance(50)) options.decode_by = &workers.emplace(2);
      const auto texts = [](const Naive& naive) {
        std::vector<std::string> rows;
        for (const std::string& row : naive.rows) rows.push_back(row.substr(row.find(' ')));
        return rows;
      };
      const Naive merged = naive_run(all, bound, options.late, EqualTimeOrder::kMerged);
      differ += texts(expected) != texts(merged) ? 1 : 0;
    }
    late += expected.late.size();
    clamped += expected.clamped;
    for (const std::string& row : expected.rows) repeated += row.ends_with("#1") ? 1 : 0;
    for (const std::size_t slice_rows_max : {1, 7, 4096}) {
      CAPTURE(slice_rows_max);
      options.slice_rows_max = slice_rows_max;
      const LoopOutcome outcome = run_loop(inputs, options);
      REQUIRE(outcome.error == "");
      REQUIRE(outcome.rows == expected.rows);
      REQUIRE(outcome.late == expected.late);
      REQUIRE(outcome.watermarks.back() == cep::kEventTimeMax);
      CHECK(outcome.summary.clamped == expected.clamped);
      CHECK(outcome.summary.events == expected.rows.size());
    }
  });
  if (cases > 100) {
    CHECK(late > 100);
    CHECK(clamped > 100);
    CHECK(repeated > 100);
    CHECK(differ > 5);
  }
}

TEST_CASE("slices: events of one time wait for those of an input that is named before") {
  RunOptions options;
  options.order = EqualTimeOrder::kPosition;
  options.final_watermark = false;
  const std::vector<Input> inputs = {in_memory("a", lines({login(5, "a1"), login(5, "a2")})),
                                     in_memory("b", lines({login(4, "b1"), login(5, "b2")}))};
  const auto users = [](const LoopOutcome& outcome) {
    std::string all;
    for (const std::string& row : outcome.rows) {
      for (const char* const user : {"a1", "a2", "b1", "b2"}) {
        if (row.find(user) != std::string::npos) (all += user) += ' ';
      }
    }
    return all;
  };
  CHECK(users(run_loop(inputs, options)) == "b1 a1 a2 b2 ");
  options.order = EqualTimeOrder::kMerged;
  CHECK(users(run_loop(inputs, options)) == "b1 a1 b2 a2 ");
}

TEST_CASE("slices: more inputs than have a position are refused") {
  RunOptions options;
  options.order = EqualTimeOrder::kPosition;
  const std::vector<Input> inputs(cep::ReadPosition::kInputs + 1, in_memory("a", ""));
  CHECK(run_loop(inputs, options).error ==
        "events can be ordered by position in at most 65536 inputs, and there are 65537: put files "
        "into directories, or order events as they are merged");
}

TEST_CASE("slices: with bound 0 an event is given as it comes, at the watermark is on time") {
  RunOptions options;
  options.slice_rows_max = 1;
  options.final_watermark = false;
  const LoopOutcome outcome = run_loop(
      {in_memory(
          "a", lines({login(5, "x"), login(7, "x"), login(7, "x"), login(6, "x"), login(7, "y")}))},
      options);
  CHECK(outcome.watermarks == std::vector<EventTime>{{5}, {7}, {7}, {7}});
  CHECK(outcome.rows.size() == 4);
  CHECK(outcome.rows[2].ends_with("#1"));
  CHECK(outcome.late == std::vector<std::string>{"a:4 6 by 1 " + login(6, "x")});
}

TEST_CASE("slices: time ends where it is told to") {
  struct Row {
    const char* name;
    std::optional<EventTime> until;
    bool final_watermark;
    std::vector<EventTime> watermarks;
  };
  const Row rows[] = {
      {"final", std::nullopt, true, {{9}, cep::kEventTimeMax}},
      {"not final", std::nullopt, false, {{9}}},
      {"until", EventTime{100}, false, {{9}, {100}}},
      {"until before the last event", EventTime{3}, false, {{9}}},
      {"until and final", EventTime{100}, true, {{9}, {100}, cep::kEventTimeMax}},
  };
  for (const std::int64_t bound : {0, 5}) {
    for (const Row& row : rows) {
      CAPTURE(row.name);
      RunOptions options;
      options.out_of_orderness = Duration{bound};
      options.until = row.until;
      options.final_watermark = row.final_watermark;
      const LoopOutcome outcome =
          run_loop({in_memory("a", lines({login(5, "x"), login(9, "x")}))}, options);
      CHECK(outcome.watermarks == row.watermarks);
      CHECK(outcome.rows.size() == 2);
      CHECK(run_loop({}, options).watermarks.size() ==
            row.watermarks.size() - 1 + (row.until == EventTime{3} ? 1 : 0));
    }
  }
}

TEST_CASE("slices: everything that is not an event is counted and told with its place") {
  const std::string contents = lines({
      "",
      R"({"type":"login","ts":1,"user":"u"})",
      "junk",
      R"({"type":"heartbeat"})",
      R"({"type":"login","ts":2,"user":7})",
      R"({"type":"heartbeat"})",
      R"({"type":"tick","ts":1})",
      R"({"type":"login","user":"u"})",
      std::string(200, 'x'),
      R"({"type":"login","ts":3})",
  });
  RunOptions options;
  options.line_bytes_max = 100;
  const LoopOutcome outcome = run_loop({in_memory("dir/in.ndjson", contents)}, options);
  CHECK(outcome.error == "");
  CHECK(outcome.dead ==
        std::vector<std::string>{"dir/in.ndjson:3 not a JSON object",
                                 "dir/in.ndjson:8 no event time `ts` of `login`",
                                 "dir/in.ndjson:9 the line is longer than 100 bytes"});
  CHECK(outcome.summary.lines == 9);
  CHECK(outcome.summary.bytes == contents.size());
  CHECK(outcome.summary.events == 3);
  CHECK(outcome.summary.ignored == 3);
  CHECK(outcome.summary.dead_letters == 3);
  CHECK(outcome.summary.ignored_examples ==
        std::vector<std::string>{"heartbeat at dir/in.ndjson:4", "tick at dir/in.ndjson:7"});
  CHECK(outcome.summary.fields_missing == 2);
  CHECK(outcome.summary.fields_missing_examples ==
        std::vector<std::string>{"login.user at dir/in.ndjson:5: not a valid string: 7",
                                 "login.user at dir/in.ndjson:10: absent"});
  CHECK(outcome.summary.first_event == EventTime{1});
  CHECK(outcome.summary.last_event == EventTime{3});
}

TEST_CASE("slices: a type that no rule file declares is a dead letter where it is not ignored") {
  const std::string contents =
      lines({login(1, "x"), R"({"type":"logni","ts":2,"user":"y"})", R"({"type":"heartbeat"})"});
  RunOptions options;
  options.unknown_types = UnknownTypes::kDead;
  const LoopOutcome outcome = run_loop({in_memory("in.ndjson", contents)}, options);
  CHECK(outcome.dead ==
        std::vector<std::string>{
            "in.ndjson:2 no rule file declares the event type `logni` (did you mean `login`?): "
            "declare it, or let events of other types pass by: unknown-types ignore",
            "in.ndjson:3 no rule file declares the event type `heartbeat`: declare it, or let "
            "events of other types pass by: unknown-types ignore"});
  CHECK(outcome.summary.events == 1);
  CHECK(outcome.summary.ignored == 0);
  CHECK(outcome.summary.dead_letters == 2);
}

TEST_CASE("slices: types that no rule uses move time, and need no rows") {
  const cep::Plan plan = tests::event_plan();
  RunSummary summary;
  std::vector<EventTime> watermarks;
  const Advance advance = [&](const cep::Batch& slice, EventTime watermark) -> Result<void> {
    CHECK(slice.rows.empty());
    watermarks.push_back(watermark);
    return {};
  };
  RunOptions options;
  options.final_watermark = false;
  REQUIRE(read_slices(plan, tests::all_fields(plan), {true, false, true},
                      {in_memory("a", lines({login(5, "x"), login(9, "x"), login(7, "x")}))},
                      options, {}, summary, advance));
  CHECK(watermarks == std::vector<EventTime>{{9}});
  CHECK(summary.events == 2);
  CHECK(summary.late == 1);
}

TEST_CASE("slices: the schemas' bound holds where the options say none") {
  cep::Plan plan = tests::event_plan();
  plan.event_types[2].bound = {10};
  const std::vector<Input> inputs = {
      in_memory("a", lines({login(20, "x"), login(10, "y"), login(9, "z")}))};
  CHECK(run_loop(inputs, {}, plan).late == std::vector<std::string>{"a:3 9 by 1 " + login(9, "z")});
  RunOptions options;
  options.out_of_orderness = Duration{0};
  CHECK(run_loop(inputs, options, plan).late.size() == 2);
}

TEST_CASE("slices: an input that fails ends the run after what came before it") {
  const std::vector<Input> missing = {in_memory("a", lines({login(5, "x")})),
                                      {"/nowhere/at/all.ndjson", std::nullopt}};
  const LoopOutcome unopened = run_loop(missing, {});
  CHECK(unopened.error == "cannot read /nowhere/at/all.ndjson: No such file or directory");
  CHECK(unopened.watermarks.empty());

  RunOptions options;
  options.out_of_orderness = Duration{100};
  int asked = 0;
  options.stop_requested = [&] { return ++asked > 1; };
  options.slice_rows_max = 2;
  const LoopOutcome stopped = run_loop(
      {in_memory(
          "a", lines({login(5, "x"), login(7, "x"), login(3, "x"), login(9, "x"), login(8, "x")}))},
      options);
  CHECK(stopped.error == "stopped");
  CHECK(stopped.rows.size() == 4);
  CHECK(stopped.watermarks.back() == EventTime{9});
}

TEST_CASE("slices: an error of the receiver ends the run") {
  const cep::Plan plan = tests::event_plan();
  RunSummary summary;
  int calls = 0;
  const Advance advance = [&](const cep::Batch&, EventTime) -> Result<void> {
    ++calls;
    return fail(Errc::kIo, "no space");
  };
  RunOptions options;
  options.slice_rows_max = 1;
  const Result<void> done = read_slices(plan, tests::all_fields(plan), tests::all_types(plan),
                                        {in_memory("a", lines({login(5, "x"), login(6, "x")}))},
                                        options, {}, summary, advance);
  REQUIRE_FALSE(done);
  CHECK(done.error().message == "no space");
  CHECK(calls == 1);
}

TEST_CASE("slices: more waiting events than the limit allows end the run with a remedy") {
  std::vector<std::string> all;
  for (std::int64_t i = 0; i < 20'000; ++i) all.push_back(login(i, std::string(100, 'x')));
  RunOptions options;
  options.out_of_orderness = Duration{1'000'000};
  options.reorder_bytes_max = 2'000'000;
  options.final_watermark = false;
  const LoopOutcome outcome = run_loop({in_memory("a", lines(all))}, options);
  CHECK(outcome.error.find("more than 2000000 bytes") != std::string::npos);
  CHECK(outcome.error.find("for 1s") != std::string::npos);
  // What was read is not lost.
  CHECK(outcome.rows.size() == outcome.summary.events);
  CHECK(outcome.summary.events < all.size());
  options.out_of_orderness = Duration{1'000};
  CHECK(run_loop({in_memory("a", lines(all))}, options).rows.size() == all.size());
}
}  // namespace tocsin::runtime
