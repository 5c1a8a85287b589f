#include "cep/plan/feature.h"

namespace tocsin::cep {
namespace {
const ExprPtr kNone;
}  // namespace

const ExprPtr& FeatureWindow::where() const {
  if (const LastEventsWindow* const last = as<LastEventsWindow>()) return last->where;
  const PreviousEventsWindow* const previous = as<PreviousEventsWindow>();
  return previous != nullptr ? previous->where : kNone;
}

const ExprPtr& FeatureWindow::zone() const {
  const CalendarUnitWindow* const calendar = as<CalendarUnitWindow>();
  return calendar != nullptr ? calendar->zone : kNone;
}
}  // namespace tocsin::cep
