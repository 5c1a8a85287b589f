#include "api/net/http_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "api/net/connection_threads.h"
#include "api/net/http_connection.h"
#include "api/net/http_message.h"
#include "api/net/http_peer.h"
#include "runtime/io/background_thread.h"

#ifdef __SANITIZE_THREAD__
// The distribution's library is not built for the sanitizer, which therefore does not see that its
// static tables are made by one thread before another reads them.
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libcpp-httplib.so\n";
}
#endif

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
using Moment = HttpPeer::Moment;
constexpr std::array kMethods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
constexpr int kBacklog = 1024;
// Connections beyond the limit are answered too, by so many threads at once.
constexpr std::size_t kRefusersMax = 4;
// Chunk sizes and line ends may take as much again as the chunks, and a little more.
constexpr std::uint64_t kFramingBytes = std::uint64_t{64} << 10;

// What the library reads and writes: the head that we made for it, then the body within its limit.
class GuardedStream final : public httplib::Stream {
 public:
  GuardedStream(HttpPeer& peer, std::string head, std::uint64_t body_bytes_max, Moment by,
                std::chrono::milliseconds write_max)
      : peer_(peer),
        head_(std::move(head)),
        body_bytes_left_(body_bytes_max),
        by_(by),
        write_max_(write_max) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return !failed_; }
  ssize_t read(char* to, size_t size) override {
    if (head_read_ < head_.size()) return take(head_, head_read_, to, size);
    if (body_bytes_left_ == 0) {
      over_limit_ = true;
      return -1;
    }
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, body_bytes_left_));
    std::size_t count = 0;
    std::string& buffer = peer_.buffer();
    if (!buffer.empty()) {
      count = std::min(size, buffer.size());
      std::copy_n(buffer.data(), count, to);
      buffer.erase(0, count);
    } else {
      count = peer_.receive(to, size, by_);
    }
    if (count == 0) {
      out_of_time_ = steady_clock::now() >= by_;
      return -1;
    }
    body_bytes_left_ -= count;
    body_bytes_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* bytes, size_t size) override {
    const Moment by = streams_ ? steady_clock::now() + write_max_ : by_;
    if (failed_ || !peer_.send({bytes, size}, by, streams_)) {
      failed_ = true;
      return -1;
    }
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = peer_.remote();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  socket_t socket() const override { return peer_.socket(); }

  // From now on each write has its own time, and the whole has none.
  void begin_streaming() { streams_ = true; }
  std::uint64_t body_bytes() const { return body_bytes_; }
  bool is_over_limit() const { return over_limit_; }
  bool is_out_of_time() const { return out_of_time_; }
  bool has_failed() const { return failed_; }

 private:
  static ssize_t take(const std::string& from, std::size_t& read, char* to, std::size_t size) {
    const std::size_t count = std::min(size, from.size() - read);
    std::copy_n(from.data() + read, count, to);
    read += count;
    return static_cast<ssize_t>(count);
  }
  HttpPeer& peer_;
  std::string head_;
  std::size_t head_read_ = 0;
  std::uint64_t body_bytes_left_;
  std::uint64_t body_bytes_ = 0;
  Moment by_;
  std::chrono::milliseconds write_max_;
  bool streams_ = false;
  bool over_limit_ = false;
  bool out_of_time_ = false;
  bool failed_ = false;
};

// A request in work, for the handler that the library calls in the same thread.
class Exchange final : public HttpRequest {
 public:
  Exchange(RequestHead head, const std::string& remote, std::uint64_t body_bytes_max,
           GuardedStream& stream)
      : head_(std::move(head)), remote_(remote), body_bytes_max_(body_bytes_max), stream_(stream) {}
  const RequestHead& head() const override { return head_; }
  const std::string& remote() const override { return remote_; }
  tl::expected<void, HttpFault> read_body(
      const std::function<bool(std::string_view)>& take) override {
    if (reader_ == nullptr || was_read_) return {};
    was_read_ = true;
    std::uint64_t bytes = 0;
    bool is_too_long = false;
    bool goes_on = true;
    const bool is_whole = (*reader_)([&](const char* data, std::size_t size) {
      is_too_long = size > body_bytes_max_ - bytes;
      if (is_too_long) return false;
      bytes += size;
      goes_on = take({data, size});
      return goes_on;
    });
    if (is_whole || !goes_on) return {};
    if (is_too_long || stream_.is_over_limit()) return tl::unexpected(too_long(body_bytes_max_));
    if (stream_.is_out_of_time()) {
      return tl::unexpected(HttpFault{408, "the body did not arrive in time"});
    }
    return tl::unexpected(HttpFault{400, "the body ends early, or its chunks are malformed"});
  }
  static HttpFault too_long(std::uint64_t most) {
    return {413, fmt::format("the body is longer than {} bytes", most)};
  }
  void set_reader(const httplib::ContentReader* reader) { reader_ = reader; }
  GuardedStream& stream() { return stream_; }
  // Whether the next request begins at the next byte.
  bool is_read_to_its_end() const {
    return !head_.is_chunked && stream_.body_bytes() == head_.content_bytes.value_or(0);
  }

 private:
  RequestHead head_;
  const std::string& remote_;
  std::uint64_t body_bytes_max_;
  GuardedStream& stream_;
  const httplib::ContentReader* reader_ = nullptr;
  bool was_read_ = false;
};
thread_local Exchange* exchange_in_work = nullptr;

// The threads as the library asks for them.
class LibraryThreads final : public httplib::TaskQueue {
 public:
  explicit LibraryThreads(std::size_t threads_max) : threads_(threads_max) {}
  // The library's type of answer differs between its versions.
  auto enqueue(std::function<void()> task)
      -> decltype(std::declval<httplib::TaskQueue&>().enqueue({})) override {
    threads_.enqueue(std::move(task));
    return decltype(std::declval<httplib::TaskQueue&>().enqueue({}))(true);
  }
  void shutdown() override { threads_.shutdown(); }

 private:
  ConnectionThreads threads_;
};

const char* reason_of(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}
}  // namespace

struct HttpServer::Impl final : httplib::Server {
  Impl(const HttpServerLimits& limits_in, HttpServer::Handler handler_in,
       FaultAnswer fault_answer_in)
      : limits(limits_in),
        handler(std::move(handler_in)),
        fault_answer(std::move(fault_answer_in)) {
    set_payload_max_length(static_cast<std::size_t>(limits.body_bytes_max));
    set_tcp_nodelay(true);
    // The library's own choice, SO_REUSEPORT, lets two servers share a port without either knowing.
    set_socket_options([](socket_t socket) {
      const int on = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    new_task_queue = [this] { return new LibraryThreads(limits.connections_max + kRefusersMax); };
    const auto with_body = [this](const httplib::Request&, httplib::Response& response,
                                  const httplib::ContentReader& reader) {
      exchange_in_work->set_reader(&reader);
      answer(response);
    };
    const auto without = [this](const httplib::Request&, httplib::Response& response) {
      answer(response);
    };
    // The only target that the library ever sees is "/".
    Get("/", without).Options("/", without).Delete("/", without);
    Post("/", with_body).Put("/", with_body).Patch("/", with_body).Delete("/", with_body);
  }

  void answer(httplib::Response& response) {
    HttpResponse answered = handler(*exchange_in_work);
    response.status = answered.status;
    for (const HttpHeader& header : answered.headers) {
      response.set_header(header.name.c_str(), header.value);
    }
    const std::string type =
        answered.content_type.empty() ? "application/octet-stream" : answered.content_type;
    if (answered.stream) {
      exchange_in_work->stream().begin_streaming();
      response.set_chunked_content_provider(
          type.c_str(),
          [stream = std::move(answered.stream)](std::size_t, httplib::DataSink& sink) {
            GuardedStream& connection = exchange_in_work->stream();
            stream([&](std::string_view bytes) {
              if (bytes.empty() || connection.has_failed()) return !connection.has_failed();
              sink.write(bytes.data(), bytes.size());
              return !connection.has_failed();
            });
            sink.done();
            return !connection.has_failed();
          });
    } else if (!answered.body.empty() || !answered.content_type.empty()) {
      response.set_content(answered.body, type.c_str());
    }
  }

  bool process_and_close_socket(socket_t socket) override {
    HttpPeer peer(socket, stop_switch);
    const std::size_t now_open = ++open;
    if (now_open > limits.connections_max) {
      refuse(peer, {503, fmt::format("there are {} connections already", limits.connections_max)});
    } else {
      while (serve_one(peer)) {
      }
    }
    --open;
    return true;
  }

  // Answers one request; whether the connection stays open.
  bool serve_one(HttpPeer& peer) {
    const Moment idle_until = steady_clock::now() + limits.keep_alive_max;
    if (peer.buffer().empty() && !peer.wait_for_bytes(idle_until)) {
      return false;
    }
    const Moment began = steady_clock::now();
    const auto head_bytes = read_head(peer, began + limits.head_time_max);
    if (!head_bytes) return refuse(peer, head_bytes.error());
    if (head_bytes->empty()) return false;
    auto head = parse_request_head(*head_bytes, limits.head);
    if (!head) return refuse(peer, head.error());
    if (std::ranges::find(kMethods, head->method) == kMethods.end()) {
      return refuse(peer, {501, "this method is not supported"});
    }
    if (head->content_bytes.value_or(0) > limits.body_bytes_max) {
      return refuse(peer, Exchange::too_long(limits.body_bytes_max));
    }
    const bool keeps = head->keep_alive;
    const std::uint64_t most =
        head->is_chunked ? 2 * limits.body_bytes_max + kFramingBytes : limits.body_bytes_max;
    GuardedStream stream(peer, head_for_library(*head), most, began + limits.request_time_max,
                         limits.stream_write_max);
    Exchange exchange(std::move(*head), peer.remote(), limits.body_bytes_max, stream);
    exchange_in_work = &exchange;
    bool closed = false;
    const bool went_well = process(stream, peer.remote(), !keeps, closed);
    exchange_in_work = nullptr;
    return went_well && !closed && keeps && !stream.has_failed() && exchange.is_read_to_its_end() &&
           !stop_switch.is_set();
  }

  // Nothing of a client's head but the method and how its body is framed.
  static std::string head_for_library(const RequestHead& head) {
    std::string bytes = head.method + " / HTTP/1.1\r\nHost: tocsin\r\n";
    bytes += head.keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    if (head.is_chunked) {
      bytes += "Transfer-Encoding: chunked\r\n";
    } else {
      bytes += fmt::format("Content-Length: {}\r\n", head.content_bytes.value_or(0));
    }
    if (head.header("expect").has_value()) bytes += "Expect: 100-continue\r\n";
    return bytes + "\r\n";
  }

  // The head's bytes up to its empty line; empty where the client has gone without a word.
  tl::expected<std::string, HttpFault> read_head(HttpPeer& peer, Moment by) {
    std::string& buffer = peer.buffer();
    std::array<char, 4096> block{};
    for (;;) {
      if (const auto end = buffer.find("\r\n\r\n"); end != std::string::npos) {
        std::string head = buffer.substr(0, end + 4);
        buffer.erase(0, end + 4);
        return head;
      }
      if (buffer.size() > limits.head.head_bytes_max) {
        return tl::unexpected(HttpFault{
            431, fmt::format("the head is longer than {} bytes", limits.head.head_bytes_max)});
      }
      const std::size_t count = peer.receive(block.data(), block.size(), by);
      if (count == 0) {
        if (buffer.empty() || stop_switch.is_set()) return std::string();
        if (steady_clock::now() >= by) {
          return tl::unexpected(HttpFault{408, "the head did not arrive in time"});
        }
        return tl::unexpected(HttpFault{400, "the connection ends within a head"});
      }
      buffer.append(block.data(), count);
    }
  }

  bool refuse(HttpPeer& peer, const HttpFault& fault) {
    const HttpResponse response = fault_answer(fault);
    std::string bytes =
        fmt::format("HTTP/1.1 {} {}\r\nConnection: close\r\nContent-Length: {}\r\n",
                    response.status, reason_of(response.status), response.body.size());
    if (!response.content_type.empty()) bytes += "Content-Type: " + response.content_type + "\r\n";
    for (const HttpHeader& header : response.headers) {
      bytes += fmt::format("{}: {}\r\n", header.name, header.value);
    }
    peer.send(bytes + "\r\n" + response.body, steady_clock::now() + limits.stream_write_max, false);
    return false;
  }

  // The library's versions differ in what they want to know.
  template <typename Self>
  static bool process_by(Self& self, GuardedStream& stream, const std::string& remote, bool closes,
                         bool& closed) {
    const std::function<void(httplib::Request&)> set_up = [](httplib::Request&) {};
    if constexpr (requires { self.process_request(stream, closes, closed, set_up); }) {
      return self.process_request(stream, closes, closed, set_up);
    } else {
      return self.process_request(stream, remote, 0, std::string(), 0, closes, closed, set_up);
    }
  }
  bool process(GuardedStream& stream, const std::string& remote, bool closes, bool& closed) {
    return process_by(*this, stream, remote, closes, closed);
  }

  // Begins to listen; the port, or nothing.
  std::optional<std::uint16_t> bind(const std::string& host, std::uint16_t wanted) {
    int bound = wanted;
    if (wanted == 0) {
      bound = bind_to_any_port(host);
      if (bound <= 0) return std::nullopt;
    } else if (!bind_to_port(host, wanted)) {
      return std::nullopt;
    }
    // The library's queue of connections is short.
    ::listen(svr_sock_, kBacklog);
    return static_cast<std::uint16_t>(bound);
  }

  HttpServerLimits limits;
  HttpServer::Handler handler;
  FaultAnswer fault_answer;
  StopSwitch stop_switch;
  std::atomic<std::size_t> open{0};
  std::uint16_t port = 0;
  std::thread thread;
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& host, std::uint16_t port,
                                                      const HttpServerLimits& limits,
                                                      Handler handler, FaultAnswer fault_answer) {
  auto impl = std::make_unique<Impl>(limits, std::move(handler), std::move(fault_answer));
  errno = 0;
  const std::optional<std::uint16_t> bound = impl->bind(host, port);
  if (!bound) {
    const int error = errno;
    const bool is_v6 = host.find(':') != std::string::npos;
    return fail(
        Errc::kIo,
        fmt::format("cannot listen on {}:{}: {}", is_v6 ? "[" + host + "]" : host, port,
                    error == 0 ? "the address or the port may be in use" : std::strerror(error)));
  }
  impl->port = *bound;
  Impl& server = *impl;
  impl->thread = std::thread([&server] {
    runtime::begin_background_thread("http-accept");
    server.listen_after_bind();
  });
  // Bound, it always comes to run; `stop` has no effect before that.
  while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { stop(); }
std::uint16_t HttpServer::port() const { return impl_->port; }
std::size_t HttpServer::connections() const { return impl_->open; }
void HttpServer::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->stop_switch.set();
  static_cast<httplib::Server&>(*impl_).stop();
  impl_->thread.join();
}
}  // namespace tocsin::api
