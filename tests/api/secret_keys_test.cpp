// Keys and what they encrypt: nothing opens that was not written with the same key for that place.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/delivery/subscription.h"
#include "api/outbox/sealed_subscriptions.h"
#include "api/secrets/sealed_secret.h"
#include "api/secrets/secret_keys.h"
#include "cep/value/identity.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_reader.h"
#include "tests/support/model_store.h"

namespace tocsin::api {
namespace {
const std::string kFirst = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const std::string kSecond = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

SecretKeys keys_of(const std::string& text) {
  Result<SecretKeys> keys = SecretKeys::parse(text, "keys");
  REQUIRE(keys);
  return *std::move(keys);
}

Subscription subscription(const std::string& id) {
  Subscription one;
  one.id = id;
  one.version = 3;
  one.url = "https://example.com/hidden-path";
  one.headers = {{"Authorization", "Basic hidden-header"}};
  one.secret = "whsec_hidden-secret";
  one.secrets_before = {{"whsec_hidden-before", {1'000'000}}};
  return one;
}

struct World {
  tests::ModelDisk disk;
  std::unique_ptr<runtime::Store> store = *disk.open(runtime::effect_families());
  void put(const Subscription& one, const SecretKeys& keys) const {
    runtime::StoreBatch batch;
    batch.put(runtime::kSubscriptionFamily, one.id, *encode_subscription(one, keys));
    REQUIRE(store->write(batch, true));
  }
  Result<SealedCount> seal(const SecretKeys& keys, UnreadableSecrets unreadable) const {
    return seal_subscriptions(
        *store, [](runtime::StoreFamily) { return Result<void>(); }, keys, unreadable);
  }
  std::string value(const std::string& id) const {
    return store->get(runtime::kSubscriptionFamily, id)->value();
  }
};
}  // namespace

TEST_CASE("secret keys: one a line, the first is current; what is no key is refused by its line") {
  const SecretKeys keys = keys_of("# of March\n\n " + kFirst + " \n" + kSecond + "\n");
  CHECK(keys.size() == 2);
  CHECK(keys.current().id() == keys_of(kFirst).current().id());
  CHECK(keys.find(keys_of(kSecond).current().id()) != nullptr);
  CHECK(keys.find("") == nullptr);
  CHECK(keys.current().id().size() == 16);
  CHECK(kFirst.find(keys.current().id()) == std::string::npos);
  CHECK(keys.current().bytes(KeyUse::kSecrets) != keys.current().bytes(KeyUse::kAudit));
  struct Row {
    const char* name;
    std::string text, error;
  };
  const Row rows[] = {
      {"nothing", "", "line 1: there is no key"},
      {"a comment alone", "# soon\n", "there is no key"},
      {"too short", kFirst.substr(2), "line 1: a key has 64 hex digits"},
      {"too long", kFirst + "0", "line 1: a key has 64 hex digits"},
      {"no hex", "g" + kFirst.substr(1), "line 1: a key has 64 hex digits"},
      {"the second of two", kFirst + "\nkey", "line 2: a key has 64 hex digits"},
      {"two in a line", kFirst + " " + kSecond, "line 1: a key has 64 hex digits"},
      {"not random", std::string(64, '0'), "line 1: this key is no random one"},
      {"twice", kFirst + "\n" + kFirst, "line 2: this key is there twice"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Result<SecretKeys> refused = SecretKeys::parse(row.text, "FILE");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kInvalidArgument);
    CHECK(refused.error().message.find(row.error) != std::string::npos);
    CHECK(refused.error().message.find(kFirst) == std::string::npos);
  }
}

TEST_CASE("secret keys: HMAC-SHA-256 is that of RFC 4231, test case 2 with a padded key") {
  SecretBytes key{};
  std::ranges::copy(std::string("Jefe"), key.begin());  // HMAC pads a short key with zeros
  const SecretBytes tag = hmac_sha256(key, "what do ya want for nothing?");
  CHECK(cep::hex(tag) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("secret keys: a named file counts, then the variable, then systemd's credential") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("tocsin_keys_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name) << text;
    fs::permissions(folder / name, fs::perms::owner_read | fs::perms::owner_write);
    return (folder / name).string();
  };
  const std::string file = write("key", kFirst + "\n");
  write(kKeyCredential, kSecond + "\n");
  const std::string first = keys_of(kFirst).current().id();
  const std::string second = keys_of(kSecond).current().id();
  CHECK(find_keys({file, kSecond, folder.string()})->keys.current().id() == first);
  CHECK(find_keys({"", kSecond + "," + kFirst, folder.string()})->keys.ids() ==
        second + ", " + first);
  CHECK(find_keys({"", std::nullopt, folder.string()})->keys.current().id() == second);
  CHECK(find_keys({})->keys.empty());
  CHECK(find_keys({"", std::nullopt, (folder / "none").string()})->keys.empty());
  CHECK(find_keys({(folder / "none").string()}).error().code == Errc::kNotFound);
  CHECK(find_keys({"", "", folder.string()}).error().code == Errc::kInvalidArgument);
  CHECK(find_keys({file})->warning.empty());
  fs::permissions(file, fs::perms::others_read, fs::perm_options::add);
  CHECK(find_keys({file})->warning.find("chmod 600") != std::string::npos);
  fs::remove_all(folder);
}

TEST_CASE("sealed secrets: open with the same key for the same place, and in no other way") {
  const SecretKeys keys = keys_of(kFirst);
  for (const std::string& secret : {std::string(), std::string("a"), std::string(10'000, 'x')}) {
    const std::string sealed = *seal_secret(keys, "here", secret);
    CHECK(key_of_sealed(sealed) == keys.current().id());
    CHECK(sealed.find("xxxx") == std::string::npos);
    CHECK(*seal_secret(keys, "here", secret) != sealed);  // a nonce of its own
    CHECK(*open_secret(keys, "here", sealed) == secret);
    CHECK(*open_secret(keys_of(kSecond + "\n" + kFirst), "here", sealed) == secret);
    CHECK(open_secret(keys, "there", sealed).error().code == Errc::kCorrupt);
  }
  const std::string sealed = *seal_secret(keys, "here", "a secret");
  const Result<std::string> missing = open_secret(keys_of(kSecond), "here", sealed);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::kDenied);
  CHECK(missing.error().message.find(keys.current().id()) != std::string::npos);
  CHECK(missing.error().message.find(keys_of(kSecond).current().id()) != std::string::npos);
  CHECK(missing.error().message.find("secrets.key_file") != std::string::npos);
  CHECK(open_secret({}, "here", sealed).error().message.find("(none)") != std::string::npos);
  // Every byte counts.
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    CAPTURE(i);
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(open_secret(keys, "here", changed));
    CHECK_FALSE(open_secret(keys, "here", sealed.substr(0, i)));
  }
  CHECK_FALSE(open_secret(keys, "here", sealed + "AAAA"));
}

TEST_CASE("sealed subscriptions: secrets, earlier ones and headers are read back, and not seen") {
  const SecretKeys keys = keys_of(kFirst);
  const std::string stored = *encode_subscription(subscription("sub_a"), keys);
  CHECK(stored.find("hidden") == std::string::npos);
  CHECK(stored.find("Authorization") == std::string::npos);
  CHECK(key_of_subscription(stored) == keys.current().id());
  const Result<Subscription> read = decode_subscription(stored, keys);
  REQUIRE(read);
  CHECK(read->secret == "whsec_hidden-secret");
  REQUIRE(read->secrets_before.size() == 1);
  CHECK(read->secrets_before[0].secret == "whsec_hidden-before");
  REQUIRE(read->headers.size() == 1);
  CHECK(read->headers[0].value == "Basic hidden-header");
  CHECK(read->version == 3);
  CHECK(read->url == "https://example.com/hidden-path");
  CHECK(decode_subscription(stored, {}).error().code == Errc::kDenied);
  // The secret of one is none of another.
  nlohmann::ordered_json other = nlohmann::ordered_json::parse(stored);
  other["id"] = "sub_b";
  CHECK(decode_subscription(other.dump(), keys).error().code == Errc::kCorrupt);
  // Without keys it is stored as ever.
  CHECK(nlohmann::ordered_json::parse(*encode_subscription(subscription("sub_a"), {}))["format"] ==
        1);
}

TEST_CASE(
    "sealed subscriptions: plain ones and those of earlier keys are brought under the current "
    "one") {
  World world;
  const SecretKeys first = keys_of(kFirst);
  const SecretKeys both = keys_of(kSecond + "\n" + kFirst);
  world.put(subscription("sub_a"), {});
  world.put(subscription("sub_b"), first);
  CHECK(world.seal({}, UnreadableSecrets::kRefuse)->sealed == 0);
  CHECK(world.seal(keys_of(kSecond), UnreadableSecrets::kRefuse).error().code == Errc::kDenied);
  CHECK(key_of_subscription(world.value("sub_a")).empty());  // all or none
  CHECK(world.seal(both, UnreadableSecrets::kRefuse)->sealed == 2);
  CHECK(world.seal(both, UnreadableSecrets::kRefuse)->sealed == 0);
  for (const char* id : {"sub_a", "sub_b"}) {
    CHECK(key_of_subscription(world.value(id)) == both.current().id());
    CHECK(decode_subscription(world.value(id), keys_of(kSecond))->secret == "whsec_hidden-secret");
  }
  const auto used = keys_of_subscriptions(*world.store);
  CHECK(*used == std::map<std::string, std::size_t>{{both.current().id(), 2}});
}

TEST_CASE("sealed subscriptions: where a key is lost, its secrets alone are replaced") {
  World world;
  world.put(subscription("sub_a"), keys_of(kFirst));
  world.put(subscription("sub_b"), keys_of(kSecond));
  const SecretKeys keys = keys_of(kSecond);
  const auto count = world.seal(keys, UnreadableSecrets::kDiscard);
  REQUIRE(count);
  CHECK(count->discarded == 1);
  const Result<Subscription> lost = decode_subscription(world.value("sub_a"), keys);
  REQUIRE(lost);
  CHECK(lost->secret.starts_with("whsec_"));
  CHECK(lost->secret != "whsec_hidden-secret");
  CHECK(lost->headers.empty());
  CHECK(lost->secrets_before.empty());
  CHECK(lost->status == SubscriptionStatus::kPaused);
  CHECK(lost->url == "https://discarded.invalid/");
  CHECK(decode_subscription(world.value("sub_b"), keys)->headers.size() == 1);
}
}  // namespace tocsin::api
