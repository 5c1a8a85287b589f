/// The world's failures: a file system, a store, a clock and a second thread that behave as the
/// seed says, until the process is gone.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "runtime/io/executor.h"
#include "tests/support/model_store.h"
#include "tests/support/random.h"
#include "tests/support/simulated_files.h"

namespace tocsin::simulation {
/// Runs tasks one after the other, in their order, when it is told to.
class DeferredExecutor : public runtime::Executor {
 public:
  void post(std::function<void()> task) override;
  /// False where there is none.
  bool run_one();
  /// Tasks run as they come, after those that wait.
  void run_at_once(bool at_once);
  /// The process is gone, and its threads.
  void drop();
  std::size_t waiting() const { return tasks_.size(); }

 private:
  std::deque<std::function<void()>> tasks_;
  bool at_once_ = false;
  bool running_ = false;
};

/// How often each interesting thing came about.
using Reached = std::map<std::string, std::uint64_t>;

class Faults {
 public:
  Faults(tests::Random& random, Reached& reached);

  tests::SimulatedFiles files;
  tests::ModelDisk disk;
  tests::SimulatedClock clock;
  DeferredExecutor executor;

  /// A process begins; what will befall it is chosen.
  void begin_life(bool calm);
  /// It is gone.
  void end_life();
  /// It is killed where it stands.
  void kill() { killed_ = true; }
  /// It is as good as gone: nothing gets through any more.
  bool crashed() const { return killed_ || files.crashed() || disk.crashed(); }
  /// Something went wrong in this life.
  bool injected() const { return injected_ != 0 || crashed(); }
  bool short_of_space() const { return files.capacity != UINT64_MAX; }
  /// Nothing more goes wrong.
  void calm();

 private:
  tests::Fault file_fault(std::uint64_t number, tests::FileOperation operation);
  tests::StoreFault store_fault(std::uint64_t number);

  tests::Random& random_;
  Reached& reached_;
  std::uint64_t injected_ = 0;
  bool calm_ = true;
  bool killed_ = false;
  std::uint64_t crash_at_ = UINT64_MAX;        // operation on files
  std::uint64_t store_crash_at_ = UINT64_MAX;  // write to the store
  std::size_t nuisance_ = 0;                   // percent of short and interrupted calls
  std::size_t failing_ = 0;                    // of a thousand operations
  std::size_t store_failing_ = 0;              // percent of writes
};
}  // namespace tocsin::simulation
