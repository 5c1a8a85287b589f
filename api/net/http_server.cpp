#include "api/net/http_server.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>
#include <vector>

#include "api/net/http_listener.h"
#include "api/net/http_loop.h"

namespace tocsin::api {
namespace {
using std::chrono::milliseconds;
// Deadlines are looked at so often; none is missed by more than a quarter of the shortest.
milliseconds sweep_of(const HttpServerLimits& limits) {
  const milliseconds shortest = std::min({limits.head_time_max, limits.request_time_max,
                                          limits.keep_alive_max, limits.stream_write_max});
  return std::clamp(shortest / 4, milliseconds(10), milliseconds(100));
}
}  // namespace

struct HttpServer::Impl {
  explicit Impl(HttpServerOptions options) : front(std::move(options)) {
    const std::size_t count = std::max<std::size_t>(front.options.limits.io_threads, 1);
    for (std::size_t i = 0; i < count; ++i) {
      loops.push_back(std::make_unique<HttpLoop>(sweep_of(front.options.limits)));
    }
  }
  void stop() {
    if (!listener) return;
    // First, so that no connection comes to a loop that has ended.
    std::promise<void> is_deaf;
    loops.front()->post([&] {
      listener->stop();
      is_deaf.set_value();
    });
    is_deaf.get_future().wait();
    for (const auto& loop : loops) loop->stop();
    front.workers.drop();
    for (const auto& loop : loops) loop->end();
    front.workers.end();
    listener.reset();
  }
  HttpFront front;
  std::vector<std::unique_ptr<HttpLoop>> loops;
  std::unique_ptr<HttpListener> listener;
  std::uint16_t port = 0;
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& host, std::uint16_t port,
                                                      HttpServerOptions options) {
  const Result<ListeningSocket> socket = open_listening_socket(host, port);
  if (!socket) return tl::unexpected(socket.error());
  auto impl = std::make_unique<Impl>(std::move(options));
  impl->port = socket->port;
  impl->listener = std::make_unique<HttpListener>(impl->loops, impl->front, socket->descriptor);
  impl->listener->start();
  for (const auto& loop : impl->loops) loop->start();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& host, std::uint16_t port,
                                                      const HttpServerLimits& limits,
                                                      HttpHandler handler,
                                                      HttpFaultAnswer fault_answer) {
  HttpServerOptions options;
  options.limits = limits;
  options.admit = [handler = std::move(handler)](HttpRequest&) { return HttpAdmission{handler}; };
  options.fault_answer = std::move(fault_answer);
  return start(host, port, std::move(options));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { stop(); }
std::uint16_t HttpServer::port() const { return impl_->port; }
std::size_t HttpServer::connections() const { return impl_->front.open; }
ConnectionFigures HttpServer::figures() const {
  const HttpFront& front = impl_->front;
  ConnectionFigures figures;
  std::ranges::copy(front.states, figures.open.begin());
  figures.evicted = front.evicted;
  figures.refused = front.refused;
  figures.certificates_refused = front.certificates_refused;
  if (const auto tls = front.tls(); tls != nullptr && tls->revoked() != nullptr)
    figures.revocations = {{tls->revoked()->begins(), tls->revoked()->ends()}};
  return figures;
}
void HttpServer::set_tls(std::shared_ptr<const TlsIdentity> tls) {
  impl_->front.set_tls(std::move(tls));
}
void HttpServer::stop() { impl_->stop(); }
}  // namespace tocsin::api
