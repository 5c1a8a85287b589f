#include "api/loopback_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>
#include <utility>

#ifdef __SANITIZE_THREAD__
// The distribution's library is not built for the sanitizer, which therefore does not see that its
// static tables are made by one thread before another reads them.
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libcpp-httplib.so\n";
}
#endif

namespace tocsin::api {
namespace {
constexpr std::size_t kBodyBytesMax = 4 << 20;
constexpr std::size_t kConnectionsMax = 64;  // each has a thread for as long as it is open
constexpr std::size_t kRequestsPerConnectionMax = 10'000;
constexpr std::chrono::seconds kReadTimeout{5};
constexpr std::time_t kIdleSeconds = 1;  // also bounds how long `stop` takes
}  // namespace

struct LoopbackServer::Impl {
  void set_up(Handler handler_in) {
    handler = std::move(handler_in);
    server.set_payload_max_length(kBodyBytesMax);
    server.set_keep_alive_max_count(kRequestsPerConnectionMax);
    server.set_keep_alive_timeout(kIdleSeconds);
    server.set_read_timeout(kReadTimeout);
    server.set_write_timeout(kReadTimeout);
    server.set_tcp_nodelay(true);
    // The library's own choice, SO_REUSEPORT, lets two servers share a port without either knowing.
    server.set_socket_options([](socket_t socket) {
      const int on = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    server.new_task_queue = [] { return new httplib::ThreadPool(kConnectionsMax); };
    server.Post(".*",
                [this](const httplib::Request& request, httplib::Response& response,
                       const httplib::ContentReader& read) { answer(request, response, read); });
    // The library reads their bodies, so that the connection can go on.
    const auto refuse = [](const httplib::Request&, httplib::Response& response) {
      response.status = 405;
      response.set_header("Allow", "POST");
    };
    server.Get(".*", refuse).Put(".*", refuse).Patch(".*", refuse).Delete(".*", refuse);
  }

  void answer(const httplib::Request& request, httplib::Response& response,
              const httplib::ContentReader& read) {
    if (request.is_multipart_form_data()) {  // would need a reader of another form
      response.status = 415;
      return;
    }
    std::string body;
    bool is_too_long = false;
    // The limit that was set holds for Content-Length only; this one also for chunks, and for what
    // was packed.
    const bool is_whole = read([&](const char* data, std::size_t size) {
      is_too_long = size > kBodyBytesMax - body.size();
      if (!is_too_long) body.append(data, size);
      return !is_too_long;
    });
    if (!is_whole) {
      if (is_too_long) response.status = 413;
      return;  // else the library has said why
    }
    const std::string id = request.get_header_value("webhook-id");
    const std::string timestamp = request.get_header_value("webhook-timestamp");
    const std::string signature = request.get_header_value("webhook-signature");
    const Response answered = handler({id, timestamp, signature, body});
    response.status = answered.status;
    response.set_content(answered.text.empty() ? "" : answered.text + "\n", "text/plain");
  }

  httplib::Server server;
  Handler handler;
  LoopbackAddress address;
  std::thread thread;
};

Result<std::unique_ptr<LoopbackServer>> LoopbackServer::start(const LoopbackAddress& address,
                                                              Handler handler) {
  auto impl = std::make_unique<Impl>();
  impl->set_up(std::move(handler));
  impl->address = address;
  bool is_bound = false;
  if (address.port == 0) {
    const int port = impl->server.bind_to_any_port(address.host);
    is_bound = port > 0;
    if (is_bound) impl->address.port = static_cast<std::uint16_t>(port);
  } else {
    is_bound = impl->server.bind_to_port(address.host, address.port);
  }
  if (!is_bound)
    return fail(Errc::kIo, "cannot listen there; the port may be in use: " + address.text());
  httplib::Server& server = impl->server;
  impl->thread = std::thread([&server] { server.listen_after_bind(); });
  // Bound, it always comes to run; `stop` has no effect before that.
  while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return std::unique_ptr<LoopbackServer>(new LoopbackServer(std::move(impl)));
}

LoopbackServer::LoopbackServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LoopbackServer::~LoopbackServer() { stop(); }
const LoopbackAddress& LoopbackServer::address() const { return impl_->address; }
void LoopbackServer::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->server.stop();
  impl_->thread.join();
}
}  // namespace tocsin::api
