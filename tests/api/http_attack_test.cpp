// A server that thousands of silent and slow clients hold on to: others are answered, and it costs
// no thread. TOCSIN_ATTACK_S says how many seconds it goes on, else it is a moment.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/net/http_server.h"
#include "tests/api/http_world.h"

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;
using namespace tests;
using std::chrono::steady_clock;

std::size_t entries_of(const char* folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder),
                                                std::filesystem::directory_iterator()));
}
// So many open files that the test needs; gives them back.
class FileLimit {
 public:
  explicit FileLimit(rlim_t wanted) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = std::min(wanted, now.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &now);
    had_ = now.rlim_cur;
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;
  ~FileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  std::size_t now() const { return had_; }

 private:
  rlimit before_{};
  rlim_t had_ = 0;
};

// Clients that begin a request and send a byte of the rest now and then; who is closed comes again.
class Attack {
 public:
  Attack(std::uint16_t port, std::size_t idle, std::size_t slow)
      : port_(port), thread_([this, idle, slow] { run(idle, slow); }) {
    wait_until([&] { return rounds_ > 0; });
  }
  Attack(const Attack&) = delete;
  Attack& operator=(const Attack&) = delete;
  ~Attack() {
    is_over_ = true;
    thread_.join();
  }

 private:
  void run(std::size_t idle, std::size_t slow) {
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nX: ";
    const std::string body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    std::vector<std::pair<std::unique_ptr<RawClient>, const std::string*>> clients;
    const std::string nothing;
    for (std::size_t i = 0; i < idle; ++i) clients.emplace_back(nullptr, &nothing);
    for (std::size_t i = 0; i < slow; ++i) clients.emplace_back(nullptr, &head);
    for (std::size_t i = 0; i < slow; ++i) clients.emplace_back(nullptr, &body);
    while (!is_over_) {
      for (auto& [client, begin] : clients) {
        if (is_over_) return;
        if (client && client->is_closed_within(0ms)) client.reset();
        if (client) {
          if (!begin->empty()) client->send("a");
        } else {
          client = std::make_unique<RawClient>(port_);
          client->send(*begin);
        }
      }
      ++rounds_;
      std::this_thread::sleep_for(20ms);
    }
  }
  std::uint16_t port_;
  std::atomic<bool> is_over_{false};
  std::atomic<int> rounds_{0};
  std::thread thread_;
};

TEST_CASE("http attack: silent and slow clients hold nobody up, and cost no thread") {
  const char* const told = std::getenv("TOCSIN_ATTACK_S");
  const auto until =
      steady_clock::now() + std::chrono::seconds(told != nullptr ? std::atoi(told) : 0);
  const FileLimit files(10'000);
  // Two descriptors a connection are in this process; some for others.
  const std::size_t slow = std::min<std::size_t>(500, (files.now() - 200) / 14);
  const std::size_t idle = 4 * slow;
  HttpServerLimits limits;
  limits.connections_max = 5 * slow;  // fewer than those that attack
  limits.io_threads = 2;
  limits.workers.threads_max = 4;
  const auto server = start_with(
      [](HttpRequest& request) {
        return HttpAdmission{[](HttpRequest& whole) { return text_answer(200, whole.body()); },
                             true, request.head().target == "/livez"};
      },
      limits);
  const auto ask = [&](const std::string& line, const std::string& body) {
    const RawClient client(server->port());
    client.send(line + kClose + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                body);
    return client.receive();
  };
  REQUIRE(status_of(ask("POST /", "hello")) == 200);
  const std::size_t files_before = entries_of("/proc/self/fd");
  {
    const Attack attack(server->port(), idle, slow);
    // Those of the server, the attack, and this one.
    const std::size_t threads_max = limits.io_threads + limits.workers.threads_max + 2;
    std::size_t most = 0;
    int asked = 0;
    do {
      const std::string health = ask("GET /livez", "");
      const std::string answer = ask("POST /", "hello");
      CHECK(status_of(health) == 200);
      CHECK(status_of(answer) == 200);
      CHECK(answer.ends_with("hello"));
      most = std::max(most, server->connections());
      ++asked;
    } while (asked < 200 || steady_clock::now() < until);
    CHECK(most > limits.connections_max - slow);
    CHECK(most <= limits.connections_max + 64 + limits.reserve_max);
    CHECK(entries_of("/proc/self/task") <= threads_max);
  }
  wait_until([&] { return server->connections() == 0; });
  CHECK(entries_of("/proc/self/fd") <= files_before);
}

TEST_CASE(
    "http attack: without descriptors clients are closed, and served again once there are some") {
  const auto server = start_with([](HttpRequest&) {
    return HttpAdmission{[](HttpRequest&) { return text_answer(200, "here"); }, true, true};
  });
  const auto ask = [&] {
    const RawClient client(server->port());
    client.send("GET /" + kClose + "\r\n");
    return client.receive();
  };
  CHECK(status_of(ask()) == 200);
  wait_until([&] { return server->connections() == 0; });
  {
    const FileLimit files(std::max<std::size_t>(entries_of("/proc/self/fd") + 20, 100));
    std::vector<int> taken;
    const auto take = [] { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); };
    for (int one = take(); one >= 0; one = take()) taken.push_back(one);
    REQUIRE(taken.size() > 3);
    ::close(taken.back());  // which is the client's
    taken.pop_back();
    for (int i = 0; i < 3; ++i) {
      const RawClient client(server->port());
      CHECK(client.is_closed_within(20s));
    }
    for (const int one : taken) ::close(one);
  }
  CHECK(status_of(ask()) == 200);
  wait_until([&] { return server->connections() == 0; });
}
}  // namespace
}  // namespace tocsin::api
