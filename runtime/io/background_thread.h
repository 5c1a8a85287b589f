/// Threads beside the main one.
#pragma once

namespace tocsin::runtime {
/// For the calling thread: `name`, of at most 15 bytes, is what `top -H` and a debugger show; and
/// it takes no signals, which are the main thread's: a handler here could not end a blocking read
/// there. SIGPIPE is then an error of a write. RocksDB's counters of this thread are off.
void begin_background_thread(const char* name);
/// Nice values (setpriority(2)): of who gets a processor where others leave one, and of who gets
/// about a quarter of one that another thread wants too.
constexpr int kWhatIsLeft = 19;
constexpr int kAQuarter = 6;
/// The calling thread, and those that it makes from here on, have this nice value. What it was
/// cannot be had again. False: the system does not allow it.
bool lower_priority_of_thread(int nice = kWhatIsLeft);
}  // namespace tocsin::runtime
