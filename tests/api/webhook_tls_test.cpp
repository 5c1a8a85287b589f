// The client over TLS, against a server with a certificate made here.
#include <doctest/doctest.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "api/outbound/webhook_client.h"

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;

struct Certificate {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
  std::unique_ptr<X509, decltype(&X509_free)> x509{X509_new(), X509_free};
};

// A self-signed certificate of 127.0.0.1, valid for an hour from `begins_s` seconds from now.
Certificate make_certificate(long begins_s) {
  Certificate made;
  X509* const x509 = made.x509.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), begins_s);
  X509_gmtime_adj(X509_getm_notAfter(x509), begins_s + 3600);
  X509_set_pubkey(x509, made.key.get());
  X509_NAME* const name = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("tocsin test"), -1, -1, 0);
  X509_set_issuer_name(x509, name);
  X509_EXTENSION* const address =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
  X509_add_ext(x509, address, -1);
  X509_EXTENSION_free(address);
  REQUIRE(X509_sign(x509, made.key.get(), EVP_sha256()) > 0);
  return made;
}

/// An https server that answers every POST with 200.
class TlsServer {
 public:
  explicit TlsServer(const Certificate& certificate)
      : server_(certificate.x509.get(), certificate.key.get()) {
    REQUIRE(server_.is_valid());
    server_.set_keep_alive_timeout(1);
    server_.Post(".*", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(request.body, "text/plain");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~TlsServer() {
    server_.stop();
    thread_.join();
  }
  std::string url(const std::string& host) const {
    return "https://" + host + ":" + std::to_string(port_) + "/";
  }

 private:
  httplib::SSLServer server_;
  int port_ = 0;
  std::thread thread_;
};

/// Makes one certificate, or none, all that the process trusts, while it lives.
class Trusted {
 public:
  explicit Trusted(const Certificate* certificate)
      : path_((std::filesystem::temp_directory_path() / "tocsin_webhook_tls_test.pem").string()) {
    std::FILE* const file = std::fopen(path_.c_str(), "w");
    REQUIRE(file != nullptr);
    if (certificate != nullptr) PEM_write_X509(file, certificate->x509.get());
    std::fclose(file);
    setenv("SSL_CERT_FILE", path_.c_str(), 1);
  }
  ~Trusted() {
    unsetenv("SSL_CERT_FILE");
    std::filesystem::remove(path_);
  }
  Trusted(const Trusted&) = delete;
  Trusted& operator=(const Trusted&) = delete;

 private:
  std::string path_;
};

HttpReply post_twice(const std::string& url, std::string_view body) {
  auto client = make_webhook_client(*parse_webhook_url(url), {.connect = 5s, .total = 10s});
  REQUIRE(client.has_value());
  const HttpReply first = (*client)->post({}, body);
  HttpReply second = (*client)->post({}, body);  // on the same connection, if it was kept
  CHECK(first.status == second.status);
  CHECK(first.error == second.error);
  return second;
}

TEST_CASE("webhook tls: a trusted certificate for this host") {
  const Certificate certificate = make_certificate(-60);
  const TlsServer server(certificate);
  const Trusted trusted(&certificate);
  CHECK(post_twice(server.url("127.0.0.1"), "{}").status == 200);
  CHECK(post_twice(server.url("127.0.0.1"), std::string(3 << 20, ' ')).status == 200);
}

TEST_CASE("webhook tls: nothing is sent to one who cannot prove who he is") {
  struct Row {
    const char* name;
    long begins_s;
    bool is_trusted;
    const char* host;
    const char* error;
  };
  const Row rows[] = {
      {"unknown authority", -60, false, "127.0.0.1", "its certificate is not valid: self"},
      {"not yet valid", 600, true, "127.0.0.1",
       "its certificate is not valid: certificate is not yet valid"},
      {"expired", -7200, true, "127.0.0.1",
       "its certificate is not valid: certificate has expired"},
      {"another host", -60, true, "localhost", "its certificate is not valid: hostname mismatch"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Certificate certificate = make_certificate(row.begins_s);
    const TlsServer server(certificate);
    const Trusted trusted(row.is_trusted ? &certificate : nullptr);
    const HttpReply reply = post_twice(server.url(row.host), "{}");
    CAPTURE(reply.error);
    CHECK(reply.status == 0);
    CHECK(reply.error.starts_with(row.error));
  }
}
}  // namespace
}  // namespace tocsin::api
