/// A connection on which any bytes may be sent.
#pragma once
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tocsin::tests {
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
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
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < until && !(is_enough && is_enough(text))) {
      pollfd waited{socket_, POLLIN, 0};
      if (::poll(&waited, 1, 1000) <= 0) continue;
      const ssize_t count = ::recv(socket_, block.data(), block.size(), 0);
      if (count <= 0) return text;
      text.append(block.data(), static_cast<std::size_t>(count));
    }
    return text;
  }
  // Whether the server ends it; waits for that, at most so long.
  bool is_closed_within(std::chrono::milliseconds time) const {
    pollfd waited{socket_, POLLIN, 0};
    std::array<char, 1> byte{};
    return ::poll(&waited, 1, static_cast<int>(time.count())) > 0 &&
           ::recv(socket_, byte.data(), byte.size(), MSG_DONTWAIT | MSG_PEEK) <= 0;
  }
  void end_sending() const { ::shutdown(socket_, SHUT_WR); }

 private:
  int socket_;
};
inline int status_of(std::string_view answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(std::string(answer.substr(9, 3))) : 0;
}
inline std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1))
    ++count;
  return count;
}
}  // namespace tocsin::tests
