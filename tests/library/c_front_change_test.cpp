// Rules that change in judges and the intake, through the C interface: event types that come and
// go, and what is refused.
#include <doctest/doctest.h>
#include <tocsin.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/library/handles.h"

namespace tocsin::library::front_change {
namespace {
constexpr std::int64_t kStart = 1'772'452'800'000'000;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kChange = kStart + 10 * kSecond;
constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
const std::string kPayment =
    "event payment { ts: time, id: string id, card: string, amount: int }\n";
const std::string kNote = "event note { ts: time, card: string, text: string }\n";
const std::string kRule =
    "rule large \"A large payment\" { by card when payment as p where amount > 100"
    " alert \"{p.amount}\" }\n";
const std::string kNoted = "rule noted \"A note\" { by card when note as n alert \"{n.text}\" }\n";

std::string event(const std::string& type, std::int64_t seconds, const std::string& rest) {
  return R"({"type":")" + type + R"(","ts":)" + std::to_string(kStart + seconds * kSecond) +
         R"(,"card":"c1")" + rest + "}";
}
std::string payment(std::int64_t seconds, int amount) {
  return event("payment", seconds,
               R"(,"id":"p)" + std::to_string(seconds) + R"(","amount":)" + std::to_string(amount));
}
std::string note(std::int64_t seconds) { return event("note", seconds, R"(,"text":"seen")"); }

// A judge, an intake, a pass and alerts, each in one part.
class Job {
 public:
  explicit Job(const Pack& pack, const std::string& front = "") {
    const std::string state = R"("keeps_state":true,"passes":2)";
    open(pack, TOCSIN_STAGE_JUDGE, 0, state + front, &judge);
    open(pack, TOCSIN_STAGE_INTAKE, 0, state + front, &intake);
    open(pack, TOCSIN_STAGE_PASS, 0, state, &pass);
    open(pack, TOCSIN_STAGE_ALERTS, 0, state, &alerts);
  }
  ~Job() {
    for (tocsin_stage* const stage : {judge, intake, pass, alerts}) tocsin_stage_free(stage);
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  tocsin_status prepare(tocsin_stage* stage, const Pack& next, std::int64_t from) {
    return tocsin_stage_prepare(stage, next.get(), from, why.set());
  }
  void prepare_all(const Pack& next, std::int64_t from) {
    for (tocsin_stage* const stage : {judge, intake, pass, alerts}) {
      REQUIRE_MESSAGE(prepare(stage, next, from) == TOCSIN_OK, why.message());
    }
  }
  int put(const std::string& line) {
    int outcome = -1;
    REQUIRE_MESSAGE(tocsin_stage_put_line(judge, "s", 1, line.data(), line.size(),
                                          std::numeric_limits<std::int64_t>::min(), ++record_, 0,
                                          &outcome, why.set()) == TOCSIN_OK,
                    why.message());
    return outcome;
  }
  void advance(std::int64_t watermark) {
    move(judge, intake);
    work(intake, watermark);
    move(intake, pass);
    work(pass, watermark);
    move(pass, alerts);
    work(alerts, watermark);
  }
  std::string take_alerts() {
    Text text;
    REQUIRE(tocsin_stage_take_alerts(alerts, text.get(), why.set()) == TOCSIN_OK);
    return text.text();
  }

  Why why;
  tocsin_stage* judge = nullptr;
  tocsin_stage* intake = nullptr;
  tocsin_stage* pass = nullptr;
  tocsin_stage* alerts = nullptr;

 private:
  void open(const Pack& pack, int kind, std::uint32_t number, const std::string& options,
            tocsin_stage** stage) {
    REQUIRE_MESSAGE(tocsin_stage_open(pack.get(), kind, number, ("{" + options + "}").c_str(),
                                      stage, why.set()) == TOCSIN_OK,
                    why.message());
  }
  void work(tocsin_stage* stage, std::int64_t watermark) {
    for (int done = 0; done == 0;) {
      REQUIRE_MESSAGE(tocsin_stage_advance(stage, watermark, 1, &done, why.set()) == TOCSIN_OK,
                      why.message());
    }
  }
  void move(tocsin_stage* from, tocsin_stage* to) {
    for (;;) {
      int kind = 0;
      std::uint32_t number = 0;
      std::uint32_t part = 0;
      Text block;
      REQUIRE(tocsin_stage_take(from, &kind, &number, &part, block.get(), why.set()) == TOCSIN_OK);
      const std::string bytes = block.text();
      if (bytes.empty()) return;
      if (to != alerts && kind == TOCSIN_STAGE_ALERTS) continue;
      if (kind == TOCSIN_STAGE_PASS && number != 0) continue;
      REQUIRE_MESSAGE(tocsin_stage_put(to, bytes.data(), bytes.size(), why.set()) == TOCSIN_OK,
                      why.message());
    }
  }
  std::uint64_t record_ = 0;
};
}  // namespace

TEST_CASE("C front: event types come and go with the rules of a line's time") {
  const Pack first(kPayment + kRule);
  const Pack second(kNote + kNoted);
  Job job(first, R"(,"unknown_types":"ignore")");
  CHECK(job.put(payment(1, 500)) == TOCSIN_EVENT_SENT);
  CHECK(job.put(note(2)) == TOCSIN_EVENT_UNKNOWN);
  job.prepare_all(second, kChange);
  CHECK(job.put(note(3)) == TOCSIN_EVENT_UNKNOWN);  // of the rules before
  CHECK(job.put(payment(9, 501)) == TOCSIN_EVENT_SENT);
  CHECK(job.put(note(10)) == TOCSIN_EVENT_SENT);  // known to the next rules alone
  CHECK(job.put(payment(11, 502)) == TOCSIN_EVENT_UNKNOWN);
  // Its source has come to the change: what is late now is so to the next rules.
  CHECK(job.put(note(4)) == TOCSIN_EVENT_LATE);
  CHECK(job.put(payment(4, 503)) == TOCSIN_EVENT_UNKNOWN);
  job.advance(kEnd);
  const std::string alerts = job.take_alerts();
  CHECK(lines_in(alerts) == 3);
  for (const char* const text : {"\"500\"", "\"501\"", "\"seen\""}) {
    CHECK_MESSAGE(alerts.find(text) != std::string::npos, alerts);
  }
}

TEST_CASE("C front: what a change of rules must leave as it is") {
  const Pack pack(kPayment + kNote + kRule);
  struct Refusal {
    std::string rules;
    bool is_of_staying_judges = false;
    std::string text;
  };
  const std::string noted = kRule + kNoted;
  const std::vector<Refusal> refusals = {
      {"event payment { at: time key, id: string id, card: string, amount: int }\n" + kNote + kRule,
       false, "event type `payment` takes its time from another field"},
      {"event payment { ts: time up to 5s late, id: string id, card: string, amount: int }\n" +
           kNote + noted,
       false, "\"out_of_orderness\""},
      {kPayment + kRule + "rule more \"More\" { by card when payment alert \"more\" }\n", true,
       "event type `note` is not declared"},
      {kPayment + kNote + "event refund { ts: time, id: string id }\n" + noted, true,
       "event type `refund` is new"},
      {"event payment { ts: time, id: string, card: string id, amount: int }\n" + kNote + noted,
       true, "event type `payment` has another id field"},
      {kPayment + "event note { ts: time, card: string }\n" +
           "rule noted \"A note\" { by card when note alert \"noted\" }\n" + kRule,
       true, "event type `note` has no id field"},
  };
  for (const Refusal& refusal : refusals) {
    CAPTURE(refusal.text);
    const Pack next(refusal.rules);
    for (const bool stays : {false, true}) {
      Job job(pack, stays ? R"(,"judges_change":false)" : "");
      const tocsin_status told = job.prepare(job.intake, next, kChange);
      if (refusal.is_of_staying_judges && !stays) {
        CHECK_MESSAGE(told == TOCSIN_OK, job.why.message());
        CHECK(job.prepare(job.judge, next, kChange) == TOCSIN_OK);
        continue;
      }
      CHECK(told == TOCSIN_INVALID_ARGUMENT);
      CHECK_MESSAGE(job.why.message().find(refusal.text) != std::string::npos, job.why.message());
      if (!stays) CHECK(job.prepare(job.judge, next, kChange) == TOCSIN_INVALID_ARGUMENT);
    }
  }
}

TEST_CASE("C front: judges that are not told send events of all types") {
  const Pack first(kPayment + kNote + kRule);
  const Pack second(kPayment +
                    "event note { ts: time, card: string, text: string, more: string? }\n" + kRule +
                    kNoted);
  CHECK(Job(first).put(note(1)) == TOCSIN_EVENT_UNUSED);
  Job job(first, R"(,"judges_change":false)");
  CHECK(job.put(note(1)) == TOCSIN_EVENT_SENT);
  for (tocsin_stage* const stage : {job.intake, job.pass, job.alerts}) {
    REQUIRE_MESSAGE(job.prepare(stage, second, kChange) == TOCSIN_OK, job.why.message());
  }
  CHECK(job.put(note(11)) == TOCSIN_EVENT_SENT);
  job.advance(kEnd);
  CHECK(lines_in(job.take_alerts()) == 1);
}

TEST_CASE("C front: one change after the other, each ahead of what was read") {
  const Pack first(kPayment + kRule);
  const Pack second(kPayment + kNote + kRule + kNoted);
  Job job(first);
  job.put(payment(5, 1));
  CHECK(job.prepare(job.judge, second, kStart + 5 * kSecond) == TOCSIN_INVALID_ARGUMENT);
  CHECK(job.prepare(job.judge, first, kChange) == TOCSIN_INVALID_ARGUMENT);  // the same rules
  job.prepare_all(second, kChange);
  for (tocsin_stage* const stage : {job.judge, job.intake}) {
    CHECK(job.prepare(stage, first, kChange + kSecond) == TOCSIN_WRONG_STATE);
  }
  job.put(payment(11, 500));
  // The judge's source is behind the change; the intake has yet to come there.
  CHECK(job.prepare(job.judge, first, kChange + 20 * kSecond) == TOCSIN_OK);
  CHECK(job.prepare(job.intake, first, kChange + 20 * kSecond) == TOCSIN_WRONG_STATE);
  job.advance(kChange);
  Text report;
  REQUIRE(tocsin_stage_take_report(job.intake, report.get(), job.why.set()) == TOCSIN_OK);
  CHECK(report.text().find("\"is_same\":false") != std::string::npos);
  CHECK(job.prepare(job.intake, first, kChange + 20 * kSecond) == TOCSIN_OK);
}
}  // namespace tocsin::library::front_change
