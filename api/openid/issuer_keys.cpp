#include "api/openid/issuer_keys.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "api/base/base64url.h"

namespace tocsin::api {
namespace {
using nlohmann::json;
constexpr int kRsaBitsMin = 2048;
constexpr std::size_t kKeysMax = 100;

struct FreeAny {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(OSSL_PARAM_BLD* build) const { OSSL_PARAM_BLD_free(build); }
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};
template <typename T>
using Owned = std::unique_ptr<T, FreeAny>;

struct Curve {
  std::string_view name;  // as a JWK has it
  const char* group;      // as OpenSSL has it
  std::size_t size;       // of a coordinate
};
constexpr std::array<Curve, 3> kCurves = {
    {{"P-256", "P-256", 32}, {"P-384", "P-384", 48}, {"P-521", "P-521", 66}}};

struct Algorithm {
  std::string_view name;
  std::string_view curve;  // of the keys that it fits
  const char* digest;      // null: its own
  bool is_pss;
};
constexpr std::array<Algorithm, 10> kAlgorithms = {{{"RS256", "RSA", "SHA256", false},
                                                    {"RS384", "RSA", "SHA384", false},
                                                    {"RS512", "RSA", "SHA512", false},
                                                    {"PS256", "RSA", "SHA256", true},
                                                    {"PS384", "RSA", "SHA384", true},
                                                    {"PS512", "RSA", "SHA512", true},
                                                    {"ES256", "P-256", "SHA256", false},
                                                    {"ES384", "P-384", "SHA384", false},
                                                    {"ES512", "P-521", "SHA512", false},
                                                    {"EdDSA", "Ed25519", nullptr, false}}};

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
std::string text_of(const json& key, const char* name) {
  const auto found = key.find(name);
  return found != key.end() && found->is_string() ? found->get<std::string>() : std::string();
}
// A member's bytes; nothing where it is missing or no base64url.
std::optional<std::string> decoded(const json& key, const char* name) {
  auto bytes = decode_base64url(text_of(key, name));
  return bytes && !bytes->empty() ? std::move(bytes) : std::nullopt;
}
Owned<BIGNUM> number_of(std::string_view bytes) {
  return Owned<BIGNUM>(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

EVP_PKEY* key_of(const char* type, OSSL_PARAM_BLD* build) {
  const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(build));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  return key;
}

EVP_PKEY* rsa_key(const json& jwk) {
  const auto modulus = decoded(jwk, "n");
  const auto exponent = decoded(jwk, "e");
  if (!modulus || !exponent) return nullptr;
  const Owned<BIGNUM> n = number_of(*modulus);
  const Owned<BIGNUM> e = number_of(*exponent);
  const Owned<OSSL_PARAM_BLD> build(OSSL_PARAM_BLD_new());
  if (!n || !e || !build || BN_num_bits(n.get()) < kRsaBitsMin ||
      OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  return key_of("RSA", build.get());
}

EVP_PKEY* ec_key(const json& jwk, const Curve& curve) {
  const auto x = decoded(jwk, "x");
  const auto y = decoded(jwk, "y");
  if (!x || !y || x->size() != curve.size || y->size() != curve.size) return nullptr;
  const std::string point = "\x04" + *x + *y;
  const Owned<OSSL_PARAM_BLD> build(OSSL_PARAM_BLD_new());
  if (!build ||
      OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1)
    return nullptr;
  return key_of("EC", build.get());
}

EVP_PKEY* ed_key(const json& jwk) {
  const auto x = decoded(jwk, "x");
  if (!x || x->size() != 32) return nullptr;
  return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*x), x->size());
}

// A key, and which algorithms it fits; null for what is not known.
std::pair<EVP_PKEY*, std::string> read_key(const json& jwk) {
  const std::string type = text_of(jwk, "kty");
  const std::string name = text_of(jwk, "crv");
  if (type == "RSA") return {rsa_key(jwk), "RSA"};
  if (type == "OKP" && name == "Ed25519") return {ed_key(jwk), name};
  const auto* const curve = std::ranges::find(kCurves, name, &Curve::name);
  if (type == "EC" && curve != kCurves.end()) return {ec_key(jwk, *curve), name};
  return {nullptr, {}};
}

// A signature of JWS (RFC 7518, 3.4), two numbers of one size, as OpenSSL takes it; empty: it is
// none.
std::string der_of(std::string_view signature, std::size_t size) {
  if (signature.size() != 2 * size) return {};
  const Owned<ECDSA_SIG> both(ECDSA_SIG_new());
  Owned<BIGNUM> r = number_of(signature.substr(0, size));
  Owned<BIGNUM> s = number_of(signature.substr(size));
  if (!both || !r || !s || ECDSA_SIG_set0(both.get(), r.get(), s.get()) != 1) return {};
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  unsigned char* bytes = nullptr;
  const int length = i2d_ECDSA_SIG(both.get(), &bytes);
  const Owned<unsigned char> owned(bytes);
  return length > 0 ? std::string(bytes, bytes + length) : std::string();
}

bool is_signed(EVP_PKEY* key, const Algorithm& algorithm, std::string_view text,
               std::string_view signature) {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;
  const bool is_ready = context &&
                        EVP_DigestVerifyInit_ex(context.get(), &settings, algorithm.digest, nullptr,
                                                nullptr, key, nullptr) == 1 &&
                        (!algorithm.is_pss ||
                         (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1 &&
                          EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) == 1));
  const bool is_good =
      is_ready && EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                   bytes_of(text), text.size()) == 1;
  ERR_clear_error();
  return is_good;
}
}  // namespace

Result<IssuerKeys> IssuerKeys::parse(std::string_view text) {
  const json set = json::parse(text, nullptr, false);
  const auto list = set.is_object() ? set.find("keys") : set.end();
  if (!set.is_object() || list == set.end() || !list->is_array())
    return fail(Errc::kInvalidArgument, "this is no set of keys (JWK)");
  IssuerKeys keys;
  for (const json& jwk : *list) {
    if (!jwk.is_object() || keys.keys_.size() == kKeysMax) continue;
    if (const std::string use = text_of(jwk, "use"); !use.empty() && use != "sig") continue;
    auto [key, curve] = read_key(jwk);
    ERR_clear_error();
    if (key == nullptr) continue;
    keys.keys_.push_back({text_of(jwk, "kid"), text_of(jwk, "alg"), std::move(curve),
                          std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free)});
  }
  return keys;
}

bool IssuerKeys::has(std::string_view id) const {
  return std::ranges::any_of(keys_, [&](const Key& key) { return key.id == id; });
}

Result<void> IssuerKeys::verify(std::string_view name, std::string_view id,
                                std::string_view signed_text, std::string_view signature) const {
  const auto* const algorithm = std::ranges::find(kAlgorithms, name, &Algorithm::name);
  if (algorithm == kAlgorithms.end())
    return fail(Errc::kDenied, fmt::format("tokens signed by `{}` are not taken", name));
  if (!id.empty() && !has(id))
    return fail(Errc::kNotFound, fmt::format("the issuer has no key `{}`", id));
  const Key* fitting = nullptr;
  for (const Key& key : keys_) {
    if ((!id.empty() && key.id != id) || key.curve != algorithm->curve ||
        (!key.algorithm.empty() && key.algorithm != name))
      continue;
    if (fitting != nullptr)
      return fail(Errc::kDenied, "several keys of the issuer fit, and the token names none");
    fitting = &key;
  }
  if (fitting == nullptr)
    return fail(Errc::kDenied, fmt::format("no key of the issuer fits the algorithm {}", name));
  std::string bytes(signature);
  if (const auto* const curve = std::ranges::find(kCurves, fitting->curve, &Curve::name);
      curve != kCurves.end())
    bytes = der_of(signature, curve->size);
  if (bytes.empty() || !is_signed(fitting->key.get(), *algorithm, signed_text, bytes))
    return fail(Errc::kDenied, "the signature is not that of the issuer");
  return {};
}
}  // namespace tocsin::api
