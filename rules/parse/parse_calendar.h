/// Units of the calendar: `today in ZONE`, `this month in ZONE`, `once per month in ZONE`,
/// `tumbling month in ZONE`; and what people write instead of them.
#pragma once
#include "rules/parse/parse_context.h"

namespace tocsin::rules {
/// `today in ZONE`, `this month in ZONE`; false at anything else.
bool calendar_window(ParseContext& p, tree::Window& window);
/// `month in ZONE`, behind `once per`; false at anything else. Without `in` the word of a unit may
/// be the name of a step.
bool calendar_once(ParseContext& p, tree::OnceClause& clause);
/// Reports `once per 1d in "UTC"`.
void zone_of_duration(ParseContext& p);
/// True at `tumbling month …`.
bool at_calendar_tumbling(ParseContext& p);
/// `month in "Europe/Berlin"`, behind `tumbling`.
void calendar_tumbling(ParseContext& p, tree::EventWindow& window);
}  // namespace tocsin::rules
