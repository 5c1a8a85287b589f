/// The events of one alert, and events before them, as values: what a test is made of.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <vector>

#include "api/backtest/archive_input.h"
#include "api/trace/alert_replay.h"
#include "api/trace/archived_keys.h"
#include "cep/base/index.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/engine/key_report.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::api {
struct ValuedEvent {
  cep::EventTypeIndex type;
  cep::EventTime ts;
  std::vector<cep::OwnedValue> fields;  // by the type's; those that are computed are missing
};
struct AlertEvents {
  std::vector<ValuedEvent> own;      // that the alert lists, by time
  std::deque<ValuedEvent> others;    // up to the alert, the newest, in the order of arrival
  std::uint64_t older = 0;           // of others, that are not kept
  std::size_t listed = 0, kept = 0;  // of the alert's events: that it lists; that the archive has
  bool is_complete = true;           // false: a limit ended the reading
};
struct AlertEventsRequest {
  const ListedMatch& match;
  std::string_view line;                 // of the alert
  std::vector<cep::KeyQuery> keys = {};  // whose events are read; none: those of all keys
  std::size_t others_max = 0;            // that are kept
  std::size_t bytes_max = 8U << 20U;     // of their lines
  std::uint64_t lines_max = 0;           // that are read
  std::function<bool()> stop_requested = {};
};
/// `program` has the event types that count. What is missing is put into `notes`. Fails as
/// ArchivedKeys::lines().
Result<AlertEvents> alert_events(const cep::Program& program, const ArchivedKeys& archive,
                                 const AlertEventsRequest& request, ArchiveNotes& notes);
/// A value as an alert's line has it.
cep::OwnedValue value_of_json(const cep::Type& type, std::string_view json);
}  // namespace tocsin::api
