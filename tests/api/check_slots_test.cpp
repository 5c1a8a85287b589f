#include "api/rest/check_slots.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <functional>
#include <stdexcept>
#include <string>

namespace tocsin::api {
TEST_CASE("checks: they run in threads of lower priority, as many as may at once") {
  CheckSlots slots({.at_once = 2});
  HttpResponse good;
  good.status = 200;
  // Each runs while the next one begins.
  int depth = 0;
  int nices = 0;
  std::string refusal;
  const std::function<HttpResponse()> nested = [&]() -> HttpResponse {
    nices += ::getpriority(PRIO_PROCESS, 0);
    if (++depth < 3) {
      const HttpResponse inner = slots.run(nested);
      if (inner.status != 200) refusal = inner.body;
    }
    return good;
  };
  CHECK(slots.run(nested).status == 200);
  CHECK(depth == 2);
  CHECK(nices == 2 * 6);
  CHECK(refusal.find("2 checks and dry runs") != std::string::npos);
  CHECK(refusal.find("checks.at_once") != std::string::npos);
  CHECK(::getpriority(PRIO_PROCESS, 0) < 6);
  // A slot is given back, also where the work throws; who asked gets what it threw.
  for (int i = 0; i < 3; ++i) {
    CHECK_THROWS_AS(slots.run([]() -> HttpResponse { throw std::runtime_error("damaged"); }),
                    std::runtime_error);
  }
  CHECK(slots.run([&] { return good; }).status == 200);
}
}  // namespace tocsin::api
