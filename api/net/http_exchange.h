/// Requests and answers, and who decides what becomes of a request before its body is read.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/net/http_head.h"
#include "api/net/http_stream.h"
#include "api/proxy/client_certificate.h"

namespace tocsin::api {
/// One request, whole.
class HttpRequest {
 public:
  HttpRequest(RequestHead head, std::string remote, std::string body = {})
      : head_(std::move(head)), remote_(std::move(remote)), body_(std::move(body)) {}
  const RequestHead& head() const { return head_; }
  /// The client's address, without its port.
  const std::string& remote() const { return remote_; }
  /// Who sent it, without another: the client, or the proxy that is nearest.
  const std::string& sender() const { return sender_.empty() ? remote_ : sender_; }
  /// The certificate of who sent it; null: there is none, or nobody checked it.
  const ClientCertificate* certificate() const { return certificate_.get(); }
  /// Without an address it is the client.
  void set_sender(std::string address, std::shared_ptr<const ClientCertificate> certificate) {
    sender_ = std::move(address);
    certificate_ = std::move(certificate);
  }
  /// As it was sent: packed where Content-Encoding says so. Empty before it is read.
  const std::string& body() const { return body_; }
  /// The same for whom it is the last one to ask.
  std::string take_body() { return std::exchange(body_, {}); }
  void set_body(std::string body) { body_ = std::move(body); }
  /// The body without its packing, as if it had been sent so.
  void set_unpacked_body(std::string body) {
    std::erase_if(head_.headers,
                  [](const HttpHeader& header) { return header.name == "content-encoding"; });
    head_.content_bytes = body.size();
    body_ = std::move(body);
  }

 protected:
  RequestHead head_;
  std::string remote_;
  std::string sender_;
  std::shared_ptr<const ClientCertificate> certificate_;
  std::string body_;
};
class HttpPromise;
/// Begins what an answer waits for, which answers by the promise. Called once.
using HttpLater = std::function<void(const HttpPromise&)>;
struct HttpResponse {
  int status = 200;
  std::vector<HttpHeader> headers;  // beside Content-Type and the length
  std::string content_type;
  std::string body;
  /// Instead of a body.
  std::shared_ptr<HttpStream> stream = {};
  /// Instead of all that: the answer comes later, and until then the request has no thread. It is
  /// called when the handler has returned; the request lives until the answer is made.
  HttpLater later = {};
};
/// Gives the one answer that was left for later. Copies give the same one: the first that answers
/// does, and where all are gone without, the answer is 500. Threading: any.
class HttpPromise {
 public:
  using Make = std::function<HttpResponse()>;
  /// Called once, on the thread that answers; without `make` where nobody did.
  using Give = std::function<void(Make make, bool is_at_once)>;
  explicit HttpPromise(Give give) : state_(std::make_shared<State>(std::move(give))) {}
  /// `make` is called on the connection's thread if it waits for nothing (`is_at_once`), or else on
  /// a worker. What it throws becomes an answer of 500.
  void answer(Make make, bool is_at_once) const {
    if (!state_->is_given.exchange(true)) state_->give(std::move(make), is_at_once);
  }

 private:
  struct State {
    explicit State(Give give_in) : give(std::move(give_in)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
      if (!is_given) give({}, true);
    }
    const Give give;
    std::atomic<bool> is_given{false};
  };
  std::shared_ptr<State> state_;
};
/// Calls `then` with the answer: now, or once it is made, on the thread that makes it.
inline void when_answered(HttpResponse& response, std::function<void(HttpResponse&)> then) {
  if (!response.later) {
    then(response);
    return;
  }
  response.later = [later = std::move(response.later),
                    then = std::move(then)](const HttpPromise& promise) {
    later(HttpPromise([promise, then](HttpPromise::Make make, bool is_at_once) {
      if (!make) return promise.answer({}, true);
      promise.answer(
          [make = std::move(make), then] {
            HttpResponse answer = make();
            then(answer);
            return answer;
          },
          is_at_once);
    }));
  };
}
/// What becomes of a request of which only the head is there.
struct HttpAdmission {
  std::function<HttpResponse(HttpRequest&)> handle;
  /// False: it is answered without its body, after which the connection closes if it has one.
  bool reads_body = true;
  /// `handle` waits for nothing: it needs no worker.
  bool is_at_once = false;
  std::uint64_t body_bytes_max = UINT64_MAX;
  /// Whose share of places and room it takes: a token, a person or an address; empty: nobody's.
  std::string asker = {};
  /// Likewise, where the body has no more bytes than this. Nothing: whatever it has, it may wait.
  std::optional<std::uint64_t> at_once_bytes_max = {};
};
/// Answers without the body, and without a worker.
inline HttpAdmission answer_at_once(HttpResponse response) {
  return {[response = std::move(response)](HttpRequest&) { return response; }, false, true};
}
/// Called on an I/O thread: it waits for nothing. The request is the one that `handle` gets.
using HttpAdmit = std::function<HttpAdmission(HttpRequest&)>;
/// What is answered to a request that never reaches a handler.
using HttpFaultAnswer = std::function<HttpResponse(const HttpFault&)>;
}  // namespace tocsin::api
