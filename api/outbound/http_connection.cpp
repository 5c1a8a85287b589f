#include "api/outbound/http_connection.h"

#include <poll.h>

#include <mutex>
#include <utility>

namespace tocsin::api {
namespace {
// What a thread waits for.
struct Outcome {
  std::mutex mutex;
  Result<std::size_t> result = fail(Errc::kInternal, "");
  StopSwitch is_there;
};
}  // namespace

Result<std::unique_ptr<HttpConnection>> HttpConnection::open(
    std::shared_ptr<const LinkTarget> target, Deadline connect_by, Deadline done_by,
    const StopSwitch& stop) {
  std::unique_ptr<HttpConnection> connection(new HttpConnection(stop));
  const Result<std::size_t> opened = connection->wait([&](HttpLink::Done done) {
    connection->link_->open(target, connect_by, done_by, std::move(done));
  });
  if (!opened) return tl::unexpected(opened.error());
  return connection;
}

HttpConnection::~HttpConnection() {
  OutboundLoop::of_process().loop().post([link = std::move(link_)] { link->close(); });
}

Result<std::size_t> HttpConnection::wait(const std::function<void(HttpLink::Done)>& operation) {
  if (stop_.is_set()) return fail(Errc::kStopped, "given up");
  HttpLoop& loop = OutboundLoop::of_process().loop();
  const auto outcome = std::make_shared<Outcome>();
  loop.post([&operation, outcome] {
    operation([outcome](Result<std::size_t> result) {
      {
        const std::lock_guard lock(outcome->mutex);
        outcome->result = std::move(result);
      }
      outcome->is_there.set();
    });
  });
  pollfd waited[2] = {{outcome->is_there.descriptor(), POLLIN, 0}, {stop_.descriptor(), POLLIN, 0}};
  while (!outcome->is_there.is_set()) {
    ::poll(waited, 2, -1);
    if (waited[1].revents == 0) continue;
    loop.post([link = link_] { link->give_up(); });
    waited[1] = {-1, 0, 0};  // once
  }
  const std::lock_guard lock(outcome->mutex);
  return std::move(outcome->result);
}

Result<void> HttpConnection::send(std::string_view bytes, Deadline by) {
  const Result<std::size_t> sent =
      wait([&](HttpLink::Done done) { link_->send(bytes, by, std::move(done)); });
  if (!sent) return tl::unexpected(sent.error());
  return {};
}

Result<std::size_t> HttpConnection::receive(std::string& into, Deadline by) {
  return wait([&](HttpLink::Done done) { link_->receive(into, by, std::move(done)); });
}
}  // namespace tocsin::api
