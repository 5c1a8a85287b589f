#include "api/outbound/webhook_client.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/net/http_message.h"
#include "api/outbound/http_link.h"
#include "api/outbound/outbound_loop.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;

constexpr std::size_t kHeadBytesMax = 32 * 1024;
constexpr std::uint64_t kBodyBytesMax = 64 * 1024;  // of an answer read to keep its connection
constexpr std::chrono::seconds kBodyTimeMax{1};     // the status is known by then
constexpr int kInterimAnswersMax = 8;               // "100 Continue" and its like
constexpr std::size_t kIdleConnectionsMax = 64;

class Request;

// What the requests of one client share. It ends with the last of them. Threading: the loop's
// thread, but for what is const.
struct Shared {
  const std::shared_ptr<const LinkTarget> target;
  const WebhookClientTimeouts timeouts;
  const std::size_t answer_bytes_max;
  std::set<std::shared_ptr<Request>> under_way = {};
  std::vector<std::shared_ptr<HttpLink>> idle = {};  // the last was used last
  bool is_stopped = false;

  std::shared_ptr<HttpLink> take_idle();
  void keep_idle(std::shared_ptr<HttpLink> link);
  void stop();
};

/// One POST: on an idle connection, and where its peer has just closed it on another.
class Request : public std::enable_shared_from_this<Request> {
 public:
  Request(std::shared_ptr<Shared> shared, std::string bytes, HttpClient::Done done)
      : shared_(std::move(shared)), bytes_(std::move(bytes)), done_(std::move(done)) {}

  // Of the time from here on.
  void begin(Deadline begun) {
    connect_by_ = begun + shared_->timeouts.connect;
    done_by_ = begun + shared_->timeouts.total;
    if (shared_->is_stopped) return done_({.error = "given up"});
    shared_->under_way.insert(shared_from_this());
    connect();
  }
  void give_up() { link_->give_up(); }

 private:
  // A step that goes on with what an operation of the link gave.
  template <typename Step>
  HttpLink::Done then(Step step) {
    return [self = shared_from_this(), step](Result<std::size_t> result) { step(*self, result); };
  }

  void connect() {
    link_ = shared_->take_idle();
    if (link_) {
      is_reused_ = true;
      return send();
    }
    is_reused_ = false;
    link_ = std::make_shared<HttpLink>(OutboundLoop::of_process());
    link_->open(shared_->target, connect_by_, done_by_,
                then([](Request& self, const Result<std::size_t>& opened) {
                  if (!opened) return self.finish({.error = opened.error().message});
                  self.send();
                }));
  }

  void send() {
    // A peer may answer and close before it has read everything: the answer counts, even if
    // sending failed.
    link_->send(bytes_, done_by_, then([](Request& self, const Result<std::size_t>& sent) {
                  self.unsent_ = sent ? std::nullopt : std::optional(sent.error());
                  self.read_head();
                }));
  }

  // Takes heads from the front of `answer_`, and receives what is missing.
  void read_head() {
    while (const std::optional<std::size_t> end = find_head_end(answer_, looked_at_)) {
      if (*end > kHeadBytesMax) break;
      const Result<ResponseHead> head =
          parse_response_head(std::string_view(answer_).substr(0, *end));
      answer_.erase(0, *end);
      looked_at_ = 0;
      if (!head) return end_unanswered(head.error());
      head_ = *head;
      const bool is_interim = head_.status < 200 && head_.status != 101;
      if (!is_interim || ++interim_answers_ > kInterimAnswersMax) return begin_body();
    }
    if (answer_.size() > kHeadBytesMax)
      return end_unanswered({Errc::kLimit, "the head of the answer is too long"});
    looked_at_ = answer_.size() - std::min<std::size_t>(answer_.size(), 2);
    link_->receive(
        answer_, done_by_, then([](Request& self, const Result<std::size_t>& count) {
          if (!count) return self.end_unanswered(count.error());
          if (*count == 0) {
            return self.end_unanswered({Errc::kIo, "the connection was closed before an answer"});
          }
          self.read_head();
        }));
  }

  void end_unanswered(const Error& error) {
    const bool is_over = error.code == Errc::kStopped || steady_clock::now() >= done_by_;
    // The peer may close an idle connection just as it is used again; a fresh one decides.
    if (is_reused_ && answer_.empty() && !is_over) {
      link_->close();
      return connect();
    }
    finish({.error = unsent_ ? unsent_->message : error.message});
  }

  // Of the body as much is received as is to be kept, as it is framed, and where it is short the
  // rest, after which the connection may be used again.
  void begin_body() {
    body_by_ = std::min(done_by_, steady_clock::now() + kBodyTimeMax);
    may_keep_ =
        !unsent_ && head_.keep_alive && head_.body_bytes && *head_.body_bytes <= kBodyBytesMax;
    const std::uint64_t framing = head_.is_chunked ? shared_->answer_bytes_max : 0;
    body_wanted_ = std::min<std::uint64_t>(shared_->answer_bytes_max + framing,
                                           head_.body_bytes.value_or(UINT64_MAX));
    if (may_keep_) body_wanted_ = *head_.body_bytes;
    read_body();
  }

  void read_body() {
    const bool is_last_chunk = head_.is_chunked && answer_.ends_with("0\r\n\r\n");
    if (answer_.size() >= body_wanted_ || is_last_chunk) return end_body(true);
    link_->receive(answer_, body_by_, then([](Request& self, const Result<std::size_t>& count) {
                     if (!count || *count == 0) return self.end_body(false);
                     self.read_body();
                   }));
  }

  void end_body(bool is_whole) {
    HttpReply reply{.status = head_.status, .retry_after = head_.retry_after};
    reply.body = begin_of_body();
    // What came after the answer belongs to nothing.
    if (is_whole && may_keep_ && answer_.size() == *head_.body_bytes)
      shared_->keep_idle(std::exchange(link_, nullptr));
    finish(std::move(reply));
  }

  std::string begin_of_body() const {
    std::string_view bytes = answer_;
    std::string body;
    if (!head_.is_chunked) {
      body = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(
                                 bytes.size(), head_.body_bytes.value_or(UINT64_MAX))));
    }
    while (head_.is_chunked && !bytes.empty()) {
      std::size_t size = 0;
      const auto parsed = std::from_chars(bytes.data(), bytes.data() + bytes.size(), size, 16);
      const std::size_t line_end = bytes.find("\r\n");
      if (parsed.ec != std::errc{} || size == 0 || line_end == std::string_view::npos) break;
      bytes.remove_prefix(line_end + 2);
      body += bytes.substr(0, size);
      bytes.remove_prefix(std::min(bytes.size(), size));
      bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 2));
    }
    return body.substr(0, shared_->answer_bytes_max);
  }

  void finish(HttpReply reply) {
    if (link_) link_->close();
    shared_->under_way.erase(shared_from_this());
    done_(std::move(reply));
  }

  const std::shared_ptr<Shared> shared_;
  const std::string bytes_;
  const HttpClient::Done done_;
  Deadline connect_by_;
  Deadline done_by_;
  Deadline body_by_;
  std::shared_ptr<HttpLink> link_;
  bool is_reused_ = false;
  std::optional<Error> unsent_;
  std::string answer_;         // of which nothing was taken
  std::size_t looked_at_ = 0;  // of it, for the end of its head
  int interim_answers_ = 0;
  ResponseHead head_;
  std::uint64_t body_wanted_ = 0;
  bool may_keep_ = false;
};

std::shared_ptr<HttpLink> Shared::take_idle() {
  while (!idle.empty()) {
    std::shared_ptr<HttpLink> link = std::move(idle.back());
    idle.pop_back();
    if (link->is_quiet()) return link;
    link->close();
  }
  return nullptr;
}

void Shared::keep_idle(std::shared_ptr<HttpLink> link) {
  if (!is_stopped && idle.size() < kIdleConnectionsMax) {
    idle.push_back(std::move(link));
  } else {
    link->close();
  }
}

void Shared::stop() {
  is_stopped = true;
  for (const std::shared_ptr<HttpLink>& link : idle) link->close();
  idle.clear();
  for (const std::shared_ptr<Request>& request : under_way) request->give_up();
}

class NetworkClient final : public HttpClient {
 public:
  explicit NetworkClient(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  ~NetworkClient() override { stop(); }

  void begin(std::span<const HttpHeader> headers, std::string_view body, Done done) override {
    Result<std::string> bytes = format_post(shared_->target->url, headers, body);
    if (!bytes) return done({.error = bytes.error().message});
    auto request = std::make_shared<Request>(shared_, *std::move(bytes), std::move(done));
    loop().post(
        [request = std::move(request), begun = steady_clock::now()] { request->begin(begun); });
  }
  void stop() override {
    loop().post([shared = shared_] { shared->stop(); });
  }

 private:
  static HttpLoop& loop() { return OutboundLoop::of_process().loop(); }
  const std::shared_ptr<Shared> shared_;
};
}  // namespace

Result<std::unique_ptr<HttpClient>> make_webhook_client(WebhookUrl url,
                                                        WebhookClientTimeouts timeouts,
                                                        WebhookClientLimits limits) {
  LinkTarget target{.url = std::move(url), .addresses = std::move(limits.addresses)};
  if (target.url.tls) {
    auto system = TlsTrust::system();
    if (!system) return tl::unexpected(system.error());
    target.trust = *std::move(system);
  }
  return std::make_unique<NetworkClient>(std::make_shared<Shared>(
      Shared{.target = std::make_shared<const LinkTarget>(std::move(target)),
             .timeouts = timeouts,
             .answer_bytes_max = limits.answer_bytes_max}));
}
}  // namespace tocsin::api
