#include "api/net/tls_identity.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

namespace tocsin::api {
namespace {
// "h2" and others are not offered; a client that names protocols gets the one that is spoken.
constexpr std::array<unsigned char, 9> kProtocols = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
// Forward secrecy and authenticated encryption; those of TLS 1.3 all are.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

std::string reason() {
  const unsigned long error = ERR_peek_last_error();
  const char* const text = error == 0 ? nullptr : ERR_reason_error_string(error);
  ERR_clear_error();
  return text == nullptr ? "it is not what it should be" : text;
}
Result<void> check_readable(const std::string& what, const std::string& file) {
  if (std::FILE* const opened = std::fopen(file.c_str(), "rb"); opened != nullptr) {
    std::fclose(opened);
    return {};
  }
  return fail(Errc::kIo, fmt::format("{} {}: {}", what, file, std::strerror(errno)));
}
tl::unexpected<Error> bad_file(const std::string& what, const std::string& file) {
  return fail(Errc::kInvalidArgument, fmt::format("{} {}: {}", what, file, reason()));
}

int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void* /*context*/) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kProtocols.data(),
                            static_cast<unsigned int>(kProtocols.size()), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}
// A key with a passphrase is refused; nobody is there to type it.
int no_passphrase(char* /*to*/, int /*size*/, int /*writes*/, void* /*context*/) { return -1; }

std::string text_of(const ASN1_TIME* time) {
  std::tm fields{};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return "an unknown time";
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", fields.tm_year + 1900,
                     fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min,
                     fields.tm_sec);
}
}  // namespace

void TlsIdentity::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
TlsIdentity::~TlsIdentity() = default;

Result<std::shared_ptr<const TlsIdentity>> TlsIdentity::load(const TlsFiles& files) {
  std::shared_ptr<TlsIdentity> identity(new TlsIdentity);
  ERR_clear_error();
  if (auto read = identity->read(files); !read) return tl::unexpected(read.error());
  return identity;
}

Result<void> TlsIdentity::read(const TlsFiles& files) {
  context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = context_.get();
  if (context == nullptr) return fail(Errc::kInternal, "TLS cannot be set up: " + reason());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphers);
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // What was sent in part may lie elsewhere when it is sent again; what waits holds no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // Sessions are in tickets, which clients keep.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  constexpr std::string_view kContext = "tocsin";
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kContext.data()),
                                 kContext.size());
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);

  const std::string certificate = "the certificate";
  if (auto readable = check_readable(certificate, files.certificate); !readable) return readable;
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return bad_file(certificate, files.certificate);
  }
  if (auto checked = check_certificate(files.certificate); !checked) return checked;
  const std::string key = "the key";
  if (auto readable = check_readable(key, files.key); !readable) return readable;
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return bad_file(key, files.key);
  }
  return files.clients.empty() ? Result<void>() : read_clients(files);
}

Result<void> TlsIdentity::read_clients(const TlsFiles& files) {
  SSL_CTX* const context = context_.get();
  const std::string clients = "the authorities of clients";
  if (auto readable = check_readable(clients, files.clients); !readable) return readable;
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(files.clients.c_str());
  if (names == nullptr ||
      SSL_CTX_load_verify_locations(context, files.clients.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return bad_file(clients, files.clients);
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  if (files.revoked.empty()) return {};
  Result<RevocationLists> lists = RevocationLists::read(files.revoked, files.clients);
  if (!lists) return tl::unexpected(lists.error());
  revoked_ = *std::move(lists);
  revoked_->require_in(*SSL_CTX_get_cert_store(context));
  // A resumed connection would not be checked against lists that are out of date by then.
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  return {};
}

Result<void> TlsIdentity::check_certificate(const std::string& file) {
  const X509* const certificate = SSL_CTX_get0_certificate(context_.get());
  const ASN1_TIME* const begins = X509_get0_notBefore(certificate);
  const ASN1_TIME* const ends = X509_get0_notAfter(certificate);
  if (X509_cmp_current_time(begins) > 0) {
    return fail(Errc::kInvalidArgument,
                fmt::format("the certificate {} holds from {} on", file, text_of(begins)));
  }
  if (X509_cmp_current_time(ends) < 0) {
    return fail(Errc::kInvalidArgument,
                fmt::format("the certificate {} has ended at {}", file, text_of(ends)));
  }
  std::array<char, 256> name{};
  X509_NAME_oneline(X509_get_subject_name(certificate), name.data(), static_cast<int>(name.size()));
  description_ = fmt::format("{}, until {}", name.data(), text_of(ends));
  return {};
}
}  // namespace tocsin::api
