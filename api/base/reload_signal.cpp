#include "api/base/reload_signal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
// What a handler may touch: lock-free atomics alone.
std::atomic<int> wake_descriptor{-1};
static_assert(std::atomic<int>::is_always_lock_free);

int read_descriptor = -1;
struct sigaction previous_action;

void note_signal(int) {
  const int saved_errno = errno;
  // A full pipe is already readable, so a failed write says the same.
  [[maybe_unused]] const ssize_t written = write(wake_descriptor, "", 1);
  errno = saved_errno;
}
}  // namespace

ReloadSignal::ReloadSignal() {
  TOCSIN_ASSERT(read_descriptor == -1, "a process has one ReloadSignal at a time");
  int ends[2];
  const int made = pipe2(ends, O_CLOEXEC | O_NONBLOCK);
  TOCSIN_ASSERT(made == 0, "a process that just began has two descriptors left");
  read_descriptor = ends[0];
  wake_descriptor = ends[1];
  struct sigaction action = {};
  action.sa_handler = note_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGHUP, &action, &previous_action);
}

ReloadSignal::~ReloadSignal() {
  sigaction(SIGHUP, &previous_action, nullptr);
  close(read_descriptor);
  close(wake_descriptor);
  read_descriptor = -1;
  wake_descriptor = -1;
}

bool ReloadSignal::take() {
  bool any = false;
  char bytes[64];
  while (read(read_descriptor, bytes, sizeof bytes) > 0) any = true;
  return any;
}

int ReloadSignal::descriptor() const { return read_descriptor; }
}  // namespace tocsin::api
