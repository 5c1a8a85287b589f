/// A stage of the C interface, and a call of it.
#pragma once
#include <tocsin.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "cep/value/time.h"
#include "library/c/c_call.h"
#include "library/c/c_stage_part.h"
#include "library/c/c_stage_parts.h"

struct tocsin_stage {
  std::atomic<bool> is_in_use = false;
  bool is_broken = false;  // it has failed, or an exception left a call half done
  bool keeps_state = false;
  bool is_fresh = true;  // nothing was put, advanced or restored
  bool is_restoring = false;
  bool is_cut_open = false;
  bool is_done = true;                                            // with the watermark in hand
  tocsin::cep::EventTime watermark = tocsin::cep::kEventTimeMin;  // the one in hand
  tocsin::library::JobRoom room;
  std::unique_ptr<tocsin::library::StagePart> part;

  std::uint64_t memory_max = 0;   // bytes; 0: any
  std::uint64_t state_bytes = 0;  // when they were last looked at, where there is a limit
  std::uint64_t cuts = 0;         // that are complete
  std::uint64_t cut_entries = 0;
  std::uint64_t cut_bytes = 0;
  std::uint64_t native_ns = 0;    // in calls
  std::uint32_t short_calls = 0;  // of which one in so many is measured
};

namespace tocsin::library {
/// Measures a call; of short ones one in kShortCalls, for all of them.
class CallClock {
 public:
  static constexpr std::uint32_t kShortCalls = 16;

  CallClock(tocsin_stage& stage, bool is_short) : stage_(stage) {
    if (is_short && stage.short_calls++ % kShortCalls != 0) return;
    times_ = is_short ? kShortCalls : 1;
    begin_ = std::chrono::steady_clock::now();
  }
  ~CallClock() {
    if (times_ == 0) return;
    const auto took = std::chrono::steady_clock::now() - begin_;
    stage_.native_ns +=
        times_ * static_cast<std::uint64_t>(
                     std::chrono::duration_cast<std::chrono::nanoseconds>(took).count());
  }
  CallClock(const CallClock&) = delete;
  CallClock& operator=(const CallClock&) = delete;

 private:
  tocsin_stage& stage_;
  std::uint64_t times_ = 0;  // 0: this one is not measured
  std::chrono::steady_clock::time_point begin_;
};

/// A call of a stage by one thread. What fails as damage, and what an exception leaves half done,
/// is used no more. `is_short`: it takes less than a microsecond.
template <typename Work>
tocsin_status call_stage(tocsin_stage* stage, tocsin_error** error, Work&& work,
                         bool is_short = false) {
  return guarded(error, [&]() -> CallResult {
    if (stage == nullptr) return fail_null("stage");
    const OneCaller caller(stage->is_in_use);
    if (!caller.is_alone()) {
      return fail_call(TOCSIN_WRONG_STATE, "another thread is in a call of this stage");
    }
    if (stage->is_broken) {
      return fail_call(TOCSIN_WRONG_STATE, "the stage has failed and takes nothing more");
    }
    const CallClock clock(*stage, is_short);
    stage->is_broken = true;
    CallResult done = std::forward<Work>(work)(*stage);
    stage->is_broken = !done && done.error().status == TOCSIN_CORRUPT;
    return done;
  });
}

/// Fails with TOCSIN_LIMIT where the stage holds more memory than it may, and says who holds most.
CallResult check_memory(tocsin_stage& stage);
/// The same before a block is taken, by what is known without looking at all of the state.
CallResult check_memory_for_block(const tocsin_stage& stage);
}  // namespace tocsin::library
