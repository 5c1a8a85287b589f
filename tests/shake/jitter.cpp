// Threads that are held up at random, for a whole program: loaded before the C library
// (LD_PRELOAD), it waits now and then where a thread meets others: after a lock is given up, around
// what is sent, received, written, synced and renamed.
//
//   TOCSIN_JITTER=PER_MILLE:MS   At each such place one thread in so many of a thousand waits for
//   up
//                                to so many milliseconds.
//
// A test that asks for one thing right after it waited for another one fails under it.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {
struct Jitter {
  unsigned per_mille = 0;
  unsigned milliseconds = 1;
  Jitter() {
    const char* const text = std::getenv("TOCSIN_JITTER");
    if (text == nullptr || std::sscanf(text, "%u:%u", &per_mille, &milliseconds) != 2)
      per_mille = 0;
    if (milliseconds == 0) milliseconds = 1;
  }
};

// Another number each time, in each thread and run (xorshift).
std::uint64_t next_number() {
  thread_local std::uint64_t state = 0;
  if (state == 0) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    state = (static_cast<std::uint64_t>(now) ^ reinterpret_cast<std::uintptr_t>(&state)) | 1;
  }
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

void wait_perhaps() {
  static const Jitter kJitter;
  const std::uint64_t number = next_number();
  if (number % 1'000 >= kJitter.per_mille) return;
  const std::uint64_t wait = (number >> 20) % (std::uint64_t{kJitter.milliseconds} * 1'000'000);
  const timespec duration{static_cast<time_t>(wait / 1'000'000'000),
                          static_cast<long>(wait % 1'000'000'000)};
  ::nanosleep(&duration, nullptr);
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}
// Waits before and after a call.
template <typename Call>
auto held_up(Call call) {
  wait_perhaps();
  const auto result = call();
  wait_perhaps();
  return result;
}
}  // namespace

extern "C" {
int pthread_mutex_unlock(pthread_mutex_t* mutex) {
  static auto* const kReal = next<int(pthread_mutex_t*)>("pthread_mutex_unlock");
  const int result = kReal(mutex);
  wait_perhaps();
  return result;
}
ssize_t write(int descriptor, const void* bytes, size_t count) {
  static auto* const kReal = next<ssize_t(int, const void*, size_t)>("write");
  return held_up([&] { return kReal(descriptor, bytes, count); });
}
ssize_t send(int descriptor, const void* bytes, size_t count, int flags) {
  static auto* const kReal = next<ssize_t(int, const void*, size_t, int)>("send");
  return held_up([&] { return kReal(descriptor, bytes, count, flags); });
}
ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  static auto* const kReal = next<ssize_t(int, const msghdr*, int)>("sendmsg");
  return held_up([&] { return kReal(descriptor, message, flags); });
}
ssize_t recvmsg(int descriptor, msghdr* message, int flags) {
  static auto* const kReal = next<ssize_t(int, msghdr*, int)>("recvmsg");
  return held_up([&] { return kReal(descriptor, message, flags); });
}
int fdatasync(int descriptor) {
  static auto* const kReal = next<int(int)>("fdatasync");
  return held_up([&] { return kReal(descriptor); });
}
int rename(const char* from, const char* to) {
  static auto* const kReal = next<int(const char*, const char*)>("rename");
  return held_up([&] { return kReal(from, to); });
}
}
