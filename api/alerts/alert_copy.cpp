#include "api/alerts/alert_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "runtime/io/system_files.h"

namespace tocsin::api {
namespace {
// The last line of a file that has its end, and where it ends.
struct LastLine {
  std::string text;
  std::uint64_t end = 0;
};
Result<LastLine> read_last_line(runtime::File& file) {
  const runtime::FileResult<std::uint64_t> size = file.size();
  if (!size) return tl::unexpected(runtime::to_error(size.error()));
  LastLine last;
  std::uint64_t begin = *size;
  std::string bytes;
  // Twice as far back until a whole line is in hand.
  for (std::uint64_t step = 64 * 1024;; step *= 2) {
    begin = *size - std::min(*size, step);
    const runtime::FileResult<void> read = read_range(file, begin, *size - begin, bytes);
    if (!read) return tl::unexpected(runtime::to_error(read.error()));
    const std::size_t end = bytes.rfind('\n');
    if (end != std::string::npos) {
      const std::size_t before = end == 0 ? std::string::npos : bytes.rfind('\n', end - 1);
      if (before != std::string::npos || begin == 0) {
        const std::size_t first = before == std::string::npos ? 0 : before + 1;
        last.text = bytes.substr(first, end - first);
        last.end = begin + end + 1;
        return last;
      }
    }
    if (begin == 0) return last;
  }
}

// The number of the alert that stands in a copy's last line.
Result<std::uint64_t> number_of(const std::string& path, const std::string& line,
                                const runtime::EffectReader& reader) {
  const auto other = [&] {
    const Result<runtime::EffectTotals> totals = reader.totals();
    const bool are_removed = totals && totals->removed_number != 0;
    return fail(Errc::kMismatch,
                fmt::format("{} does not end with an alert of the data directory{}: beside --data "
                            "it is a copy of the alerts that are kept there; name another file",
                            path, are_removed ? ", or with one that was removed since" : ""));
  };
  const nlohmann::json alert = nlohmann::json::parse(line, nullptr, false);
  const auto id = alert.find("id");
  if (!alert.is_object() || id == alert.end() || !id->is_string()) return other();
  Result<std::vector<std::uint64_t>> numbers = reader.numbers_of(id->get<std::string>());
  if (!numbers) return tl::unexpected(numbers.error());
  if (numbers->empty()) return other();
  return std::ranges::max(*numbers);
}

// Cuts a torn last line off.
Result<void> truncate(const std::string& path, std::uint64_t end) {
  if (::truncate(path.c_str(), static_cast<off_t>(end)) == 0) return {};
  return fail(Errc::kIo, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
}
}  // namespace

AlertCopy::AlertCopy(OutputFile output, runtime::EffectReader reader, std::uint64_t next)
    : reader_(reader), output_(std::move(output)), next_(next), last_(next - 1) {}

Result<std::unique_ptr<AlertCopy>> AlertCopy::open(const std::string& path,
                                                   runtime::EffectReader reader,
                                                   std::uint64_t shown) {
  std::uint64_t next = shown + 1;
  const bool is_regular = path != "-" && OutputFile::is_regular(path);
  if (is_regular) {
    runtime::SystemFiles files;
    next = 1;
    auto file = files.open(path, runtime::OpenMode::kRead);
    if (!file) return tl::unexpected(runtime::to_error(file.error()));
    Result<LastLine> last = read_last_line(**file);
    if (!last) return tl::unexpected(last.error());
    if (!last->text.empty()) {
      const Result<std::uint64_t> number = number_of(path, last->text, reader);
      if (!number) return tl::unexpected(number.error());
      next = *number + 1;
    }
    if (auto cut = truncate(path, last->end); !cut) return tl::unexpected(cut.error());
  } else if (path != "-" && ::access(path.c_str(), F_OK) != 0) {
    next = 1;
  }
  Result<OutputFile> output = is_regular ? OutputFile::open_end(path) : OutputFile::open(path);
  if (!output) return tl::unexpected(output.error());
  return std::unique_ptr<AlertCopy>(new AlertCopy(std::move(*output), reader, next));
}

Result<void> AlertCopy::write(const runtime::StoredAlert& alert) {
  next_ = alert.number + 1;
  // What an earlier timeline raised already is no news.
  if (!alert.is_live || alert.repeat_of != 0) return {};
  if (Result<void> written = output_.write_line(alert.line); !written) return written;
  ++written_;
  last_ = alert.number;
  return {};
}

Result<void> AlertCopy::read_on() {
  Result<void> written;
  Result<void> read = reader_.alerts(next_, [&](const runtime::StoredAlert& alert) {
    written = write(alert);
    return written.has_value();
  });
  return read ? written : read;
}

Result<void> AlertCopy::catch_up() {
  const std::lock_guard lock(mutex_);
  if (Result<void> read = read_on(); !read) return read;
  return output_.flush();
}

Result<void> AlertCopy::catch_up(std::span<const runtime::SliceEffects> stored) {
  const std::lock_guard lock(mutex_);
  for (const runtime::SliceEffects& slice : stored) {
    for (const runtime::StoredAlert& alert : slice.alerts) {
      // One without a number was there before: a replay.
      if (alert.number < next_) continue;
      Result<void> written = alert.number == next_ ? write(alert) : read_on();
      if (!written) return written;
    }
  }
  return output_.flush();
}

Result<void> AlertCopy::close() {
  const std::lock_guard lock(mutex_);
  return output_.close();
}

std::uint64_t AlertCopy::needed_from() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

std::uint64_t AlertCopy::written() const {
  const std::lock_guard lock(mutex_);
  return written_;
}
}  // namespace tocsin::api
