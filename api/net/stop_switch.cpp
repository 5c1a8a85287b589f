#include "api/net/stop_switch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdint>

#include "cep/base/assert.h"

namespace tocsin::api {
StopSwitch::StopSwitch() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  TOCSIN_ASSERT(descriptor_ >= 0, "the process may open a few descriptors");
}
StopSwitch::~StopSwitch() { ::close(descriptor_); }
void StopSwitch::set() {
  const std::uint64_t one = 1;
  // Only a full counter fails, and a full counter is readable too.
  [[maybe_unused]] const ssize_t written = ::write(descriptor_, &one, sizeof one);
}
bool StopSwitch::is_set() const {
  pollfd waited{descriptor_, POLLIN, 0};
  return ::poll(&waited, 1, 0) == 1;
}
}  // namespace tocsin::api
