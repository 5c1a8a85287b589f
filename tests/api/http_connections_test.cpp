// What becomes of connections: who has a place, who makes room, what waits, what streams, and how
// all ends.
#include <doctest/doctest.h>
#include <malloc.h>

#include <atomic>
#include <chrono>
#include <functional>
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

TEST_CASE("http server: the connection that has waited longest makes room, never one in work") {
  HttpServerLimits limits;
  limits.connections_max = 4;
  limits.io_threads = 2;
  Holding holding(limits);
  const auto working = holding.hold();
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 3; ++i) {
    idle.push_back(std::make_unique<RawClient>(holding.server->port()));
    // One is idle after a request, the others before the first, or within a head.
    idle.back()->send(i == 1 ? "GET /" : "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    if (i != 1)
      idle.back()->receive([](const std::string& text) { return text.ends_with("at once"); });
    wait_until([&] { return holding.server->connections() == std::size_t(i) + 2; });
    std::this_thread::sleep_for(20ms);  // so that their order is theirs on both threads
  }
  const RawClient first(holding.server->port());
  CHECK(idle[0]->is_closed_within(20s));
  CHECK(!idle[1]->is_closed_within(50ms));
  const RawClient second(holding.server->port());
  CHECK(idle[1]->is_closed_within(20s));
  CHECK(!idle[2]->is_closed_within(50ms));
  holding.let_go();
  CHECK(working->receive([](const std::string& text) { return text.ends_with("held"); })
            .ends_with("held"));
}

TEST_CASE("http server: where all connections are in work the reserve is for what is vital") {
  HttpServerLimits limits;
  limits.connections_max = 2;
  limits.reserve_max = 1;
  Holding holding(limits);
  std::vector<std::unique_ptr<RawClient>> working;
  for (int i = 0; i < 2; ++i) working.push_back(holding.hold());
  CHECK(status_of(holding.ask("/")) == 503);
  wait_until([&] { return holding.server->connections() == 2; });
  CHECK(status_of(holding.ask("/livez")) == 200);
  wait_until([&] { return holding.server->connections() == 2; });
  {
    const RawClient reserve(holding.server->port());
    wait_until([&] { return holding.server->connections() == 3; });
    // Beyond the reserve nobody is heard out.
    const RawClient beyond(holding.server->port());
    CHECK(status_of(beyond.receive()) == 503);
  }
  wait_until([&] { return holding.server->connections() == 2; });
  holding.let_go();
  for (const auto& client : working)
    client->receive([](const std::string& text) { return text.ends_with("held"); });
  // Those are idle now, and make room.
  CHECK(status_of(holding.ask("/")) == 200);
}

// What connections do, as "idle 2, work 1".
std::string states_of(const HttpServer& server) {
  std::string text;
  const ConnectionFigures figures = server.figures();
  for (std::size_t i = 0; i < kConnectionStates.size(); ++i) {
    if (figures.open[i] == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::string(kConnectionStates[i]) + " " + std::to_string(figures.open[i]);
  }
  return text;
}

TEST_CASE("http server: connections are counted by what they do, and what became of others") {
  HttpServerLimits limits;
  limits.connections_max = 5;
  limits.reserve_max = 0;
  Holding holding(limits);
  const HttpServer& server = *holding.server;
  const auto reach = [&](const std::string& states) {
    wait_until([&] { return states_of(server) == states; });
    CHECK(states_of(server) == states);
  };
  {
    const RawClient first(server.port());
    reach("idle 1");
    const auto working = holding.hold();
    const RawClient head(server.port());
    head.send("GET /");
    const RawClient body(server.port());
    body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbod");
    const RawClient again(server.port());
    again.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    reach("idle 2, head 1, body 1, work 1");
    CHECK(server.figures().evicted == 0);
    const RawClient more(server.port());
    CHECK(first.is_closed_within(20s));
    reach("idle 2, head 1, body 1, work 1");
    CHECK(server.figures().evicted == 1);
    CHECK(server.figures().refused == 0);
    body.send("-whole");
    head.send(" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    CHECK(status_of(head.receive()) == 200);
    reach("idle 3, work 1, end 1");
    holding.let_go();
    reach("idle 4, end 1");
  }
  reach("");
  limits.connections_max = 1;
  Holding full(limits);
  const auto working = full.hold();
  CHECK(status_of(full.ask("/")) == 503);
  CHECK(full.server->figures().refused == 1);
  CHECK(full.server->figures().evicted == 0);
}

TEST_CASE("http server: what waits for a worker is bounded, and what needs none is answered") {
  HttpServerLimits limits;
  limits.workers = {1, 1};
  Holding holding(limits);
  const auto working = holding.hold();
  const RawClient waits(holding.server->port());
  waits.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  // That one may not have come yet.
  wait_until([&] { return holding.server->connections() == 2; });
  std::this_thread::sleep_for(50ms);
  CHECK(status_of(holding.ask("/hold")) == 503);
  CHECK(status_of(holding.ask("/livez")) == 200);
  holding.let_go();
  const auto is_held = [](const std::string& text) { return text.ends_with("held"); };
  CHECK(is_held(working->receive(is_held)));
  CHECK(is_held(waits.receive(is_held)));
}

TEST_CASE("http server: a stop lets a handler end, answers what waits, and closes what is idle") {
  HttpServerLimits limits;
  limits.workers = {1, 8};
  Holding holding(limits);
  const auto working = holding.hold();
  const RawClient waits(holding.server->port());
  waits.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  const RawClient idle(holding.server->port());
  wait_until([&] { return holding.server->connections() == 3; });
  std::this_thread::sleep_for(50ms);
  std::thread stopper([&] { holding.server->stop(); });
  CHECK(idle.is_closed_within(20s));
  CHECK(status_of(waits.receive()) == 503);
  holding.let_go();
  CHECK(working->receive().ends_with("held"));
  stopper.join();
  CHECK(holding.server->connections() == 0);
}

TEST_CASE("http server: an answer may come as it is made, as the client takes it") {
  std::atomic<int> made = 0;
  const Echo echo({}, [&](HttpRequest&) {
    HttpResponse response{200, {}, "text/plain", ""};
    response.stream = page_stream([&made, next = 0]() mutable -> std::optional<std::string> {
      made = ++next;
      if (next > 300) return std::nullopt;
      return next == 2 ? std::string() : std::string(100'000, static_cast<char>('a' + next % 26));
    });
    return response;
  });
  const RawClient client(echo.server->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next" + kClose + "\r\n");
  // Who reads nothing gets no more than the system holds.
  std::this_thread::sleep_for(100ms);
  CHECK(made < 200);
  const std::string answer = client.receive();
  CHECK(made == 301);
  CHECK(count_of(answer, "\r\n186a0\r\n") == 2 * 299);
  CHECK(count_of(answer, "\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n") == 1);
  CHECK(answer.ends_with("\r\n0\r\n\r\n"));
  // HTTP/1.0 knows no chunks.
  const std::string old = echo.ask("GET / HTTP/1.0\r\n\r\n");
  CHECK(old.size() > 299 * 100'000);
  CHECK(old.ends_with(std::string(100'000, static_cast<char>('a' + 300 % 26))));
  CHECK(echo.ask("HEAD /" + kClose + "\r\n").ends_with("\r\n\r\n"));
}

TEST_CASE("http server: an answer whose making fails is broken off, not ended") {
  const Echo echo({}, [](HttpRequest&) {
    HttpResponse response{200, {}, "text/plain", ""};
    response.stream = page_stream([next = 0]() mutable -> std::optional<std::string> {
      if (next++ == 1) throw std::runtime_error("no more");
      return "page";
    });
    return response;
  });
  const std::string answer = echo.ask("GET /" + kClose + "\r\n");
  CHECK(answer.find("0\r\n\r\n") == std::string::npos);
  CHECK(status_of(echo.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")) != 500);
}

// Says what it is told to whoever follows.
class Caller final : public HttpStream {
 public:
  Next take(std::vector<SharedBytes>& pieces) override {
    const std::lock_guard lock(mutex_);
    pieces = std::exchange(said_, {});
    if (is_over_) return Next::kEnd;
    return pieces.empty() ? Next::kWait : Next::kReady;
  }
  void begin(std::function<void()> wake) override {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }
  void say(const SharedBytes& piece) {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      if (piece) said_.push_back(piece);
      is_over_ = !piece;
      wake = wake_;
    }
    if (wake) wake();
  }

 private:
  std::mutex mutex_;
  std::vector<SharedBytes> said_;
  bool is_over_ = false;
  std::function<void()> wake_;
};

TEST_CASE("http server: streams that wait cost no thread, and end before a stop") {
  constexpr std::size_t kFollowers = 200;
  std::mutex mutex;
  std::vector<std::weak_ptr<Caller>> callers;
  HttpServerLimits limits;
  limits.workers.threads_max = 2;
  limits.io_threads = 2;
  limits.connections_max = 1000;
  Echo echo(limits, [&](HttpRequest&) {
    HttpResponse response{200, {}, "text/event-stream", ""};
    const auto caller = std::make_shared<Caller>();
    response.stream = caller;
    const std::lock_guard lock(mutex);
    callers.push_back(caller);
    return response;
  });
  const RawClient idle(echo.server->port());
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < kFollowers; ++i) {
    clients.push_back(std::make_unique<RawClient>(echo.server->port()));
    clients.back()->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  const auto has = [](std::string_view word) {
    return [word](const std::string& text) { return text.find(word) != std::string::npos; };
  };
  for (const auto& client : clients) client->receive(has("\r\n\r\n"));
  const auto say = [&](const SharedBytes& piece) {
    const std::lock_guard lock(mutex);
    for (const auto& one : callers) {
      if (const auto caller = one.lock()) caller->say(piece);
    }
  };
  const auto piece = std::make_shared<const std::string>("data: one\n\n");
  say(piece);
  for (const auto& client : clients)
    CHECK(client->receive(has("\n\n\r\n")) == "b\r\ndata: one\n\n\r\n");
  // A client that leaves is noticed while nothing happens.
  clients.resize(kFollowers / 2);
  wait_until([&] { return echo.server->connections() == kFollowers / 2 + 1; });
  say(nullptr);
  echo.server->stop();
  for (const auto& client : clients) CHECK(client->receive() == "0\r\n\r\n");
  CHECK(idle.is_closed_within(0ms));
  CHECK(echo.server->connections() == 0);
}

TEST_CASE("http server: a stop breaks a stream off that has not ended") {
  Echo echo({}, [](HttpRequest&) {
    HttpResponse response{200, {}, "text/event-stream", ""};
    response.stream = std::make_shared<Caller>();
    return response;
  });
  const RawClient reader(echo.server->port());
  reader.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  reader.receive([](const std::string& text) { return text.ends_with("\r\n\r\n"); });
  echo.server->stop();
  CHECK(reader.receive().empty());
  CHECK(echo.server->connections() == 0);
}

TEST_CASE("http server: a client that takes nothing of a stream is cut off") {
  HttpServerLimits limits;
  limits.stream_write_max = 200ms;
  const Echo echo(limits, [](HttpRequest&) {
    HttpResponse response{200, {}, "text/plain", ""};
    response.stream = page_stream([] { return std::optional(std::string(1 << 20, 'a')); });
    return response;
  });
  const RawClient client(echo.server->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  wait_until([&] { return echo.server->connections() == 1; });
  wait_until([&] { return echo.server->connections() == 0; });
}

TEST_CASE("http server: one byte at a time is as good as all at once") {
  const Echo echo;
  const RawClient client(echo.server->port());
  const std::string bytes =
      "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n"
      "GET /2" +
      kClose + "\r\n";
  for (const char byte : bytes) client.send(std::string_view(&byte, 1));
  const std::string answer = client.receive();
  CHECK(count_of(answer, "POST /1 [hello]") == 1);
  CHECK(count_of(answer, "GET /2 []") == 1);
  CHECK(echo.requests == 2);
}

// Bytes that are allocated; 0 under a sanitizer, which has an allocator of its own.
std::size_t allocated() {
  const struct mallinfo2 now = ::mallinfo2();
  return now.uordblks + now.hblkhd;
}

TEST_CASE("http server: a connection that is idle holds nothing of the request before") {
  constexpr std::size_t kClients = 100;
  const Echo echo({}, [](HttpRequest&) { return text_answer(200, "here"); });
  const auto is_here = [](const std::string& text) { return text.ends_with("here"); };
  const std::string request =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + std::string(500'000, 'a');
  std::vector<std::unique_ptr<RawClient>> clients;
  const auto add = [&] {
    clients.push_back(std::make_unique<RawClient>(echo.server->port()));
    clients.back()->send(request);
    CHECK(is_here(clients.back()->receive(is_here)));
  };
  add();
  const std::size_t before = allocated();
  while (clients.size() < kClients) add();
  CHECK(echo.server->connections() == kClients);
  CHECK(allocated() < before + kClients * 10'000);
}

TEST_CASE("http server: a body is gone once it is handled, however slowly its answer is read") {
  constexpr std::size_t kClients = 50;
  constexpr std::size_t kBody = 1'000'000;
  const auto piece = std::make_shared<const std::string>(32 << 20, 'a');
  const Echo echo({}, [&](HttpRequest&) {
    HttpResponse response{200, {}, "text/plain", ""};
    const auto caller = std::make_shared<Caller>();
    caller->say(piece);
    response.stream = caller;
    return response;
  });
  const std::string request =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kBody) + "\r\n\r\n" +
      std::string(kBody, 'a');
  const std::size_t before = allocated();
  std::vector<std::unique_ptr<RawClient>> clients;
  while (clients.size() < kClients) {
    clients.push_back(std::make_unique<RawClient>(echo.server->port()));
    clients.back()->send(request);
    clients.back()->receive([](const std::string& text) { return !text.empty(); });
  }
  CHECK(allocated() < before + kClients * kBody / 4);
}

TEST_CASE("http server: a stop waits a moment only for who does not read its answer") {
  std::promise<void> begun;
  std::promise<void> stops;
  HttpServerLimits limits;
  limits.request_time_max = 60s;
  const Echo echo(limits, [&](HttpRequest&) {
    begun.set_value();
    stops.get_future().wait();
    return text_answer(200, std::string(64 << 20, 'a'));
  });
  const RawClient client(echo.server->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  begun.get_future().wait();
  const auto began = std::chrono::steady_clock::now();
  std::thread stopper([&] { echo.server->stop(); });
  std::this_thread::sleep_for(50ms);
  stops.set_value();
  stopper.join();
  CHECK(std::chrono::steady_clock::now() - began < 20s);
}

// Of which nothing can be had.
class Broken final : public HttpStream {
 public:
  Next take(std::vector<SharedBytes>&) override { throw std::runtime_error("broken"); }
};

TEST_CASE("http server: what fails within one request ends that one alone") {
  const auto server = start_with([](HttpRequest& request) -> HttpAdmission {
    const std::string& target = request.head().target;
    if (target == "/admit") throw std::runtime_error("not decided");
    return {[target](HttpRequest&) {
      if (target == "/handle") throw std::runtime_error("not done");
      HttpResponse response = text_answer(200, "done");
      if (target == "/stream") response.stream = std::make_shared<Broken>();
      return response;
    }};
  });
  const auto ask = [&](const std::string& path) {
    const RawClient client(server->port());
    client.send("POST " + path + kClose + "Content-Length: 2\r\n\r\nhi");
    return client.receive();
  };
  CHECK(status_of(ask("/admit")) == 500);
  CHECK(ask("/admit").ends_with("not decided"));
  CHECK(ask("/handle").ends_with("not done"));
  CHECK(!ask("/stream").ends_with("0\r\n\r\n"));
  CHECK(ask("/").ends_with("done"));
  wait_until([&] { return server->connections() == 0; });
}
}  // namespace
}  // namespace tocsin::api
