/// What a connection still has to send.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "api/net/http_stream.h"
#include "api/net/transport.h"

namespace tocsin::api {
/// Threading: one thread at a time.
class OutQueue {
 public:
  bool is_empty() const { return next_ == pieces_.size(); }
  void add(std::string bytes);
  void add(SharedBytes bytes);
  /// As one chunk of a body (RFC 9112, 7.1) or, without `is_chunked`, as they are. No bytes at all
  /// are no chunk, which would be the last one.
  void add_chunk(std::vector<SharedBytes> pieces, bool is_chunked);
  /// Sends as much as the transport takes: kDone, once all is sent, or why not.
  Transport::State send(Transport& transport);
  void clear();

 private:
  std::vector<SharedBytes> pieces_;
  std::size_t next_ = 0;  // the first that is not sent
  std::size_t sent_ = 0;  // of that one
};
}  // namespace tocsin::api
