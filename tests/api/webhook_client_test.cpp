// The client against real sockets of this machine, with a server that does as a script says.
#include "api/outbound/webhook_client.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <future>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;

// What a server does after it has read a request.
struct Step {
  enum class Kind { kAnswer, kClose, kHang, kDrip, kNeverRead };
  Kind kind = Kind::kAnswer;
  std::string bytes = {};  // of the answer
};
using Connection = std::vector<Step>;  // one step for each request on it; then it is closed

/// Serves the given connections, one after the other, and keeps the requests. Nothing waits longer
/// than 5 s.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<Connection> connections)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_, 8) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, script = std::move(connections)] {
      for (const Connection& connection : script) serve(connection);
    });
  }
  ~ScriptedServer() {
    thread_.join();
    ::close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }
  /// Waits for the end of the script.
  std::vector<std::string> requests() {
    thread_.join();
    thread_ = std::thread([] {});
    return requests_;
  }

 private:
  static bool is_readable(int socket) {
    pollfd waited{socket, POLLIN, 0};
    return ::poll(&waited, 1, 5000) == 1;
  }

  // A request with its body; empty when the peer closed.
  static std::string read_request(int socket) {
    std::string bytes;
    char block[4096];
    while (is_readable(socket)) {
      const ssize_t count = ::recv(socket, block, sizeof block, 0);
      if (count <= 0) return "";
      bytes.append(block, static_cast<std::size_t>(count));
      const std::size_t end = bytes.find("\r\n\r\n");
      const std::size_t length_at = bytes.find("Content-Length: ");
      if (end == std::string::npos || length_at == std::string::npos) continue;
      if (bytes.size() >= end + 4 + std::stoul(bytes.substr(length_at + 16))) return bytes;
    }
    return "";
  }

  void serve(const Connection& connection) {
    if (!is_readable(listener_)) return;
    const int socket = ::accept(listener_, nullptr, nullptr);
    for (const Step& step : connection) {
      if (step.kind == Step::Kind::kNeverRead) {
        pollfd waited{socket, POLLRDHUP, 0};
        ::poll(&waited, 1, 600);  // the end of the stream stays hidden behind what was sent
        break;
      }
      std::string request = read_request(socket);
      if (request.empty()) break;
      requests_.push_back(std::move(request));
      if (step.kind == Step::Kind::kClose) break;
      if (step.kind == Step::Kind::kHang) is_readable(socket);  // until the client gives up
      if (step.kind == Step::Kind::kAnswer) {
        [[maybe_unused]] const ssize_t sent =
            ::send(socket, step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL);
      }
      // A byte now and then, for as long as the client reads them.
      while (step.kind == Step::Kind::kDrip && ::send(socket, "H", 1, MSG_NOSIGNAL) == 1) {
        pollfd waited{socket, POLLIN, 0};
        if (::poll(&waited, 1, 20) == 1) break;
      }
    }
    ::close(socket);
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
  std::vector<std::string> requests_;
};

Step answer(std::string bytes) { return {Step::Kind::kAnswer, std::move(bytes)}; }
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::unique_ptr<HttpClient> client_of(const std::string& url,
                                      std::chrono::milliseconds total = 5s) {
  auto client = make_webhook_client(*parse_webhook_url(url), {.connect = 2s, .total = total});
  REQUIRE(client.has_value());
  return std::move(*client);
}

HttpReply post(HttpClient& client, std::string_view body = "{}") {
  const HttpHeader headers[] = {{"webhook-id", "msg_1"}};
  return client.post(headers, body);
}

TEST_CASE("webhook client: a request and its answer, and the connection is used again") {
  ScriptedServer server(
      {{answer(kOk), answer("HTTP/1.1 429 Slow\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n")}});
  const auto client = client_of(server.url());
  CHECK(post(*client, "{\"a\":1}").status == 200);
  const HttpReply second = post(*client);
  CHECK(second.status == 429);
  CHECK(second.retry_after == "9");
  const std::vector<std::string> requests = server.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].starts_with("POST /hook HTTP/1.1\r\n"));
  CHECK(requests[0].find("\r\nwebhook-id: msg_1\r\n") != std::string::npos);
  CHECK(requests[0].ends_with("\r\n\r\n{\"a\":1}"));
}

TEST_CASE("webhook client: the begin of an answer is kept where that is asked for") {
  struct Row {
    const char* name;
    std::string bytes;
    std::string body;
  };
  const Row rows[] = {
      {"whole", kOk, "ok"},
      {"longer", "HTTP/1.1 500 Oh\r\nContent-Length: 20\r\n\r\n01234567890123456789", "0123456789"},
      {"until the end", "HTTP/1.0 200 OK\r\n\r\nsome", "some"},
      {"cut off", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok", "ok"},
      {"in chunks",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;x=y\r\n...\r\n0\r\n\r\n",
       "ok..."},
      {"in bad chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok", ""},
      {"in a chunk of any size",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nok", "ok"},
      {"none", "HTTP/1.1 204 No Content\r\n\r\n", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    ScriptedServer server({{answer(row.bytes)}});
    auto client = make_webhook_client(*parse_webhook_url(server.url()),
                                      {.connect = 2s, .total = 5s}, {.answer_bytes_max = 10});
    REQUIRE(client);
    CHECK(post(**client).body == row.body);
  }
  ScriptedServer server({{answer(kOk)}});
  CHECK(post(*client_of(server.url())).body.empty());
}

TEST_CASE("webhook client: answers of every form give their status") {
  struct Row {
    const char* name;
    std::string bytes;
    int status;  // 0: none, and `error` says
    const char* error;
  };
  const Row rows[] = {
      {"redirect, not followed",
       "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302, ""},
      {"gone", "HTTP/1.1 410 Gone\r\n\r\n", 410, ""},
      {"until the end", "HTTP/1.0 200 OK\r\n\r\nsome text", 200, ""},
      {"in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
       200, ""},
      {"after interim answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n" + kOk,
       200, ""},
      {"a body cut off", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok", 200, ""},
      {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, "not HTTP"},
      {"half a head", "HTTP/1.1 200 OK\r\nContent-", 0, "closed before an answer"},
      {"interim answers without end",
       [] {
         std::string many;
         for (int i = 0; i < 20; ++i) many += "HTTP/1.1 100 Continue\r\n\r\n";
         return many;
       }(),
       100, ""},
      {"a head without end", "HTTP/1.1 200 OK\r\n" + std::string(100'000, 'x'), 0, "too long"},
      {"a line without end", std::string(100'000, 'x'), 0, "too long"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    ScriptedServer server({{answer(row.bytes)}});
    const HttpReply reply = post(*client_of(server.url()));
    CAPTURE(reply.error);
    CHECK(reply.status == row.status);
    CHECK(reply.error.find(row.error) != std::string::npos);
    CHECK(reply.error.empty() == (row.status != 0));
  }
}

TEST_CASE("webhook client: an idle connection that the peer closed does not cost the request") {
  ScriptedServer server({{answer(kOk)}, {answer(kOk)}});
  const auto client = client_of(server.url());
  CHECK(post(*client).status == 200);
  CHECK(post(*client).status == 200);
  CHECK(server.requests().size() == 2);
}

TEST_CASE(
    "webhook client: a reused connection closed instead of an answer is tried once more, a fresh "
    "one is not") {
  ScriptedServer server({{answer(kOk), {Step::Kind::kClose}}, {{Step::Kind::kClose}}});
  const auto client = client_of(server.url());
  CHECK(post(*client).status == 200);
  const HttpReply reply = post(*client);
  CHECK(reply.status == 0);
  CHECK(reply.error == "the connection was closed before an answer");
  CHECK(server.requests().size() == 3);
}

TEST_CASE("webhook client: an answer that says so ends the connection") {
  ScriptedServer server(
      {{answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), answer(kOk)},
       {answer(kOk)}});
  const auto client = client_of(server.url());
  CHECK(post(*client).status == 200);
  CHECK(post(*client).status == 200);
  CHECK(server.requests().size() == 2);
}

TEST_CASE(
    "webhook client: one who does not answer, or only drop by drop, is left when the time is up") {
  for (const Step::Kind kind : {Step::Kind::kHang, Step::Kind::kDrip}) {
    ScriptedServer server({{{kind}}});
    const auto client = client_of(server.url(), 150ms);
    const auto begin = std::chrono::steady_clock::now();
    const HttpReply reply = post(*client);
    CHECK(reply.status == 0);
    CHECK(reply.error == "no answer in time");
    CHECK(std::chrono::steady_clock::now() - begin < 3s);
  }
}

TEST_CASE("webhook client: a request that nobody reads is left when the time is up") {
  ScriptedServer server({{{Step::Kind::kNeverRead}}});
  const HttpReply reply = post(*client_of(server.url(), 200ms), std::string(32 << 20, ' '));
  CHECK(reply.status == 0);
  CHECK(reply.error == "the request could not be sent in time");
}

TEST_CASE("webhook client: nobody listens") {
  std::string url;
  {
    ScriptedServer server({});
    url = server.url();
  }
  const HttpReply reply = post(*client_of(url));
  CHECK(reply.status == 0);
  CHECK(reply.error == "Connection refused");
}

TEST_CASE("webhook client: stopping ends a request under way and every later one") {
  ScriptedServer server({{{Step::Kind::kHang}}});
  const auto client = client_of(server.url());
  std::future<HttpReply> under_way = std::async(std::launch::async, [&] { return post(*client); });
  CHECK(under_way.wait_for(30ms) == std::future_status::timeout);
  client->stop();
  REQUIRE(under_way.wait_for(3s) == std::future_status::ready);
  CHECK(under_way.get().error == "given up");
  CHECK(post(*client).error == "given up");
}

// A place for connections that nobody accepts.
class SilentServer {
 public:
  SilentServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_, 128) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { ::close(listener_); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }

 private:
  int listener_;
  std::uint16_t port_ = 0;
};

std::ptrdiff_t thread_count() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                       std::filesystem::directory_iterator());
}

TEST_CASE("webhook client: requests without an answer hold no thread and nobody else up") {
  const SilentServer silent;
  ScriptedServer server({{answer(kOk), answer(kOk)}});
  const auto quick = client_of(server.url());
  CHECK(post(*quick).status == 200);  // what the process has once is there
  const auto hanging = client_of(silent.url(), 60s);
  const std::ptrdiff_t threads_before = thread_count();
  std::vector<std::promise<HttpReply>> replies(100);
  for (std::promise<HttpReply>& reply : replies)
    hanging->begin({}, "{}", [&](HttpReply given) { reply.set_value(std::move(given)); });
  CHECK(post(*quick).status == 200);
  CHECK(thread_count() <= threads_before);
  hanging->stop();
  for (std::promise<HttpReply>& reply : replies)
    CHECK(reply.get_future().get().error == "given up");
}

TEST_CASE("webhook client: a client may go before its requests have an answer") {
  const SilentServer silent;
  std::promise<HttpReply> reply;
  client_of(silent.url(), 60s)->begin({}, "{}", [&](HttpReply given) {
    reply.set_value(std::move(given));
  });
  CHECK(reply.get_future().get().error == "given up");
}

TEST_CASE("webhook client: a host that nobody knows") {
  const HttpReply reply = post(*client_of("http://nobody.invalid/"));
  CHECK(reply.status == 0);
  CHECK(reply.error.starts_with("host look-up failed: "));
}

TEST_CASE("webhook client: https to one who does not speak TLS") {
  ScriptedServer server({{answer(kOk)}});
  const std::string url = "https" + server.url().substr(4);
  const HttpReply reply = post(*client_of(url, 300ms));
  CHECK(reply.status == 0);
  CHECK(reply.error.find("TLS handshake") != std::string::npos);
}

TEST_CASE("webhook client: a header that would end early is not sent") {
  const auto client = client_of("http://127.0.0.1:1/");
  const HttpHeader headers[] = {{"webhook-id", "a\r\nX: y"}};
  const HttpReply reply = client->post(headers, "{}");
  CHECK(reply.status == 0);
  CHECK(reply.error.find("control character") != std::string::npos);
}
}  // namespace
}  // namespace tocsin::api
