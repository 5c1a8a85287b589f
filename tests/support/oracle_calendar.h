/// Units of the calendar for the oracle, by the standard library's dates; a unit is named by its
/// first day (days since 1970-01-01).
#pragma once
#include <optional>
#include <string>
#include <utility>

#include "cep/plan/plan.h"
#include "cep/value/calendar_unit.h"
#include "cep/value/value.h"

namespace tocsin::oracle {
/// The unit that a clock in a zone of the plan shows; nothing where there is no such zone.
std::optional<std::int64_t> unit_in_zone(const cep::Plan& plan, const cep::Value& zone,
                                         cep::CalendarUnit unit, cep::EventTime time);
/// The first day of the unit after the one that begins with `first`.
std::int64_t next_unit(cep::CalendarUnit unit, std::int64_t first);
/// Begin and end of the window of `tumbling UNIT in ZONE` that has the time: windows begin when a
/// clock first shows a unit later than all that it showed before.
std::pair<cep::EventTime, cep::EventTime> calendar_window_at(const cep::Plan& plan,
                                                             const std::string& zone,
                                                             cep::CalendarUnit unit,
                                                             cep::EventTime time);
}  // namespace tocsin::oracle
