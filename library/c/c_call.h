/// How every function of the C interface begins and ends: a status, an error object, no exception.
#pragma once
#include <tocsin.h>

#include <atomic>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "cep/base/result.h"

// What stands behind two of the handles.
struct tocsin_error {
  tocsin_status status = TOCSIN_NO_MEMORY;
  std::string message;
  std::string json;
};
struct tocsin_buffer {
  std::string text;
};

namespace tocsin::library {
/// Why a call fails.
struct CallFailure {
  tocsin_status status = TOCSIN_INTERNAL;
  std::string message;
};
using CallResult = tl::expected<void, CallFailure>;

inline tl::unexpected<CallFailure> fail_call(tocsin_status status, std::string message) {
  return tl::unexpected<CallFailure>(CallFailure{status, std::move(message)});
}
/// An argument that is NULL and must not be; `name` as the header has it.
inline tl::unexpected<CallFailure> fail_null(std::string_view name) {
  return fail_call(TOCSIN_INVALID_ARGUMENT, std::string(name) + " must not be NULL");
}
/// The same failure as a status.
tl::unexpected<CallFailure> fail_call(const Error& error);
/// The same as the result of a call.
inline CallResult call_result(const Result<void>& result) {
  if (!result) return fail_call(result.error());
  return {};
}

/// The one caller that a handle has at a time; `flag` is the handle's.
class OneCaller {
 public:
  explicit OneCaller(std::atomic<bool>& flag)
      : flag_(flag), is_alone_(!flag.exchange(true, std::memory_order_acquire)) {}
  ~OneCaller() {
    if (is_alone_) flag_.store(false, std::memory_order_release);
  }
  OneCaller(const OneCaller&) = delete;
  OneCaller& operator=(const OneCaller&) = delete;
  bool is_alone() const { return is_alone_; }

 private:
  std::atomic<bool>& flag_;
  bool is_alone_;
};

/// Sets *error where the caller wants it; gives `status`. Without memory for an error object the
/// one object that needs none is set.
tocsin_status set_error(tocsin_error** error, tocsin_status status,
                        std::string_view message) noexcept;

/// Does `work`, which gives a CallResult, and lets no exception out.
template <typename Work>
tocsin_status guarded(tocsin_error** error, Work&& work) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    const CallResult done = std::forward<Work>(work)();
    return done ? TOCSIN_OK : set_error(error, done.error().status, done.error().message);
  } catch (const std::bad_alloc&) {
    return set_error(error, TOCSIN_NO_MEMORY, "out of memory");
  } catch (const std::exception& failure) {
    return set_error(error, TOCSIN_INTERNAL, failure.what());
  } catch (...) {
    return set_error(error, TOCSIN_INTERNAL, "an exception that says nothing");
  }
}
}  // namespace tocsin::library
