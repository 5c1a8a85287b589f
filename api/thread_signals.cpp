#include "api/thread_signals.h"

#include <signal.h>

namespace tocsin::api {
void block_all_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}
}  // namespace tocsin::api
