/// Alerts as server-sent events (HTML Living Standard, 9.2): each alert's number is the event's id,
/// so that a client goes on after the last one it has.
///
///   id: 12            event: alert   data: the alert's line
///   id: 40            event: gap     data: {"from":13,"to":40}   retention has removed these
///   event: triage     data: {"alert":"…","number":12,"state":"confirmed",…}      for who asks
///   event: triage_from_here   data: {}   what was done before is not told
///   : heartbeat                      where nothing happens; the id moves on past what is filtered
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "api/alerts/alert_query.h"
#include "api/alerts/triage_store.h"
#include "cep/base/result.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
/// `line`: the alert's, as it is shown.
std::string alert_event(std::uint64_t number, std::string_view line);
/// That the alerts `from` to `to` are gone; `id` is the event's.
std::string gap_event(std::uint64_t from, std::uint64_t to, std::uint64_t id);
std::string heartbeat_event(std::uint64_t id);
/// What was done with an alert last, without its comment, and its triage since. It has no id: it is
/// told once, to those who listen.
std::string triage_event(const runtime::StoredAlert& alert, const TriageRecord& record);
/// That what was done with alerts is told from here on.
std::string triage_from_here_event();

/// The alerts with numbers beyond `last` that `filter` admits (its triage and times are not asked),
/// as events; moves `last` on. Some at a time: `has_more` says that it stopped before the end.
/// Errors: kCorrupt, kIo.
Result<std::string> read_alert_events(const runtime::EffectReader& reader,
                                      const AlertFilter& filter, std::uint64_t& last,
                                      bool& has_more);
}  // namespace tocsin::api
