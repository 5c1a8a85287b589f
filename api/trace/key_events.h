/// The events of one key as an archive has them: each arrival, with its place and its fields.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/backtest/archive_input.h"
#include "api/trace/archived_keys.h"
#include "api/trace/key_history.h"
#include "cep/base/index.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/order.h"
#include "cep/value/time.h"

namespace tocsin::api {
struct KeyEventsRequest {
  /// Names and values, as people write them: card, c1.
  std::vector<std::pair<std::string, std::string>> key;
  std::optional<cep::ArrivalNumber> before;      // only events that arrived before it
  std::set<std::string, std::less<>> types;      // only of these; empty: of any
  std::size_t events_max = 100;                  // the newest are kept
  std::size_t bytes_max = std::size_t{8} << 20;  // of their texts; one event is always kept
  bool has_lines = false;                        // the answer has their texts too
  HistoryLimits limits;
};
struct KeyEvent {
  cep::ArrivalNumber arrival;
  std::string source;  // input and partition
  cep::EventTime taken_at;
  cep::EventTime ts;
  cep::EventTypeIndex type;
  std::string text;  // as it arrived
};
struct KeyEvents {
  std::deque<KeyEvent> events;  // in the order in which they arrived
  std::uint64_t older = 0;      // before them, which are not kept
  std::uint64_t examined = 0;
  bool has_lines = false;                  // they are shown with their texts
  bool is_complete = true;                 // false: a limit ended the reading
  std::optional<cep::EventTime> ended_at;  // of the last event that was read, if it is not
};
/// What stands for the value of a field, given as JSON, for who must not see it; nothing where it
/// may be seen.
using FieldMask = std::function<std::optional<std::string>(
    const cep::EventType& type, const std::string& field, std::string_view json)>;

/// Reads them. What is missing is put into `notes`. Where `stop_requested` says so it ends, and has
/// what was found until then. Fails with kNotFound where no rule or feature is by such a key, with
/// kInvalidArgument for a value that a key cannot have, else as ArchivedKeys::lines().
Result<KeyEvents> key_events(const cep::Program& program, const ArchivedKeys& archive,
                             const KeyEventsRequest& request,
                             const std::function<bool()>& stop_requested, ArchiveNotes& notes);
/// The fields, as "payment.card", that such keys are read from. Fails as key_events().
Result<std::set<std::string, std::less<>>> fields_of_key(
    const cep::Program& program, const std::vector<std::pair<std::string, std::string>>& key);
/// One object on one line, without its end, the newest event first; decimals have all their
/// digits. `next`: the cursor of the next page, empty where there is none.
std::string key_events_json(const cep::Program& program, const KeyEvents& found,
                            const std::vector<std::string>& missing, const FieldMask& mask,
                            std::string_view next);
}  // namespace tocsin::api
