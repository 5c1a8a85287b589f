/// Calls of a run: by one caller at a time, and none of a run that a call left half done.
#pragma once
#include <tocsin.h>

#include <cstdint>
#include <utility>

#include "library/c/c_call.h"
#include "library/c/c_handles.h"

namespace tocsin::library {
/// Whether the run has a source of this number.
CallResult check_source(const tocsin_run& run, std::uint32_t source);
/// Whether more may be put out before something is taken.
CallResult check_output_room(const tocsin_run& run);
/// Gives out what is settled, unless the run has failed: what it put out before can be taken.
CallResult flush(tocsin_run& run);

/// A call that reads the run alone.
template <typename Work>
tocsin_status call_to_read(tocsin_run* run, tocsin_error** error, Work&& work) {
  return guarded(error, [&]() -> CallResult {
    if (run == nullptr) return fail_null("run");
    const OneCaller caller(run->is_in_use);
    if (!caller.is_alone()) {
      return fail_call(TOCSIN_WRONG_STATE, "another thread is in a call of this run");
    }
    return std::forward<Work>(work)(*run);
  });
}

/// A call that changes the run, while it is restored or after: what an exception leaves half done
/// is not used any more.
template <typename Work>
tocsin_status call_to_change(tocsin_run* run, tocsin_error** error, Work&& work,
                             bool is_restoring = false) {
  return call_to_read(run, error, [&work, is_restoring](tocsin_run& of) -> CallResult {
    if (of.is_broken) {
      return fail_call(TOCSIN_WRONG_STATE,
                       "the run has failed and takes nothing more: a call ended in the middle");
    }
    if (of.is_restoring != is_restoring) {
      return fail_call(TOCSIN_WRONG_STATE,
                       is_restoring ? "no restore was begun" : "the run's restore is not complete");
    }
    of.is_broken = true;
    CallResult done = std::forward<Work>(work)(of);
    of.is_broken = false;
    return done;
  });
}
/// A call between tocsin_run_begin_restore() and tocsin_run_finish_restore().
template <typename Work>
tocsin_status call_to_restore(tocsin_run* run, tocsin_error** error, Work&& work) {
  return call_to_change(run, error, std::forward<Work>(work), true);
}
}  // namespace tocsin::library
