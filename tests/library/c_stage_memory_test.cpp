// How much memory stages may take, and what they count.
#include <doctest/doctest.h>
#include <tocsin.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tests/library/c_stage_job.h"

namespace tocsin::library {
namespace {
constexpr const char* kRules = R"(
event payment { ts: time, id: string id unique, card: string, note: string, amount: int }
feature n = count(payment) by card over last 10d
rule pair "A payment again" {
  by card
  when payment as a
  then payment as b where b.amount > 1_000 and n > 1
  within 10d
  alert "{a.note}"
}
)";
constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

Stage open_stage(const Pack& pack, int kind, const std::string& options = "{}") {
  tocsin_stage* stage = nullptr;
  REQUIRE(failure(tocsin_stage_open, pack.get(), kind, 0U, options.c_str(), &stage) == "");
  return Stage(stage);
}
tocsin_counters counters_of(const Stage& stage) {
  tocsin_counters counters;
  REQUIRE(failure(tocsin_stage_count, stage.get(), &counters, sizeof(counters)) == "");
  return counters;
}
std::string payment_line(int i, int amount) {
  return R"({"type":"payment","ts":)" + std::to_string(kStart + i * 1'000'000) + R"(,"id":"p)" +
         std::to_string(i) + R"(","card":"c)" + std::to_string(i % 50) + R"(","note":")" +
         std::string(200, 'x') + R"(","amount":)" + std::to_string(amount) + "}";
}

// A source, its pass and the alerts.
struct SmallJob {
  explicit SmallJob(const Pack& pack)
      : source(open_stage(pack, TOCSIN_STAGE_SOURCE)),
        pass(open_stage(pack, TOCSIN_STAGE_PASS)),
        alerts(open_stage(pack, TOCSIN_STAGE_ALERTS)) {}

  void put_event(int i, int amount = 1) {
    const std::string line = payment_line(i, amount);
    int outcome = -1;
    REQUIRE(failure(tocsin_stage_put_event, source.get(), line.data(), line.size(), kNoTime,
                    std::uint64_t{7}, static_cast<std::uint32_t>(i), 0U, &outcome) == "");
  }
  // What the first failure of a put says; the blocks up to it are given.
  std::string give(const Stage& from, const Stage& to) {
    for (;;) {
      int kind = -1;
      std::uint32_t pass = 0;
      std::uint32_t part = 0;
      if (block.empty()) {
        const Buffer taken(tocsin_buffer_new());
        REQUIRE(failure(tocsin_stage_take, from.get(), &kind, &pass, &part, taken.get()) == "");
        block = text_of(taken);
      }
      if (block.empty()) return "";
      std::string refused = failure(tocsin_stage_put, to.get(), block.data(), block.size());
      if (!refused.empty()) return refused;
      block.clear();
    }
  }
  static std::string advance(const Stage& stage, std::int64_t watermark) {
    for (int done = 0; done == 0;) {
      std::string failed =
          failure(tocsin_stage_advance, stage.get(), watermark, std::size_t{100}, &done);
      if (!failed.empty()) return failed;
    }
    return "";
  }

  Stage source;
  Stage pass;
  Stage alerts;
  std::string block;  // that was refused, and is to be given again
};

std::uint64_t entries_in(std::string_view bytes) {
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    }
    return value;
  };
  std::uint64_t count = 0;
  for (std::size_t at = 0; at < bytes.size(); ++count) {
    const std::uint32_t key = number(at + 5);
    at += 9 + key + (bytes[at] == 1 ? 4 + number(at + 9 + key) : 0);
  }
  return count;
}
}  // namespace

TEST_CASE("C stages: state beyond its memory fails with who holds it, and goes on with more") {
  const Pack pack = pack_of(kRules);
  SmallJob job(pack);
  std::string failed;
  std::uint64_t limit = 0;
  int events = 0;
  for (; failed.empty() && events < 10'000; ++events) {
    job.put_event(events);
    failed = job.give(job.source, job.pass);
    if (failed.empty()) failed = SmallJob::advance(job.pass, kStart + events * 1'000'000);
    if (events != 100) continue;
    limit = counters_of(job.pass).state_bytes * 3 / 2;
    REQUIRE(failure(tocsin_stage_memory, job.pass.get(), limit) == "");
  }
  INFO(failed);
  CHECK(events > 105);
  CHECK(failed.starts_with("limit: the stage may take "));
  CHECK(failed.find(" of memory, and what it remembers takes ") != std::string::npos);
  // The rule keeps the note of each payment.
  const std::size_t rule = failed.find("Most is of rule `pair` ");
  const std::size_t feature = failed.find(", feature `n` ");
  CHECK(rule != std::string::npos);
  CHECK(feature != std::string::npos);
  CHECK(rule < feature);
  CHECK(
      failed.ends_with("Use more parts, allow more memory, or let rules and features look back "
                       "less far (`within`, `over`)"));
  const tocsin_counters counters = counters_of(job.pass);
  CHECK(counters.memory_max == limit);
  CHECK(counters.state_bytes + counters.waiting_bytes > limit);
  CHECK(counters.state_bytes + counters.waiting_bytes < 2 * limit);
  CHECK(counters.keys == 50);
  CHECK(counters.rows == static_cast<std::uint64_t>(events));

  // It says so again, and nothing is lost.
  CHECK(SmallJob::advance(job.pass, kStart + events * 1'000'000).starts_with("limit: "));
  REQUIRE(failure(tocsin_stage_memory, job.pass.get(), std::uint64_t{0}) == "");
  job.put_event(events + 1, 2'000);
  CHECK(job.give(job.source, job.pass) == "");
  CHECK(SmallJob::advance(job.pass, kEnd) == "");
  CHECK(job.give(job.pass, job.alerts) == "");
  CHECK(SmallJob::advance(job.alerts, kEnd) == "");
  const tocsin_counters alerts = counters_of(job.alerts);
  CHECK(alerts.alerts > 0);
  CHECK(alerts.rows == alerts.alerts);
}

TEST_CASE("C stages: rows that wait beyond the memory are not taken") {
  const Pack pack = pack_of(kRules);
  SmallJob job(pack);
  REQUIRE(failure(tocsin_stage_memory, job.pass.get(), std::uint64_t{60'000}) == "");
  std::string failed;
  int events = 0;
  for (; failed.empty() && events < 10'000; ++events) {
    job.put_event(events);
    failed = job.give(job.source, job.pass);
  }
  INFO(failed);
  CHECK(failed.starts_with("limit: the stage may take 58.6 KiB of memory, and "));
  CHECK(failed.find(" of what waits (") != std::string::npos);
  CHECK(failed.ends_with("use more parts, or allow more memory"));
  const tocsin_counters before = counters_of(job.pass);
  CHECK(before.waiting == static_cast<std::uint64_t>(events - 1));  // the last was not taken
  CHECK(before.waiting_bytes > 60'000);
  CHECK(before.waiting_bytes < 70'000);
  CHECK(before.rows == 0);
  REQUIRE(failure(tocsin_stage_memory, job.pass.get(), std::uint64_t{10'000'000}) == "");
  CHECK(job.give(job.source, job.pass) == "");
  CHECK(SmallJob::advance(job.pass, kStart + events * 1'000'000) == "");
  const tocsin_counters after = counters_of(job.pass);
  CHECK(after.rows == static_cast<std::uint64_t>(events));
  CHECK(after.waiting == 0);
  CHECK(after.waiting_bytes == 0);
  CHECK(after.state_bytes > 0);
}

TEST_CASE("C stages: an intake beyond its memory names the types whose ids it knows") {
  const Pack pack = pack_of(kRules);
  const Stage judge = open_stage(pack, TOCSIN_STAGE_JUDGE);
  SmallJob job(pack);
  const Stage intake = open_stage(pack, TOCSIN_STAGE_INTAKE);
  std::string failed;
  int events = 0;
  for (; failed.empty() && events < 10'000; ++events) {
    const std::string line = payment_line(events / 2, 1);
    int outcome = -1;
    REQUIRE(failure(tocsin_stage_put_line, judge.get(), "a", std::size_t{1}, line.data(),
                    line.size(), kNoTime, static_cast<std::uint64_t>(events), 0U, &outcome) == "");
    failed = job.give(judge, intake);
    if (failed.empty()) failed = SmallJob::advance(intake, kStart + events / 2 * 1'000'000 - 1);
    if (failed.empty()) failed = job.give(intake, job.pass);
    if (events != 500) continue;
    const std::uint64_t limit = counters_of(intake).state_bytes * 3 / 2;
    REQUIRE(failure(tocsin_stage_memory, intake.get(), limit) == "");
  }
  INFO(failed);
  CHECK(failed.find("Most is of ids of `unique` payment ") != std::string::npos);
  const tocsin_counters judged = counters_of(judge);
  CHECK(judged.rows == static_cast<std::uint64_t>(events));
  CHECK(judged.keys == 1);
  const tocsin_counters counters = counters_of(intake);
  CHECK(counters.rows + counters.waiting == static_cast<std::uint64_t>(events));
  CHECK(counters.rows - counters.repeats == counters.keys);
  CHECK(counters.repeats > 100);
  CHECK(counters.watermark_us == kStart + (events - 1) / 2 * 1'000'000 - 1);
}

TEST_CASE("C stages: counters are what a job has done") {
  const Pack pack = pack_of(kJobRules);
  Job job(pack, 2, 3);
  for (int i = 0; i < kEvents; ++i) job.put_event(i);
  job.advance(kStart + 20'000'000);
  const Job::Entries cut = job.cut();
  job.advance(kEnd);
  std::uint64_t pass_rows = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  for (std::uint32_t part = 0; part < 2; ++part) {
    const tocsin_counters counters = counters_of(job.stage(TOCSIN_STAGE_PASS, 0, part));
    pass_rows += counters.rows;
    entries += counters.cut_entries;
    bytes += counters.cut_bytes;
    CHECK(counters.cuts == 1);
    CHECK(counters.waiting == 0);
    CHECK(counters.native_ns > 0);
    CHECK(counters.watermark_us == kEnd);
  }
  // A note has no merchant, and a payment's merchant is of one part.
  CHECK(pass_rows >= kEvents * 4 / 5);
  CHECK(pass_rows <= 2 * kEvents);
  const std::string& of_pass = cut.at({TOCSIN_STAGE_PASS, 0});
  CHECK(entries == entries_in(of_pass));
  CHECK(bytes == of_pass.size());
  const tocsin_counters alerts = counters_of(job.stage(TOCSIN_STAGE_ALERTS, 0, 0));
  CHECK(alerts.alerts == static_cast<std::uint64_t>(std::ranges::count(job.alerts, '\n')));
  CHECK(alerts.alerts > 0);
}

TEST_CASE("C stages: counters of callers that know fewer, and none") {
  const Pack pack = pack_of(kRules);
  SmallJob job(pack);
  job.put_event(1);
  CHECK(job.give(job.source, job.pass) == "");
  CHECK(SmallJob::advance(job.pass, kStart + 5'000'000) == "");
  tocsin_counters counters;
  counters.rows = counters.alerts = 77;
  CHECK(failure(tocsin_stage_count, job.pass.get(), &counters, sizeof(std::uint64_t)) == "");
  CHECK(counters.rows == 1);
  CHECK(counters.alerts == 77);  // it is not the library's
  std::vector<std::uint64_t> more(sizeof(counters) / sizeof(std::uint64_t) + 2, 77);
  CHECK(failure(tocsin_stage_count, job.pass.get(), reinterpret_cast<tocsin_counters*>(more.data()),
                more.size() * sizeof(std::uint64_t)) == "");
  CHECK(more.front() == 1);
  CHECK(more.back() == 0);
  CHECK(failure(tocsin_stage_count, job.pass.get(), nullptr, sizeof(counters)) ==
        "invalid_argument: counters must not be NULL");
  CHECK(failure(tocsin_stage_count, job.pass.get(), &counters, std::size_t{3}) ==
        "invalid_argument: size is sizeof(tocsin_counters)");
}
}  // namespace tocsin::library
