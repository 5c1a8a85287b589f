// Answers that come later: until then a request has no thread, and whatever happens it is answered
// once.
#include <doctest/doctest.h>
#include <pthread.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "api/net/http_server.h"
#include "tests/api/http_world.h"

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;
using namespace tests;

// Requests for `/later` wait until they are answered; `/quit` is given up.
struct Later {
  explicit Later(const HttpServerLimits& limits = {}, BodyBudget* bodies = nullptr)
      : server(start_with(
            [this](HttpRequest& request) {
              HttpAdmission admission;
              admission.handle = [this, target = request.head().target](HttpRequest&) {
                return begin(target);
              };
              admission.at_once_bytes_max = 100;
              admission.is_at_once = request.head().target == "/now";
              return admission;
            },
            limits, bodies)) {}

  HttpResponse begin(const std::string& target) {
    if (target == "/now") return text_answer(200, "now");
    HttpResponse response;
    response.later = [this, target](const HttpPromise& promise) {
      if (target == "/throw") throw std::runtime_error("no");
      if (target == "/twice") {
        promise.answer([] { return text_answer(200, "first"); }, true);
        promise.answer([] { return text_answer(200, "second"); }, true);
      }
      if (target == "/fails")
        promise.answer([]() -> HttpResponse { throw std::runtime_error("cannot"); }, true);
      if (target != "/later") return;
      const std::lock_guard lock(mutex);
      promises.push_back(promise);
    };
    return response;
  }
  void wait_for(std::size_t count) {
    wait_until([&] {
      const std::lock_guard lock(mutex);
      return promises.size() >= count;
    });
  }
  void answer_all(bool is_at_once = true) {
    std::vector<HttpPromise> waiting;
    {
      const std::lock_guard lock(mutex);
      waiting.swap(promises);
    }
    for (const HttpPromise& promise : waiting) {
      promise.answer(
          [this] {
            note_thread();
            return text_answer(200, "then");
          },
          is_at_once);
    }
  }
  void note_thread() {
    std::array<char, 16> name{};
    ::pthread_getname_np(::pthread_self(), name.data(), name.size());
    const std::lock_guard lock(mutex);
    thread = name.data();
  }
  std::string ask(const std::string& path) const {
    const RawClient client(server->port());
    client.send("GET " + path + kClose + "\r\n");
    return client.receive();
  }
  std::vector<std::unique_ptr<RawClient>> begin_many(std::size_t count) {
    std::vector<std::unique_ptr<RawClient>> clients;
    for (std::size_t i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<RawClient>(server->port()));
      clients.back()->send("GET /later" + kClose + "\r\n");
    }
    wait_for(count);
    return clients;
  }

  std::mutex mutex;
  std::vector<HttpPromise> promises;
  std::string thread;  // that made an answer last
  std::unique_ptr<HttpServer> server;
};

TEST_CASE("http later: hundreds of requests wait without a thread, and others are served") {
  HttpServerLimits limits;
  limits.connections_max = 400;
  limits.workers = {1, 0};
  Later later(limits);
  const auto clients = later.begin_many(300);
  CHECK(later.server->figures().open[static_cast<std::size_t>(ConnectionState::kWork)] == 300);
  CHECK(later.ask("/now").ends_with("now"));
  later.answer_all();
  for (const auto& client : clients) {
    const std::string answer = client->receive();
    CHECK(status_of(answer) == 200);
    CHECK(count_of(answer, "HTTP/1.1") == 1);
    CHECK(answer.ends_with("then"));
  }
  CHECK(later.thread == "http-io");
}

TEST_CASE("http later: the connection goes on with the next request") {
  Later later;
  const RawClient client(later.server->port());
  client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /now HTTP/1.1\r\nHost: a\r\n\r\n");
  later.wait_for(1);
  later.answer_all();
  const std::string answers =
      client.receive([](const std::string& text) { return text.ends_with("now"); });
  CHECK(count_of(answers, "HTTP/1.1 200") == 2);
  CHECK(answers.find("then") < answers.find("now"));
}

TEST_CASE("http later: given up, thrown, or answered twice, there is one answer") {
  Later later;
  for (const std::string path : {"/quit", "/throw", "/fails"}) {
    const std::string answer = later.ask(path);
    CHECK(status_of(answer) == 500);
    CHECK(count_of(answer, "HTTP/1.1") == 1);
  }
  CHECK(later.ask("/fails").ends_with("cannot"));
  const std::string answer = later.ask("/twice");
  CHECK(answer.ends_with("first"));
  CHECK(count_of(answer, "HTTP/1.1") == 1);
}

TEST_CASE("http later: who has gone keeps a place until the answer, and no longer") {
  Later later;
  {
    auto clients = later.begin_many(20);
    clients.clear();
  }
  CHECK(later.server->connections() == 20);
  later.answer_all();
  wait_until([&] { return later.server->connections() == 0; });
  CHECK(later.ask("/now").ends_with("now"));
}

TEST_CASE("http later: a server that stops answers what waits") {
  bool is_at_once = true;
  SUBCASE("on the connection's thread") {}
  SUBCASE("by workers, which are gone") { is_at_once = false; }
  Later later;
  const auto clients = later.begin_many(20);
  auto stopped = std::async(std::launch::async, [&] { later.server->stop(); });
  CHECK(stopped.wait_for(50ms) == std::future_status::timeout);
  later.answer_all(is_at_once);
  for (const auto& client : clients) CHECK(client->receive().ends_with("then"));
  REQUIRE(stopped.wait_for(20s) == std::future_status::ready);
}

TEST_CASE("http later: what takes its time is made by a worker, as soon as one has room") {
  HttpServerLimits limits;
  limits.workers = {1, 0};
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  Later later(limits);
  auto clients = later.begin_many(2);
  {
    const std::lock_guard lock(later.mutex);
    later.promises.front().answer(
        [&released] {
          released.wait();
          return text_answer(200, "first");
        },
        false);
    later.promises.erase(later.promises.begin());
  }
  later.answer_all(false);
  CHECK_FALSE(clients[1]->is_closed_within(100ms));
  CHECK(later.ask("/now").ends_with("now"));
  release.set_value();
  std::string answers;
  for (const auto& client : clients) answers += client->receive();
  CHECK(count_of(answers, "HTTP/1.1 200") == 2);
  CHECK(later.thread == "http-worker");
}

TEST_CASE("http later: a body counts until its request is answered") {
  BodyBudget bodies(10'000);
  Later later({}, &bodies);
  for (const std::size_t bytes : {50, 5000}) {  // on the connection's thread, and by a worker
    const RawClient client(later.server->port());
    client.send("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(bytes) +
                "\r\nConnection: close\r\n\r\n" + std::string(bytes, 'x'));
    later.wait_for(1);
    CHECK(bodies.held() >= bytes);
    later.answer_all();
    CHECK(client.receive().ends_with("then"));
    CHECK(bodies.held() == 0);
  }
}

TEST_CASE("http later: what is to be done when it is answered is done in order, once") {
  std::string done;
  HttpResponse response = text_answer(201, "x");
  when_answered(response,
                [&](const HttpResponse& answer) { done += std::to_string(answer.status); });
  CHECK(done == "201");
  done.clear();
  std::optional<HttpPromise> waiting;
  response.later = [&](const HttpPromise& promise) { waiting = promise; };
  when_answered(response, [&](HttpResponse& answer) {
    done += "a";
    answer.headers.push_back({"X-A", "1"});
  });
  when_answered(response, [&](const HttpResponse& answer) {
    done += "b" + std::to_string(answer.headers.size());
  });
  int given = 0;
  response.later(HttpPromise([&](const HttpPromise::Make& make, bool is_at_once) {
    ++given;
    CHECK_FALSE(is_at_once);
    CHECK(make().status == 202);
  }));
  response.later = nullptr;
  CHECK(done.empty());
  waiting->answer([] { return text_answer(202, "y"); }, false);
  waiting.reset();
  CHECK(done == "ab1");
  CHECK(given == 1);
  // Given up, nothing was made, and there is still one answer.
  int empty = 0;
  response.later = [](const HttpPromise&) {};
  when_answered(response, [&](const HttpResponse&) { done += "c"; });
  response.later(HttpPromise([&](const HttpPromise::Make& make, bool) { empty += make ? 10 : 1; }));
  CHECK(empty == 1);
  CHECK(done == "ab1");
}
}  // namespace
}  // namespace tocsin::api
