#include "runtime/io/worker_threads.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/io/background_thread.h"

namespace tocsin::runtime {
namespace {
void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}
// A thread looks for work for so long after the bell has rung, and the caller for the end of the
// last part. Then they sleep; to wake takes some tens of microseconds. A slice is several runs,
// with less than that between them.
constexpr std::chrono::microseconds kLooksForWork{200};
constexpr std::chrono::microseconds kLooksForEnd{100};

// Waits until `value` is not `old`; gives what it is.
std::uint32_t wait_while(std::atomic<std::uint32_t>& value, std::uint32_t old,
                         std::chrono::microseconds looks) {
  constexpr int kLooksOfRound = 32;
  constexpr std::chrono::microseconds kHoldsCore{20};
  const auto begin = std::chrono::steady_clock::now();
  for (;;) {
    for (int i = 0; i < kLooksOfRound; ++i) {
      const std::uint32_t now = value.load(std::memory_order_acquire);
      if (now != old) return now;
      pause();
    }
    const auto passed = std::chrono::steady_clock::now() - begin;
    if (passed >= looks) break;
    // Whoever has work may have the core.
    if (passed >= kHoldsCore) std::this_thread::yield();
  }
  for (;;) {
    value.wait(old, std::memory_order_acquire);
    const std::uint32_t now = value.load(std::memory_order_acquire);
    if (now != old) return now;
  }
}
}  // namespace

WorkerThreads::WorkerThreads(std::uint32_t count, std::uint32_t rows_of_part_min)
    : WorkerThreads(Alone{}, rows_of_part_min) {
  // The destructor ends the threads before one that cannot be started.
  TOCSIN_ASSERT(count >= 1, "the caller is one of them");
  for (std::uint32_t worker = 1; worker < count; ++worker) {
    Thread& self = *threads_.emplace_back(std::make_unique<Thread>());
    const bool is_last = worker + 1 == count;
    self.thread = std::thread([this, &self, worker, is_last] { serve(self, worker, is_last); });
  }
}

WorkerThreads::~WorkerThreads() {
  is_ending_.store(true, std::memory_order_release);
  ring(others());
  for (const auto& thread : threads_) {
    if (thread->thread.joinable()) thread->thread.join();
  }
}

// Wakes so many of those that sleep, or all.
void WorkerThreads::ring(std::uint32_t wakes) {
  constexpr std::uint32_t kFew = 3;
  bell_.fetch_add(1, std::memory_order_acq_rel);
  if (wakes > kFew) {
    bell_.notify_all();
  } else {
    for (std::uint32_t i = 0; i < wakes; ++i) bell_.notify_one();
  }
}

void WorkerThreads::serve(Thread& self, std::uint32_t worker, bool is_last) {
  begin_background_thread(fmt::format("worker-{}", worker % 1'000'000).c_str());
  while (!is_ending_.load(std::memory_order_acquire)) {
    // What is published after this moves the bell on again.
    const std::uint32_t bell = bell_.load(std::memory_order_acquire);
    // A lead would wait for a piece that its thread is in, and all others for the lead.
    const bool does_pieces = !is_last || !has_led_.load(std::memory_order_relaxed);
    if (is_last && lead_.load(std::memory_order_acquire) == Lead::kBegun) {
      lead(worker);
    } else if (has_parts()) {
      do_parts(worker, self.failure);
    } else if (does_pieces && do_piece(worker)) {
      continue;
    } else if (!is_ending_.load(std::memory_order_acquire)) {
      wait_while(bell_, bell, kLooksForWork);
    }
  }
}

void WorkerThreads::lead(std::uint32_t worker) {
  runner_ = worker;
  try {
    lead_work_();
  } catch (...) {
    lead_failure_ = std::current_exception();
  }
  runner_ = 0;
  lead_.store(Lead::kEnded, std::memory_order_release);
  ring(others());
}

void WorkerThreads::begin_lead(std::function<void()> work) {
  TOCSIN_ASSERT(count() > 1 && lead_.load() == Lead::kNone, "another thread leads, one at a time");
  lead_work_ = std::move(work);
  has_led_.store(true, std::memory_order_relaxed);
  lead_.store(Lead::kBegun, std::memory_order_release);
  ring(others());
}

void WorkerThreads::join() {
  for (;;) {
    const std::uint32_t bell = bell_.load(std::memory_order_acquire);
    if (has_parts()) {
      do_parts(0, caller_failure_);
    } else if (lead_.load(std::memory_order_acquire) == Lead::kEnded) {
      break;
    } else {
      wait_while(bell_, bell, kLooksForWork);
    }
  }
  lead_work_ = nullptr;
  lead_.store(Lead::kNone, std::memory_order_release);
  if (std::exception_ptr failure = std::exchange(lead_failure_, nullptr)) {
    std::rethrow_exception(failure);
  }
}

void WorkerThreads::begin_pieces(Piece piece) {
  TOCSIN_ASSERT(!has_pieces_.load(), "one kind of pieces at a time");
  piece_ = std::move(piece);
  has_pieces_.store(true);
  ring(others());
}

void WorkerThreads::end_pieces() {
  has_pieces_.store(false);
  for (std::uint32_t in = in_pieces_.load(); in != 0; in = in_pieces_.load()) in_pieces_.wait(in);
  piece_ = nullptr;
}

// Whoever ends pieces waits for a thread that has counted itself in, which then looks again.
bool WorkerThreads::do_piece(std::uint32_t worker) {
  if (!has_pieces_.load()) return false;
  in_pieces_.fetch_add(1);
  const bool is_done = has_pieces_.load() && piece_(worker);
  if (in_pieces_.fetch_sub(1) == 1) in_pieces_.notify_all();
  return is_done;
}

bool WorkerThreads::has_parts() const {
  const std::uint64_t next = next_.load(std::memory_order_acquire);
  return (next & 0xffff) < (next >> 16 & 0xffff);
}

void WorkerThreads::do_parts(std::uint32_t worker, std::exception_ptr& failure) {
  for (std::uint64_t next = next_.load(std::memory_order_acquire);;) {
    const auto part = static_cast<std::uint32_t>(next & 0xffff);
    if (part >= (next >> 16 & 0xffff)) return;
    if (!next_.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel,
                                     std::memory_order_acquire)) {
      continue;
    }
    try {
      (*work_)(part, worker);
    } catch (...) {
      if (!failure) failure = std::current_exception();
    }
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_one();
    next = next_.load(std::memory_order_acquire);
  }
}

void WorkerThreads::expect() { ring(others()); }

void WorkerThreads::run(std::uint32_t parts, const Work& work) {
  TOCSIN_ASSERT(parts >= 1 && parts <= 0xffff, "parts are counted in 16 bits");
  work_ = &work;
  left_.store(parts, std::memory_order_relaxed);
  const std::uint64_t number = (next_.load(std::memory_order_relaxed) >> 32) + 1;
  next_.store(number << 32 | std::uint64_t{parts} << 16, std::memory_order_release);
  ring(std::min(parts - 1, others()));
  std::exception_ptr failure;
  do_parts(runner_, failure);
  for (std::uint32_t left = left_.load(std::memory_order_acquire); left != 0;) {
    left = wait_while(left_, left, kLooksForEnd);
  }
  const auto take = [&failure](std::exception_ptr& of) {
    std::exception_ptr other = std::exchange(of, nullptr);
    if (other && !failure) failure = std::move(other);
  };
  for (const auto& thread : threads_) take(thread->failure);
  take(caller_failure_);
  if (failure) std::rethrow_exception(failure);
}
}  // namespace tocsin::runtime
