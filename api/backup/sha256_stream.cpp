#include "api/backup/sha256_stream.h"

#include <openssl/evp.h>

#include "cep/base/assert.h"

namespace tocsin::api {
struct Sha256Stream::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  const bool is_begun =
      state_->context != nullptr && EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1;
  TOCSIN_ASSERT(is_begun, "OpenSSL has SHA-256");
}
Sha256Stream::~Sha256Stream() { EVP_MD_CTX_free(state_->context); }

void Sha256Stream::add(std::string_view bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

cep::Digest Sha256Stream::finish() {
  cep::Digest digest{};
  EVP_DigestFinal_ex(state_->context, digest.data(), nullptr);
  return digest;
}
}  // namespace tocsin::api
