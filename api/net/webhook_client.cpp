#include "api/net/webhook_client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api/net/http_connection.h"
#include "api/net/http_message.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;

constexpr std::size_t kHeadBytesMax = 32 * 1024;
constexpr std::uint64_t kBodyBytesMax = 64 * 1024;  // of an answer read to keep its connection
constexpr std::chrono::seconds kBodyTimeMax{1};     // the status is known by then
constexpr int kInterimAnswersMax = 8;               // "100 Continue" and its like
constexpr std::size_t kIdleConnectionsMax = 64;

class NetworkClient final : public HttpClient {
 public:
  NetworkClient(WebhookUrl url, std::unique_ptr<TlsTrust> trust, WebhookClientTimeouts timeouts,
                WebhookClientLimits limits)
      : url_(std::move(url)), trust_(std::move(trust)), timeouts_(timeouts), limits_(limits) {}

  HttpReply post(std::span<const HttpHeader> headers, std::string_view body) override {
    Result<std::string> request = format_post(url_, headers, body);
    if (!request) return {.error = request.error().message};
    const Deadline connect_by = steady_clock::now() + timeouts_.connect;
    const Deadline done_by = steady_clock::now() + timeouts_.total;
    while (std::unique_ptr<HttpConnection> idle = take_idle()) {
      Exchange exchange = send_and_receive(std::move(idle), *request, done_by);
      // The peer may close an idle connection just as it is used again; a fresh one decides.
      if (!exchange.closed_unanswered) return std::move(exchange.reply);
    }
    Result<std::unique_ptr<HttpConnection>> fresh =
        HttpConnection::open(url_, trust_.get(), connect_by, done_by, stop_, limits_.addresses);
    if (!fresh) return {.error = fresh.error().message};
    return send_and_receive(std::move(*fresh), *request, done_by).reply;
  }

  void stop() override { stop_.set(); }

 private:
  struct Exchange {
    HttpReply reply;
    bool closed_unanswered = false;  // the connection ended before a byte of the answer
  };

  Exchange send_and_receive(std::unique_ptr<HttpConnection> connection, const std::string& request,
                            Deadline by) {
    // A peer may answer and close before it has read everything: the answer counts, even if sending
    // failed.
    const Result<void> sent = connection->send(request, by);
    std::string bytes;
    Result<ResponseHead> head = fail(Errc::kInternal, "");
    for (int answers = 0; answers <= kInterimAnswersMax; ++answers) {
      head = receive_head(*connection, bytes, by);
      const bool is_interim = head && head->status < 200 && head->status != 101;
      if (!is_interim) break;
    }
    if (!head) {
      const Error& error = sent ? head.error() : sent.error();
      const bool is_over = error.code == Errc::kStopped || steady_clock::now() >= by;
      return {.reply = {.error = error.message}, .closed_unanswered = bytes.empty() && !is_over};
    }
    const Deadline body_by = std::min(by, steady_clock::now() + kBodyTimeMax);
    receive_begin(*connection, *head, bytes, body_by);
    HttpReply reply{.status = head->status, .retry_after = head->retry_after};
    reply.body = begin_of_body(*head, bytes);
    if (sent && head->keep_alive && head->body_bytes && *head->body_bytes <= kBodyBytesMax &&
        skip_body(*connection, *head->body_bytes, bytes, body_by)) {
      keep_idle(std::move(connection));
    }
    return {.reply = std::move(reply)};
  }

  // Takes one head from the front of `bytes`, receiving what is missing.
  static Result<ResponseHead> receive_head(HttpConnection& connection, std::string& bytes,
                                           Deadline by) {
    std::array<char, 4096> block;
    while (true) {
      if (const std::optional<std::size_t> end = find_head_end(bytes)) {
        Result<ResponseHead> head = parse_response_head(std::string_view(bytes).substr(0, *end));
        bytes.erase(0, *end);
        return head;
      }
      if (bytes.size() > kHeadBytesMax)
        return fail(Errc::kLimit, "the head of the answer is too long");
      const Result<std::size_t> count = connection.receive(block, by);
      if (!count) return tl::unexpected(count.error());
      if (*count == 0) return fail(Errc::kIo, "the connection was closed before an answer");
      bytes.append(block.data(), *count);
    }
  }

  // Receives as much of the body as is to be kept, as it is framed.
  void receive_begin(HttpConnection& connection, const ResponseHead& head, std::string& bytes,
                     Deadline by) const {
    const std::uint64_t framing = head.is_chunked ? limits_.answer_bytes_max : 0;
    const std::uint64_t wanted = std::min<std::uint64_t>(limits_.answer_bytes_max + framing,
                                                         head.body_bytes.value_or(UINT64_MAX));
    std::array<char, 1024> block;
    while (bytes.size() < wanted) {
      const std::size_t most =
          static_cast<std::size_t>(std::min<std::uint64_t>(wanted - bytes.size(), block.size()));
      const Result<std::size_t> count = connection.receive(std::span(block).first(most), by);
      if (!count || *count == 0) return;
      bytes.append(block.data(), *count);
      if (head.is_chunked && bytes.ends_with("0\r\n\r\n")) return;
    }
  }
  std::string begin_of_body(const ResponseHead& head, std::string_view bytes) const {
    std::string body;
    if (!head.is_chunked) {
      body = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(
                                 bytes.size(), head.body_bytes.value_or(UINT64_MAX))));
    }
    while (head.is_chunked && !bytes.empty()) {
      std::size_t size = 0;
      const auto parsed = std::from_chars(bytes.data(), bytes.data() + bytes.size(), size, 16);
      const std::size_t line_end = bytes.find("\r\n");
      if (parsed.ec != std::errc{} || size == 0 || line_end == std::string_view::npos) break;
      bytes.remove_prefix(line_end + 2);
      body += bytes.substr(0, size);
      bytes.remove_prefix(std::min(bytes.size(), size));
      bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 2));
    }
    return body.substr(0, limits_.answer_bytes_max);
  }

  // Receives and forgets the answer's body; true when the connection stands right after it.
  static bool skip_body(HttpConnection& connection, std::uint64_t body_bytes,
                        const std::string& begun, Deadline by) {
    if (begun.size() > body_bytes) return false;
    std::array<char, 4096> block;
    for (std::uint64_t left = body_bytes - begun.size(); left > 0;) {
      const std::size_t wanted =
          static_cast<std::size_t>(std::min<std::uint64_t>(left, block.size()));
      const Result<std::size_t> count = connection.receive(std::span(block).first(wanted), by);
      if (!count || *count == 0) return false;
      left -= *count;
    }
    return true;
  }

  std::unique_ptr<HttpConnection> take_idle() {
    const std::lock_guard lock(mutex_);
    while (!idle_.empty()) {
      std::unique_ptr<HttpConnection> connection = std::move(idle_.back());
      idle_.pop_back();
      if (connection->is_quiet()) return connection;
    }
    return nullptr;
  }

  void keep_idle(std::unique_ptr<HttpConnection> connection) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kIdleConnectionsMax) idle_.push_back(std::move(connection));
  }

  const WebhookUrl url_;
  const std::unique_ptr<TlsTrust> trust_;
  const WebhookClientTimeouts timeouts_;
  const WebhookClientLimits limits_;
  StopSwitch stop_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<HttpConnection>> idle_;  // guarded by mutex_; the last was used last
};
}  // namespace

Result<std::unique_ptr<HttpClient>> make_webhook_client(WebhookUrl url,
                                                        WebhookClientTimeouts timeouts,
                                                        WebhookClientLimits limits) {
  std::unique_ptr<TlsTrust> trust;
  if (url.tls) {
    Result<std::unique_ptr<TlsTrust>> system = TlsTrust::system();
    if (!system) return tl::unexpected(system.error());
    trust = std::move(*system);
  }
  return std::make_unique<NetworkClient>(std::move(url), std::move(trust), timeouts, limits);
}
}  // namespace tocsin::api
