#include "api/node/event_batch.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "runtime/io/line_source.h"

namespace tocsin::api {
namespace {
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}
// Whether all lines may stay as they are; counts them.
bool is_clean(std::string_view body, std::size_t most, std::size_t& count) {
  if (body.starts_with(kByteOrderMark) || (!body.empty() && body.back() != '\n')) return false;
  count = 0;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = body.find('\n', at);
    if (end - at > most || (body[at] != '{' && is_blank(body.substr(at, end - at)))) return false;
    ++count;
    at = end + 1;
  }
  return true;
}
}  // namespace

EventLines split_event_lines(std::string body, std::size_t line_bytes_max) {
  // The byte after a line's suppressed warning makes it too long.
  const std::size_t most = line_bytes_max + runtime::kLineBytesUncounted;
  EventLines lines;
  if (is_clean(body, most, lines.count)) {
    lines.text = std::move(body);
    return lines;
  }
  lines.count = 0;
  std::string_view rest = body;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  lines.text.reserve(rest.size() + 1);
  for (std::uint64_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (is_blank(line)) continue;
    lines.text += line.substr(0, most);
    lines.text += '\n';
    lines.numbers.push_back(number);
    ++lines.count;
  }
  return lines;
}
}  // namespace tocsin::api
