#include "api/secrets/sealed_secret.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstddef>
#include <memory>

#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
constexpr std::string_view kPrefix = "v1:";
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kSecretBytesMax = std::size_t{16} << 20;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string to_base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // OpenSSL writes a final zero
  const int length =
      EVP_EncodeBlock(bytes_of(text), bytes_of(bytes), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}
// Empty for what is no base64 with its padding.
std::string from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > kSecretBytesMax * 2) return {};
  std::string bytes(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(bytes_of(bytes), bytes_of(text), static_cast<int>(text.size())) < 0)
    return {};
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  bytes.resize(bytes.size() - padding);
  return to_base64(bytes) == text ? bytes : std::string();
}

tl::unexpected<Error> damaged(std::string_view place) {
  return fail(Errc::kCorrupt,
              fmt::format("the secret of {} is damaged or was changed: restore the data directory "
                          "from a copy, or remove the secret (`tocsin secrets discard`)",
                          place));
}
}  // namespace

Result<std::string> seal_secret(const SecretKeys& keys, std::string_view place,
                                std::string_view secret) {
  TOCSIN_ASSERT(secret.size() <= kSecretBytesMax, "secrets are small");
  const SecretKey& key = keys.current();
  std::string bytes(kNonceBytes + secret.size() + kTagBytes, '\0');
  if (RAND_bytes(bytes_of(bytes), static_cast<int>(kNonceBytes)) != 1)
    return fail(Errc::kIo, "the system gives no random bytes to encrypt with");
  const Context context(EVP_CIPHER_CTX_new());
  unsigned char* const cipher = bytes_of(bytes) + kNonceBytes;
  int length = 0;
  int rest = 0;
  const bool is_done =
      context &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                         key.bytes(KeyUse::kSecrets).data(), bytes_of(bytes)) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &length, bytes_of(place),
                        static_cast<int>(place.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), cipher, &length, bytes_of(secret),
                        static_cast<int>(secret.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), cipher + length, &rest) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                          cipher + secret.size()) == 1;
  if (!is_done) return fail(Errc::kInternal, "a secret could not be encrypted");
  return fmt::format("{}{}:{}", kPrefix, key.id(), to_base64(bytes));
}

std::string_view key_of_sealed(std::string_view sealed) {
  if (!sealed.starts_with(kPrefix)) return {};
  sealed.remove_prefix(kPrefix.size());
  const std::size_t colon = sealed.find(':');
  return colon == std::string_view::npos ? std::string_view() : sealed.substr(0, colon);
}

Result<std::string> open_secret(const SecretKeys& keys, std::string_view place,
                                std::string_view sealed) {
  const std::string_view id = key_of_sealed(sealed);
  if (id.empty()) return damaged(place);
  const SecretKey* const key = keys.find(id);
  if (key == nullptr) {
    return fail(Errc::kDenied,
                missing_key_text(fmt::format("the secret of {} is encrypted", place), id, keys));
  }
  std::string bytes = from_base64(sealed.substr(kPrefix.size() + id.size() + 1));
  if (bytes.size() < kNonceBytes + kTagBytes) return damaged(place);
  const std::size_t size = bytes.size() - kNonceBytes - kTagBytes;
  std::string secret(size, '\0');
  unsigned char last[16];
  const Context context(EVP_CIPHER_CTX_new());
  const unsigned char* const cipher = bytes_of(bytes) + kNonceBytes;
  int length = 0;
  const bool is_good =
      context &&
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                         key->bytes(KeyUse::kSecrets).data(), bytes_of(bytes)) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &length, bytes_of(place),
                        static_cast<int>(place.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), bytes_of(secret), &length, cipher, static_cast<int>(size)) ==
          1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagBytes),
                          bytes_of(bytes) + kNonceBytes + size) == 1 &&
      EVP_DecryptFinal_ex(context.get(), last, &length) == 1;
  if (!is_good) return damaged(place);
  return secret;
}
}  // namespace tocsin::api
