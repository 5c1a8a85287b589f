/// ID tokens (OpenID Connect Core 1.0, section 2; JWT, RFC 7519): what an issuer says of a person.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/openid/issuer_keys.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// What a token has to say besides who somebody is.
struct TokenExpectation {
  std::string issuer;
  std::string client;  // whom it is for
  std::string nonce;   // that it answers
  std::int64_t now_s;  // seconds since the epoch
};
/// Which claims say who somebody is.
struct PersonClaims {
  std::string name = "email";
  std::string groups = "groups";
};
struct ClaimedPerson {
  std::string name;
  std::vector<std::string> groups;
};
/// Reads a token that is signed by one of the keys (section 3.1.3.7). Clocks may differ by a
/// minute. A mail address counts if the issuer says that it is verified. Errors: kNotFound for a
/// key that is not there, which newer keys may have; kDenied for every other reason.
Result<ClaimedPerson> read_id_token(std::string_view token, const IssuerKeys& keys,
                                    const TokenExpectation& expected, const PersonClaims& claims);
}  // namespace tocsin::api
