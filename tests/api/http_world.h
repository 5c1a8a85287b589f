/// HTTP servers for tests, and how they are asked.
#pragma once
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "api/net/http_server.h"
#include "tests/api/raw_client.h"

namespace tocsin::tests {
using api::BodyBudget;
using api::HttpAdmission;
using api::HttpAdmit;
using api::HttpFault;
using api::HttpHandler;
using api::HttpRequest;
using api::HttpResponse;
using api::HttpServer;
using api::HttpServerLimits;
using api::HttpServerOptions;
inline const std::string kClose = " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";

inline HttpResponse text_answer(int status, const std::string& text) {
  return {status, {}, "text/plain", text};
}
template <typename Condition>
void wait_until(Condition holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(holds());
}

// Answers with what it was asked; the body of a fault is its detail.
struct Echo {
  explicit Echo(const HttpServerLimits& limits = {}, HttpHandler handler = {}) {
    if (!handler) {
      handler = [this](HttpRequest& request) {
        ++requests;
        return HttpResponse{
            200,
            {{"X-Remote", request.remote()}},
            "text/plain",
            request.head().method + " " + request.head().target + " [" + request.body() + "]"};
      };
    }
    auto started = HttpServer::start("127.0.0.1", 0, limits, handler, [](const HttpFault& fault) {
      return HttpResponse{fault.status, {}, "text/plain", fault.detail};
    });
    REQUIRE(started.has_value());
    server = std::move(*started);
  }
  std::string ask(std::string_view bytes) const {
    const RawClient client(server->port());
    client.send(bytes);
    return client.receive();
  }
  std::atomic<int> requests{0};
  std::unique_ptr<HttpServer> server;
};

// A server whose admission is given.
inline std::unique_ptr<HttpServer> start_with(HttpAdmit admit, const HttpServerLimits& limits = {},
                                              BodyBudget* bodies = nullptr) {
  HttpServerOptions options;
  options.limits = limits;
  options.admit = std::move(admit);
  options.fault_answer = [](const HttpFault& fault) {
    return HttpResponse{fault.status, {}, "text/plain", fault.detail};
  };
  options.bodies = bodies;
  options.vital = {"/livez"};
  auto started = HttpServer::start("127.0.0.1", 0, std::move(options));
  REQUIRE(started.has_value());
  return std::move(*started);
}

// Requests for `/hold` keep a worker until they are let go.
struct Holding {
  explicit Holding(const HttpServerLimits& limits = {})
      : released(release.get_future().share()),
        server(start_with(
            [this](HttpRequest& request) {
              const bool holds = request.head().target == "/hold";
              return HttpAdmission{[this, holds](HttpRequest&) {
                                     ++running;
                                     if (holds) released.wait();
                                     --running;
                                     return text_answer(200, holds ? "held" : "at once");
                                   },
                                   true, !holds};
            },
            limits)) {}
  ~Holding() {
    if (!was_let_go) release.set_value();
  }
  void let_go() {
    was_let_go = true;
    release.set_value();
  }
  // A connection with a request in work.
  std::unique_ptr<RawClient> hold() {
    auto client = std::make_unique<RawClient>(server->port());
    const int before = running;
    client->send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until([&] { return running > before; });
    return client;
  }
  std::string ask(const std::string& path) const {
    const RawClient client(server->port());
    client.send("GET " + path + kClose + "\r\n");
    return client.receive();
  }
  std::promise<void> release;
  std::shared_future<void> released;
  std::atomic<int> running{0};
  bool was_let_go = false;
  std::unique_ptr<HttpServer> server;
};
}  // namespace tocsin::tests
