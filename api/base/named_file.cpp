#include "api/base/named_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

namespace tocsin::api {
namespace {
constexpr mode_t kNamed = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;
std::optional<mode_t> given_umask;  // where a stricter one was taken
}  // namespace

void use_private_umask() {
  const mode_t before = ::umask(S_IRWXG | S_IRWXO);
  if (!given_umask) given_umask = before;
}

int open_named_file(const std::string& path, int flags) {
  const int made = ::open(path.c_str(), flags | O_CREAT | O_EXCL, kNamed);
  if (made < 0) return errno == EEXIST ? ::open(path.c_str(), flags | O_CREAT, kNamed) : made;
  // A failure leaves it to its owner alone.
  if (given_umask) static_cast<void>(::fchmod(made, kNamed & ~*given_umask));
  return made;
}
}  // namespace tocsin::api
