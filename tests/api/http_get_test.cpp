// GETs against a socket of this machine that sends what a case says, whatever it was asked.
#include "api/outbound/http_get.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;

// A socket of this machine that listens; gives its URL.
std::string listen_on(int listener) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener, 8) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

// Answers one request in two parts, then closes the connection; or keeps it open for a second.
class OneAnswer {
 public:
  OneAnswer(std::string bytes, bool keeps_open)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    url_ = listen_on(listener_);
    thread_ = std::thread([this, keeps_open, text = std::move(bytes)] { serve(text, keeps_open); });
  }
  ~OneAnswer() {
    thread_.join();
    ::close(listener_);
  }
  const std::string& url() const { return url_; }

 private:
  void serve(const std::string& text, bool keeps_open) const {
    pollfd waited{listener_, POLLIN, 0};
    if (::poll(&waited, 1, 5000) != 1) return;
    const int socket = ::accept(listener_, nullptr, nullptr);
    char block[4096];
    [[maybe_unused]] const ssize_t read = ::recv(socket, block, sizeof block, 0);
    for (const std::string& part :
         {text.substr(0, text.size() / 2), text.substr(text.size() / 2)}) {
      [[maybe_unused]] const ssize_t sent = ::send(socket, part.data(), part.size(), MSG_NOSIGNAL);
    }
    pollfd open{socket, POLLRDHUP, 0};
    if (keeps_open) ::poll(&open, 1, 1000);
    ::close(socket);
  }

  int listener_;
  std::string url_;
  std::thread thread_;
};

// The body, or "! " and why there is none.
std::string get(const std::string& answer, bool keeps_open = false) {
  const OneAnswer server(answer, keeps_open);
  const auto http = HttpGet::make(*parse_webhook_url(server.url()), {500ms, 100});
  REQUIRE(http);
  const Result<HttpReply> reply = (*http)->get("/", {});
  if (!reply) return "! " + reply.error().message;
  return std::to_string(reply->status) + " " + reply->body;
}

TEST_CASE("http get: a body as it is framed, though the connection stays open") {
  CHECK(get("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", true) == "200 abcde");
  CHECK(get("HTTP/1.1 404 no\r\nContent-Length: 0\r\n\r\n", true) == "404 ");
  CHECK(get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
            true) == "200 abc0123456789");
  CHECK(get("HTTP/1.0 200 OK\r\n\r\nuntil it closes") == "200 until it closes");
}

TEST_CASE("http get: half an answer is none") {
  CHECK(get("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcde") ==
        "! the connection was closed within the answer");
  CHECK(get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n") ==
        "! the connection was closed within the answer");
  CHECK(get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n") ==
        "! the answer's chunks are damaged");
  CHECK(get("HTTP/1.1 200 OK\r\n") == "! the connection was closed before an answer");
  CHECK(get("SSH-2.0\r\n\r\n") == "! the answer is not HTTP/1");
  CHECK(get("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcde", true).starts_with("! "));
}

TEST_CASE("http get: an answer that is too large is refused") {
  const std::string large(101, 'x');
  CHECK(get("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + large) ==
        "! the answer is larger than 100 bytes");
  CHECK(get("HTTP/1.1 200 OK\r\n\r\n" + large) == "! the answer is larger than 100 bytes");
  CHECK(get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + large) ==
        "! the answer is larger than 100 bytes");
  CHECK(get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n") ==
        "! the answer is larger than 100 bytes");
}

// Answers so many requests on each of its connections, then closes it.
class Talker {
 public:
  Talker(int connections, int requests, std::string answer)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    url_ = listen_on(listener_);
    thread_ = std::thread([this, connections, requests, text = std::move(answer)] {
      for (int i = 0; i < connections; ++i) serve(requests, text);
    });
  }
  ~Talker() {
    thread_.join();
    ::close(listener_);
  }
  const std::string& url() const { return url_; }
  std::string heard() {
    thread_.join();
    thread_ = std::thread([] {});
    return heard_;
  }

 private:
  // A request ends with "!".
  void serve(int requests, const std::string& text) {
    pollfd waited{listener_, POLLIN, 0};
    if (::poll(&waited, 1, 5000) != 1) return;
    const int socket = ::accept(listener_, nullptr, nullptr);
    heard_ += "(";
    for (int i = 0; i < requests; ++i) {
      std::string request;
      char block[4096];
      while (!request.ends_with('!')) {
        const ssize_t count = ::recv(socket, block, sizeof block, 0);
        if (count <= 0) break;
        request.append(block, static_cast<std::size_t>(count));
      }
      heard_ += request.substr(0, request.find(" HTTP")) + ",";
      [[maybe_unused]] const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    }
    ::close(socket);
    heard_ += ")";
  }

  int listener_;
  std::string url_;
  std::string heard_;
  std::thread thread_;
};

TEST_CASE("http get: a connection serves further requests while it is open") {
  const std::string answer = "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 2\r\n\r\nab";
  Talker server(2, 2, answer);
  const auto http = HttpGet::make(*parse_webhook_url(server.url()), {5s, 100});
  REQUIRE(http);
  for (int i = 0; i < 4; ++i) {
    const Result<HttpWhole> whole = (*http)->ask({"PUT", "/a", {}, "text!"});
    REQUIRE(whole);
    CHECK(whole->reply.status == 200);
    CHECK(whole->reply.body == "ab");
    CHECK(whole->etag == "\"e1\"");
  }
  CHECK(server.heard() == "(PUT /a,PUT /a,)(PUT /a,PUT /a,)");
}

TEST_CASE("http get: a connection that says more than its answer is not used again") {
  Talker server(2, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 500 no\r\n\r\n");
  const auto http = HttpGet::make(*parse_webhook_url(server.url()), {5s, 100});
  REQUIRE(http);
  for (int i = 0; i < 2; ++i) {
    const Result<HttpWhole> whole = (*http)->ask({"DELETE", "/a", {}, "!"});
    REQUIRE(whole);
    CHECK(whole->reply.status == 200);
  }
  CHECK(server.heard() == "(DELETE /a,)(DELETE /a,)");
}

TEST_CASE("http get: one that was stopped asks nobody") {
  const auto http = HttpGet::make(*parse_webhook_url("http://127.0.0.1:1"), {});
  REQUIRE(http);
  (*http)->stop();
  const Result<HttpReply> reply = (*http)->get("/", {});
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == Errc::kStopped);
}
}  // namespace
}  // namespace tocsin::api
