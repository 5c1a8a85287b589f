#include "api/net/http_server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;
using std::chrono::steady_clock;

// A connection on which any bytes may be sent.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { ::close(socket_); }
  // False when the server has closed.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  // What comes until the server closes, or until `is_enough`.
  std::string receive(const std::function<bool(const std::string&)>& is_enough = {}) const {
    std::string text;
    std::array<char, 4096> block{};
    const auto until = steady_clock::now() + 20s;
    while (steady_clock::now() < until && !(is_enough && is_enough(text))) {
      pollfd waited{socket_, POLLIN, 0};
      if (::poll(&waited, 1, 1000) <= 0) continue;
      const ssize_t count = ::recv(socket_, block.data(), block.size(), 0);
      if (count <= 0) return text;
      text.append(block.data(), static_cast<std::size_t>(count));
    }
    return text;
  }
  void end_sending() const { ::shutdown(socket_, SHUT_WR); }

 private:
  int socket_;
};
int status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}
std::size_t count_of(const std::string& text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++count;
  return count;
}

// Answers with what it was asked; the body of a fault is its detail.
struct Echo {
  explicit Echo(const HttpServerLimits& limits = {}, HttpServer::Handler handler = {}) {
    if (!handler) {
      handler = [this](HttpRequest& request) {
        ++requests;
        std::string body;
        const auto read = request.read_body([&](std::string_view block) {
          body += block;
          return true;
        });
        if (!read) return HttpResponse{read.error().status, {}, "text/plain", read.error().detail};
        return HttpResponse{
            200,
            {{"X-Remote", request.remote()}},
            "text/plain",
            request.head().method + " " + request.head().target + " [" + body + "]"};
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
const std::string kClose = " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";

TEST_CASE("http server: requests reach the handler as they were sent") {
  const Echo echo;
  const std::string get = echo.ask("GET /a/b?c=%20d" + kClose + "\r\n");
  CHECK(status_of(get) == 200);
  CHECK(get.find("GET /a/b?c=%20d []") != std::string::npos);
  CHECK(get.find("X-Remote: 127.0.0.1") != std::string::npos);
  CHECK(echo.ask("POST /x" + kClose + "Content-Length: 5\r\n\r\nhello").find("POST /x [hello]") !=
        std::string::npos);
  CHECK(echo.ask("POST /x" + kClose + "\r\n").find("POST /x []") != std::string::npos);
  CHECK(echo.ask("PATCH /x" + kClose +
                 "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\n\r\n")
            .find("PATCH /x [hello]") != std::string::npos);
  CHECK(echo.ask("DELETE /x" + kClose + "\r\n").find("DELETE /x []") != std::string::npos);
  CHECK(echo.ask("DELETE /x" + kClose + "Content-Length: 2\r\n\r\nhi").find("DELETE /x [hi]") !=
        std::string::npos);
  CHECK(echo.ask("OPTIONS /x" + kClose + "\r\n").find("OPTIONS /x []") != std::string::npos);
  const std::string head = echo.ask("HEAD /x" + kClose + "\r\n");
  CHECK(status_of(head) == 200);
  CHECK(head.find("HEAD /x []") == std::string::npos);
  // A packed body stays packed, a form is a body like any other.
  CHECK(echo.ask("POST /x" + kClose +
                 "Content-Type: multipart/form-data; boundary=b\r\nContent-Encoding: gzip\r\n"
                 "Content-Length: 3\r\n\r\nabc")
            .find("POST /x [abc]") != std::string::npos);
}

TEST_CASE("http server: requests follow one another on one connection") {
  const Echo echo;
  const RawClient client(echo.server->port());
  const std::string one = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
  client.send(one + one + one.substr(0, 30));
  client.receive([](const std::string& text) { return count_of(text, "POST /1 [hi]") == 2; });
  client.send(one.substr(30));
  CHECK(count_of(client.receive(
                     [](const std::string& text) { return count_of(text, "POST /1 [hi]") == 1; }),
                 "POST /1 [hi]") == 1);
  CHECK(echo.requests == 3);
  client.send("GET /2" + kClose + "\r\n");
  CHECK(client.receive().find("GET /2 []") != std::string::npos);
}

TEST_CASE("http server: a body that nobody read is not taken for a request") {
  std::atomic<int> requests = 0;
  const Echo echo({}, [&](HttpRequest& request) {
    ++requests;
    CHECK(request.head().target == "/1");
    return HttpResponse{200, {}, "text/plain", "unread"};
  });
  const RawClient client(echo.server->port());
  const std::string hidden = "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(hidden.size()) +
              "\r\n\r\n" + hidden);
  const std::string answer = client.receive();
  CHECK(count_of(answer, "unread") == 1);
  CHECK(requests == 1);
}

TEST_CASE("http server: attacks end in an answer, and the next client is served") {
  HttpServerLimits limits;
  limits.body_bytes_max = 1000;
  limits.head_time_max = 300ms;
  limits.request_time_max = 600ms;
  const Echo echo(limits);
  const std::string kilobyte(1024, 'a');

  SUBCASE("a head without end") {
    const RawClient client(echo.server->port());
    std::size_t sent = 0;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    while (sent < (std::size_t{64} << 20) && client.send("X: " + kilobyte + "\r\n")) sent += 1024;
    CHECK(sent < (std::size_t{8} << 20));  // cut off, save what the system keeps on its way
  }
  SUBCASE("one line without end") {
    const RawClient client(echo.server->port());
    std::size_t sent = 0;
    client.send("GET /");
    while (sent < (std::size_t{64} << 20) && client.send(kilobyte)) sent += 1024;
    CHECK(sent < (std::size_t{8} << 20));
  }
  SUBCASE("too many headers") {
    std::string head = "GET /" + kClose;
    for (int i = 0; i < 101; ++i) head += "A: b\r\n";
    CHECK(status_of(echo.ask(head + "\r\n")) == 431);
  }
  SUBCASE("a target that is too long") {
    CHECK(status_of(echo.ask("GET /" + std::string(5000, 'a') + kClose + "\r\n")) == 414);
  }
  SUBCASE("a head that drips") {
    const RawClient client(echo.server->port());
    client.send("GET / HT");
    CHECK(status_of(client.receive()) == 408);
  }
  SUBCASE("a body that drips") {
    const RawClient client(echo.server->port());
    client.send("POST /" + kClose + "Content-Length: 10\r\n\r\nabc");
    CHECK(status_of(client.receive()) == 408);
  }
  SUBCASE("a length beyond the limit") {
    CHECK(status_of(echo.ask("POST /" + kClose + "Content-Length: 1001\r\n\r\n")) == 413);
    CHECK(echo.requests == 0);
  }
  SUBCASE("chunks beyond the limit") {
    const RawClient client(echo.server->port());
    client.send("POST /" + kClose + "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 4; ++i) client.send("400\r\n" + kilobyte + "\r\n");
    client.end_sending();
    CHECK(status_of(client.receive()) == 413);
  }
  SUBCASE("chunk sizes that are none") {
    for (const char* const size : {"-1", "zz", "ffffffffffffffffff", "7fffffffffffffff", ""}) {
      CAPTURE(size);
      const RawClient client(echo.server->port());
      client.send("POST /" + kClose + "Transfer-Encoding: chunked\r\n\r\n" + size + "\r\nabc\r\n");
      client.end_sending();
      const int status = status_of(client.receive());
      CHECK((status == 400 || status == 413));
    }
  }
  SUBCASE("chunk framing without end") {
    const RawClient client(echo.server->port());
    client.send("POST /" + kClose + "Transfer-Encoding: chunked\r\n\r\n1;");
    std::size_t sent = 0;
    while (sent < (std::size_t{64} << 20) && client.send(kilobyte)) sent += 1024;
    CHECK(sent < (std::size_t{8} << 20));
  }
  SUBCASE("an early end") {
    const RawClient client(echo.server->port());
    client.send("POST /" + kClose + "Content-Length: 10\r\n\r\nabc");
    client.end_sending();
    CHECK(status_of(client.receive()) == 400);
  }
  SUBCASE("a method that is none") {
    CHECK(status_of(echo.ask("BREW /" + kClose + "\r\n")) == 501);
  }
  CHECK(status_of(echo.ask("GET /next" + kClose + "\r\n")) == 200);
}

TEST_CASE(
    "http server: more connections than allowed are told so, and room that is freed is used") {
  HttpServerLimits limits;
  limits.connections_max = 3;
  const Echo echo(limits);
  std::vector<std::unique_ptr<RawClient>> open;
  for (int i = 0; i < 3; ++i) {
    open.push_back(std::make_unique<RawClient>(echo.server->port()));
    open.back()->send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    open.back()->receive([](const std::string& text) { return text.find("[]") != text.npos; });
  }
  CHECK(status_of(echo.ask("GET /" + kClose + "\r\n")) == 503);
  open.pop_back();
  // The server notices soon.
  int status = 503;
  const auto until = steady_clock::now() + 20s;
  while (status == 503 && steady_clock::now() < until) {
    status = status_of(echo.ask("GET /" + kClose + "\r\n"));
  }
  CHECK(status == 200);
}

TEST_CASE("http server: an answer may come as it is made") {
  const Echo echo({}, [](HttpRequest&) {
    HttpResponse response{200, {}, "text/event-stream", ""};
    response.stream = [](const HttpStream& write) {
      for (int i = 0; i < 3; ++i) write("data: " + std::to_string(i) + "\n\n");
    };
    return response;
  });
  const std::string answer = echo.ask("GET /" + kClose + "\r\n");
  CHECK(answer.find("data: 0\n\n") != std::string::npos);
  CHECK(answer.find("data: 2\n\n") != std::string::npos);
}

TEST_CASE(
    "http server: stopping ends streams and idle connections, and a stream's writer is told") {
  std::atomic<bool> began = false;
  std::atomic<bool> was_told = false;
  Echo echo({}, [&](HttpRequest&) {
    HttpResponse response{200, {}, "text/event-stream", ""};
    response.stream = [&](const HttpStream& write) {
      while (write(": still here\n\n")) began = true;
      was_told = true;
    };
    return response;
  });
  const RawClient idle(echo.server->port());
  RawClient reader(echo.server->port());
  reader.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  reader.receive([](const std::string& text) { return text.find("still") != text.npos; });
  echo.server->stop();
  CHECK(began);
  CHECK(was_told);
  CHECK(echo.server->connections() == 0);
}
}  // namespace
}  // namespace tocsin::api
