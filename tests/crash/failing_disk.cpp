// A disk that fails or takes its time, for a whole program: loaded before the C library
// (LD_PRELOAD), it answers system calls that write.
//
//   TOCSIN_DISK_FULL=WHILE:PART    While the file WHILE exists, writes that could need space fail
//                                  with ENOSPC, in files whose path has PART in it.
//   TOCSIN_SYNC_FAILS=NUMBER:PART  The NUMBER-th sync of such files, and no other, fails with EIO.
//   TOCSIN_SYNC_WAITS=WHILE:PART   While the file WHILE exists, syncs of such files wait.
//   TOCSIN_DISK_SLOW=US:PART       Each write to such files waits so many microseconds first: what
//                                  is answered without waiting for it can be lost by a kill.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>

namespace {
struct Setting {
  std::string head;
  std::string part;
  explicit Setting(const char* name) {
    const char* const text = std::getenv(name);
    if (text == nullptr) return;
    const std::string said(text);
    const std::size_t colon = said.find(':');
    head = said.substr(0, colon);
    if (colon != std::string::npos) part = said.substr(colon + 1);
  }
  bool is_set() const { return !head.empty(); }
};

bool is_in(int descriptor, const std::string& part) {
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  if (length <= 0 || path[0] != '/') return false;
  return std::string(path.data(), static_cast<std::size_t>(length)).find(part) != std::string::npos;
}

bool is_full(int descriptor) {
  static const Setting kSetting("TOCSIN_DISK_FULL");
  if (!kSetting.is_set() || ::access(kSetting.head.c_str(), F_OK) != 0) return false;
  return is_in(descriptor, kSetting.part);
}

void wait_before_write(int descriptor) {
  static const Setting kSetting("TOCSIN_DISK_SLOW");
  if (!kSetting.is_set() || !is_in(descriptor, kSetting.part)) return;
  static const long kWait = std::atol(kSetting.head.c_str());
  ::usleep(static_cast<useconds_t>(kWait));
}

void wait_before_sync(int descriptor) {
  static const Setting kSetting("TOCSIN_SYNC_WAITS");
  if (!kSetting.is_set() || !is_in(descriptor, kSetting.part)) return;
  while (::access(kSetting.head.c_str(), F_OK) == 0) ::usleep(1000);
}

bool sync_fails(int descriptor) {
  static const Setting kSetting("TOCSIN_SYNC_FAILS");
  static std::atomic<long> left{kSetting.is_set() ? std::atol(kSetting.head.c_str()) : 0};
  return kSetting.is_set() && is_in(descriptor, kSetting.part) && left.fetch_sub(1) == 1;
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}
template <typename Result>
Result failed(int error) {
  errno = error;
  return static_cast<Result>(-1);
}
}  // namespace

extern "C" {
ssize_t write(int descriptor, const void* bytes, size_t count) {
  static auto* const kReal = next<ssize_t(int, const void*, size_t)>("write");
  wait_before_write(descriptor);
  return is_full(descriptor) ? failed<ssize_t>(ENOSPC) : kReal(descriptor, bytes, count);
}
ssize_t writev(int descriptor, const iovec* parts, int count) {
  static auto* const kReal = next<ssize_t(int, const iovec*, int)>("writev");
  wait_before_write(descriptor);
  return is_full(descriptor) ? failed<ssize_t>(ENOSPC) : kReal(descriptor, parts, count);
}
ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t offset) {
  static auto* const kReal = next<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  wait_before_write(descriptor);
  return is_full(descriptor) ? failed<ssize_t>(ENOSPC) : kReal(descriptor, bytes, count, offset);
}
ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t offset) {
  static auto* const kReal = next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
  wait_before_write(descriptor);
  return is_full(descriptor) ? failed<ssize_t>(ENOSPC) : kReal(descriptor, bytes, count, offset);
}
int fallocate(int descriptor, int mode, off_t offset, off_t length) {
  static auto* const kReal = next<int(int, int, off_t, off_t)>("fallocate");
  return is_full(descriptor) ? failed<int>(ENOSPC) : kReal(descriptor, mode, offset, length);
}
int fallocate64(int descriptor, int mode, off64_t offset, off64_t length) {
  static auto* const kReal = next<int(int, int, off64_t, off64_t)>("fallocate64");
  return is_full(descriptor) ? failed<int>(ENOSPC) : kReal(descriptor, mode, offset, length);
}
int fsync(int descriptor) {
  static auto* const kReal = next<int(int)>("fsync");
  wait_before_sync(descriptor);
  return sync_fails(descriptor) ? failed<int>(EIO) : kReal(descriptor);
}
int fdatasync(int descriptor) {
  static auto* const kReal = next<int(int)>("fdatasync");
  wait_before_sync(descriptor);
  return sync_fails(descriptor) ? failed<int>(EIO) : kReal(descriptor);
}
}
