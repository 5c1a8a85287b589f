/// Takes connections and gives each a place, or none.
#pragma once
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/net/http_front.h"
#include "api/net/http_loop.h"
#include "api/proxy/ip_address.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// A socket that listens.
struct ListeningSocket {
  int descriptor = -1;
  std::uint16_t port = 0;
};
/// `host` is numeric, without brackets; port 0 is any free one. Errors: kIo.
Result<ListeningSocket> open_listening_socket(const std::string& host, std::uint16_t port);

/// Lives on the first of the loops.
class HttpListener {
 public:
  /// Owns the socket. The loops outlive it.
  HttpListener(std::vector<std::unique_ptr<HttpLoop>>& loops, HttpFront& front, int socket);
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;
  /// Before the loops start.
  void start();
  /// On the first loop's thread: takes no more.
  void stop();

 private:
  void wait();
  void accept_all();
  void place(int socket, const IpAddress& peer);
  void begin_session(int socket, const IpAddress& peer, bool is_reserve);
  bool make_room();
  void refuse(int socket) const;
  HttpLoop& longest_waiting();
  void give_up_spare();
  void pause(std::chrono::milliseconds time);

  std::vector<std::unique_ptr<HttpLoop>>& loops_;
  HttpFront& front_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer timer_;
  std::size_t next_loop_ = 0;
  int spare_;  // a descriptor to give up where there are no more
};
}  // namespace tocsin::api
