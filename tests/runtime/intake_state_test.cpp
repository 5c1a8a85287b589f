#include <doctest/doctest.h>

#include <algorithm>

#include "tests/runtime/event_plan.h"
#include "tests/runtime/intake_script.h"
#include "tests/support/printing.h"

namespace tocsin::runtime {
namespace {
using tests::Script;
using tests::ScriptRun;

std::string bytes_of(Intake& intake) {
  std::string bytes;
  intake.save(bytes);
  return bytes;
}
bool ends_with(const std::vector<std::string>& all, const std::vector<std::string>& end) {
  return all.size() >= end.size() && std::equal(end.rbegin(), end.rend(), all.rbegin());
}
}  // namespace

TEST_CASE("intake state: saved and restored at any step, it goes on as if it had never stopped") {
  std::size_t waiting = 0;
  const std::size_t cases = tests::for_all_seeds("runtime", 400, [&](tests::Random& random) {
    const Script script = tests::random_script(random, 10 + random.below(40));
    const cep::Plan plan = tests::script_plan(script);
    ScriptRun whole(script, plan);
    std::vector<std::string> saved = {bytes_of(whole.intake())};
    std::vector<std::size_t> given = {0};
    for (std::size_t i = 0; i < script.steps.size(); ++i) {
      whole.take(i);
      saved.push_back(bytes_of(whole.intake()));
      given.push_back(whole.outcome().rows.size());
      waiting += whole.intake().waiting_events();
    }
    whole.finish();
    for (std::size_t from = 0; from < saved.size(); ++from) {
      CAPTURE(from);
      ScriptRun rest(script, plan);
      const Result<void> restored = rest.intake().restore(saved[from]);
      REQUIRE_MESSAGE(restored.has_value(), restored.error().message);
      REQUIRE(bytes_of(rest.intake()) == saved[from]);
      for (std::size_t i = from; i < script.steps.size(); ++i) {
        rest.take(i);
        REQUIRE(bytes_of(rest.intake()) == saved[i + 1]);
      }
      rest.finish();
      REQUIRE(rest.outcome().rows.size() == whole.outcome().rows.size() - given[from]);
      REQUIRE(ends_with(whole.outcome().rows, rest.outcome().rows));
      REQUIRE(ends_with(whole.outcome().late, rest.outcome().late));
      REQUIRE(ends_with(whole.outcome().dead, rest.outcome().dead));
      REQUIRE(rest.summary().events == whole.summary().events);
      REQUIRE(rest.summary().late == whole.summary().late);
      REQUIRE(rest.summary().fields_missing_examples == whole.summary().fields_missing_examples);
      REQUIRE(rest.intake().watermark() == whole.intake().watermark());
    }
  });
  if (cases >= 150) CHECK(waiting > 100);
}

TEST_CASE("intake state: written in bites between further steps, it is what it was at the cut") {
  std::size_t waiting = 0;
  std::size_t chunks = 0;
  const std::size_t cases = tests::for_all_seeds("runtime", 150, [&](tests::Random& random) {
    Script script = tests::random_script(random, 20 + random.below(60));
    if (random.chance(30)) script.options.slice_rows_max = 1 + random.below(3);
    const cep::Plan plan = tests::script_plan(script);
    ScriptRun run(script, plan);
    std::optional<std::string> wanted;
    std::string found;
    std::size_t chunk = 1;
    for (std::size_t i = 0; i < script.steps.size(); ++i) {
      run.take(i);
      if (!wanted && random.chance(50)) {
        wanted = bytes_of(run.intake());
        waiting += run.intake().waiting_events();
        found.clear();
        chunk = random.pick<std::size_t>({1, 10, 100, 1000});
        run.intake().begin_save();
      }
      if (!wanted) continue;
      if (random.chance(3)) {
        run.intake().end_save();
        wanted.reset();
        continue;
      }
      if (random.chance(30)) continue;
      ++chunks;
      if (!run.intake().write_save(found, chunk)) continue;
      REQUIRE(found == *wanted);
      wanted.reset();
    }
    while (wanted && !run.intake().write_save(found, chunk)) {
    }
    if (wanted) REQUIRE(found == *wanted);
  });
  if (cases < 150) return;
  CHECK(waiting > 100);
  CHECK(chunks > 1000);
}

TEST_CASE("intake state: damaged bytes are refused or a state, and end no program") {
  std::size_t refused = 0;
  std::size_t taken = 0;
  const std::size_t cases = tests::for_all_seeds("runtime", 60, [&](tests::Random& random) {
    const Script script = tests::random_script(random, 30);
    const cep::Plan plan = tests::script_plan(script);
    ScriptRun run(script, plan);
    for (std::size_t i = 0; i + 5 < script.steps.size(); ++i) run.take(i);
    const std::string bytes = bytes_of(run.intake());
    for (std::size_t size = 0; size < bytes.size(); size += 1 + random.below(9)) {
      ScriptRun cut(script, plan);
      const Result<void> restored = cut.intake().restore(std::string_view(bytes).substr(0, size));
      REQUIRE_FALSE(restored);
      REQUIRE(restored.error().code == Errc::kCorrupt);
    }
    for (int i = 0; i < 60; ++i) {
      std::string flipped = bytes;
      char& byte = flipped[random.below(flipped.size())];
      byte = static_cast<char>(random.chance(50) ? byte ^ (1 << random.below(8)) : random.next());
      ScriptRun other(script, plan);
      if (!other.intake().restore(flipped)) {
        ++refused;
        continue;
      }
      ++taken;
      REQUIRE(other.intake().flush());
      bytes_of(other.intake());
      REQUIRE(other.intake().finish(false, std::nullopt));
    }
    ScriptRun longer(script, plan);
    REQUIRE_FALSE(longer.intake().restore(bytes + '\0'));
  });
  if (cases < 60) return;
  CHECK(refused > 100);
  CHECK(taken > 100);
}

TEST_CASE("intake state: another format is refused with the remedy") {
  Script script;
  script.options.is_saved = true;
  const cep::Plan plan = tests::script_plan(script);
  ScriptRun run(script, plan);
  std::string bytes = bytes_of(run.intake());
  REQUIRE(bytes[0] == 2);
  bytes[0] = 3;
  ScriptRun other(script, plan);
  const Result<void> newer = other.intake().restore(bytes);
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::kOtherVersion);
  CHECK(newer.error().message ==
        "the state of the inputs has format 3, and this program knows formats up to 2: use the "
        "version of tocsin that wrote it, or a later one");
}

TEST_CASE("intake state: another program takes what it knows") {
  Script script;
  script.options.is_saved = true;
  script.options.policy.bound = cep::Duration{100};
  const auto line = [](std::string text) {
    tests::ScriptLine made;
    made.text = std::move(text);
    return made;
  };
  tests::Step step;
  step.lines = {line(R"({"type":"login","ts":1000,"user":"a"})"),
                line(R"({"type":"PNG","when":{"us":1001},"id":7})"),
                line(R"({"type":"login","ts":1002,"user":"b"})")};
  script.steps = {step, {}};
  script.steps[1].lines = {line(R"({"type":"PNG","when":{"us":1001},"id":7})"),
                           line(R"({"type":"login","ts":1002,"user":"b"})")};
  const cep::Plan plan = tests::script_plan(script);
  ScriptRun before(script, plan);
  before.take(0);
  const std::string bytes = bytes_of(before.intake());

  // Without the type of one, and with another time for the other.
  cep::Plan other = plan;
  other.event_types[tests::type_index(plan, "ping").value].json_type = "pong";
  ScriptRun after(script, other);
  REQUIRE(after.intake().restore(bytes));
  CHECK(after.intake().waiting_events() == 2);
  after.take(1);
  after.finish();
  CHECK(after.outcome().rows.size() == 3);
  CHECK(after.outcome().rows.back().ends_with("#1"));
  CHECK(after.summary().ignored == 1);

  cep::Plan late = plan;
  cep::EventType& login = late.event_types[tests::type_index(plan, "login").value];
  login.fields[login.time_field.value].path = {"other"};
  ScriptRun dead(script, late);
  REQUIRE(dead.intake().restore(bytes));
  REQUIRE(dead.outcome().dead.size() == 2);
  CHECK(dead.outcome().dead[1] == "source 0:2 1.2 no event time `ts` of `login`");
}
}  // namespace tocsin::runtime
