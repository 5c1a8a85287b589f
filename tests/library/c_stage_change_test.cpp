// Rules that change inside a job of stages, through the C interface.
#include <doctest/doctest.h>
#include <tocsin.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/library/c_stage_job.h"

namespace tocsin::library {
namespace {
// Without `again`, and so without the third pass; with `large`, which remembers nothing.
std::string after() {
  std::string rules = kJobRules;
  const std::size_t begin = rules.find("rule again");
  rules.erase(begin, rules.find("rule noted") - begin);
  return rules + R"(
rule large "A large payment" {
  by merchant
  when payment where amount > 30
  alert "{amount}"
}
)";
}
constexpr std::int64_t kChange = kStart + 25'000'000;

// Lines of alerts of times before the change, or from then on.
std::string lines_of(const std::string& alerts, bool is_after) {
  std::string lines;
  for (std::size_t at = 0; at < alerts.size();) {
    const std::size_t end = alerts.find('\n', at) + 1;
    const std::string line = alerts.substr(at, end - at);
    const bool later = nlohmann::json::parse(line).at("time") >= "2026-03-02T12:00:25";
    if (later == is_after) lines += line;
    at = end;
  }
  return lines;
}

std::string refusal(const Pack& pack, int kind, std::uint32_t pass, const Pack& next,
                    std::int64_t from, std::int64_t watermark, const char* options = nullptr) {
  tocsin_stage* opened = nullptr;
  REQUIRE(failure(tocsin_stage_open, pack.get(), kind, pass, options, &opened) == "");
  const Stage stage(opened);
  int done = 0;
  REQUIRE(failure(tocsin_stage_advance, stage.get(), watermark, std::size_t{1}, &done) == "");
  const std::string why = failure(tocsin_stage_prepare, stage.get(), next.get(), from);
  // Nothing has changed: it goes on.
  REQUIRE(failure(tocsin_stage_advance, stage.get(), kEnd, std::size_t{1}, &done) == "");
  return why;
}
constexpr const char* kRoom = R"({"passes":5})";
constexpr const char* kOneEvent = R"(
event payment { ts: time, id: string id, card: string, merchant: string, amount: int }
)";
}  // namespace

TEST_CASE("C stages: rules change at a time, also in a job that goes on from a cut") {
  const Pack before = pack_of(kJobRules);
  const Pack next = pack_of(after());
  // Rules that both have remember the same, so that a run of the next rules knows what comes.
  const std::string first_lines = lines_of(alerts_of_run(before), false);
  const std::string next_lines = lines_of(alerts_of_run(next), true);
  CHECK(std::ranges::count(first_lines, '\n') > 5);
  CHECK(std::ranges::count(next_lines, '\n') > 5);
  for (const std::uint32_t parts : {1U, 3U}) {
    Job job(before, parts, 3, true);
    for (int i = 0; i < 30; ++i) job.put_event(i);
    job.advance(kStart + 14'000'000);
    job.prepare(next, kChange);
    // Events of both sides, in any order.
    for (int i = kEvents; i-- > 30;) job.put_event(i);
    job.advance(kStart + 20'000'000);
    const Job::Entries waiting = job.cut();

    Job told_later(before, 4 - parts, 3, true);
    told_later.restore(waiting, next.get(), kChange);
    Job told_before(before, 4 - parts, 3, true);
    told_before.prepare(next, kChange);
    told_before.restore(waiting);
    told_later.alerts = told_before.alerts = job.alerts;
    for (Job* const any : {&job, &told_later, &told_before}) {
      any->advance(kStart + 40'000'000);
      const std::set<std::string> reports = any->reports();
      const auto has = [&](const char* part) {
        return std::ranges::any_of(reports, [&](const std::string& report) {
          return report.find(part) != std::string::npos;
        });
      };
      CHECK(has(R"("started":[{"rule":"large"}])"));
      CHECK(has(R"("lost":[{"rule":"again"}])"));
      CHECK(has(R"("kept":[{"rule":"pair"}])"));
      CHECK(any->reports() == std::set<std::string>{""});
      const Job::Entries behind = any->cut();
      const auto go_on = [&](const Pack& pack, bool is_prepared) {
        Job other(pack, 4 - parts, 3, true);
        if (is_prepared) other.prepare(next, kChange);
        other.restore(behind);
        other.alerts = any->alerts;
        other.advance(kEnd);
        CHECK(other.alerts == first_lines + next_lines);
      };
      go_on(before, true);
      go_on(next, false);
      any->advance(kEnd);
      CHECK(any->alerts == first_lines + next_lines);
    }
  }
}

TEST_CASE("C stages: a change of rules that cannot be is refused, and nothing changes") {
  const Pack before = pack_of(kJobRules);
  const Pack next = pack_of(after());
  for (const int kind : {TOCSIN_STAGE_SOURCE, TOCSIN_STAGE_PASS, TOCSIN_STAGE_ALERTS}) {
    CAPTURE(kind);
    CHECK(refusal(before, kind, 0, next, 6, 5) == "");
    CHECK(refusal(before, kind, 0, next, 5, 5)
              .starts_with(
                  "invalid_argument: rules change at a time that the stage has not come to"));
    CHECK(refusal(before, kind, 0, next, kEnd, 5)
              .starts_with(
                  "invalid_argument: rules change at a time that the stage has not come to"));
    CHECK(refusal(before, kind, 0, before, 6, 5) ==
          "invalid_argument: these are the rules that the stage runs already");
    CHECK(refusal(next, kind, 0, before, 6, 5) ==
          "invalid_argument: the rules have 3 passes, and the job has room for 2: open its stages "
          "with \"passes\": 3");
    const Pack coupled = pack_of(std::string(kOneEvent) + R"(
feature level = avg(amount of payment unless alerted by outlier) by merchant over previous 30d
rule outlier "Far above what is usual" {
  by card
  when payment where amount > 4 * level
  alert "far"
}
)");
    CHECK(
        refusal(next, kind, 0, coupled, 6, 5, kRoom).starts_with("unsupported: the rules cannot"));
    // What `b` remembers of alerts goes where they are: behind the merchant's feature.
    const std::string reader = R"(
rule b "Two alerts" {
  by card
  when alert a as first
  then alert a as second
  within 10m
  alert "twice"
}
)";
    const Pack shallow = pack_of(kOneEvent + std::string(R"(
rule a "A payment" {
  by card
  when payment where amount > 5
  alert "large"
}
)") + reader);
    const Pack deep = pack_of(kOneEvent + std::string(R"(
feature at_merchant = count(payment) by merchant over last 10m
rule a "A payment" {
  by card
  when payment where amount > 5 and at_merchant > 1
  alert "large"
}
)") + reader);
    CHECK(refusal(shallow, kind, 0, deep, 6, 5, kRoom) ==
          "invalid_argument: what `b` remembers would have to move from pass 1 to pass 2: stop the "
          "job, and submit the rules again without its state");
  }
  // A hold, where the job has none.
  const std::string plain = std::string(kOneEvent) + R"(
rule large "A large payment" {
  by card
  when payment where amount > 5
  alert "large"
)";
  CHECK(refusal(pack_of(plain + "}\n"), TOCSIN_STAGE_PASS, 0,
                pack_of(plain + "  once per 1h for each merchant\n}\n"), 6, 5) ==
        "invalid_argument: the rules need a hold behind pass 0, and the job has none: open its "
        "stages with \"passes\": 1");
}

TEST_CASE("C stages: a change that waits, and blocks of rules that a stage does not have") {
  const Pack before = pack_of(kJobRules);
  const Pack next = pack_of(after());
  const auto open = [&](int kind) {
    tocsin_stage* stage = nullptr;
    REQUIRE(failure(tocsin_stage_open, before.get(), kind, 0U, nullptr, &stage) == "");
    return Stage(stage);
  };
  const Stage source = open(TOCSIN_STAGE_SOURCE);
  const Stage pass = open(TOCSIN_STAGE_PASS);
  const auto put = [&](int i, std::string why) {
    const std::string line = event_line(i);
    int outcome = -1;
    CHECK(failure(tocsin_stage_put_event, source.get(), line.data(), line.size(),
                  std::numeric_limits<std::int64_t>::min(), std::uint64_t{7},
                  static_cast<std::uint32_t>(i), 0U, &outcome) == why);
  };
  put(60, "");  // at 30 s
  CHECK(failure(tocsin_stage_prepare, source.get(), next.get(), kStart + 30'000'000)
            .starts_with("invalid_argument: rules change at a time"));
  CHECK(failure(tocsin_stage_prepare, source.get(), next.get(), kStart + 31'000'000) == "");
  CHECK(failure(tocsin_stage_prepare, source.get(), next.get(), kStart + 32'000'000) ==
        "wrong_state: a change of rules waits already: only one can wait at a time");
  CHECK(failure(tocsin_stage_prepare, source.get(), nullptr, kStart) ==
        "invalid_argument: next must not be NULL");
  put(61, "");  // at 30 s too
  put(62, "");  // at 31 s
  int done = 0;
  CHECK(failure(tocsin_stage_advance, source.get(), kStart + 30'500'000, std::size_t{1}, &done) ==
        "");
  put(60, "invalid_argument: the event is at or before the source's watermark");
  std::vector<std::string> outcomes;
  std::vector<std::string> blocks;
  for (;;) {
    const Buffer block(tocsin_buffer_new());
    int kind = 0;
    std::uint32_t to = 0;
    std::uint32_t part = 0;
    REQUIRE(failure(tocsin_stage_take, source.get(), &kind, &to, &part, block.get()) == "");
    if (tocsin_buffer_size(block.get()) == 0) break;
    if (to != 0) continue;
    blocks.push_back(text_of(block));
    outcomes.push_back(
        failure(tocsin_stage_put, pass.get(), blocks.back().data(), blocks.back().size()));
  }
  std::ranges::sort(outcomes);
  REQUIRE(outcomes.size() == 2);
  CHECK(outcomes[0] == "");
  CHECK(outcomes[1].starts_with("mismatch: the block is of rules that the stage does not have"));
  // The stage is as it was: once it is prepared it takes the block.
  CHECK(failure(tocsin_stage_prepare, pass.get(), next.get(), kStart + 31'000'000) == "");
  std::size_t taken = 0;
  for (const std::string& block : blocks) {
    taken += failure(tocsin_stage_put, pass.get(), block.data(), block.size()).empty() ? 1 : 0;
  }
  CHECK(taken == 2);
  CHECK(failure(tocsin_stage_advance, pass.get(), kEnd, std::size_t{1}, &done) == "");
}
}  // namespace tocsin::library
