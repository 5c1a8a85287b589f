/// The keys by which an issuer signs (JWK sets, RFC 7517 and 7518).
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"

struct evp_pkey_st;

namespace tocsin::api {
/// Threading: immutable.
class IssuerKeys {
 public:
  /// Reads a JWK set. Keys of kinds, curves and uses that are not known are passed over, as the
  /// specification has it; RSA keys of less than 2,048 bits too. Errors: kInvalidArgument for what
  /// is no set.
  static Result<IssuerKeys> parse(std::string_view text);
  bool has(std::string_view id) const;
  /// Whether a text is signed by the key of that id, or, without an id, by the only one that the
  /// algorithm fits. Algorithms: RS256 to RS512, PS256 to PS512, ES256, ES384, ES512, EdDSA
  /// (Ed25519). A key with an algorithm of its own is for that alone. Errors: kNotFound for an id
  /// that is not there, kDenied for every other reason.
  Result<void> verify(std::string_view algorithm, std::string_view id, std::string_view signed_text,
                      std::string_view signature) const;

 private:
  struct Key {
    std::string id;
    std::string algorithm;  // empty: any that fits
    std::string curve;      // of an EC key; "RSA" and "Ed25519" of others
    std::shared_ptr<evp_pkey_st> key;
  };
  std::vector<Key> keys_;
};
}  // namespace tocsin::api
