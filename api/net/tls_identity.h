/// Who a server is to its clients, and which clients it trusts: certificates and keys from files.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "api/proxy/revocation_lists.h"
#include "cep/base/result.h"

struct ssl_ctx_st;

namespace tocsin::api {
struct TlsFiles {
  std::string certificate;  // PEM: the server's own, then those between it and the authority
  std::string key;          // PEM, without a passphrase
  std::string clients;      // PEM: authorities of clients' certificates; empty: none is asked for
  std::string revoked;      // PEM: lists of what those have revoked; empty: none is looked at
};
/// TLS 1.2 and 1.3. It does not change; other files are another one. Threading: any.
class TlsIdentity {
 public:
  /// Reads and checks all: that the key belongs to the certificate, and that the certificate holds
  /// now. Errors: kIo for a file that cannot be read, kInvalidArgument for what is in it, naming
  /// the file.
  static Result<std::shared_ptr<const TlsIdentity>> load(const TlsFiles& files);
  ~TlsIdentity();
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;
  /// For new connections, which keep it as long as they need it.
  ssl_ctx_st* context() const { return context_.get(); }
  /// The certificate's subject and the time at which it ends, for people.
  const std::string& description() const { return description_; }
  /// What the authorities of clients have revoked; null: nobody says.
  const RevocationLists* revoked() const { return revoked_ ? &*revoked_ : nullptr; }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  TlsIdentity() = default;
  Result<void> read(const TlsFiles& files);
  Result<void> read_clients(const TlsFiles& files);
  Result<void> check_certificate(const std::string& file);

  std::unique_ptr<ssl_ctx_st, Free> context_;
  std::string description_;
  std::optional<RevocationLists> revoked_;
};
}  // namespace tocsin::api
