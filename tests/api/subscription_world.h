/// Subscriptions at work over an alert store in memory, with endpoints on loopback ports.
#pragma once
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/net/http_server.h"
#include "api/outbox/subscription_service.h"
#include "api/server/alert_routes.h"
#include "api/server/silence_routes.h"
#include "api/server/subscription_routes.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::tests {
using namespace api;  // NOLINT(google-build-using-namespace): what is tested
using namespace std::chrono_literals;
using nlohmann::ordered_json;

/// Waits for what other threads do.
template <typename Holds>
bool comes_true(const Holds& holds) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

struct Received {
  std::map<std::string, std::string> headers;
  std::string body;
  std::chrono::steady_clock::time_point at;
};
/// An endpoint on a loopback port.
class Receiver {
 public:
  using Answer = std::function<HttpResponse(std::size_t number)>;
  explicit Receiver(Answer answer) : answer_(std::move(answer)) {
    HttpServerLimits limits;
    limits.keep_alive_max = 200ms;
    auto server = HttpServer::start(
        "127.0.0.1", 0, limits, [this](HttpRequest& request) { return take(request); },
        [](const HttpFault& fault) {
          return HttpResponse{fault.status, {}, "", ""};
        });
    REQUIRE(server);
    server_ = std::move(*server);
  }
  static HttpResponse status(int status) { return {status, {}, "text/plain", "got it"}; }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + "/hook";
  }
  std::vector<Received> received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return received_.size();
  }
  std::size_t most_at_once() const { return most_at_once_; }

 private:
  HttpResponse take(HttpRequest& request) {
    const std::size_t at_once = ++at_once_;
    std::size_t most = most_at_once_;
    while (at_once > most && !most_at_once_.compare_exchange_weak(most, at_once)) {
    }
    Received one;
    one.at = std::chrono::steady_clock::now();
    for (const HttpHeader& header : request.head().headers) one.headers[header.name] = header.value;
    one.body = request.take_body();
    std::size_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      number = received_.size();
      received_.push_back(std::move(one));
    }
    HttpResponse response = answer_(number);
    --at_once_;
    return response;
  }
  Answer answer_;
  mutable std::mutex mutex_;
  std::vector<Received> received_;
  std::atomic<std::size_t> at_once_{0};
  std::atomic<std::size_t> most_at_once_{0};
  std::unique_ptr<HttpServer> server_;
};

inline SubscriptionOptions quick_options() {
  SubscriptionOptions options;
  options.addresses = *AddressPolicy::make({"127.0.0.1"});
  options.pool.retry_delays = {5ms, 10ms, 20ms};
  options.pool.circuit = {.failures_in_a_row = 1000, .pause_first = 5ms, .pause_max = 20ms};
  options.timeouts = {.connect = 1s, .total = 2s};
  options.planner.rate_cap = {.per_rule = 0,
                              .in_all = 0};  // its tests are in delivery_planner_test.cpp
  return options;
}

struct World {
  explicit World(SubscriptionOptions options = quick_options(), AlertConditions::PlanPtr rules = {})
      : service_options(std::move(options)), plan(std::move(rules)), triage(stored.store()) {
    begin();
    services.deliveries = [this](const runtime::StoredAlert& alert) {
      return service->deliveries_of(alert);
    };
    add_alert_routes(client.router, services);
    add_subscription_routes(client.router, *service, nullptr);
    add_silence_routes(client.router, service->silences(), nullptr);
  }
  void begin() {
    auto opened = SubscriptionService::open(
        stored.store(), stored.effects(), stored.clock, service_options,
        [this](const DeliveryEvent& event) {
          const std::lock_guard lock(mutex);
          events.push_back(event);
        },
        plan);
    REQUIRE(opened);
    service = std::move(*opened);
  }
  ordered_json subscribe(const Receiver& receiver, const ordered_json& more = {}) {
    ordered_json settings = {{"url", receiver.url()}};
    if (more.is_object()) settings.update(more);
    return client.json(201, "analyst", "POST", "/v1/subscriptions", settings.dump());
  }
  void raise(int first, int last, const tests::AlertText& text = {}) {
    for (int i = first; i <= last; ++i) stored.raise(alert_at(i, text));
    service->wake();
  }
  ordered_json log(const std::string& id) {
    return client.json(200, "reader", "GET", "/v1/subscriptions/" + id + "/deliveries?limit=1000")
        .at("deliveries");
  }
  std::uint64_t owed(const std::string& id) {
    return client.json(200, "reader", "GET", "/v1/subscriptions/" + id).at("owed");
  }

  SubscriptionOptions service_options;
  AlertConditions::PlanPtr plan;
  StoredAlerts stored;
  TriageStore triage;
  AlertFeed feed{stored.effects().reader()};
  AlertRouteServices services{stored.effects(), triage, feed, stored.clock, {}, {}};
  std::mutex mutex;
  std::vector<DeliveryEvent> events;
  std::unique_ptr<SubscriptionService> service;
  ApiClient client;
};
inline std::string id_of(const ordered_json& subscription) { return subscription.at("id"); }
}  // namespace tocsin::tests
