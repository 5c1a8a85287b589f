/// What a browser keeps of a sign-in under way: nothing of it is kept here.
///
///   SECRET.SECONDS.PLACE      SECRET random, PLACE base64url of where the browser wants to go
///
/// All that the issuer is sent follows from it by a key of this process (HMAC-SHA256): whoever
/// comes back with the state is the browser that has the ticket.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cep/base/result.h"

namespace tocsin::api {
struct SignIn {
  std::string state;     // that the issuer gives back
  std::string nonce;     // that its token answers
  std::string verifier;  // of which the issuer saw the digest (RFC 7636)
  std::string place;     // a path of the console
  std::int64_t begun_s = 0;
};
/// Threading: immutable.
class SignInTickets {
 public:
  /// With a new key. Fails with kIo where the system has no random bytes.
  static Result<SignInTickets> make();
  /// Begins one, and gives its ticket too. Fails likewise.
  Result<std::pair<std::string, SignIn>> begin(std::string_view place, std::int64_t now_s) const;
  /// That of a ticket, by now_s at most `kLifeS` old; nothing for any other text.
  std::optional<SignIn> read(std::string_view ticket, std::int64_t now_s) const;
  static constexpr std::int64_t kLifeS = 600;

 private:
  SignIn of(std::string_view ticket) const;
  std::string derived(std::string_view purpose, std::string_view ticket) const;
  std::string key_;
};
/// What the issuer is sent of a verifier: S256 of RFC 7636, section 4.2.
std::string code_challenge(std::string_view verifier);
}  // namespace tocsin::api
