/// A connection to one server for a thread that may wait.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/net/stop_switch.h"
#include "api/outbound/http_link.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// Threading: one thread at a time.
class HttpConnection {
 public:
  /// As HttpLink::open(). `stop`, which outlives the connection, ends every wait. Errors: as those
  /// of HttpLink.
  static Result<std::unique_ptr<HttpConnection>> open(std::shared_ptr<const LinkTarget> target,
                                                      Deadline connect_by, Deadline done_by,
                                                      const StopSwitch& stop);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// Sends all of `bytes`. Errors: as those of HttpLink.
  Result<void> send(std::string_view bytes, Deadline by);
  /// Appends some bytes to `into`, at least one, and gives how many; 0 when the peer has closed.
  Result<std::size_t> receive(std::string& into, Deadline by);
  /// True when the peer has neither closed nor sent anything that nobody asked for: fit for another
  /// request.
  bool is_quiet() const { return link_->is_quiet(); }

 private:
  explicit HttpConnection(const StopSwitch& stop)
      : link_(std::make_shared<HttpLink>(OutboundLoop::of_process())), stop_(stop) {}
  // Waits for what `operation` begins on the link.
  Result<std::size_t> wait(const std::function<void(HttpLink::Done)>& operation);

  std::shared_ptr<HttpLink> link_;
  const StopSwitch& stop_;
};
}  // namespace tocsin::api
