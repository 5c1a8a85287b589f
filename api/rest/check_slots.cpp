#include "api/rest/check_slots.h"

#include "api/rest/problem.h"

namespace tocsin::api {
HttpResponse CheckSlots::full() {
  return unavailable_response("other rules are being checked; try again");
}
}  // namespace tocsin::api
