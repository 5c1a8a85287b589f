#include "api/base/stop_signal.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace tocsin::api {
namespace {
bool is_readable(int descriptor) {
  struct pollfd entry = {descriptor, POLLIN, 0};
  return poll(&entry, 1, 0) == 1;
}

TEST_CASE("stop signal: notes the first signal, by name, and wakes who polls") {
  const StopSignal stop;
  CHECK_FALSE(stop.requested());
  CHECK(std::string(stop.name()).empty());
  CHECK_FALSE(is_readable(stop.descriptor()));
  raise(SIGTERM);
  CHECK(stop.requested());
  CHECK(std::string(stop.name()) == "SIGTERM");
  CHECK(is_readable(stop.descriptor()));
}

TEST_CASE("stop signal: each one begins anew") {
  {
    const StopSignal stop;
    raise(SIGINT);
    CHECK(stop.requested());
  }
  const StopSignal stop;
  CHECK_FALSE(stop.requested());
  CHECK_FALSE(is_readable(stop.descriptor()));
}

TEST_CASE("stop signal: a write to a closed pipe is an error once broken pipes are ignored") {
  ignore_write_signals();
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  close(ends[0]);
  CHECK(write(ends[1], "x", 1) == -1);
  CHECK(errno == EPIPE);
  close(ends[1]);
}
}  // namespace
}  // namespace tocsin::api
