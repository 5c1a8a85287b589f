/// Input that a run did not take, kept as NDJSON: rejected lines and late events.
#pragma once
#include <string>

#include "runtime/run.h"

namespace tocsin::api {
/// {"input":"a.ndjson","line":17,"reason":"…","text":"…"}, without a line end. JSON holds no
/// invalid UTF-8: where the line is, each bad byte is U+FFFD in `text` and the line's exact bytes
/// follow in "base64".
std::string format_dead_letter(const runtime::DeadLetter& dead_letter);
/// {"input":"a.ndjson","line":17,"late_us":1500000,"text":"…"}: how far the event lay behind the
/// time already reached.
std::string format_late_event(const runtime::LateEvent& late);
}  // namespace tocsin::api
