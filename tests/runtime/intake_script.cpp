#include "tests/runtime/intake_script.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "tests/runtime/event_plan.h"

namespace tocsin::tests {
using namespace runtime;
using cep::Duration;
using cep::EventTime;

namespace {
constexpr std::int64_t kBegin = 1'000'000;

SourcePolicy random_policy(Random& random) {
  SourcePolicy policy;
  policy.bound.us = random.pick<std::int64_t>({0, 0, 1, 7, 100, 1'000});
  policy.late = random.chance(50) ? LatePolicy::kSide : LatePolicy::kClamp;
  if (random.chance(30)) policy.late_max = Duration{random.pick<std::int64_t>({0, 3, 200})};
  return policy;
}

ScriptLine random_line(Random& random, std::size_t source, EventTime ts) {
  ScriptLine line;
  line.source = source;
  line.ts = ts;
  const std::string time = cep::to_text(cep::Value::time(ts));
  line.id = random.between(1, 4);
  switch (random.weighted({5, 5, 1})) {
    case 0: {
      const char* const user = random.pick({"a", "b"});
      line.is_login = true;
      line.row = fmt::format("login {} {} missing", time, user);
      // Equal values in other words are equal.
      line.text = fmt::format(
          fmt::runtime(random.chance(50) ? R"({{"type":"login","ts":{},"user":"{}"}})"
                                         : R"({{ "ts":{},"x":1, "user":"{}","type":"login"}})"),
          ts.us, user);
      break;
    }
    case 1:
      line.row = fmt::format("ping {} {}", time, line.id);
      line.text = fmt::format(R"({{"type":"PNG","when":{{"us":{}}},"id":{}}})", ts.us, line.id);
      break;
    default:
      line.is_event = false;
      line.text = R"({"type":"login","user":"x"})";
      break;
  }
  return line;
}
}  // namespace

std::string source_name(std::size_t source) { return fmt::format("source {}", source); }

cep::Plan script_plan(const Script& script) {
  cep::Plan plan = event_plan();
  plan.event_types[type_index(plan, "ping").value].unique = cep::Unique{script.unique_within};
  return plan;
}

Script random_script(Random& random, std::size_t steps) {
  Script script;
  script.options.policy = random_policy(random);
  script.options.is_saved = true;
  script.options.slice_rows_max = random.pick<std::size_t>({1, 3, 64});
  script.options.unique_ids_max = random.chance(20) ? 2 : 100;
  if (random.chance(50)) script.options.ahead_max = Duration{random.pick<std::int64_t>({0, 500})};
  if (random.chance(60)) {
    script.options.jump_max = Duration{random.pick<std::int64_t>({20, 400, 3'000, 9'000})};
  }
  const std::uint64_t wrong_clocks = random.pick<std::uint64_t>({1, 2, 30});  // of 100 lines
  if (random.chance(50)) script.unique_within = Duration{random.pick<std::int64_t>({1, 50, 2'000})};
  const std::size_t sources = 1 + random.below(4);
  const std::int64_t pace = random.pick<std::int64_t>({1, 20, 300});
  const std::int64_t disorder = random.pick<std::int64_t>({0, 5, 150, 2'000});
  std::vector<std::int64_t> lag(sources);  // behind the clock
  for (std::int64_t& one : lag) one = random.pick<std::int64_t>({0, 10, 5'000, -100});
  std::int64_t clock = kBegin;
  for (std::size_t i = 0; i < steps; ++i) {
    Step& step = script.steps.emplace_back();
    clock += random.chance(3) ? random.between(-3'000, 30'000) : random.between(0, 2 * pace);
    step.clock = EventTime{clock};
    const std::size_t source = random.below(sources);
    switch (random.weighted({20, 2, 2, 1})) {
      case 0:
        for (std::size_t n = 1 + random.below(4); n > 0; --n) {
          std::int64_t ts = clock - lag[source] - random.between(0, pace / 4);
          if (random.chance(40)) ts -= random.between(0, disorder);
          if (random.chance(wrong_clocks)) {
            ts += random.pick<std::int64_t>({600, 10'000, 10'000, 50'000});
          }
          step.lines.push_back(random_line(random, source, EventTime{ts}));
        }
        break;
      case 1:
        step.decision = random.pick(
            {DecisionKind::kIdle, DecisionKind::kIdle, DecisionKind::kAwake, DecisionKind::kEnded});
        step.source = source;
        break;
      case 2:
        step.decision = DecisionKind::kHeartbeat;
        if (random.chance(50)) step.source = source;
        break;
      default:
        step.policy = random_policy(random);
        step.source = source;
        break;
    }
  }
  return script;
}

ScriptRun::ScriptRun(const Script& script, const cep::Plan& plan)
    : script_(script),
      plan_(plan),
      fields_(all_fields(plan)),
      types_(all_types(plan)),
      intake_({plan, fields_, types_}, script.options,
              {[this](const LateEvent& event) {
                 outcome_.late.push_back(fmt::format(
                     "{}:{} {}.{} {} by {}", event.input, event.line, event.arrival.record,
                     event.arrival.index, event.ts.us, event.late_by.us));
               },
               [this](const DeadLetter& letter) {
                 outcome_.dead.push_back(fmt::format("{}:{} {}.{} {}", letter.input, letter.line,
                                                     letter.arrival.record, letter.arrival.index,
                                                     letter.reason));
               },
               [this](const JudgedLine& line) { judged_.push_back(line); }},
              summary_, [this](cep::Batch& slice, EventTime watermark) {
                return advance(slice, watermark);
              }) {}

Result<void> ScriptRun::advance(cep::Batch& slice, EventTime watermark) {
  REQUIRE(slice.rows.size() <= script_.options.slice_rows_max);
  for (const cep::Row& row : slice.rows) {
    REQUIRE(row.engine_time >= last_);
    const std::string text =
        fmt::format("{}/{}/{}.{} {}", row.engine_time.us, row.ts.us, row.arrival.record,
                    row.arrival.index, plan_.event_types[row.type.value].name);
    last_ = row.engine_time;
    std::string fields;
    for (std::size_t f = 0; f < plan_.event_types[row.type.value].fields.size(); ++f) {
      fields += ' ' + cep::to_text(slice.value(plan_, row, cep::FieldIndex(f)));
    }
    outcome_.rows.push_back(text + fields + fmt::format(" #{}", row.equal_number));
  }
  REQUIRE(watermark >= last_);
  last_ = watermark;
  return {};
}

void ScriptRun::take(std::size_t index) {
  const Step& step = script_.steps[index];
  std::uint32_t place = 0;
  for (const ScriptLine& line : step.lines) {
    const std::string padded = line.text + std::string(kLinePadding, '\n');
    const Line given{std::string_view(padded).substr(0, line.text.size()), index * 10 + place};
    REQUIRE(intake_.take(intake_.source(source_name(line.source)), given, {index + 1, place},
                         step.clock));
    ++place;
  }
  if (step.decision) {
    intake_.decide({*step.decision, step.clock, step.source ? source_name(*step.source) : ""});
  }
  if (step.policy) intake_.source(source_name(*step.source), *step.policy);
  REQUIRE(intake_.flush());
  // Nothing is given that is not settled.
  REQUIRE(last_ <= intake_.watermark());
  outcome_.watermarks.push_back(intake_.watermark().us);
}

void ScriptRun::finish() { REQUIRE(intake_.finish(false, std::nullopt)); }
}  // namespace tocsin::tests
