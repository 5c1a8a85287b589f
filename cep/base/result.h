/// The world's failures: a value or an Error (docs: tl::expected, P0323).
#pragma once
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace tocsin {
/// What kind of failure it was; callers branch on this, people read Error::message.
enum class Errc {
  kInvalidArgument,  // a caller's or user's value that cannot be used
  kNotFound,
  kIo,            // a read, write or network operation failed
  kCorrupt,       // bytes that are not what they claim to be
  kLimit,         // a configured or built-in limit was reached
  kInUse,         // another process owns it or holds its lock
  kConflict,      // its present state does not allow this: it exists, has ended, is full or changed
  kMismatch,      // contents, rules or options differ from those that it was begun with
  kOtherVersion,  // of a format or semantics that this program does not use
  kUnsupported,   // of a kind that cannot be used here, whatever its state
  kDenied,        // a check of trust failed: an address, a certificate or a signature
  kStopped,       // asked to stop, or closed, before it was done
  kInternal,
};
struct Error {
  Errc code = Errc::kInternal;
  std::string message;  // names the fact, the offending value last; never a card number
};
template <typename T>
using Result = tl::expected<T, Error>;
/// Makes the failed side of any Result: `return fail(Errc::kCorrupt, "…")`.
inline tl::unexpected<Error> fail(Errc code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
}  // namespace tocsin
