#include "api/outbound/tls_trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string>

namespace tocsin::api {
namespace {
// The oldest entry of OpenSSL's error queue, which is emptied.
std::string tls_message() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "no reason is given" : reason;
}
}  // namespace

void TlsTrust::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
TlsTrust::~TlsTrust() = default;

Result<std::shared_ptr<const TlsTrust>> TlsTrust::system() {
  std::shared_ptr<TlsTrust> trust(new TlsTrust);
  trust->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = trust->context_.get();
  if (context == nullptr) return fail(Errc::kInternal, "TLS cannot be set up: " + tls_message());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_set_default_verify_paths(context) != 1)
    return fail(Errc::kIo, "the system's certificate authorities cannot be read: " + tls_message());
  return std::shared_ptr<const TlsTrust>(std::move(trust));
}
}  // namespace tocsin::api
