#include "api/outbound/http_get.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "api/net/http_message.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
constexpr std::size_t kHeadBytesMax = 32 * 1024;
constexpr std::size_t kChunkLineBytesMax = 1024;

// The body of an answer as it arrives, by its framing.
class Body {
 public:
  Body(const ResponseHead& head, std::size_t bytes_max) : head_(head), max_(bytes_max) {}

  Result<void> take(std::string_view bytes) {
    if (!head_.is_chunked) {
      text_ += bytes;
      return text_.size() <= max_ ? Result<void>() : too_large();
    }
    raw_ += bytes;
    if (raw_.size() > 2 * max_ + kHeadBytesMax) return too_large();
    while (!is_over_) {
      const Result<bool> taken = take_chunk();
      if (!taken) return tl::unexpected(taken.error());
      if (!*taken) break;
    }
    return {};
  }
  // Whether nothing more is to come.
  bool is_over() const {
    return head_.is_chunked ? is_over_ : head_.body_bytes && text_.size() >= *head_.body_bytes;
  }
  // The peer closed the connection.
  Result<void> close() const {
    if (is_over() || (!head_.is_chunked && !head_.body_bytes)) return {};
    return fail(Errc::kIo, "the connection was closed within the answer");
  }
  std::string take_text() {
    if (head_.body_bytes) text_.resize(std::min<std::size_t>(text_.size(), *head_.body_bytes));
    return std::move(text_);
  }

 private:
  tl::unexpected<Error> too_large() const {
    return fail(Errc::kLimit, fmt::format("the answer is larger than {} bytes", max_));
  }
  // False while the chunk has not come as a whole.
  Result<bool> take_chunk() {
    const std::string_view rest = std::string_view(raw_).substr(at_);
    const std::size_t line_end = rest.find("\r\n");
    if (line_end == std::string_view::npos && rest.size() <= kChunkLineBytesMax) return false;
    std::uint64_t size = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), size, 16);
    if (line_end == std::string_view::npos || parsed.ec != std::errc{})
      return fail(Errc::kCorrupt, "the answer's chunks are damaged");
    if (size > max_ - text_.size()) return too_large();
    if (size == 0) {
      is_over_ = true;
      return true;
    }
    if (rest.size() < line_end + 2 + size + 2) return false;
    text_ += rest.substr(line_end + 2, static_cast<std::size_t>(size));
    at_ += line_end + 2 + static_cast<std::size_t>(size) + 2;
    return true;
  }

  const ResponseHead& head_;
  const std::size_t max_;
  std::string text_;
  std::string raw_;     // in chunks
  std::size_t at_ = 0;  // before which they were taken
  bool is_over_ = false;
};
}  // namespace

Result<std::unique_ptr<HttpGet>> HttpGet::make(WebhookUrl url, HttpGetLimits limits) {
  LinkTarget target{.url = std::move(url)};
  if (target.url.tls) {
    auto system = TlsTrust::system();
    if (!system) return tl::unexpected(system.error());
    target.trust = *std::move(system);
  }
  return std::unique_ptr<HttpGet>(new HttpGet(std::move(target), limits));
}

Result<HttpReply> HttpGet::get(std::string_view target, std::span<const HttpHeader> headers) {
  const Result<std::string> request = format_get(url(), target, headers);
  if (!request) return tl::unexpected(request.error());
  return exchange(*request);
}

Result<HttpReply> HttpGet::post(std::span<const HttpHeader> headers, std::string_view body) {
  const Result<std::string> request = format_post(url(), headers, body);
  if (!request) return tl::unexpected(request.error());
  return exchange(*request);
}

Result<HttpReply> HttpGet::exchange(std::string_view request) {
  const Deadline by = steady_clock::now() + limits_.total;
  Result<std::unique_ptr<HttpConnection>> connection = HttpConnection::open(target_, by, by, stop_);
  if (!connection) return tl::unexpected(connection.error());
  bool is_unanswered = false;
  Result<HttpWhole> whole = converse(*std::move(connection), request, {}, by, is_unanswered);
  idle_.reset();
  if (!whole) return tl::unexpected(whole.error());
  return std::move(whole->reply);
}

Result<HttpWhole> HttpGet::ask(const HttpQuestion& question) {
  const Result<std::string> head =
      format_head(url(), question.method, question.target, question.headers, question.body.size());
  if (!head) return tl::unexpected(head.error());
  const Deadline by = steady_clock::now() + limits_.total;
  bool is_unanswered = false;
  if (idle_ && idle_->is_quiet()) {
    Result<HttpWhole> whole = converse(std::move(idle_), *head, question.body, by, is_unanswered);
    // The peer may close an idle connection just as it is used again; a fresh one decides.
    if (!is_unanswered) return whole;
  }
  idle_.reset();
  Result<std::unique_ptr<HttpConnection>> connection = HttpConnection::open(target_, by, by, stop_);
  if (!connection) return tl::unexpected(connection.error());
  return converse(*std::move(connection), *head, question.body, by, is_unanswered);
}

Result<HttpWhole> HttpGet::converse(std::unique_ptr<HttpConnection> connection,
                                    std::string_view request, std::string_view content, Deadline by,
                                    bool& is_unanswered) {
  // A peer may answer and close before it has read everything: the answer counts.
  Result<void> sent = connection->send(request, by);
  if (sent) sent = connection->send(content, by);
  std::string bytes;
  std::optional<std::size_t> head_end;
  std::size_t looked_at = 0;
  while (!(head_end = find_head_end(bytes, looked_at))) {
    if (bytes.size() > kHeadBytesMax)
      return fail(Errc::kCorrupt, "the head of the answer is too long");
    looked_at = bytes.size() - std::min<std::size_t>(bytes.size(), 2);
    const Result<std::size_t> count = connection->receive(bytes, by);
    if (count && *count != 0) continue;
    is_unanswered = bytes.empty() && !stop_.is_set() && steady_clock::now() < by;
    if (!sent) return tl::unexpected(sent.error());
    if (!count) return tl::unexpected(count.error());
    return fail(Errc::kIo, "the connection was closed before an answer");
  }
  if (*head_end > kHeadBytesMax) return fail(Errc::kCorrupt, "the head of the answer is too long");
  const Result<ResponseHead> head =
      parse_response_head(std::string_view(bytes).substr(0, *head_end));
  if (!head) return tl::unexpected(head.error());
  Body body(*head, limits_.body_bytes_max);
  std::uint64_t received = bytes.size() - *head_end;
  if (auto taken = body.take(std::string_view(bytes).substr(*head_end)); !taken)
    return tl::unexpected(taken.error());
  std::string block;
  while (!body.is_over()) {
    block.clear();
    const Result<std::size_t> count = connection->receive(block, by);
    if (!count) return tl::unexpected(count.error());
    if (*count == 0) {
      if (auto closed = body.close(); !closed) return tl::unexpected(closed.error());
      break;
    }
    received += *count;
    if (auto taken = body.take(block); !taken) return tl::unexpected(taken.error());
  }
  HttpWhole whole{HttpReply{.status = head->status, .retry_after = head->retry_after}, head->etag};
  whole.reply.body = body.take_text();
  // Nothing may be left of this answer.
  if (sent && head->keep_alive && head->body_bytes && received == *head->body_bytes)
    idle_ = std::move(connection);
  return whole;
}
}  // namespace tocsin::api
