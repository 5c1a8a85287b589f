/// Requests and answers, and who decides what becomes of a request before its body is read.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
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
struct HttpResponse {
  int status = 200;
  std::vector<HttpHeader> headers;  // beside Content-Type and the length
  std::string content_type;
  std::string body;
  /// Instead of a body.
  std::shared_ptr<HttpStream> stream = {};
};
/// What becomes of a request of which only the head is there.
struct HttpAdmission {
  std::function<HttpResponse(HttpRequest&)> handle;
  /// False: it is answered without its body, after which the connection closes if it has one.
  bool reads_body = true;
  /// `handle` waits for nothing: it needs no worker.
  bool is_at_once = false;
  std::uint64_t body_bytes_max = UINT64_MAX;
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
