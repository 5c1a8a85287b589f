#include "api/alerts/alert_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace tocsin::api {
namespace {
constexpr std::size_t kRowsAtOnce = 256;
constexpr std::chrono::milliseconds kPauseMax{500};
constexpr std::size_t kBytesAtOnce = std::size_t{256} << 10;

std::string gap(std::uint64_t from, std::uint64_t to, std::uint64_t id) {
  return fmt::format("id: {}\nevent: gap\ndata: {{\"from\":{},\"to\":{}}}\n\n", id, from, to);
}

// What comes after `last`, as events; moves `last` on. Some at a time: `has_more` says that it
// stopped before the end.
Result<std::string> read_on(const runtime::EffectReader& reader, const AlertFilter& filter,
                            std::uint64_t& last, bool& has_more) {
  std::string text;
  std::size_t rows = 0;
  has_more = false;
  const Result<runtime::EmittedMark> mark = reader.mark();
  if (!mark) return tl::unexpected(mark.error());
  const Result<void> read = reader.alerts(last + 1, [&](const runtime::StoredAlert& alert) {
    // Of those after the mark's a later look knows whether retention was faster.
    if (alert.number > mark->number) return false;
    if (rows == kRowsAtOnce || text.size() >= kBytesAtOnce) {
      has_more = true;
      return false;
    }
    ++rows;
    if (alert.number > last + 1) text += gap(last + 1, alert.number - 1, alert.number - 1);
    last = alert.number;
    if (filter.admits(alert)) {
      text += fmt::format("id: {}\nevent: alert\ndata: {}\n\n", alert.number, alert.line);
    }
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  if (!has_more && last < mark->number) {
    text += gap(last + 1, mark->number, mark->number);
    last = mark->number;
  }
  return text;
}
}  // namespace

void stream_alerts(const runtime::EffectReader& reader, AlertFeed& feed, const AlertFilter& filter,
                   std::uint64_t after, const std::function<bool()>& may_go_on,
                   const HttpStream& write) {
  using std::chrono::steady_clock;
  const std::chrono::milliseconds pause = std::min(feed.options().heartbeat, kPauseMax);
  std::uint64_t last = after;
  const Result<runtime::EmittedMark> mark = reader.mark();
  if (!mark) return;
  std::string text = ": alerts\n\n";
  if (last > mark->number) {
    // What the client has is not ours: the store was put back to an earlier time.
    text += gap(mark->number + 1, last, mark->number);
    last = mark->number;
  }
  if (!write(text)) return;
  steady_clock::time_point written_at = steady_clock::now();
  for (;;) {
    const std::uint64_t seen = feed.notified();
    bool has_more = false;
    const Result<std::string> events = read_on(reader, filter, last, has_more);
    if (!events || !may_go_on()) return;
    text = *events;
    if (text.empty() && steady_clock::now() >= written_at + feed.options().heartbeat)
      text = fmt::format(": heartbeat\nid: {}\n\n", last);
    if (!text.empty()) {
      if (!write(text)) return;
      written_at = steady_clock::now();
    }
    if (!has_more && !feed.wait(seen, pause)) return;
  }
}
}  // namespace tocsin::api
