/// Which servers a client believes.
#pragma once
#include <memory>

#include "cep/base/result.h"

struct ssl_ctx_st;

namespace tocsin::api {
/// What TLS trusts: the system's certificate authorities, TLS 1.2 and later.
/// Threading: shared by all connections.
class TlsTrust {
 public:
  /// Errors: kIo when the system's trust store cannot be read.
  static Result<std::shared_ptr<const TlsTrust>> system();
  ~TlsTrust();
  TlsTrust(const TlsTrust&) = delete;
  TlsTrust& operator=(const TlsTrust&) = delete;
  ssl_ctx_st* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  TlsTrust() = default;
  std::unique_ptr<ssl_ctx_st, Free> context_;
};
}  // namespace tocsin::api
