// Sign-in by OpenID Connect: keys and signatures, what a token has to say, and what a browser keeps
// of a sign-in.
#include <doctest/doctest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/base/base64url.h"
#include "api/openid/id_token.h"
#include "api/openid/issuer_keys.h"
#include "api/openid/sign_in_ticket.h"

namespace tocsin::api {
namespace {
using nlohmann::json;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
// A pair of keys, as an issuer has it.
struct SigningKey {
  SigningKey(const std::string& algorithm_in, const std::string& id_in, std::size_t rsa_bits = 2048)
      : algorithm(algorithm_in), id(id_in) {
    if (algorithm == "EdDSA") {
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    } else if (algorithm.starts_with("ES")) {
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve()));
    } else {
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", rsa_bits));
    }
    REQUIRE(key != nullptr);
  }
  const char* curve() const {
    return algorithm == "ES256" ? "P-256" : algorithm == "ES384" ? "P-384" : "P-521";
  }
  int coordinate() const { return algorithm == "ES256" ? 32 : algorithm == "ES384" ? 48 : 66; }
  std::string number(const char* name, int size = 0) const {
    BIGNUM* value = nullptr;
    REQUIRE(EVP_PKEY_get_bn_param(key.get(), name, &value) == 1);
    std::string bytes(static_cast<std::size_t>(size > 0 ? size : BN_num_bytes(value)), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()),
                 static_cast<int>(bytes.size()));
    BN_free(value);
    return base64url(bytes);
  }
  json jwk() const {
    json made = {{"kid", id}, {"use", "sig"}};
    if (algorithm == "EdDSA") {
      std::string bytes(32, '\0');
      std::size_t size = bytes.size();
      REQUIRE(EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(bytes.data()),
                                          &size) == 1);
      made.update({{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", base64url(bytes)}});
    } else if (algorithm.starts_with("ES")) {
      made.update({{"kty", "EC"},
                   {"crv", curve()},
                   {"x", number(OSSL_PKEY_PARAM_EC_PUB_X, coordinate())},
                   {"y", number(OSSL_PKEY_PARAM_EC_PUB_Y, coordinate())}});
    } else {
      made.update({{"kty", "RSA"},
                   {"n", number(OSSL_PKEY_PARAM_RSA_N)},
                   {"e", number(OSSL_PKEY_PARAM_RSA_E)}});
    }
    return made;
  }
  // As JWS has it (RFC 7518).
  std::string sign(const std::string& text) const {
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* settings = nullptr;
    const std::string digest = algorithm == "EdDSA" ? "" : "SHA" + algorithm.substr(2);
    REQUIRE(EVP_DigestSignInit_ex(context, &settings, digest.empty() ? nullptr : digest.c_str(),
                                  nullptr, nullptr, key.get(), nullptr) == 1);
    if (algorithm.starts_with("PS")) {
      EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST);
    }
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    REQUIRE(EVP_DigestSign(context, nullptr, &size, bytes, text.size()) == 1);
    std::string signature(size, '\0');
    REQUIRE(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                           bytes, text.size()) == 1);
    signature.resize(size);
    EVP_MD_CTX_free(context);
    if (!algorithm.starts_with("ES")) return signature;
    const auto* der = reinterpret_cast<const unsigned char*>(signature.data());
    ECDSA_SIG* const both = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
    std::string raw(static_cast<std::size_t>(2 * coordinate()), '\0');
    auto* const to = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(both), to, coordinate());
    BN_bn2binpad(ECDSA_SIG_get0_s(both), to + coordinate(), coordinate());
    ECDSA_SIG_free(both);
    return raw;
  }
  std::string token(const json& claims, json head = json::object()) const {
    head.update({{"alg", head.value("alg", algorithm)}, {"kid", head.value("kid", id)}});
    const std::string text = base64url(head.dump()) + "." + base64url(claims.dump());
    return text + "." + base64url(sign(text));
  }

  std::string algorithm;
  std::string id;
  std::unique_ptr<EVP_PKEY, FreeKey> key;
};

IssuerKeys keys_of(const std::vector<json>& jwks) {
  auto keys = IssuerKeys::parse(json{{"keys", jwks}}.dump());
  REQUIRE(keys);
  return *std::move(keys);
}

constexpr std::int64_t kNow = 1'772'452'800;
const TokenExpectation kExpected{"https://login.example", "tocsin", "n1", kNow};
json claims() {
  return {{"iss", "https://login.example"},
          {"aud", "tocsin"},
          {"nonce", "n1"},
          {"exp", kNow + 300},
          {"iat", kNow},
          {"sub", "1"},
          {"email", "ada@bank.example"},
          {"email_verified", true},
          {"groups", {"fraud", "x"}}};
}

TEST_CASE("openid: base64url is read strictly") {
  for (const char* bytes : {"", "f", "fo", "foo", "foob", "\xff\xfe\xfd"})
    CHECK(decode_base64url(base64url(bytes)) == bytes);
  CHECK(base64url("\xff\xfe\xfd") == "__79");
  for (const char* bad : {"A", "AAAAA", "AA==", "A+", "A/", "AB", "AAB", "A A"}) {
    CAPTURE(bad);
    CHECK_FALSE(decode_base64url(bad));
  }
}

TEST_CASE("openid: a signature counts by the key and the algorithm that made it, and by no other") {
  std::vector<std::unique_ptr<SigningKey>> all;
  std::vector<json> jwks;
  for (const char* name : {"RS256", "PS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"}) {
    all.push_back(std::make_unique<SigningKey>(name, std::string("key-") + name));
    jwks.push_back(all.back()->jwk());
  }
  const IssuerKeys keys = keys_of(jwks);
  for (const auto& one : all) {
    CAPTURE(one->algorithm);
    std::string signature = one->sign("text");
    CHECK(keys.verify(one->algorithm, one->id, "text", signature));
    CHECK(keys.verify(one->algorithm, one->id, "texT", signature).error().code == Errc::kDenied);
    for (const auto& other : all) {
      if (other == one) continue;
      CHECK_FALSE(keys.verify(one->algorithm, other->id, "text", signature));
      CHECK_FALSE(keys.verify(other->algorithm, one->id, "text", signature));
    }
    signature.back() = static_cast<char>(signature.back() ^ 1);
    CHECK_FALSE(keys.verify(one->algorithm, one->id, "text", signature));
    CHECK_FALSE(keys.verify(one->algorithm, one->id, "text", ""));
    CHECK_FALSE(keys.verify(one->algorithm, one->id, "text", signature.substr(1)));
  }
  // Without an id the only key that fits is taken; where there are two, none.
  const std::string signature = all[3]->sign("text");
  CHECK(keys.verify("ES256", "", "text", signature));
  CHECK_FALSE(keys.verify("RS256", "", "text", all[0]->sign("text")));
  CHECK(keys.verify("ES256", "other", "text", signature).error().code == Errc::kNotFound);
  for (const char* name : {"none", "HS256", "", "es256"})
    CHECK_FALSE(keys.verify(name, "key-ES256", "text", signature));
}

TEST_CASE("openid: keys that are weak, for something else, or not known are passed over") {
  const SigningKey small("RS256", "small", 1024);
  const SigningKey good("RS256", "good");
  json bound = good.jwk();
  bound["alg"] = "RS512";
  json other_use = good.jwk();
  other_use["use"] = "enc";
  CHECK_FALSE(keys_of({small.jwk()}).has("small"));
  CHECK_FALSE(keys_of({other_use}).has("good"));
  CHECK_FALSE(keys_of({{{"kty", "oct"}, {"kid", "good"}, {"k", "AAAA"}}}).has("good"));
  json damaged = SigningKey("ES256", "e").jwk();
  damaged["x"] = base64url(std::string(32, 'x'));  // no point of the curve
  CHECK_FALSE(keys_of({damaged}).has("e"));
  CHECK_FALSE(keys_of({bound}).verify("RS256", "good", "text", good.sign("text")));
  CHECK(keys_of({{{"kty", "new"}}, good.jwk()}).verify("RS256", "good", "text", good.sign("text")));
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})"}) CHECK_FALSE(IssuerKeys::parse(text));
}

TEST_CASE("openid: a token counts for this client, this sign-in and this time") {
  const SigningKey key("ES256", "k");
  const IssuerKeys keys = keys_of({key.jwk()});
  const auto read = [&](const json& with, const PersonClaims& person = {}) {
    json all = claims();
    for (const auto& [name, value] : with.items()) {
      if (value.is_null()) {
        all.erase(name);
      } else {
        all[name] = value;
      }
    }
    return read_id_token(key.token(all), keys, kExpected, person);
  };
  const auto whole = read(json::object());
  REQUIRE(whole);
  CHECK(whole->name == "ada@bank.example");
  CHECK(whole->groups == std::vector<std::string>{"fraud", "x"});
  for (const json& with : std::vector<json>{{{"iss", "https://login.example/"}},
                                            {{"iss", nullptr}},
                                            {{"aud", "other"}},
                                            {{"aud", nullptr}},
                                            {{"aud", json::array()}},
                                            {{"aud", {"tocsin", "other"}}},
                                            {{"aud", {"tocsin", "other"}}, {"azp", "other"}},
                                            {{"azp", "other"}},
                                            {{"nonce", "n2"}},
                                            {{"nonce", nullptr}},
                                            {{"exp", kNow - 60}},
                                            {{"exp", nullptr}},
                                            {{"exp", "soon"}},
                                            {{"iat", kNow + 61}},
                                            {{"iat", nullptr}},
                                            {{"nbf", kNow + 61}},
                                            {{"email", nullptr}},
                                            {{"email", 5}},
                                            {{"email_verified", nullptr}},
                                            {{"email_verified", false}},
                                            {{"email_verified", "true"}}}) {
    CAPTURE(with.dump());
    const auto refused = read(with);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kDenied);
  }
  for (const json& with : std::vector<json>{{{"aud", {"tocsin"}}},
                                            {{"aud", {"tocsin", "other"}}, {"azp", "tocsin"}},
                                            {{"exp", kNow - 59}},
                                            {{"iat", kNow + 60}},
                                            {{"nbf", kNow + 60}},
                                            {{"groups", nullptr}},
                                            {{"groups", "one"}},
                                            {{"groups", 5}}}) {
    CAPTURE(with.dump());
    CHECK(read(with));
  }
  CHECK(read({{"groups", "one"}})->groups == std::vector<std::string>{"one"});
  // Other claims need no mail address.
  CHECK(read({{"email", nullptr}}, {"sub", "roles"})->name == "1");
  CHECK_FALSE(read({}, {"upn", "groups"}));
}

TEST_CASE("openid: what is no token, or is signed otherwise, is refused") {
  const SigningKey key("ES256", "k");
  const SigningKey stranger("ES256", "k");
  const SigningKey next("ES256", "next");
  const IssuerKeys keys = keys_of({key.jwk()});
  const auto code = [&](const std::string& token) {
    const auto read = read_id_token(token, keys, kExpected, {});
    return read ? std::optional<Errc>() : std::optional(read.error().code);
  };
  const std::string good = key.token(claims());
  CHECK_FALSE(code(good));
  CHECK(code(stranger.token(claims())) == Errc::kDenied);
  CHECK(code(next.token(claims())) == Errc::kNotFound);
  CHECK(code(key.token(claims(), {{"alg", "none"}})) == Errc::kDenied);
  CHECK(code(key.token(claims(), {{"crit", {"b64"}}})) == Errc::kDenied);
  for (const std::string& bad :
       {std::string(), std::string("a.b"), good + ".x", good + "=", "." + good,
        good.substr(0, good.rfind('.') + 1), std::string(70'000, 'a') + ".b.c"})
    CHECK(code(bad) == Errc::kDenied);
}

TEST_CASE("openid: a ticket is of one process and one sign-in, for ten minutes") {
  const SignInTickets tickets = *SignInTickets::make();
  const auto [ticket, begun] = *tickets.begin("/console/rules?x=1", kNow);
  const auto read = tickets.read(ticket, kNow + 600);
  REQUIRE(read);
  CHECK(read->state == begun.state);
  CHECK(read->nonce == begun.nonce);
  CHECK(read->verifier == begun.verifier);
  CHECK(read->verifier.size() == 43);  // the least of RFC 7636
  CHECK(read->place == "/console/rules?x=1");
  CHECK(begun.state != begun.nonce);
  CHECK(begun.nonce != begun.verifier);
  CHECK_FALSE(tickets.read(ticket, kNow + 601));
  CHECK_FALSE(tickets.read(ticket, kNow - 1));
  CHECK(tickets.begin("/console/", kNow)->second.state != begun.state);
  CHECK(SignInTickets::make()->read(ticket, kNow)->state != begun.state);
  // Whoever changes the time or the place has another state than the issuer was sent.
  const std::size_t dot = ticket.find('.');
  const std::string later =
      ticket.substr(0, dot + 1) + std::to_string(kNow + 1) + ticket.substr(ticket.rfind('.'));
  const auto moved = tickets.read(later, kNow + 1);
  REQUIRE(moved);
  CHECK(moved->state != begun.state);
  const auto elsewhere = tickets.read(ticket + base64url("f!!"), kNow);
  REQUIRE(elsewhere);
  CHECK(elsewhere->place == "/console/rules?x=1f!!");
  CHECK(elsewhere->state != begun.state);
  CHECK_FALSE(tickets.read(ticket + "2f", kNow));  // not how one byte is written
  for (const char* bad : {"", ".", "..", "a.b.c", "a.-5.", "a.9223372036854775808."})
    CHECK_FALSE(tickets.read(bad, kNow));
  // RFC 7636, appendix B.
  CHECK(code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") ==
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}
}  // namespace
}  // namespace tocsin::api
