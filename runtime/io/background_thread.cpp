#include "runtime/io/background_thread.h"

#include <pthread.h>
#include <rocksdb/perf_level.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cep/base/assert.h"

namespace tocsin::runtime {
void begin_background_thread(const char* name) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  const int named = pthread_setname_np(pthread_self(), name);
  TOCSIN_ASSERT(named == 0, "a thread's name has at most 15 bytes");
  // RocksDB counts what nobody asks for, at every step of an iterator.
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
}

bool lower_priority_of_thread(int nice) {
  // On Linux a thread has a priority of its own. Where it cannot be lowered it stays.
  return ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice) == 0;
}
}  // namespace tocsin::runtime
