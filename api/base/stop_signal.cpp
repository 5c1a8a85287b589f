#include "api/base/stop_signal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>

#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
constexpr std::array<int, 2> kSignals = {SIGINT, SIGTERM};

// What a handler may touch: lock-free atomics alone.
std::atomic<int> noted_signal{0};
std::atomic<int> wake_descriptor{-1};
static_assert(std::atomic<int>::is_always_lock_free);

int read_descriptor = -1;
std::array<struct sigaction, kSignals.size()> previous_actions;

void note_signal(int number) {
  const int saved_errno = errno;
  int none = 0;
  if (noted_signal.compare_exchange_strong(none, number)) {
    // A full pipe is already readable, so a failed write says the same.
    [[maybe_unused]] const ssize_t written = write(wake_descriptor, "", 1);
  } else {
    // The second wish: the default action follows when this handler returns.
    signal(number, SIG_DFL);
    raise(number);
  }
  errno = saved_errno;
}
}  // namespace

StopSignal::StopSignal() {
  TOCSIN_ASSERT(read_descriptor == -1, "a process has one StopSignal at a time");
  int ends[2];
  const int made = pipe2(ends, O_CLOEXEC | O_NONBLOCK);
  TOCSIN_ASSERT(made == 0, "a process that just began has two descriptors left");
  read_descriptor = ends[0];
  wake_descriptor = ends[1];
  noted_signal = 0;
  struct sigaction action = {};
  action.sa_handler = note_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // no SA_RESTART: a blocked read returns
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &action, &previous_actions[i]);
  }
}

StopSignal::~StopSignal() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &previous_actions[i], nullptr);
  }
  close(read_descriptor);
  close(wake_descriptor);
  read_descriptor = -1;
  wake_descriptor = -1;
}

bool StopSignal::requested() const { return noted_signal != 0; }

const char* StopSignal::name() const {
  switch (noted_signal) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    default:
      return "";
  }
}

int StopSignal::descriptor() const { return read_descriptor; }

void ignore_write_signals() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}
}  // namespace tocsin::api
