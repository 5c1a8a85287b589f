/// Signals are the main thread's: another must not take one from a blocking read there.
#pragma once

namespace tocsin::api {
/// For the calling thread. SIGPIPE is then an error of a write.
void block_all_signals();
}  // namespace tocsin::api
