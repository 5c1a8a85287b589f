/// Places at which tests let the process die.
#pragma once

namespace tocsin::runtime {
/// Ends the process with SIGKILL, as a power failure would, where the environment variable
/// TOCSIN_CRASH_AT names this point: `NAME`, or `NAME:N` for its N-th passing. The variable is read
/// once, at the first call; without it a point costs one comparison. Not for paths that every event
/// takes.
void crash_point(const char* name);
}  // namespace tocsin::runtime
