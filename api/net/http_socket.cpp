#include "api/net/http_socket.h"

#include <sys/socket.h>

#include <array>
#include <cstddef>

namespace tocsin::api {
namespace {
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
}  // namespace

HttpSocket::Received HttpSocket::receive(std::string& to) {
  // Of no connection: what waits for bytes holds none.
  thread_local std::array<char, kReadBytes> block;
  wanted_ = Wait::wait_read;
  if (!is_readable_) return Received::kNothing;
  const Transport::Result result = transport_.read(block);
  switch (result.state) {
    case Transport::State::kDone:
      to.append(block.data(), result.bytes);
      // The end, too, makes it readable again.
      if (!transport_.is_tls() && result.bytes < block.size()) is_readable_ = false;
      return Received::kSome;
    case Transport::State::kWantRead:
      is_readable_ = false;
      return Received::kNothing;
    case Transport::State::kWantWrite:
      wanted_ = Wait::wait_write;
      return Received::kNothing;
    case Transport::State::kClosed:
      break;
  }
  return Received::kEnd;
}

HttpSocket::Received HttpSocket::receive_before(std::string& to, std::size_t most) {
  const std::size_t begin = to.size();
  to.resize(begin + most);
  wanted_ = Wait::wait_read;
  const Transport::Result result = transport_.read_before({to.data() + begin, most});
  to.resize(begin + result.bytes);
  if (result.state == Transport::State::kDone) return Received::kSome;
  return result.state == Transport::State::kClosed ? Received::kEnd : Received::kNothing;
}

void HttpSocket::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void HttpSocket::cut_off() {
  const linger at_once{1, 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}
}  // namespace tocsin::api
