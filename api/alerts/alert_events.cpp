#include "api/alerts/alert_events.h"

#include <fmt/format.h>

#include <cstddef>
#include <nlohmann/json.hpp>

namespace tocsin::api {
namespace {
constexpr std::size_t kRowsAtOnce = 256;
constexpr std::size_t kBytesAtOnce = std::size_t{256} << 10;
}  // namespace

std::string alert_event(std::uint64_t number, std::string_view line) {
  return fmt::format("id: {}\nevent: alert\ndata: {}\n\n", number, line);
}
std::string gap_event(std::uint64_t from, std::uint64_t to, std::uint64_t id) {
  return fmt::format("id: {}\nevent: gap\ndata: {{\"from\":{},\"to\":{}}}\n\n", id, from, to);
}
std::string heartbeat_event(std::uint64_t id) { return fmt::format(": heartbeat\nid: {}\n\n", id); }

std::string triage_event(const runtime::StoredAlert& alert, const TriageRecord& record) {
  nlohmann::ordered_json data = {
      {"alert", alert.id}, {"number", alert.number}, {"state", name_of(record.state)}};
  if (!record.assignee.empty()) data["assignee"] = record.assignee;
  if (record.label) data["label"] = name_of(*record.label);
  data["version"] = record.version;
  if (!record.history.empty()) {
    const TriageEntry& last = record.history.back();
    data["who"] = last.who;
    data["action"] = last.action ? name_of(*last.action) : "comment";
  }
  return fmt::format("event: triage\ndata: {}\n\n", data.dump());
}
std::string triage_from_here_event() { return "event: triage_from_here\ndata: {}\n\n"; }

Result<std::string> read_alert_events(const runtime::EffectReader& reader,
                                      const AlertFilter& filter, std::uint64_t& last,
                                      bool& has_more) {
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
    if (alert.number > last + 1) text += gap_event(last + 1, alert.number - 1, alert.number - 1);
    last = alert.number;
    if (filter.admits(alert)) text += alert_event(alert.number, filter.shown(alert));
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  if (!has_more && last < mark->number) {
    text += gap_event(last + 1, mark->number, mark->number);
    last = mark->number;
  }
  return text;
}
}  // namespace tocsin::api
