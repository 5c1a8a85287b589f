// GETs against a socket of this machine that sends what a case says, whatever it was asked.
#include "api/net/http_get.h"

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

// Answers one request in two parts, then closes the connection; or keeps it open for a second.
class OneAnswer {
 public:
  OneAnswer(std::string bytes, bool keeps_open)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_, 8) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
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
