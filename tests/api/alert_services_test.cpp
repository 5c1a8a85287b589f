// The link between those who store effects and the services that come later and go earlier.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "api/server/alert_services.h"
#include "tests/api/stored_alerts.h"
#include "tests/api/subscription_world.h"

namespace tocsin::api {
namespace {
std::unique_ptr<AlertServices> open_services(tests::StoredAlerts& stored) {
  AlertServicesOptions options;
  options.subscriptions = tests::quick_options();
  auto services = AlertServices::open(stored.store(), stored.effects(), stored.clock, options);
  REQUIRE(services);
  return *std::move(services);
}

// A start that fails ends the services while the node still stores effects.
TEST_CASE("alert services: they can end while others store effects and change rules") {
  tests::StoredAlerts stored;
  AlertServicesLink link;
  std::atomic<bool> is_over{false};
  std::atomic<int> told{0};
  std::thread teller([&] {
    while (!is_over) {
      link.effects_changed();
      link.rules_changed({});
      ++told;
    }
  });
  for (int i = 0; i < 30; ++i) {
    auto services = open_services(stored);
    link.set(services.get());
    const int before = told;
    CHECK(tests::comes_true([&] { return told > before + 1; }));
    services->stop();
    link.set(nullptr);
    services.reset();
  }
  is_over = true;
  teller.join();
}
}  // namespace
}  // namespace tocsin::api
