#include "runtime/io/worker_threads.h"

#include <doctest/doctest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "runtime/io/cores.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::tests {
using runtime::WorkerThreads;

TEST_CASE("worker threads: each part runs once, and what it did is seen") {
  for (const std::uint32_t count : {1U, 2U, 5U}) {
    CAPTURE(count);
    WorkerThreads workers(count);
    CHECK(workers.count() == count);
    for (int round = 0; round < 2'000; ++round) {
      const std::uint32_t parts = 1 + static_cast<std::uint32_t>(round) % 11;
      if (round % 3 == 0) workers.expect();
      // Without atomics: run() is what orders.
      std::vector<std::uint32_t> seen(parts, 0);
      std::vector<std::uint32_t> done(count, 0);
      workers.run(parts, [&](std::uint32_t part, std::uint32_t worker) {
        ++seen[part];
        ++done[worker];
      });
      REQUIRE(seen == std::vector<std::uint32_t>(parts, 1));
      REQUIRE(std::accumulate(done.begin(), done.end(), 0U) == parts);
    }
  }
}

TEST_CASE("worker threads: workers take parts at the same time, on threads with names") {
  constexpr std::uint32_t kCount = 3;
  WorkerThreads workers(kCount);
  std::atomic<std::uint32_t> arrived{0};
  std::mutex mutex;
  std::set<std::string> names;
  workers.run(kCount, [&](std::uint32_t, std::uint32_t worker) {
    // Ends only where all are there.
    arrived.fetch_add(1);
    while (arrived.load() < kCount) std::this_thread::yield();
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    const std::lock_guard lock(mutex);
    if (worker > 0) names.insert(name.data());
  });
  CHECK(names == std::set<std::string>{"worker-1", "worker-2"});
}

TEST_CASE("worker threads: threads that sleep are woken") {
  WorkerThreads workers(3);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<std::uint32_t> ran{0};
    workers.run(3, [&](std::uint32_t, std::uint32_t) { ran.fetch_add(1); });
    CHECK(ran == 3);
  }
}

TEST_CASE("worker threads: pieces are done between parts, by threads alone, until they end") {
  WorkerThreads workers(3);
  for (int round = 0; round < 50; ++round) {
    CAPTURE(round);
    std::atomic<int> left{20};
    std::atomic<int> done{0};
    std::atomic<bool> by_caller{false};
    workers.begin_pieces([&](std::uint32_t worker) {
      if (worker == 0) by_caller = true;
      if (left.fetch_sub(1) <= 0) return false;
      done.fetch_add(1);
      return true;
    });
    std::vector<std::uint32_t> seen(7, 0);
    workers.run(7, [&](std::uint32_t part, std::uint32_t) { ++seen[part]; });
    CHECK(seen == std::vector<std::uint32_t>(7, 1));
    // What is offered after all have gone to sleep is done too.
    while (done.load() < 20) std::this_thread::yield();
    if (round % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    left = 1;
    workers.offer_piece();
    while (done.load() < 21) std::this_thread::yield();
    workers.end_pieces();
    const int ended = done.load();
    left = 5;
    workers.offer_piece();
    std::this_thread::yield();
    CHECK(done.load() == ended);
    CHECK_FALSE(by_caller.load());
  }
}

TEST_CASE("worker threads: the last leads while the caller does something else") {
  for (const std::uint32_t count : {2U, 3U, 6U}) {
    CAPTURE(count);
    WorkerThreads workers(count);
    std::atomic<int> pieces{0};
    workers.begin_pieces([&](std::uint32_t) { return pieces.fetch_add(1) % 50 != 0; });
    for (int round = 0; round < 500; ++round) {
      const std::uint32_t parts = 1 + static_cast<std::uint32_t>(round) % 9;
      // Without atomics: begin_lead(), run() and join() are what orders.
      std::vector<std::uint32_t> seen(parts, 0);
      std::vector<std::uint32_t> done(count, 0);
      int steps = 0;
      workers.begin_lead([&] {
        for (int run = 0; run < 3; ++run) {
          if (run == 1) workers.expect();
          workers.run(parts, [&](std::uint32_t part, std::uint32_t worker) {
            ++seen[part];
            ++done[worker];
          });
          ++steps;
        }
      });
      if (round % 2 == 0) std::this_thread::yield();
      if (round % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      workers.offer_piece();
      workers.join();
      REQUIRE(steps == 3);
      REQUIRE(seen == std::vector<std::uint32_t>(parts, 3));
      REQUIRE(std::accumulate(done.begin(), done.end(), 0U) == 3 * parts);
      if (round % 7 != 0) continue;
      // The caller runs parts between leads.
      workers.run(parts, [&](std::uint32_t part, std::uint32_t) { ++seen[part]; });
      REQUIRE(seen == std::vector<std::uint32_t>(parts, 4));
    }
    workers.end_pieces();
    // Ends only where all are there, the caller too.
    std::atomic<std::uint32_t> arrived{0};
    workers.begin_lead([&] {
      workers.run(count, [&](std::uint32_t, std::uint32_t) {
        arrived.fetch_add(1);
        while (arrived.load() < count) std::this_thread::yield();
      });
    });
    workers.join();
    CHECK(arrived == count);
  }
}

TEST_CASE("worker threads: a piece that is offered is done while the last thread leads") {
  WorkerThreads workers(3);
  std::atomic<int> left{0};
  std::atomic<bool> by_last{false};
  workers.begin_lead([] {});
  workers.join();
  workers.begin_pieces([&](std::uint32_t worker) {
    if (worker == 2) by_last = true;
    int now = left.load();
    while (now > 0 && !left.compare_exchange_weak(now, now - 1)) continue;
    return now > 0;
  });
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> is_done{false};
    workers.begin_lead([&] {
      while (!is_done.load()) std::this_thread::yield();
    });
    if (round % 5 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // all sleep
    left = 3;
    workers.offer_piece();
    while (left.load() > 0) std::this_thread::yield();
    is_done = true;
    workers.join();
  }
  workers.end_pieces();
  CHECK_FALSE(by_last.load());
}

TEST_CASE("worker threads: what a lead throws, or a part of it, is thrown to who joins") {
  WorkerThreads workers(3);
  for (const std::uint32_t thrower : {0U, 1U, 2U, 3U}) {
    CAPTURE(thrower);
    std::atomic<std::uint32_t> ended{0};
    workers.begin_lead([&] {
      if (thrower == 3) throw std::runtime_error("no memory");
      workers.run(3, [&](std::uint32_t part, std::uint32_t) {
        if (part == thrower) throw std::runtime_error("no memory");
        ended.fetch_add(1);
      });
    });
    CHECK_THROWS_AS(workers.join(), std::runtime_error);
    CHECK(ended == (thrower == 3 ? 0 : 2));
  }
  workers.run(3, [](std::uint32_t, std::uint32_t) {});
}

TEST_CASE("worker threads: what a part throws is thrown when all have ended") {
  WorkerThreads workers(3);
  for (const std::uint32_t thrower : {0U, 1U, 2U}) {
    CAPTURE(thrower);
    std::atomic<std::uint32_t> ended{0};
    const auto work = [&](std::uint32_t part, std::uint32_t) {
      if (part == thrower) throw std::runtime_error("no memory");
      ended.fetch_add(1);
    };
    CHECK_THROWS_AS(workers.run(3, work), std::runtime_error);
    CHECK(ended == 2);
  }
  workers.run(3, [](std::uint32_t, std::uint32_t) {});
}

namespace {
void write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}
}  // namespace

TEST_CASE("cores: no more than the quota of the control groups, of either version") {
  struct Row {
    const char* name;
    std::vector<std::pair<std::string, std::string>> files;
    std::uint32_t cores;
  };
  const std::vector<Row> rows = {
      {"no control groups", {}, 0},
      {"no quota", {{"proc/self/cgroup", "0::/\n"}, {"sys/fs/cgroup/cpu.max", "max 100000\n"}}, 0},
      {"two and a half cores",
       {{"proc/self/cgroup", "0::/\n"}, {"sys/fs/cgroup/cpu.max", "250000 100000\n"}},
       2},
      {"less than a core",
       {{"proc/self/cgroup", "0::/\n"}, {"sys/fs/cgroup/cpu.max", "20000 100000\n"}},
       1},
      {"a group above has less",
       {{"proc/self/cgroup", "0::/a/b\n"},
        {"sys/fs/cgroup/a/b/cpu.max", "800000 100000\n"},
        {"sys/fs/cgroup/a/cpu.max", "300000 100000\n"}},
       3},
      {"version 1",
       {{"proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/x\n"},
        {"sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "400000\n"},
        {"sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n"}},
       4},
      {"version 1 without quota",
       {{"proc/self/cgroup", "4:cpuset,cpu:/\n"},
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
        {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}},
       0},
      {"other text",
       {{"proc/self/cgroup", "nothing\n1:2\n"}, {"sys/fs/cgroup/cpu.max", "much\n"}},
       0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const TemporaryFolder folder;
    for (const auto& [path, text] : row.files) write(folder.path() + "/" + path, text);
    CHECK(runtime::cores_of_quota(folder.path()) == row.cores);
  }
}

TEST_CASE("cores: at least one, and no more than the machine has") {
  CHECK(runtime::available_cores() >= 1);
  CHECK(runtime::available_cores() <= std::thread::hardware_concurrency());
}
}  // namespace tocsin::tests
