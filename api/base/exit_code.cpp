#include "api/base/exit_code.h"

namespace tocsin::api {
ExitCode exit_code_of(Errc code) {
  switch (code) {
    case Errc::kIo:
    case Errc::kLimit:
      return ExitCode::kInputOutput;
    case Errc::kInvalidArgument:
    case Errc::kNotFound:
    case Errc::kCorrupt:
    case Errc::kInUse:
    case Errc::kConflict:
    case Errc::kMismatch:
    case Errc::kOtherVersion:
    case Errc::kUnsupported:
    case Errc::kDenied:
    case Errc::kStopped:
    case Errc::kInternal:
      break;
  }
  return ExitCode::kDataDirectory;
}

ExitCode exit_code_of_named(Errc code) {
  const bool is_usage = code == Errc::kInvalidArgument || code == Errc::kNotFound;
  return is_usage ? ExitCode::kUsage : exit_code_of(code);
}

bool is_refusal(Errc code) {
  switch (code) {
    case Errc::kInUse:
    case Errc::kConflict:
    case Errc::kMismatch:
    case Errc::kOtherVersion:
    case Errc::kUnsupported:
    case Errc::kDenied:
      return true;
    case Errc::kInvalidArgument:
    case Errc::kNotFound:
    case Errc::kIo:
    case Errc::kCorrupt:
    case Errc::kLimit:
    case Errc::kStopped:
    case Errc::kInternal:
      break;
  }
  return false;
}
}  // namespace tocsin::api
