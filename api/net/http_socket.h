/// The socket of a connection on a loop: what is there is read at once, and else it is waited for.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "api/net/tls_identity.h"
#include "api/net/transport.h"

namespace tocsin::api {
/// Threading: the loop's thread.
class HttpSocket {
 public:
  using Wait = boost::asio::posix::stream_descriptor::wait_type;
  enum class Received : std::uint8_t { kSome, kNothing, kEnd };
  /// Owns `socket`. With `tls` it is a server's end of TLS; null: plain TCP.
  HttpSocket(boost::asio::io_context& context, int socket,
             const std::shared_ptr<const TlsIdentity>& tls)
      : socket_(context, socket), transport_(socket, tls ? tls->context() : nullptr) {}
  /// The same of a client of `host`, whose TLS is of `context`; null: plain TCP.
  HttpSocket(boost::asio::io_context& context, int socket, ssl_ctx_st* tls, const std::string& host)
      : socket_(context, socket), transport_(socket, tls, host) {}
  Transport& transport() { return transport_; }
  const Transport& transport() const { return transport_; }
  int descriptor() { return socket_.native_handle(); }
  /// Appends what is there. kNothing: wait for wanted().
  Received receive(std::string& to);
  /// The same of what comes before TLS, at most so many bytes.
  Received receive_before(std::string& to, std::size_t most);
  Wait wanted() const { return wanted_; }
  /// Calls `owner->run()` once the socket is ready for it, unless it is closed before. Waits for
  /// one thing are one wait.
  template <typename Owner>
  void wait(std::shared_ptr<Owner> owner, Wait type) {
    bool& waits = type == Wait::wait_read ? waits_to_read_ : waits_to_write_;
    if (waits) return;
    waits = true;
    socket_.async_wait(type, [this, owner = std::move(owner), &waits,
                              type](const boost::system::error_code& error) {
      waits = false;
      if (error || !socket_.is_open()) return;
      if (type == Wait::wait_read) is_readable_ = true;
      owner->run();
    });
  }
  void close();
  /// The same, and what the system still has for the other end is thrown away.
  void cut_off();

 private:
  boost::asio::posix::stream_descriptor socket_;
  Transport transport_;
  Wait wanted_ = Wait::wait_read;
  bool waits_to_read_ = false;
  bool waits_to_write_ = false;
  bool is_readable_ = true;  // as far as is known
};
}  // namespace tocsin::api
