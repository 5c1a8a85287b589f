/// Silences: alerts that are raised while one holds are stored as ever, but delivered to nobody.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/alerts/alert_query.h"
#include "cep/base/result.h"
#include "cep/value/time.h"

namespace tocsin::api {
enum class SilenceState : std::uint8_t { kPending, kActive, kEnded };
/// "pending", "active", "ended".
std::string_view name_of(SilenceState state);

struct Silence {
  std::string id;      // "sil_" and 24 hex digits
  AlertFilter filter;  // at least one of its parts is set
  cep::EventTime from;
  cep::EventTime until;  // processing time, half open
  std::string reason;
  std::string created_by;
  cep::EventTime created_at;
  std::string ended_by;  // who ended it before its time; empty: nobody
  /// Why its condition does not fit the rules that hold now; empty: it does. Not stored. It then
  /// silences nothing: an alert is rather sent than lost.
  std::string condition_error = {};

  /// Whether it holds of alerts that are stored then.
  bool holds(cep::EventTime at) const { return from <= at && at < until; }
  bool admits(const runtime::StoredAlert& alert) const {
    return condition_error.empty() && holds(alert.stored_at) && filter.admits(alert);
  }
  SilenceState state_at(cep::EventTime now) const {
    if (now >= until) return SilenceState::kEnded;
    return now < from ? SilenceState::kPending : SilenceState::kActive;
  }
};

/// Takes what people say of a new one: filter, until, from (now unless said), reason. Errors:
/// kInvalidArgument, naming the member and what it takes.
Result<Silence> read_silence(std::string_view settings, cep::EventTime now,
                             std::size_t list_max = kFilterListMax);
/// "sil_…" of random bytes. Errors: kIo without randomness.
Result<std::string> make_silence_id();
/// As it is stored, and back. Errors: kCorrupt.
std::string encode_silence(const Silence& silence);
Result<Silence> decode_silence(std::string_view text);
/// As it is shown: a JSON object.
std::string show_silence(const Silence& silence, cep::EventTime now);
}  // namespace tocsin::api
