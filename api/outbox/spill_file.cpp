#include "api/outbox/spill_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
struct Head {
  std::uint32_t alert_id_bytes;
  std::uint32_t payload_bytes;
  std::uint64_t revision;
};
static_assert(sizeof(Head) == 16, "the record as drawn has no gap");

tl::unexpected<Error> failed(const char* what, int error_number) {
  return fail(Errc::kIo, fmt::format("cannot {} the temporary file of deliveries: {}", what,
                                     std::generic_category().message(error_number)));
}

// Gives 0 or an error number.
int write_all(int descriptor, std::string_view bytes, std::int64_t at) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor, bytes.data(), bytes.size(), at);
    if (written < 0 && errno != EINTR) return errno;
    if (written <= 0) continue;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    at += written;
  }
  return 0;
}

// Gives 0 or an error number; an early end is EIO.
int read_all(int descriptor, char* into, std::size_t size, std::int64_t at) {
  while (size > 0) {
    const ssize_t count = ::pread(descriptor, into, size, at);
    if (count < 0 && errno != EINTR) return errno;
    if (count == 0) return EIO;
    if (count < 0) continue;
    into += count;
    size -= static_cast<std::size_t>(count);
    at += count;
  }
  return 0;
}
}  // namespace

SpillFile::SpillFile(std::string neighbour_path) : neighbour_path_(std::move(neighbour_path)) {}
SpillFile::~SpillFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> SpillFile::open() {
  if (descriptor_ >= 0) return {};
  std::error_code no_folder;
  const std::string elsewhere =
      (std::filesystem::temp_directory_path(no_folder) / "tocsin").string();
  int error_number = 0;
  for (const std::string& stem : {neighbour_path_, elsewhere}) {
    std::string path = stem + ".spill.XXXXXX";
    descriptor_ = ::mkostemp(path.data(), O_CLOEXEC);
    if (descriptor_ >= 0) {
      ::unlink(path.c_str());
      return {};
    }
    error_number = errno;
  }
  return failed("make", error_number);
}

Result<void> SpillFile::push(std::string_view alert_id, std::uint64_t revision,
                             std::string_view payload) {
  constexpr std::size_t kPartMax = std::numeric_limits<std::uint32_t>::max();
  if (alert_id.size() > kPartMax || payload.size() > kPartMax)
    return fail(Errc::kLimit, "an alert is too long to be delivered");
  if (Result<void> opened = open(); !opened) return opened;
  const Head head{static_cast<std::uint32_t>(alert_id.size()),
                  static_cast<std::uint32_t>(payload.size()), revision};
  std::string record(sizeof head, '\0');
  std::memcpy(record.data(), &head, sizeof head);
  record.append(alert_id).append(payload);
  if (const int error_number = write_all(descriptor_, record, write_at_); error_number != 0)
    return failed("write", error_number);
  write_at_ += static_cast<std::int64_t>(record.size());
  ++count_;
  return {};
}

Result<SpillFile::Record> SpillFile::pop() {
  TOCSIN_ASSERT(count_ > 0, "the caller asks first");
  Head head;
  int error_number = read_all(descriptor_, reinterpret_cast<char*>(&head), sizeof head, read_at_);
  if (error_number != 0) return failed("read", error_number);
  const std::int64_t size = std::int64_t{head.alert_id_bytes} + head.payload_bytes;
  const std::int64_t body_at = read_at_ + static_cast<std::int64_t>(sizeof head);
  if (body_at + size > write_at_)
    return fail(Errc::kCorrupt, "the temporary file of deliveries was changed by another");
  Record record{std::string(head.alert_id_bytes, '\0'), head.revision,
                std::string(head.payload_bytes, '\0')};
  error_number = read_all(descriptor_, record.alert_id.data(), record.alert_id.size(), body_at);
  if (error_number == 0) {
    error_number = read_all(descriptor_, record.payload.data(), record.payload.size(),
                            body_at + head.alert_id_bytes);
  }
  if (error_number != 0) return failed("read", error_number);
  read_at_ = body_at + size;
  if (--count_ == 0) clear();
  return record;
}

void SpillFile::clear() {
  count_ = 0;
  read_at_ = 0;
  write_at_ = 0;
  // Gives the space back; a file that cannot shrink is written over all the same.
  if (descriptor_ >= 0) [[maybe_unused]]
    const int shrunk = ::ftruncate(descriptor_, 0);
}
}  // namespace tocsin::api
