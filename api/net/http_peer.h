/// The other end of a connection to the HTTP server: reads and writes of which each has a deadline
/// and ends with the server.
#pragma once
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "api/net/http_connection.h"

namespace tocsin::api {
/// A connection's socket, and what was read of it and belongs to the next request. Owns the socket.
class HttpPeer {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  /// `stop` ends every wait; it must outlive this.
  HttpPeer(int socket, const StopSwitch& stop);
  HttpPeer(const HttpPeer&) = delete;
  HttpPeer& operator=(const HttpPeer&) = delete;
  ~HttpPeer();
  int socket() const { return socket_; }
  /// The client's address, without its port.
  const std::string& remote() const { return remote_; }
  std::string& buffer() { return buffer_; }

  /// Whether there is something to read, before `by`.
  bool wait_for_bytes(Moment by) const;
  /// Reads what is there, waiting for it; 0 at the end or where no more comes in time.
  std::size_t receive(char* to, std::size_t capacity, Moment by);
  /// Sends all; false where the client takes it not in time, or is gone. With `is_stream` a stop
  /// ends it; an answer that was begun gets a moment more.
  bool send(std::string_view bytes, Moment by, bool is_stream);

 private:
  int socket_;
  const StopSwitch& stop_;
  std::string remote_;
  std::string buffer_;
};
}  // namespace tocsin::api
