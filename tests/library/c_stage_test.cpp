// Stages of a job through the C interface: two passes and a hold in several parts give the alerts
// of a run.
#include <doctest/doctest.h>
#include <tocsin.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "tests/library/c_stage_job.h"

namespace tocsin::library {
namespace {
// Of the rows of one type that the exchange has.
std::size_t described_bytes(const nlohmann::json& job, std::string_view from, std::string_view to) {
  for (const nlohmann::json& exchange : job.at("exchanges")) {
    if (exchange.at("from") != from || exchange.at("to") != to) continue;
    return exchange.at("rows").at(0).at("bytes").get<std::size_t>();
  }
  return 0;
}
}  // namespace

TEST_CASE("C stages: a job gives the bytes of a run, also when it goes on in other parts") {
  const Pack pack = pack_of(kJobRules);
  const Buffer json(tocsin_buffer_new());
  REQUIRE(failure(tocsin_pack_describe_job, pack.get(), json.get()) == "");
  const nlohmann::json job = nlohmann::json::parse(text_of(json));
  CHECK(job.at("can_be_spread") == true);
  REQUIRE(job.at("passes").size() == 3);
  CHECK(job.at("passes")[1].at("hold") == true);
  const std::string expected = alerts_of_run(pack);
  CHECK(std::ranges::count(expected, '\n') > 20);
  for (const std::uint32_t parts : {1U, 3U}) {
    Job first(pack, parts, 3);
    for (int i = 0; i < kEvents / 2; ++i) first.put_event(i);
    first.advance(kStart + 20'000'000);
    Job second(pack, 4 - parts, 3);
    second.restore(first.cut());
    second.alerts = first.alerts;
    for (Job* const either : {&first, &second}) {
      for (int i = kEvents / 2; i < kEvents; ++i) either->put_event(i);
      either->advance(kStart + 40'000'000);
      either->advance(kEnd);
      CHECK(either->alerts == expected);
    }
    // What the stages sent is what the description says, and about as much.
    std::set<std::pair<std::string, std::string>> described;
    for (const nlohmann::json& exchange : job.at("exchanges")) {
      described.emplace(exchange.at("from"), exchange.at("to"));
    }
    std::set<std::pair<std::string, std::string>> seen;
    for (const auto& [edge, bytes] : first.sent) seen.insert(edge);
    CHECK(seen == described);
    const std::size_t rows = first.sent.at({"intake", "pass 1"}) / (kEvents * 4 / 5);
    CHECK(rows > described_bytes(job, "intake", "pass 1") / 2);
    CHECK(rows < described_bytes(job, "intake", "pass 1") * 2);
  }
}

TEST_CASE("C stages: what cannot be spread is refused with the reason") {
  const Pack pack = pack_of(R"(
event payment { ts: time, id: string id, card: string, merchant: string, amount: int }
feature level = avg(amount of payment unless alerted by outlier) by merchant over previous 30d
rule outlier "Far above what is usual" {
  by card
  when payment where amount > 4 * level
  alert "far"
}
)");
  tocsin_stage* stage = nullptr;
  const std::string why = failure(tocsin_stage_open, pack.get(),
                                  static_cast<int>(TOCSIN_STAGE_PASS), 0U, nullptr, &stage);
  CHECK(stage == nullptr);
  CHECK(why.starts_with("unsupported: the rules cannot be spread: rule `outlier` (by card) reads"));
  const Buffer json(tocsin_buffer_new());
  REQUIRE(failure(tocsin_pack_describe_job, pack.get(), json.get()) == "");
  const nlohmann::json job = nlohmann::json::parse(text_of(json));
  CHECK(job.at("can_be_spread") == false);
  CHECK(job.at("obstacles")[0].at("feature") == "level");
}

TEST_CASE("C stages: what cannot be spread runs in one part where that is allowed") {
  const Pack pack = pack_of(R"(
event payment { ts: time, id: string id, card: string, merchant: string, amount: int }
event note { ts: time, card: string, text: string }
feature level = avg(amount of payment unless alerted by outlier) by merchant over previous 30d
rule outlier "Above what is usual" {
  by card
  when payment where amount > 1 + level
  alert "far"
}
rule noted "The same note twice" {
  by card
  when note as a
  then next note as b where b.text = a.text
  within 10m
  alert "{b.text}"
}
)");
  const Buffer json(tocsin_buffer_new());
  REQUIRE(failure(tocsin_pack_describe_job, pack.get(), json.get()) == "");
  CHECK(nlohmann::json::parse(text_of(json)).at("one_part") == true);
  const std::string expected = alerts_of_run(pack);
  CHECK(std::ranges::count(expected, '\n') > 20);
  const std::string more = R"(,"one_part":true)";
  Job first(pack, 1, 1, false, more);
  for (int i = 0; i < kEvents / 2; ++i) first.put_event(i);
  first.advance(kStart + 20'000'000);
  Job second(pack, 1, 1, false, more);
  second.restore(first.cut());
  second.alerts = first.alerts;
  for (int i = kEvents / 2; i < kEvents; ++i) second.put_event(i);
  second.advance(kEnd);
  CHECK(second.alerts == expected);

  tocsin_stage* stage = nullptr;
  CHECK(failure(tocsin_stage_open, pack.get(), static_cast<int>(TOCSIN_STAGE_PASS), 0U,
                R"({"parts":2,"one_part":true})", &stage) ==
        "invalid_argument: rules that cannot be spread run in one part: \"parts\" is 1");
  const Pack next = pack_of(kJobRules);
  REQUIRE(failure(tocsin_stage_open, pack.get(), static_cast<int>(TOCSIN_STAGE_PASS), 0U,
                  R"({"one_part":true})", &stage) == "");
  const Stage part(stage);
  REQUIRE(failure(tocsin_stage_open, pack.get(), static_cast<int>(TOCSIN_STAGE_ALERTS), 0U,
                  R"({"one_part":true})", &stage) == "");
  const Stage merge(stage);
  for (const Stage* const each : {&part, &merge}) {
    CHECK(failure(tocsin_stage_prepare, each->get(), next.get(), kStart)
              .starts_with("invalid_argument: the rules of this stage do not change"));
  }
  CHECK(failure(tocsin_stage_open, pack.get(), static_cast<int>(TOCSIN_STAGE_PASS), 1U,
                R"({"passes":2,"one_part":true})",
                &stage) == "invalid_argument: the pack has no such stage");
}

TEST_CASE("C stages: calls that make no sense are refused") {
  const Pack pack = pack_of(kJobRules);
  const auto open = [&](int kind, std::uint32_t pass, const char* options) {
    tocsin_stage* stage = nullptr;
    const std::string why = failure(tocsin_stage_open, pack.get(), kind, pass, options, &stage);
    return std::pair(Stage(stage), why);
  };
  CHECK(open(TOCSIN_STAGE_PASS, 3, nullptr).second ==
        "invalid_argument: the pack has no such stage");
  CHECK(open(TOCSIN_STAGE_HOLD, 0, nullptr).second ==
        "invalid_argument: the pack has no such stage");
  CHECK(open(9, 0, nullptr).second == "invalid_argument: the pack has no such stage");
  CHECK(open(TOCSIN_STAGE_PASS, 0, R"({"part":2,"parts":2})").second ==
        "invalid_argument: \"part\" is less than \"parts\"");
  CHECK(open(TOCSIN_STAGE_SOURCE, 0, R"({"keeps_state":true})").second ==
        "invalid_argument: a source keeps no state");
  const auto [pass, why] = open(TOCSIN_STAGE_PASS, 0, nullptr);
  REQUIRE(why == "");
  int done = 0;
  CHECK(failure(tocsin_stage_cut, pass.get()) ==
        "wrong_state: the stage was opened without \"keeps_state\"");
  CHECK(failure(tocsin_stage_advance, pass.get(), std::int64_t{5}, std::size_t{10}, &done) == "");
  CHECK(failure(tocsin_stage_advance, pass.get(), std::int64_t{4}, std::size_t{10}, &done) ==
        "invalid_argument: a watermark is a time at or after the one before");
  CHECK(failure(tocsin_stage_begin_restore, pass.get(), "", std::size_t{0}, nullptr) ==
        "wrong_state: only a fresh stage is restored");
  CHECK(failure(tocsin_stage_restore, pass.get(), "", std::size_t{0}) ==
        "wrong_state: no restore was begun");
  std::int64_t watermark = 0;
  CHECK(failure(tocsin_stage_watermark, pass.get(), &watermark) == "");
  CHECK(watermark == 5);
  const Buffer json(tocsin_buffer_new());
  CHECK(failure(tocsin_stage_statistics, pass.get(), json.get()) == "");
  CHECK(nlohmann::json::parse(text_of(json)).at("rows") == 0);
  CHECK(failure(tocsin_stage_put, pass.get(), "no block", std::size_t{8}) ==
        "corrupt: a block of another stage is damaged");
  CHECK(failure(tocsin_stage_advance, pass.get(), std::int64_t{6}, std::size_t{10}, &done) ==
        "wrong_state: the stage has failed and takes nothing more");
}
}  // namespace tocsin::library
