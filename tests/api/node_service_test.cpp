#include "api/node/node_service.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <chrono>
#include <future>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/node/disk_waits.h"
#include "cep/engine/engine.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/event_time/slice_loop.h"
#include "tests/api/node_service_world.h"
#include "tests/support/model_state_store.h"
#include "tests/support/model_store.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
TEST_CASE("node service: each line gets one verdict, the last said") {
  Home home;
  Life life(home);
  const std::string lines = payment(100) + payment(100) + payment(99, "1", "a") +
                            payment(99, "1", "a") + payment(1) + "{\"type\":\"x\",\"ts\":1}\nno\n" +
                            payment(101);
  const auto answer = life.take(lines);
  CHECK(statuses(answer, 8) == "ac du cl du la ig in ac ");
  CHECK(answer->others[1].late_by.us == 1'000'000);
  CHECK(answer->others[4].reason == "x");
  CHECK_FALSE(answer->others[5].reason.empty());
  // Over many records of the journal places go on.
  std::string many;
  for (int second = 200; second < 2200; ++second) many += payment(second) + payment(second);
  const auto all = life.take(many);
  REQUIRE(all);
  REQUIRE(all->others.size() == 2000);
  for (std::size_t i = 0; i < 2000; ++i) REQUIRE(all->others[i].place == i * 2 + 1);
}

TEST_CASE("node service: an answer waits for the disk, others are taken meanwhile") {
  Home home;
  Life life(home);
  REQUIRE(life.take(payment(1)));
  life.gate.set(true);
  auto first = std::async(std::launch::async, [&] { return life.take(payment(2)); });
  life.gate.wait_for_one();
  auto second = std::async(std::launch::async, [&] { return life.take(payment(3)); });
  // Both are taken by the node, and neither is answered.
  for (std::uint64_t lines = 0; lines < 3;) {
    REQUIRE(life.service->ask([&](Node& node) { lines = node.summary().lines; }, kLong));
  }
  CHECK(first.wait_for(20ms) == std::future_status::timeout);
  CHECK(second.wait_for(0ms) == std::future_status::timeout);
  const auto late = life.take(payment(4), "", 0, 10ms);
  REQUIRE_FALSE(late);
  CHECK(late.error().why == Refusal::Why::kNotYet);
  life.gate.set(false);
  CHECK(first.get());
  CHECK(second.get());
  // What was not answered in time was taken all the same.
  CHECK(statuses(life.take(payment(4)), 1) == "du ");
}

TEST_CASE("node service: a disk that fails ends it, and nothing unsafe is acknowledged") {
  Home home;
  Life life(home);
  REQUIRE(life.take(payment(1)));
  // One line waits for the disk when it fails; of many, the later ones are still being taken.
  std::string lines = payment(2);
  SUBCASE("with one line") {}
  SUBCASE("with many lines") {
    for (int second = 3; second < 20'000; ++second) lines += payment(second);
  }
  life.gate.set(false, true);
  const auto refused = life.take(lines);
  // Whoever is told of the failure can ask why.
  const std::string failure = life.service->failure();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().why == Refusal::Why::kFailed);
  CHECK(refused.error().detail == failure);
  CHECK(failure.find("the disk is gone") != std::string::npos);
  while (!life.has_failed) std::this_thread::yield();
  CHECK(life.take(payment(3)).error().why == Refusal::Why::kFailed);
  CHECK(life.service->ask([](Node&) {}, kLong).error().why == Refusal::Why::kFailed);
  CHECK_FALSE(life.service->stop(true));
}

TEST_CASE("node service: what waits is bounded, and who waits too long is told") {
  Home home;
  NodeServiceOptions options;
  options.limits.batches_max = 2;
  options.limits.bytes_max = 300;
  options.limits.questions_max = 1;
  Life life(home, options);
  std::promise<void> begun;
  std::promise<void> go_on;
  auto busy = std::async(std::launch::async, [&] {
    return life.service->ask(
        [&](Node&) {
          begun.set_value();
          go_on.get_future().wait();
        },
        kLong);
  });
  begun.get_future().wait();
  // One question may wait; it is called off, and never run.
  bool is_run = false;
  const auto asked = life.service->ask([&](Node&) { is_run = true; }, 1ms);
  REQUIRE_FALSE(asked);
  CHECK(asked.error().why == Refusal::Why::kNotYet);
  CHECK(life.service->ask([&](Node&) { is_run = true; }, 1ms).error().why == Refusal::Why::kFull);
  auto waiting = std::async(std::launch::async, [&] { return life.take(payment(1)); });
  while (life.service->figures().queued_batches == 0) std::this_thread::yield();
  const auto large = life.take(payment(2) + payment(3) + payment(4) + payment(5));
  REQUIRE_FALSE(large);
  CHECK(large.error().why == Refusal::Why::kFull);
  auto next = std::async(std::launch::async, [&] { return life.take(payment(6)); });
  while (life.service->figures().queued_batches == 1) std::this_thread::yield();
  CHECK(life.take(payment(7)).error().why == Refusal::Why::kFull);
  CHECK(life.service->figures().batches_refused == 2);
  go_on.set_value();
  CHECK(busy.get());
  CHECK(waiting.get());
  CHECK(next.get());
  // One batch may exceed the bytes where nothing else waits.
  CHECK(life.take(payment(12) + payment(13) + payment(14) + payment(15)));
  CHECK_FALSE(is_run);
  CHECK(life.service->figures().queued_bytes == 0);
}

TEST_CASE("node service: producers are counted, also over a restart") {
  Home home;
  const std::string lines = payment(1) + payment(2) + payment(3) + payment(4);
  {
    Life life(home);
    CHECK(life.take(payment(1) + payment(2), "p", 0)->next_sequence == 2);
    CHECK(statuses(life.take(lines, "p", 0), 4) == "du du ac ac ");
    const auto gap = life.take(payment(9), "p", 5);
    REQUIRE_FALSE(gap);
    CHECK(gap.error().why == Refusal::Why::kGap);
    CHECK(gap.error().expected == 4);
    REQUIRE(life.service->stop(true));
  }
  {
    home.disk.restart();
    NodeServiceOptions options;
    options.limits.producers_max = 3;  // with the stream that all are in
    Life life(home, options);
    CHECK(statuses(life.take(lines + payment(5), "p", 0), 5) == "du du du du ac ");
    CHECK(life.take(payment(6), "q", 0));
    const auto more = life.take(payment(7), "r", 0);
    REQUIRE_FALSE(more);
    CHECK(more.error().why == Refusal::Why::kProducers);
    std::vector<std::string> names;
    REQUIRE(life.service->ask(
        [&](Node& node) {
          for (const NodeSource& source : node.sources()) names.push_back(source.name);
          CHECK(node.intake().source_count() == 1);
        },
        kLong));
    CHECK(names == std::vector<std::string>{"http", "http/p", "http/q"});
  }
}

TEST_CASE("node service: alerts of an answer are its events' own, and complete once none waits") {
  Home home;
  Life life(home);
  const auto first = life.take(payment(1, "500") + payment(2, "600"), "", 0, kLong, kLong);
  REQUIRE(first);
  CHECK(first->is_complete);
  REQUIRE(first->alerts.size() == 2);
  CHECK(first->alerts[0].find("\"500.00\"") != std::string::npos);
  const auto second = life.take(payment(3), "", 0, kLong, kLong);
  CHECK(second->is_complete);
  CHECK(second->alerts.empty());
  const auto nothing = life.take("no\n", "", 0, kLong, kLong);
  CHECK(nothing->is_complete);
}

TEST_CASE("node service: from its event to its alert is timed, once it is stored") {
  Home home;
  Life life(home);
  const auto timed = [&](std::uint64_t wanted) {
    std::uint64_t count = 0;
    for (const auto by = std::chrono::steady_clock::now() + kLong; count < wanted;) {
      REQUIRE(std::chrono::steady_clock::now() < by);
      const runtime::CommitTimes times = life.service->figures().alert_times;
      count = std::accumulate(times.counts.begin(), times.counts.end(), std::uint64_t{0});
      CHECK((times.seconds > 0) == (count > 0));
      std::this_thread::sleep_for(1ms);
    }
    return count;
  };
  REQUIRE(life.take(payment(1, "500") + payment(2) + payment(3, "2000"), "", 0, kLong, kLong));
  CHECK(timed(2) == 2);
  // The alert of a deadline, minutes later in event time, is none of them.
  const auto silent = life.take(payment(400, "600"), "", 0, kLong, kLong);
  REQUIRE(silent);
  CHECK(life.take(payment(401, "700"), "", 0, kLong, kLong)->alerts.size() == 1);
  CHECK(timed(4) == 4);
}

TEST_CASE("node service: an alert is timed from the request that brought its event") {
  AcceptTimes times;
  const AcceptTimes::Time now{};
  times.raised(1);  // of a replay
  CHECK(times.take().empty());
  times.begin(5, now + 1s);
  times.raised(5);
  times.raised(900);  // that is being taken
  times.end(8);
  times.begin(8, now + 2s);
  times.end(8);  // nothing was taken
  times.begin(10, now + 3s);
  times.end(12);
  for (const std::uint64_t record : {4, 7, 8, 9, 10, 11, 12}) times.raised(record);
  CHECK(times.take() ==
        std::vector<AcceptTimes::Time>{now + 1s, now + 1s, now + 1s, now + 3s, now + 3s});
  CHECK(times.take().empty());
  // Of long ago nobody knows.
  for (std::uint64_t record = 12; record < 12 + 70'000; ++record) {
    times.begin(record, now + 4s);
    times.end(record + 1);
  }
  times.raised(11);
  times.raised(12 + 69'999);
  CHECK(times.take() == std::vector<AcceptTimes::Time>{now + 4s});
}

TEST_CASE("node service: where order is waited for, alerts come with what moves time") {
  Home home;
  Life life(home, {}, cep::Duration{10'000'000});
  const auto incomplete = life.take(payment(1, "500"), "", 0, kLong, 20ms);
  REQUIRE(incomplete);
  CHECK_FALSE(incomplete->is_complete);
  auto waiting = std::async(std::launch::async,
                            [&] { return life.take(payment(2, "600"), "", 0, kLong, kLong); });
  for (int second = 30; waiting.wait_for(1ms) != std::future_status::ready; ++second) {
    std::uint64_t lines = 0;
    REQUIRE(life.service->ask([&](Node& node) { lines = node.summary().lines; }, kLong));
    if (lines >= 2) REQUIRE(life.take(payment(second)));
  }
  const auto answer = waiting.get();
  REQUIRE(answer);
  CHECK(answer->is_complete);
  CHECK(answer->alerts.size() == 1);
}

TEST_CASE("node service: a repeat of what still waits for its turn is told at once") {
  Home home;
  {
    Life life(home, {}, cep::Duration{10'000'000});
    CHECK(statuses(life.take(payment(1, "1", "x")), 1) == "ac ");
    CHECK(statuses(life.take(payment(1, "1", "x")), 1) == "du ");
    CHECK(statuses(life.take(payment(5, "1", "x")), 1) == "du ");
    CHECK(statuses(life.take(payment(2, "1", "y") + payment(2, "1", "y")), 2) == "ac du ");
    // It takes the place of the one that waits: that one will be the repeat, and was answered.
    CHECK(statuses(life.take(payment(0, "1", "x")), 1) == "ac ");
    CHECK(statuses(life.take(payment(60, "1", "z")), 1) == "ac ");
    CHECK(statuses(life.take(payment(61, "1", "x")), 1) == "du ");  // of one that was taken
    std::uint64_t repeats = 0;
    REQUIRE(life.service->ask([&](Node& node) { repeats = node.summary().repeats; }, kLong));
    CHECK(repeats == 4);
    REQUIRE(life.service->stop(true));
  }
  Life life(home, {}, cep::Duration{10'000'000});
  CHECK(statuses(life.take(payment(60, "1", "z")), 1) == "du ");
  CHECK(statuses(life.take(payment(62, "1", "w")), 1) == "ac ");
}

TEST_CASE("node service: what it is asked for figures: sources, ids, checkpoints, the journal") {
  Home home;
  Life life(home, {}, cep::Duration{10'000'000});
  const auto until = std::chrono::steady_clock::now() + kLong;
  const auto figures_when = [&](const auto& is_so) {
    NodeFigures figures = life.service->figures();
    while (!is_so(figures) && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(1ms);
      figures = life.service->figures();
    }
    return figures;
  };
  const cep::EventTime began = life.clock.now();
  CHECK(life.service->figures().checkpoint_at == began);
  REQUIRE(life.take(payment(1, "1", "x") + payment(30, "1", "y")));
  // A commit is counted when it is over, which a waiting caller may know before.
  const NodeFigures now =
      figures_when([](const NodeFigures& f) { return f.unique_ids == 1 && f.journal.commits > 0; });
  CHECK(now.unique_ids == 1);  // the other waits
  CHECK(now.unique_bytes > 0);
  REQUIRE(now.sources.size() == 1);
  CHECK(now.sources[0].name == "http");
  CHECK(now.sources[0].is_holder);
  REQUIRE(now.sources[0].behind);
  CHECK(now.sources[0].behind->us == 0);
  std::uint64_t commits = 0;
  for (const std::uint64_t count : now.journal.times.counts) commits += count;
  CHECK(commits == now.journal.commits);
  CHECK(commits > 0);
  CHECK(now.journal.times.seconds > 0);
  // Another source, which is behind, holds time and says how far.
  REQUIRE(life.service->ask(
      [](Node& node) {
        const auto other = node.source("slow", SourceKind::kByValue);
        REQUIRE(other);
        std::string line = payment(25, "1", "z");
        const std::size_t size = line.size();
        line.append(kLinePadding, '\n');
        REQUIRE(node.arrive(*other, std::string_view(line).substr(0, size), nullptr));
      },
      kLong));
  REQUIRE(life.take(payment(50, "1", "w")));
  const NodeFigures two = figures_when([](const NodeFigures& f) { return f.sources.size() == 2; });
  REQUIRE(two.sources.size() == 2);
  CHECK(two.sources[0].behind->us == 0);
  CHECK_FALSE(two.sources[0].is_holder);
  CHECK(two.sources[1].name == "slow");
  CHECK(two.sources[1].is_holder);
  CHECK(two.sources[1].behind->us > 0);
  CHECK(two.sources[0].events == 3);
  CHECK(two.sources[1].events == 1);
  life.clock.us += 1'000'000;
  REQUIRE(
      life.service->ask([](Node& node) { static_cast<void>(node.request_checkpoint()); }, kLong));
  const NodeFigures later =
      figures_when([](const NodeFigures& f) { return f.checkpoints.number != 0; });
  CHECK(later.checkpoint_at == began + cep::Duration{1'000'000});
}

TEST_CASE("node service: in silence time moves on with the clock") {
  Home home;
  NodeServiceOptions options;
  options.heartbeat = cep::Duration{1'000'000};
  Life life(home, options);
  const auto watermark = [&] {
    cep::EventTime time;
    REQUIRE(life.service->ask([&](Node& node) { time = node.intake().watermark(); }, kLong));
    return time;
  };
  // Before the first event there is no time to move, and nothing is written of it.
  life.clock.us += 5'000'000;
  std::this_thread::sleep_for(120ms);
  CHECK(watermark() == cep::kEventTimeMin);
  REQUIRE(life.take(payment(1, "2000")));
  const cep::EventTime before = watermark();
  const auto until = std::chrono::steady_clock::now() + kLong;
  std::uint64_t alerts = 0;
  while (alerts < 2 && std::chrono::steady_clock::now() < until) {
    life.clock.us += 2'000'000;
    std::this_thread::sleep_for(1ms);
    REQUIRE(life.service->ask([&](Node& node) { alerts = node.summary().alerts; }, kLong));
  }
  CHECK(alerts == 2);  // the large one, and that nothing followed for five minutes
  CHECK(watermark() > before + cep::Duration{299'000'000});
}

TEST_CASE("node service: at memory's limit events are refused and all else goes on") {
  Home home;
  NodeServiceOptions options;
  options.heartbeat = cep::Duration{1'000'000};
  Life life(home, options, cep::Duration{600'000'000},
            [](NodeOptions& node) { node.intake.waiting_bytes_max = 64 << 10; });
  // All wait to be put in order.
  int taken = 0;
  std::optional<Refusal> refusal;
  while (taken < 10'000 && !refusal) {
    const auto answer = life.take(payment(60, "500", std::to_string(taken)));
    if (answer) {
      ++taken;
    } else {
      refusal = answer.error();
    }
  }
  REQUIRE(refusal);
  CHECK(refusal->why == Refusal::Why::kMemory);
  CHECK(refusal->detail.find("memory.reorder") != std::string::npos);
  REQUIRE(taken > 0);
  const NodeFigures full = life.service->figures();
  CHECK(full.no_room == refusal->detail);
  CHECK(full.batches_refused == 1);
  std::uint64_t lines = 0;
  REQUIRE(life.service->ask([&](Node& node) { lines = node.summary().lines; }, kLong));
  CHECK(lines == static_cast<std::uint64_t>(taken));
  // Time moves on with the clock, also while others go on sending; then there is room again.
  const auto until = std::chrono::steady_clock::now() + kLong;
  Served<EventAnswer> last;
  do {
    life.clock.us += 5'000'000;
    last = life.take(payment(61, "1", "last"));
  } while (!last && last.error().why == Refusal::Why::kMemory &&
           std::chrono::steady_clock::now() < until);
  REQUIRE_MESSAGE(last, last.error().detail);
  CHECK(life.service->figures().no_room.empty());
  std::uint64_t alerts = 0;
  REQUIRE(life.service->ask([&](Node& node) { alerts = node.summary().alerts; }, kLong));
  CHECK(alerts == static_cast<std::uint64_t>(taken));
  CHECK_FALSE(life.has_failed);
}

TEST_CASE("node service: a request is taken whole where its first records take the last room") {
  Home home;
  Life life(home, {}, cep::Duration{600'000'000}, [](NodeOptions& node) {
    node.intake.waiting_bytes_max = 16 << 10;
    node.segment_bytes = 8 << 10;  // so that no record has all lines
  });
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += payment(60, "1", std::to_string(i));
  const auto whole = life.take(lines);
  CHECK(statuses(whole, 1000).find_first_not_of("ac ") == std::string::npos);
  const auto more = life.take(payment(61));
  REQUIRE_FALSE(more);
  CHECK(more.error().why == Refusal::Why::kMemory);
  CHECK(life.service->stop(true));
}

TEST_CASE("node service: state beyond its limit refuses events until a start with a larger one") {
  Home home;
  {
    Life life(home);
    REQUIRE(life.take(payment(1, "500")));
    REQUIRE(life.service->stop(true));
  }
  {
    Life life(home, {}, cep::Duration{0}, [](NodeOptions& node) { node.memory_max = 1; });
    const auto refused = life.take(payment(2));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().why == Refusal::Why::kMemory);
    CHECK(refused.error().detail.find("--memory-max") != std::string::npos);
    REQUIRE(life.service->stop(true));
  }
  Life life(home, {}, cep::Duration{0}, [](NodeOptions& node) { node.memory_max = 1 << 30; });
  CHECK(statuses(life.take(payment(2)), 1) == "ac ");
}

TEST_CASE("node service: while the disk is full events are refused at once, and nothing is lost") {
  Home home;
  Life life(home);
  REQUIRE(life.take(payment(1)));
  life.gate.set_full(true);
  auto waiting = std::async(std::launch::async, [&] { return life.take(payment(2, "500")); });
  const auto is_waiting = [&] {
    return life.service->figures().journal.state == JournalState::kNoSpace;
  };
  const auto until = std::chrono::steady_clock::now() + kLong;
  while (!is_waiting() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  REQUIRE(is_waiting());
  for (int i = 0; i < 100; ++i) {
    const auto refused = life.take(payment(3));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().why == Refusal::Why::kDisk);
  }
  std::uint64_t lines = 0;
  REQUIRE(life.service->ask([&](Node& node) { lines = node.summary().lines; }, kLong));
  CHECK(lines == 2);  // the one that waits was taken in, and is not acknowledged
  CHECK(waiting.wait_for(0s) != std::future_status::ready);
  life.gate.set_full(false);
  CHECK(statuses(waiting.get(), 1) == "ac ");
  Served<EventAnswer> next;
  while (!(next = life.take(payment(3))) && std::chrono::steady_clock::now() < until) {
    CHECK(next.error().why == Refusal::Why::kDisk);
  }
  CHECK(statuses(next, 1) == "ac ");
  CHECK(life.service->stop(true));
  CHECK_FALSE(life.has_failed);
}

TEST_CASE("node service: a stop does what waits, and takes nothing more") {
  Home home;
  Life life(home);
  REQUIRE(life.take(payment(1)));
  REQUIRE(life.service->stop(true));
  CHECK(life.take(payment(2)).error().why == Refusal::Why::kEnding);
  CHECK(life.service->ask([](Node&) {}, kLong).error().why == Refusal::Why::kEnding);
  CHECK(life.service->figures().checkpoints.number == 1);
  CHECK_FALSE(life.has_failed);
}
}  // namespace
}  // namespace tocsin::tests
