// Any bytes as an ID token (OpenID Connect), as its claims or its head, signed as they are, and as
// the keys of an issuer. A person is taken only of a token that says all it has to.
//
//   u8: which of these | text
#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/base/base64url.h"
#include "api/openid/id_token.h"
#include "api/openid/issuer_keys.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
using namespace api;
using nlohmann::json;

constexpr std::int64_t kNow = 1'772'452'800;
constexpr double kSkew = 60;
const TokenExpectation kExpected{"https://login.example", "tocsin", "n1", kNow};
constexpr const char* kHead = R"({"alg":"EdDSA","kid":"k"})";
constexpr const char* kClaims =
    R"({"iss":"https://login.example","aud":"tocsin","nonce":"n1","exp":1772453100,)"
    R"("iat":1772452800,"email":"ada@bank.example","email_verified":true})";

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
// The issuer: its key is the same in each run.
class Issuer {
 public:
  Issuer() {
    std::array<unsigned char, 32> bytes{};
    bytes.fill(7);
    key_.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size()));
    std::string open(32, '\0');
    std::size_t size = open.size();
    EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(open.data()), &size);
    auto parsed = IssuerKeys::parse(
        json{{"keys", {{{"kty", "OKP"}, {"crv", "Ed25519"}, {"kid", "k"}, {"x", base64url(open)}}}}}
            .dump());
    require(parsed.has_value() && parsed->has("k"), "the issuer's key is read");
    keys = std::make_unique<const IssuerKeys>(*std::move(parsed));
  }
  std::string token(std::string_view head, std::string_view claims) const {
    const std::string text = base64url(std::string(head)) + "." + base64url(std::string(claims));
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    std::string signature(64, '\0');
    std::size_t size = signature.size();
    EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key_.get());
    const int made =
        EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    require(made == 1, "a text is signed");
    return text + "." + base64url(signature);
  }
  std::unique_ptr<const IssuerKeys> keys;

 private:
  std::unique_ptr<EVP_PKEY, FreeKey> key_;
};

std::string text_in(const json& object, const char* name) {
  return object.contains(name) && object.at(name).is_string() ? object.at(name).get<std::string>()
                                                              : std::string();
}
double number_in(const json& object, const char* name, double otherwise) {
  return object.contains(name) && object.at(name).is_number() ? object.at(name).get<double>()
                                                              : otherwise;
}

// What a token said of which a person was taken.
void check_claims(const json& said, const ClaimedPerson& person) {
  require(said.is_object(), "claims are an object");
  require(text_in(said, "iss") == kExpected.issuer, "it is of the issuer");
  require(text_in(said, "nonce") == kExpected.nonce, "it answers this sign-in");
  const json& audience = said.at("aud");
  bool is_for = audience == kExpected.client;
  if (audience.is_array()) {
    for (const json& one : audience) is_for = is_for || one == kExpected.client;
  }
  require(is_for, "it is for the client");
  const std::string party = text_in(said, "azp");
  require(party.empty() || party == kExpected.client, "the client is the one that asked");
  const auto now = static_cast<double>(kNow);
  require(number_in(said, "exp", 0) + kSkew > now, "it has not expired");
  require(number_in(said, "nbf", 0) - kSkew <= now, "it counts already");
  require(number_in(said, "iat", 1e18) - kSkew <= now, "it was issued before now");
  require(said.at("email_verified") == true, "its mail address is verified");
  require(!person.name.empty() && person.name == text_in(said, "email"), "the name is the claim's");
}

json part_of(std::string_view token, std::size_t begin) {
  const std::string_view part = token.substr(begin, token.find('.', begin) - begin);
  return json::parse(decode_base64url(part).value_or(""), nullptr, false);
}
}  // namespace

void try_token(unsigned kind, std::string_view input) {
  static const Issuer kIssuer;
  if (kind == 3) {
    const auto keys = IssuerKeys::parse(input);
    if (!keys) return require(!keys.error().message.empty(), "a refusal says why");
    require(!keys->verify("EdDSA", "k", "text", std::string(64, 's')), "nobody signed that");
    require(!keys->verify("none", "", "text", ""), "a text without a signature is not signed");
    return;
  }
  const std::string token = kind == 0   ? std::string(input)
                            : kind == 1 ? kIssuer.token(kHead, input)
                                        : kIssuer.token(input, kClaims);
  const auto person = read_id_token(token, *kIssuer.keys, kExpected, {});
  if (!person) return require(!person.error().message.empty(), "a refusal says why");
  const json head = part_of(token, 0);
  require(text_in(head, "alg") == "EdDSA" && !head.contains("crit"), "its algorithm is the key's");
  const std::string id = text_in(head, "kid");
  require(id.empty() || id == "k", "it is signed by the key that it names");
  check_claims(part_of(token, token.find('.') + 1), *person);
}
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) tocsin::fuzz::try_token(data[0] % 4, tocsin::fuzz::text_of(data + 1, size - 1));
  return 0;
}
