/// How the program ends for want of memory or threads, or by an exception that nobody expected.
#pragma once

namespace tocsin::api {
/// To be called before anything else. From then on what is thrown and not caught, on whatever
/// thread, ends the program with ExitCode::kInputOutput after a message to standard error, and so
/// does memory that cannot be allocated. Nothing is unwound: destructors may need memory too, and
/// libraries are not made to be left in the middle. A data directory is as after a crash.
void end_at_once_when_lost();
}  // namespace tocsin::api
