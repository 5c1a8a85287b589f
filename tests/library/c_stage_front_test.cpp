// Judges and the intake of a job through the C interface: what a random job does not come to.
#include <doctest/doctest.h>
#include <tocsin.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/library/handles.h"

namespace tocsin::library {
namespace {
constexpr const char* kRules = R"(
event payment { ts: time, id: string id unique, card: string, amount: int }
event note { ts: time, card: string, text: string }
rule large "A large payment" { by card when payment as p where amount > 100 alert "{p.amount}" }
rule noted "A note" { by card when note as n alert "{n.text}" }
)";
constexpr std::int64_t kStart = 1'772'452'800'000'000;  // 2026-03-02T12:00:00Z
constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kSecond = 1'000'000;
// What the second source adds to its records: no two events have one number.
constexpr std::uint64_t kSecondPlace = std::uint64_t{1} << 44U;

std::string payment(int number, std::int64_t seconds, int amount) {
  return R"({"type":"payment","ts":)" + std::to_string(kStart + seconds * kSecond) + R"(,"id":"p)" +
         std::to_string(number) + R"(","card":"c1","amount":)" + std::to_string(amount) + "}";
}
std::string note(std::int64_t seconds) {
  return R"({"type":"note","ts":)" + std::to_string(kStart + seconds * kSecond) +
         R"(,"card":"c1","text":"seen"})";
}

// One part of each stage of a pack with one pass.
class Front {
 public:
  explicit Front(const Pack& pack, const std::string& options = R"("out_of_orderness":"0s")") {
    const std::string state = R"({"keeps_state":true)";
    open(pack, TOCSIN_STAGE_JUDGE, state + "," + options + "}", &judge_);
    open(pack, TOCSIN_STAGE_INTAKE, state + "," + options + "}", &intake_);
    open(pack, TOCSIN_STAGE_PASS, state + "}", &pass_);
    open(pack, TOCSIN_STAGE_ALERTS, state + "}", &alerts_);
  }
  ~Front() {
    for (tocsin_stage* const stage : {judge_, intake_, pass_, alerts_}) tocsin_stage_free(stage);
  }
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  int put(std::string_view source, std::uint64_t record, const std::string& line) {
    int outcome = -1;
    status = tocsin_stage_put_line(judge_, source.data(), source.size(), line.data(), line.size(),
                                   std::numeric_limits<std::int64_t>::min(), record, 0, &outcome,
                                   why.set());
    return outcome;
  }
  void advance_judge(std::int64_t watermark) { advance(judge_, watermark); }
  // The whole job behind the judge.
  void advance(std::int64_t watermark) {
    move(judge_, intake_);
    advance(intake_, watermark);
    move(intake_, pass_);
    advance(pass_, watermark);
    move(pass_, alerts_);
    advance(alerts_, watermark);
  }
  std::string take_alerts() {
    Text text;
    REQUIRE(tocsin_stage_take_alerts(alerts_, text.get(), why.set()) == TOCSIN_OK);
    return text.text();
  }
  std::string take_late() { return take_lines(judge_, TOCSIN_LATE); }
  std::string take_rejected() { return take_lines(judge_, TOCSIN_REJECTED); }
  void end_source(std::string_view source) {
    REQUIRE(tocsin_stage_end_source(judge_, source.data(), source.size(), why.set()) == TOCSIN_OK);
  }
  std::int64_t least_watermark(const std::vector<std::string>& sources) {
    std::int64_t least = kEnd;
    for (const std::string& source : sources) {
      std::int64_t watermark = 0;
      REQUIRE(tocsin_stage_source_watermark(judge_, source.data(), source.size(), &watermark,
                                            why.set()) == TOCSIN_OK);
      least = std::min(least, watermark);
    }
    return least;
  }
  // What the intake says of a watermark that it cannot work up to.
  std::string refuse_advance(std::int64_t watermark) {
    move(judge_, intake_);
    int done = 0;
    CHECK(tocsin_stage_advance(intake_, watermark, 100, &done, why.set()) == TOCSIN_CORRUPT);
    const std::string message = why.message();
    CHECK(tocsin_stage_advance(intake_, watermark, 100, &done, why.set()) == TOCSIN_WRONG_STATE);
    return message;
  }
  std::string take_late_of_intake() { return take_lines(intake_, TOCSIN_LATE); }
  nlohmann::json statistics_of_intake() {
    Text text;
    REQUIRE(tocsin_stage_statistics(intake_, text.get(), why.set()) == TOCSIN_OK);
    return nlohmann::json::parse(text.text());
  }

  // Entries of a first cut: the heads, and all others.
  using Entries = std::pair<std::string, std::string>;
  Entries cut_judge() { return cut(judge_); }
  Entries cut_intake() { return cut(intake_); }
  tocsin_status restore_judge(const Entries& entries) { return restore(judge_, entries); }
  tocsin_status restore_intake(const Entries& entries) { return restore(intake_, entries); }

  tocsin_status status = TOCSIN_OK;  // of put()
  Why why;

 private:
  void open(const Pack& pack, int kind, const std::string& options, tocsin_stage** stage) {
    const tocsin_status opened =
        tocsin_stage_open(pack.get(), kind, 0, options.c_str(), stage, why.set());
    REQUIRE_MESSAGE(opened == TOCSIN_OK, why.message());
  }
  void advance(tocsin_stage* stage, std::int64_t watermark) {
    for (int done = 0; done == 0;) {
      REQUIRE(tocsin_stage_advance(stage, watermark, 2, &done, why.set()) == TOCSIN_OK);
    }
  }
  std::string take_lines(tocsin_stage* stage, int output) {
    Text text;
    REQUIRE(tocsin_stage_take_lines(stage, output, text.get(), why.set()) == TOCSIN_OK);
    return text.text();
  }
  void move(tocsin_stage* from, tocsin_stage* to) {
    for (;;) {
      Text block;
      int kind = 0;
      std::uint32_t pass = 0;
      std::uint32_t part = 0;
      REQUIRE(tocsin_stage_take(from, &kind, &pass, &part, block.get(), why.set()) == TOCSIN_OK);
      const std::string bytes = block.text();
      if (bytes.empty()) return;
      // A rule reads no other, so that a pass sends to alerts alone.
      const tocsin_status put = tocsin_stage_put(to, bytes.data(), bytes.size(), why.set());
      REQUIRE_MESSAGE(put == TOCSIN_OK, why.message());
    }
  }
  Entries cut(tocsin_stage* stage) {
    REQUIRE(tocsin_stage_cut(stage, why.set()) == TOCSIN_OK);
    Text text;
    int done = 0;
    REQUIRE(tocsin_stage_take_cut(stage, SIZE_MAX, text.get(), &done, why.set()) == TOCSIN_OK);
    REQUIRE(done == 1);
    Entries entries;
    std::string all = text.text();
    const auto number = [&](std::size_t at) {
      std::size_t value = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        value |= static_cast<std::size_t>(static_cast<unsigned char>(all[at + i])) << (8 * i);
      }
      return value;
    };
    while (!all.empty()) {
      const std::size_t key = number(5);
      const std::size_t size = 13 + key + number(9 + key);
      (key == 1 ? entries.first : entries.second) += all.substr(0, size);
      all.erase(0, size);
    }
    return entries;
  }
  tocsin_status restore(tocsin_stage* stage, const Entries& entries) {
    tocsin_status restored = tocsin_stage_begin_restore(stage, entries.first.data(),
                                                        entries.first.size(), nullptr, why.set());
    if (restored == TOCSIN_OK) {
      restored =
          tocsin_stage_restore(stage, entries.second.data(), entries.second.size(), why.set());
    }
    if (restored == TOCSIN_OK) restored = tocsin_stage_finish_restore(stage, 1, why.set());
    return restored;
  }

  tocsin_stage* judge_ = nullptr;
  tocsin_stage* intake_ = nullptr;
  tocsin_stage* pass_ = nullptr;
  tocsin_stage* alerts_ = nullptr;
};
}  // namespace

TEST_CASE("C stages: judges and an intake give what a run by position gives") {
  const Pack pack(kRules);
  Run run(pack, R"({"out_of_orderness":"1s","order":"position"})");
  Front front(pack, R"("out_of_orderness":"1s")");
  const std::uint32_t a = run.source("a");
  const std::uint32_t b = run.source("b");
  std::vector<int> outcomes;
  for (int i = 0; i < 40; ++i) {
    const bool is_first = i % 3 == 0;
    // Late ones, repeats, notes that are equal, and lines that are no event.
    const std::string line = i % 10 == 9   ? std::string("no event")
                             : i % 10 == 8 ? payment(100 + i, i / 4 - 5, 200)
                             : i % 5 == 3  ? note(i / 4)
                                           : payment(i % 14, i / 4, 90 + i);
    REQUIRE(run.push(is_first ? a : b, line + "\n") == TOCSIN_OK);
    const auto number = static_cast<std::uint64_t>(i) + 1;
    outcomes.push_back(
        front.put(is_first ? "a" : "b", number + (is_first ? 0 : kSecondPlace), line));
    if (i % 7 == 6) front.advance(front.least_watermark({"a", "b"}) - 1);
  }
  REQUIRE(tocsin_run_finish(run.get(), 1, run.why.set()) == TOCSIN_OK);
  front.end_source("a");
  CHECK(front.least_watermark({"a"}) == kEnd);
  front.end_source("b");
  front.advance(kEnd);
  const std::string alerts = run.take();
  CHECK(lines_in(alerts) > 8);
  CHECK(front.take_alerts() == alerts);
  // Their lines are called by their numbers in the file, and these by ours.
  CHECK(lines_in(front.take_late()) == lines_in(run.take(TOCSIN_LATE)));
  CHECK(lines_in(front.take_rejected()) == lines_in(run.take(TOCSIN_REJECTED)));
  for (const int outcome : {TOCSIN_EVENT_SENT, TOCSIN_EVENT_LATE, TOCSIN_EVENT_REJECTED}) {
    CHECK(std::ranges::count(outcomes, outcome) > 2);
  }
}

TEST_CASE("C stages: calls of judges that make no sense are refused") {
  const Pack pack(kRules);
  Why why;
  tocsin_stage* stage = nullptr;
  CHECK(tocsin_stage_open(pack.get(), TOCSIN_STAGE_JUDGE, 1, nullptr, &stage, why.set()) ==
        TOCSIN_INVALID_ARGUMENT);
  CHECK(why.message() == "the pack has no such stage");
  CHECK(tocsin_stage_open(pack.get(), TOCSIN_STAGE_INTAKE, 0, R"({"late":"side"})", &stage,
                          why.set()) == TOCSIN_INVALID_ARGUMENT);
  CHECK(why.message().starts_with("there is no option \"late\""));
  Front front(pack, R"("output_bytes_max":1)");
  CHECK(front.put("a", 7, payment(1, 0, 500)) == TOCSIN_EVENT_SENT);
  front.put("a", 7, payment(2, 0, 500));
  CHECK(front.status == TOCSIN_INVALID_ARGUMENT);
  CHECK(front.why.message() == "the lines of a source have ascending numbers: a has 7.0 after 7.0");
  CHECK(front.put("a", 8, "") == TOCSIN_EVENT_UNUSED);
  CHECK(front.put("a", 9, "no event") == TOCSIN_EVENT_REJECTED);
  front.put("a", 10, payment(2, 0, 500));
  CHECK(front.status == TOCSIN_LIMIT);
  CHECK(front.why.message() ==
        "late and rejected lines that were not taken have more than 1 bytes: take them with "
        "tocsin_stage_take_lines()");
  CHECK(lines_in(front.take_rejected()) == 1);
  CHECK(front.put("a", 10, payment(2, 0, 500)) == TOCSIN_EVENT_SENT);
}

TEST_CASE("C stages: an empty line is no event, also the first one") {
  const Pack pack(kRules);
  Why why;
  tocsin_stage* source = nullptr;
  REQUIRE(tocsin_stage_open(pack.get(), TOCSIN_STAGE_SOURCE, 0, nullptr, &source, why.set()) ==
          TOCSIN_OK);
  int outcome = -1;
  CHECK(tocsin_stage_put_event(source, nullptr, 0, kStart, 1, 0, 0, &outcome, why.set()) ==
        TOCSIN_OK);
  CHECK(outcome == TOCSIN_EVENT_REJECTED);
  tocsin_stage_free(source);
}

TEST_CASE("C stages: what an idle source brings too late is late in the intake, by the policy") {
  const Pack pack(kRules);
  for (const bool clamps : {false, true}) {
    Front front(pack, clamps ? R"("out_of_orderness":"0s","late_policy":"clamp")"
                             : R"("out_of_orderness":"0s")");
    CHECK(front.put("a", 1, payment(1, 10, 500)) == TOCSIN_EVENT_SENT);
    front.advance(kStart + 10 * kSecond - 1);
    CHECK(front.put("b", kSecondPlace + 1, payment(2, 4, 600)) == TOCSIN_EVENT_SENT);
    front.advance(kStart + 10 * kSecond);
    const std::string alerts = front.take_alerts();
    CHECK(lines_in(alerts) == (clamps ? 2 : 1));
    // Where time stood when it came: just behind the first watermark.
    CHECK((alerts.find(R"("late_us":6000000)") != std::string::npos) == clamps);
    CHECK(front.take_late_of_intake().starts_with(
              R"({"input":"b","line":1,"late_us":6000000,"text":)") != clamps);
    CHECK(front.statistics_of_intake().at(clamps ? "clamped" : "late") == 1);
  }
}

TEST_CASE("C stages: two events of one time and number are refused, and named") {
  const Pack pack(kRules);
  Front front(pack);
  CHECK(front.put("a", 3, payment(1, 10, 500)) == TOCSIN_EVENT_SENT);
  CHECK(front.put("b", 3, payment(2, 10, 600)) == TOCSIN_EVENT_SENT);
  CHECK(front.refuse_advance(kStart + 10 * kSecond) ==
        "two events of one time have the number 3.0, one of them of a: lines of different sources "
        "need different numbers");
}

TEST_CASE("C stages: a source holds a jump until others have come there") {
  const Pack pack(kRules);
  Front front(pack, R"("out_of_orderness":"0s","jump_max":"1h")");
  CHECK(front.put("a", 1, payment(1, 0, 500)) == TOCSIN_EVENT_SENT);
  CHECK(front.put("a", 2, payment(2, 7'200, 600)) == TOCSIN_EVENT_HELD);
  front.advance_judge(kStart + 7'199 * kSecond);
  front.advance(kStart + 7'199 * kSecond);
  CHECK(lines_in(front.take_alerts()) == 1);
  front.advance_judge(kStart + 7'200 * kSecond);
  front.advance(kStart + 7'200 * kSecond);
  CHECK(lines_in(front.take_alerts()) == 1);
}

TEST_CASE("C stages: lines that wait go on with other rules, and known ids are no news to them") {
  Front front{Pack(kRules)};
  front.put("a", 1, payment(1, 0, 10));
  front.put("a", 2, payment(2, 5, 50));
  front.put("a", 3, note(5));
  front.put("a", 4, note(5));
  front.advance(kStart + 4 * kSecond);
  const Front::Entries entries = front.cut_intake();
  const Pack other(R"(
event payment { ts: time, id: string id unique, card: string, amount: int, currency: string? }
event note { ts: time, card: string, text: string, kind: string? }
rule any "A payment" { by card when payment as p alert "{p.id}" }
rule noted "A note" { by card when note as n alert "{n.text}" }
)");
  Front next(other);
  REQUIRE(next.restore_intake(entries) == TOCSIN_OK);
  CHECK(next.put("b", kSecondPlace + 1, payment(1, 6, 500)) == TOCSIN_EVENT_SENT);  // a repeat
  CHECK(next.put("b", kSecondPlace + 2, note(5)) == TOCSIN_EVENT_LATE);
  next.advance(kEnd);
  const std::string alerts = next.take_alerts();
  CHECK(lines_in(alerts) == 3);
  CHECK(alerts.find("p2") != std::string::npos);
  CHECK(next.statistics_of_intake().at("repeats") == 1);
  CHECK(next.statistics_of_intake().at("waiting") == 0);
}

TEST_CASE("C stages: of one source the entry that was read further counts") {
  const Pack pack(kRules);
  Front before(pack);
  before.put("a", 1, payment(1, 0, 500));
  before.advance(kStart - 1);
  const Front::Entries old = before.cut_judge();
  Front after(pack);
  for (std::uint64_t i = 1; i <= 3; ++i) after.put("a", i, payment(1, 0, 500));
  after.advance(kStart - 1);
  const Front::Entries newer = after.cut_judge();
  for (const bool is_old_first : {false, true}) {
    Front next(pack);
    const std::string both = is_old_first ? old.second + newer.second : newer.second + old.second;
    REQUIRE(next.restore_judge({old.first, both}) == TOCSIN_OK);
    next.put("a", 3, payment(1, 0, 500));
    CHECK(next.status == TOCSIN_INVALID_ARGUMENT);
    next.put("a", 4, payment(1, 0, 500));
    CHECK(next.status == TOCSIN_OK);
  }
}

TEST_CASE("C stages: damaged entries of judges and the intake are refused") {
  const Pack pack(kRules);
  Front front(pack, R"("out_of_orderness":"5s","jump_max":"1h")");
  front.put("a", 1, payment(1, 0, 500));
  front.put("a", 2, payment(2, 5, 500));
  front.put("a", 3, note(5));
  front.put("a", 4, payment(3, 50'000, 500));
  front.advance(kStart);
  const Front::Entries of_judge = front.cut_judge();
  const Front::Entries of_intake = front.cut_intake();
  for (const bool is_judge : {true, false}) {
    const Front::Entries& entries = is_judge ? of_judge : of_intake;
    REQUIRE(!entries.second.empty());
    std::size_t refused = 0;
    for (std::size_t at = 0; at < entries.second.size(); ++at) {
      Front next(pack);
      Front::Entries damaged = entries;
      damaged.second[at] = static_cast<char>(damaged.second[at] ^ 0x55);
      const tocsin_status status =
          is_judge ? next.restore_judge(damaged) : next.restore_intake(damaged);
      // A text that is changed may be another one; it never ends the process.
      if (status != TOCSIN_OK) ++refused;
      if (status == TOCSIN_OK && !is_judge) next.advance(kEnd);
    }
    CHECK(refused > 20);
  }
}
}  // namespace tocsin::library
