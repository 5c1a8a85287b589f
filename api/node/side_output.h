/// Input that a run did not take, as NDJSON: rejected lines and late events.
#pragma once
#include <cstdint>
#include <string>

#include "runtime/effects/effects.h"
#include "runtime/event_time/run.h"

namespace tocsin::api {
/// {"input":"a.ndjson","line":17,"reason":"…","text":"…"}, without a line end. JSON holds no
/// invalid UTF-8: where the line is, each bad byte is U+FFFD in `text` and the line's exact bytes
/// follow in "base64".
std::string format_dead_letter(const runtime::DeadLetter& dead_letter);
/// {"input":"a.ndjson","line":17,"late_us":1500000,"text":"…"}: how far the event lay behind the
/// time already reached.
std::string format_late_event(const runtime::LateEvent& late);
/// The same of a row of the alert store, with its arrival first: {"arrival":"812:4","input":…}.
/// Where they apply: "timeline" after it, the ordinal of one that is not `timeline`, the current
/// one; at the end "reinjected_as", the journal record that put it in again.
std::string format_side_output_row(const runtime::SideOutputRow& row, std::uint32_t timeline);
}  // namespace tocsin::api
