// The effect queue: alone, on its thread, and through crashes at every write of the store.
#include "runtime/effects/effect_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/store/rocks_store.h"
#include "tests/support/model_store.h"
#include "tests/support/random_effects.h"
#include "tests/support/simulated_files.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::tests {
namespace {
using namespace runtime;
constexpr std::array<std::uint8_t, 16> kTimeline{1};
const EndpointId kHook = EndpointId::of("https://example.com/hook");

std::unique_ptr<EffectStore> open_effects(Store& store, Clock& clock) {
  auto effects = EffectStore::open(store, clock, {});
  if (!effects) FAIL(effects.error().message);
  return std::move(*effects);
}
// A store in memory whose first timeline has begun.
struct World {
  World() { REQUIRE(effects->begin_timeline(kTimeline, {}, {})); }
  ModelDisk disk;
  SimulatedClock clock;
  std::unique_ptr<Store> store = *disk.open(effect_families());
  std::unique_ptr<EffectStore> effects = open_effects(*store, clock);
};
SliceEffects with_alert(std::uint64_t cause, std::int64_t time_us) {
  SliceEffects slice;
  slice.cause = cause;
  slice.alerts = {effect_alert(time_us, 1)};
  return slice;
}

TEST_CASE("effect queue: nothing is stored before its cause is durable; what waits goes together") {
  World world;
  EffectStore& effects = *world.effects;
  std::vector<std::uint64_t> told;
  std::vector<std::uint64_t> numbers;
  EffectQueueOptions options;
  options.stored = [&](std::span<const SliceEffects> stored) {
    CHECK(effects.mark().number == numbers.size() + stored.size());  // of one alert each
    for (const SliceEffects& slice : stored) numbers.push_back(slice.alerts.at(0).number);
  };
  EffectQueue queue(effects, effects.mark(), options,
                    [&](const EffectQueueStatus& status) { told.push_back(status.committed); });
  CHECK(*queue.push(with_alert(1, 10)) == 1);
  CHECK(*queue.push(with_alert(1, 11)) == 2);
  CHECK(*queue.push(with_alert(2, 12)) == 3);
  CHECK(queue.pushed_mark() == EmittedMark{kTimeline, effect_alert(12, 1).order, 3});
  while (*queue.step()) {
  }
  CHECK(effects.mark().number == 0);
  queue.durable(1);
  while (*queue.step()) {
  }
  CHECK(effects.mark().number == 0);
  const std::uint64_t before = world.disk.writes();
  queue.durable(2);
  while (*queue.step()) {
  }
  CHECK(effects.mark().number == 2);
  CHECK(world.disk.writes() == before + 1);
  queue.durable(1);  // never moves back
  queue.durable(9);
  while (*queue.step()) {
  }
  CHECK(effects.mark() == queue.pushed_mark());
  CHECK(told == std::vector<std::uint64_t>{2, 3});
  CHECK(numbers == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(queue.status().waiting_bytes == 0);
  CHECK(queue.status().stored.alerts == 3);
  REQUIRE(queue.close());
}

TEST_CASE("effect queue: a group has a limit, and so has what waits") {
  World world;
  EffectStore& effects = *world.effects;
  const std::size_t bytes = with_alert(1, 1).bytes();
  EffectQueue queue(effects, effects.mark(),
                    {.bytes_max = 4 * bytes, .group_bytes_max = 2 * bytes});
  for (int i = 0; i < 4; ++i) {
    CHECK(queue.has_room());
    REQUIRE(queue.push(with_alert(1, i)));
  }
  CHECK_FALSE(queue.has_room());
  CHECK(queue.needs_cause());
  queue.durable(2);
  CHECK_FALSE(queue.needs_cause());
  REQUIRE(*queue.step());
  CHECK(effects.mark().number == 2);
  CHECK(queue.has_room());
  while (*queue.step()) {
  }
  CHECK(effects.mark().number == 4);
}

// The next push waits for room, which the rest may have to make: its journal must not pause.
TEST_CASE("effect queue: a full one needs the causes of all that waits, not of its front alone") {
  World world;
  EffectStore& effects = *world.effects;
  const std::size_t bytes = with_alert(1, 1).bytes();
  EffectQueue queue(effects, effects.mark(),
                    {.bytes_max = 4 * bytes, .group_bytes_max = 2 * bytes});
  queue.durable(2);
  for (std::uint64_t cause = 1; cause <= 4; ++cause) {
    CHECK_FALSE(queue.needs_cause());  // there is room, and the front can go
    REQUIRE(queue.push(with_alert(cause, static_cast<std::int64_t>(cause))));
  }
  CHECK_FALSE(queue.has_room());
  CHECK(queue.needs_cause());
  queue.durable(4);
  CHECK(queue.needs_cause());
  queue.durable(5);
  CHECK_FALSE(queue.needs_cause());
  while (*queue.step()) {
  }
  CHECK(effects.mark().number == 4);
}

TEST_CASE("effect queue: a failed write is final") {
  World world;
  EffectStore& effects = *world.effects;
  EffectQueue queue(effects, effects.mark(), {});
  queue.durable(100);
  REQUIRE(queue.push(with_alert(1, 1)));
  world.disk.fault = [](std::uint64_t) { return StoreFault::kFail; };
  CHECK_FALSE(queue.step());
  world.disk.fault = {};
  CHECK_FALSE(queue.step());
  CHECK(queue.push(with_alert(1, 2)).error().code == Errc::kIo);
  CHECK(queue.status().committed == 0);
  CHECK_FALSE(queue.close());
}

// A store on a disk that is full now and then.
class FullStore : public Store {
 public:
  explicit FullStore(Store& store) : store_(store) {}
  std::atomic<bool> is_full = false;
  std::atomic<int> refused = 0;
  Result<std::optional<std::string>> get(StoreFamily family, std::string_view key) const override {
    return store_.get(family, key);
  }
  Result<void> scan(StoreFamily family, const StoreRange& range,
                    const StoreVisitor& visit) const override {
    return store_.scan(family, range, visit);
  }
  Result<std::uint64_t> approximate_bytes(StoreFamily family) const override {
    return store_.approximate_bytes(family);
  }
  Result<StoreStats> stats() const override { return store_.stats(); }
  Result<void> write(const StoreBatch& batch, bool sync) override {
    if (!is_full) return store_.write(batch, sync);
    ++refused;
    return fail(Errc::kLimit, "no space left");
  }

 private:
  Store& store_;
};

TEST_CASE("effect queue: a disk without space is waited for, and a stop ends the wait") {
  World world;
  FullStore store(*world.store);
  const auto effects = open_effects(store, world.clock);
  REQUIRE(effects->resume({}));
  std::atomic<bool> must_stop = false;
  EffectQueueOptions options;
  options.pause = std::chrono::milliseconds(0);
  options.no_space_retry = std::chrono::milliseconds(1);
  options.stop_requested = [&] { return must_stop.load(); };
  std::mutex mutex;
  std::vector<std::string> told;
  EffectQueue queue(*effects, effects->mark(), options, [&](const EffectQueueStatus& status) {
    const std::lock_guard lock(mutex);
    if (told.empty() || told.back() != status.no_space) told.push_back(status.no_space);
  });
  queue.start();
  queue.durable(100);
  store.is_full = true;
  const auto pushed = queue.push(with_alert(1, 1));
  REQUIRE(pushed);
  while (store.refused < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(queue.status().no_space == "no space left");
  CHECK(queue.status().committed == 0);
  SUBCASE("space comes back") {
    store.is_full = false;
    REQUIRE(queue.wait_committed(*pushed));
    CHECK(effects->mark().number == 1);
    REQUIRE(queue.push(with_alert(2, 2)));
    REQUIRE(queue.close());
    CHECK(effects->mark().number == 2);
    CHECK(told == std::vector<std::string>{"no space left", ""});
  }
  SUBCASE("it is asked to stop") {
    must_stop = true;
    CHECK(queue.wait_committed(*pushed).error().code == Errc::kLimit);
    CHECK(queue.close().error().code == Errc::kLimit);
    CHECK(effects->mark().number == 0);
  }
}

TEST_CASE("effect queue: on a thread, with back-pressure, up to the end") {
  const TemporaryFolder folder;
  SystemClock clock;
  const auto store = RocksStore::open(folder.path() + "/store", {.families = effect_families()});
  REQUIRE(store);
  const auto effects = open_effects(**store, clock);
  REQUIRE(effects->begin_timeline(kTimeline, {}, {}));
  REQUIRE(effects->set_endpoints({kHook}));
  constexpr std::uint64_t kCount = 2000;
  EffectQueue queue(*effects, effects->mark(), {.bytes_max = 4096, .group_bytes_max = 2048});
  queue.start();
  std::thread journal([&] {
    for (std::uint64_t end = 1; end <= kCount + 1; ++end) queue.durable(end);
  });
  for (std::uint64_t i = 1; i <= kCount; ++i)
    REQUIRE(queue.push(with_alert(i, static_cast<std::int64_t>(i))));
  journal.join();
  REQUIRE(queue.wait_committed(kCount));
  CHECK(effects->reader().mark()->number == kCount);
  REQUIRE(queue.close());
  CHECK(queue.status().commits < kCount);
  CHECK(effects->owed(kHook) == kCount);
}

TEST_CASE("effect queue: what fills a commit ends the thread's pause, and so does the end") {
  World world;
  EffectStore& effects = *world.effects;
  const std::size_t bytes = with_alert(1, 1).bytes();
  EffectQueue queue(effects, effects.mark(),
                    {.group_bytes_max = 3 * bytes, .pause = std::chrono::hours(1)});
  queue.start();
  queue.durable(2);
  const auto push = [&](std::uint64_t cause, std::int64_t time_us) {
    REQUIRE(queue.push(with_alert(cause, time_us)));
  };
  push(1, 1);
  REQUIRE(queue.wait_committed(1));
  push(1, 2);
  push(1, 3);
  CHECK(queue.status().committed == 1);
  push(1, 4);
  REQUIRE(queue.wait_committed(4));
  for (std::int64_t time = 5; time < 8; ++time) push(2, time);
  CHECK(queue.status().committed == 4);
  queue.durable(3);  // what fills a commit has its cause only now
  REQUIRE(queue.wait_committed(7));
  push(2, 8);
  CHECK(queue.status().committed == 7);
  REQUIRE(queue.close());
  CHECK(queue.status().committed == 8);
  CHECK(queue.status().commits == 4);
}

TEST_CASE("effect queue: one that is abandoned waits for nothing") {
  World world;
  EffectStore& effects = *world.effects;
  EffectQueue queue(effects, effects.mark(), {.bytes_max = 1});
  queue.start();
  REQUIRE(queue.push(with_alert(5, 1)));
  std::thread pusher([&] { CHECK_FALSE(queue.push(with_alert(5, 2))); });
  std::thread waiter([&] { CHECK_FALSE(queue.wait_committed(1)); });
  queue.abandon();
  pusher.join();
  waiter.join();
  CHECK(effects.mark().number == 0);
}

// --- crashes ---

/// A journal of slices, a checkpoint now and then, an endpoint: what outlives a process, and what
/// was seen outside.
struct Outside {
  std::vector<SliceEffects> slices;
  std::optional<EmittedMark> checkpoint;         // the newest good one
  std::size_t checkpoint_at = 0;                 // slices before it
  std::map<std::uint64_t, std::string> arrived;  // by number: the id that the endpoint saw
};

// One life of a process: from the checkpoint to the end of the slices, or to its crash. True: the
// end was reached and everything has arrived.
bool live(ModelDisk& disk, Outside& outside, Random& random) {
  SimulatedClock clock;
  auto opened = disk.open(effect_families());
  REQUIRE(opened);
  const std::unique_ptr<Store> store = std::move(*opened);
  auto begun = EffectStore::open(*store, clock, {});
  if (!begun) {
    CHECK(begun.error().code == Errc::kIo);
    return false;
  }
  EffectStore& effects = **begun;
  const Result<void> resumed = effects.has_timeline(kTimeline)
                                   ? effects.resume(outside.checkpoint)
                                   : effects.begin_timeline(kTimeline, {}, {});
  if (!resumed) {
    CAPTURE(resumed.error().message);
    REQUIRE(resumed.error().code == Errc::kIo);
    return false;
  }
  if (const Result<void> set = effects.set_endpoints({kHook}); !set) {
    REQUIRE(set.error().code == Errc::kIo);
    return false;
  }
  EmittedMark start{kTimeline, {}, 0};
  if (outside.checkpoint) start = *outside.checkpoint;
  EffectQueue queue(effects, start, {.group_bytes_max = 1 + random.below(4000)});
  // Sends one delivery, if one is owed.
  const auto deliver = [&]() -> Result<bool> {
    std::optional<std::uint64_t> number;
    const Result<void> read = effects.reader().outbox(kHook, 0, [&](const OutboxRow& row) {
      number = row.number;
      return false;
    });
    if (!read) return tl::unexpected(read.error());
    if (!number) return false;
    const auto alert = effects.reader().alert(*number);
    if (!alert) return tl::unexpected(alert.error());
    REQUIRE(alert->has_value());
    const auto [seen, is_new] = outside.arrived.emplace(*number, (*alert)->id);
    CHECK(seen->second == (*alert)->id);
    if (Result<void> settled = effects.settle_delivery(kHook, *number); !settled)
      return tl::unexpected(settled.error());
    return true;
  };
  for (std::size_t i = outside.checkpoint_at; i < outside.slices.size(); ++i) {
    REQUIRE(queue.push(outside.slices[i]));
    if (random.chance(60)) queue.durable(i + 1);
    if (random.chance(50) && !queue.step()) return false;
    if (random.chance(30) && !deliver()) return false;
    if (random.chance(10)) {
      queue.durable(outside.slices[i].cause + 1);
      while (queue.status().committed < queue.status().pushed) {
        if (!queue.step()) return false;
      }
      outside.checkpoint = queue.pushed_mark();
      outside.checkpoint_at = i + 1;
    }
  }
  queue.durable(outside.slices.size() + 1);
  while (queue.status().committed < queue.status().pushed) {
    if (!queue.step()) return false;
  }
  CHECK(queue.pushed_mark() == effects.mark());
  for (;;) {
    const Result<bool> sent = deliver();
    if (!sent) return false;
    if (!*sent) return true;
  }
}

void check_end(ModelDisk& disk, const Outside& outside) {
  const auto store = disk.open_reader(effect_families());
  const auto reader = EffectReader::open(*store);
  REQUIRE(reader);
  std::vector<const StoredAlert*> expected;
  std::map<std::pair<SideOutputKind, cep::ArrivalNumber>, std::uint64_t>
      side_output;  // to what put it in again
  for (const SliceEffects& slice : outside.slices) {
    for (const StoredAlert& alert : slice.alerts) expected.push_back(&alert);
    for (const SideOutputRow& row : slice.side_output)
      side_output.emplace(std::pair(row.kind, row.arrival), 0);
    for (const Reinjected& again : slice.reinjected) {
      std::uint64_t& record = side_output.at({again.kind, again.arrival});
      if (record == 0) record = again.record;
    }
  }
  std::size_t next = 0;
  std::size_t live_count = 0;
  REQUIRE(reader->alerts(1, [&](const StoredAlert& alert) {
    REQUIRE(next < expected.size());
    CHECK(alert.number == next + 1);
    CHECK(alert.id == expected[next]->id);
    CHECK(alert.line == expected[next]->line);
    if (alert.is_live) {
      ++live_count;
      CHECK(outside.arrived.contains(alert.number));
    }
    ++next;
    return true;
  }));
  CHECK(next == expected.size());
  CHECK(outside.arrived.size() == live_count);
  for (const SideOutputKind kind : {SideOutputKind::kLate, SideOutputKind::kDead}) {
    REQUIRE(reader->side_output(kind, [&](const SideOutputRow& row) {
      const auto found = side_output.find({kind, row.arrival});
      REQUIRE(found != side_output.end());
      CHECK(row.reinjected_as == found->second);
      side_output.erase(found);
      return true;
    }));
  }
  CHECK(side_output.empty());
}

TEST_CASE("effect queue: after a crash at any write nothing is lost and nothing is there twice") {
  for_all_seeds("EFFECTS", 40, [](Random& random) {
    const std::uint64_t seed = random.next();
    const std::vector<SliceEffects> slices = random_effects(random, 12);
    // A life without a crash says how many writes there are.
    std::uint64_t writes = 0;
    {
      ModelDisk disk(seed);
      Outside outside;
      outside.slices = slices;
      Random same(seed);
      REQUIRE(live(disk, outside, same));
      disk.restart();
      check_end(disk, outside);
      writes = disk.writes();
    }
    for (std::uint64_t at = 0; at < writes; ++at) {
      for (const StoreFault fault : {StoreFault::kCrashBefore, StoreFault::kCrashAfter,
                                     StoreFault::kFail, StoreFault::kFailAfter}) {
        CAPTURE(at);
        CAPTURE(static_cast<int>(fault));
        ModelDisk disk(seed + at);
        disk.fault = [&](std::uint64_t number) { return number == at ? fault : StoreFault::kNone; };
        Outside outside;
        outside.slices = slices;
        Random same(seed);
        int lives = 1;
        while (!live(disk, outside, same)) {
          REQUIRE(++lives < 5);
          if (random.chance(50)) {
            disk.cut_power();
          } else {
            disk.restart();
          }
        }
        disk.restart();
        check_end(disk, outside);
      }
    }
  });
}
}  // namespace
}  // namespace tocsin::tests
