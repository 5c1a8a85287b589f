#include "runtime/series/file_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace tocsin::runtime {
namespace {
constexpr std::size_t kPartBytes = std::size_t{256} << 10;
constexpr std::size_t kHeaderBytes = std::size_t{64} << 10;

// Takes `bytes` by read(to, capacity), and gives whether their digest is this.
template <typename Read>
Result<bool> begins_with(Read read, std::uint64_t bytes, const RangeDigest& digest) {
  SeriesDigest found;
  std::string part(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, kPartBytes)), '\0');
  while (found.bytes() < bytes) {
    const Result<std::size_t> got =
        read(part.data(),
             static_cast<std::size_t>(std::min<std::uint64_t>(bytes - found.bytes(), part.size())));
    if (!got && got.error().code == Errc::kStopped) return tl::unexpected(got.error());
    // Damage is met, and named, when the file is read as a new one.
    if (!got || *got == 0) return false;
    found.add(std::string_view(part).substr(0, *got));
  }
  return found.digest() == digest;
}
}  // namespace

std::optional<AcceptedLoss> parse_accepted_loss(std::string_view text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) return std::nullopt;
  AcceptedLoss loss{std::string(text.substr(0, equals))};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + equals + 1, end, loss.bytes);
  if (error != std::errc() || rest != end) return std::nullopt;
  return loss;
}

std::vector<std::string> FileSeries::take_notes() { return std::exchange(notes_, {}); }

Result<bool> FileSeries::begins_with(const std::string& path, const SeriesDigest& read) {
  return begins_with(path, read.bytes(), read.digest());
}

Result<bool> FileSeries::begins_with(const std::string& path, std::uint64_t bytes,
                                     const RangeDigest& digest) {
  Result<std::unique_ptr<ByteSource>> file = files().open(path, options_.stop_requested);
  if (!file) {
    if (file.error().code == Errc::kNotFound) return false;
    return tl::unexpected(file.error());
  }
  return runtime::begins_with(
      [&](char* to, std::size_t capacity) { return (*file)->read(to, capacity); }, bytes, digest);
}

Result<std::unique_ptr<ByteSource>> FileSeries::open_part(const std::string& path,
                                                          const SeriesDigest& read, bool follows) {
  if (follows && !is_packed(path)) {
    Result<std::unique_ptr<InputFile>> file = files().open_growing(path);
    if (!file) return tl::unexpected(file.error());
    std::uint64_t at = 0;
    std::string last;
    const auto next = [&](char* to, std::size_t capacity) {
      Result<std::size_t> got = (*file)->read(at, to, capacity);
      if (got) at += *got;
      if (got) FollowedBytes::keep_last(last, {to, *got});
      return got;
    };
    const Result<bool> begins = runtime::begins_with(next, read.bytes(), read.digest());
    if (!begins) return tl::unexpected(begins.error());
    if (!*begins) return std::unique_ptr<ByteSource>();
    return std::make_unique<FollowedBytes>(*this, options_, *std::move(file), read,
                                           std::move(last));
  }
  Result<std::unique_ptr<ByteSource>> bytes = files().open(path, options_.stop_requested);
  if (!bytes) return bytes;
  const Result<bool> begins = runtime::begins_with(
      [&](char* to, std::size_t capacity) { return (*bytes)->read(to, capacity); }, read.bytes(),
      read.digest());
  if (!begins) return tl::unexpected(begins.error());
  if (!*begins) return std::unique_ptr<ByteSource>();
  return bytes;
}

Result<SeriesPart> FileSeries::begin_part(const std::string& path, const std::string& file,
                                          const InputStatus& status, bool follows) {
  SeriesPart part;
  part.path = path;
  part.opened_path = path;
  part.is_begun = true;
  part.begin.file = file;
  part.begin.path = path;
  part.begin.device = status.device;
  part.begin.inode = status.inode;
  part.begin.modified_ns = status.modified_ns;
  Result<std::unique_ptr<ByteSource>> bytes = open_part(path, {}, follows);
  if (!bytes) return tl::unexpected(bytes.error());
  part.bytes = *std::move(bytes);
  return part;
}

SeriesPart FileSeries::waiting_part() {
  SeriesPart part;
  part.is_waiting = true;
  part.bytes =
      std::make_unique<FollowedBytes>(*this, options_, nullptr, SeriesDigest(), std::string());
  return part;
}

// Whether a file may be begun: one that is followed and has a header may still lack it.
bool FileSeries::is_ready(const std::string& path) {
  if (!options_.follows || is_packed(path) || !options_.has_header || !options_.has_header(path))
    return true;
  Result<std::unique_ptr<InputFile>> file = files().open_growing(path);
  if (!file) return true;  // whoever opens it says why
  std::string beginning(kHeaderBytes, '\0');
  const Result<std::size_t> got = (*file)->read(0, beginning.data(), beginning.size());
  return !got || *got == beginning.size() || std::memchr(beginning.data(), '\n', *got) != nullptr;
}

bool FileSeries::is_accepted(const std::string& path, std::uint64_t bytes) const {
  return std::ranges::any_of(options_.accepted_losses, [&](const AcceptedLoss& loss) {
    return loss.path == path && loss.bytes == bytes;
  });
}
}  // namespace tocsin::runtime
