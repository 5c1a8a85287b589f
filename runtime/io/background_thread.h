/// Threads beside the main one.
#pragma once

namespace tocsin::runtime {
/// For the calling thread: `name`, of at most 15 bytes, is what `top -H` and a debugger show; and
/// it takes no signals, which are the main thread's: a handler here could not end a blocking read
/// there. SIGPIPE is then an error of a write. RocksDB's counters of this thread are off.
void begin_background_thread(const char* name);
/// The calling thread, and those that it makes from here on, get a processor where others leave one
/// (nice 19). What it was cannot be had again.
void lower_priority_of_thread();
}  // namespace tocsin::runtime
