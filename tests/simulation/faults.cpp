#include "tests/simulation/faults.h"

#include <utility>

namespace tocsin::simulation {
using tests::Fault;
using tests::FileOperation;
using tests::StoreFault;

void DeferredExecutor::post(std::function<void()> task) {
  tasks_.push_back(std::move(task));
  if (at_once_ && !running_) {
    while (run_one()) {
    }
  }
}

bool DeferredExecutor::run_one() {
  if (tasks_.empty() || running_) return false;
  const std::function<void()> task = std::move(tasks_.front());
  tasks_.pop_front();
  running_ = true;
  task();
  running_ = false;
  return true;
}

void DeferredExecutor::run_at_once(bool at_once) {
  at_once_ = at_once;
  if (!at_once) return;
  while (run_one()) {
  }
}

void DeferredExecutor::drop() {
  tasks_.clear();
  at_once_ = false;
}

Faults::Faults(tests::Random& random, Reached& reached)
    : files(random.next()), disk(random.next()), random_(random), reached_(reached) {
  files.fault = [this](std::uint64_t number, FileOperation operation, const std::string&) {
    return file_fault(number, operation);
  };
  disk.fault = [this](std::uint64_t number) { return store_fault(number); };
}

void Faults::begin_life(bool calm) {
  injected_ = 0;
  calm_ = calm;
  crash_at_ = store_crash_at_ = UINT64_MAX;
  nuisance_ = failing_ = store_failing_ = 0;
  files.capacity = UINT64_MAX;
  if (calm) return;
  if (random_.chance(50)) {
    crash_at_ = files.operations() + random_.below(random_.pick<std::size_t>({30, 100, 400, 1500}));
  }
  if (random_.chance(25)) {
    store_crash_at_ = disk.writes() + random_.below(random_.pick<std::size_t>({3, 10, 40}));
  }
  if (random_.chance(30)) nuisance_ = random_.pick<std::size_t>({2, 10, 30});
  if (random_.chance(15)) failing_ = random_.pick<std::size_t>({2, 10});
  if (random_.chance(10)) store_failing_ = random_.pick<std::size_t>({2, 10});
  if (random_.chance(15)) files.capacity = files.used() + random_.below(60'000);
}

void Faults::calm() {
  calm_ = true;
  files.capacity = UINT64_MAX;
}

void Faults::end_life() {
  executor.drop();
  calm_ = true;
  killed_ = false;
  files.capacity = UINT64_MAX;
  if (random_.chance(30)) {
    ++reached_["the process is killed, the machine goes on"];
    files.restart();
    disk.restart();
  } else {
    ++reached_["the power is cut"];
    files.cut_power();
    disk.cut_power();
  }
}

Fault Faults::file_fault(std::uint64_t number, FileOperation operation) {
  if (killed_ || disk.crashed()) return Fault::kCrash;
  if (calm_) return Fault::kNone;
  if (number >= crash_at_) {
    ++reached_["a crash in a file operation"];
    return Fault::kCrash;
  }
  const bool moves = operation == FileOperation::kRead || operation == FileOperation::kWrite;
  if (moves && random_.chance(nuisance_)) {
    ++reached_["a call is short or interrupted"];
    return random_.pick({Fault::kShort, Fault::kInterrupted});
  }
  if (failing_ != 0 && random_.below(1000) < failing_) {
    ++injected_;
    ++reached_[operation == FileOperation::kSync || operation == FileOperation::kSyncDirectory
                   ? "a failed sync"
                   : "a failed file operation"];
    return Fault::kFail;
  }
  return Fault::kNone;
}

StoreFault Faults::store_fault(std::uint64_t number) {
  if (killed_ || files.crashed()) return StoreFault::kCrashBefore;
  if (calm_) return StoreFault::kNone;
  if (number >= store_crash_at_) {
    ++reached_["a crash in a write to the store"];
    return random_.pick({StoreFault::kCrashBefore, StoreFault::kCrashAfter});
  }
  if (random_.chance(store_failing_)) {
    ++injected_;
    ++reached_["a failed write to the store"];
    return random_.pick({StoreFault::kFail, StoreFault::kFailAfter});
  }
  return StoreFault::kNone;
}
}  // namespace tocsin::simulation
