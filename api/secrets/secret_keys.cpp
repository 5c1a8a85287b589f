#include "api/secrets/secret_keys.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "cep/base/assert.h"
#include "cep/base/trimmed.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kIdDigits = 16;
constexpr std::size_t kTextBytesMax = std::size_t{64} << 10;
constexpr std::string_view kBlank = " \t\r\n";

std::optional<SecretBytes> parse_hex(std::string_view text) {
  SecretBytes bytes{};
  if (text.size() != bytes.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char* const at = text.data() + i * 2;
    const auto parsed = std::from_chars(at, at + 2, bytes[i], 16);
    if (parsed.ec != std::errc{} || parsed.ptr != at + 2) return std::nullopt;
  }
  return bytes;
}

Result<FoundKeys> keys_of_file(const std::string& path, bool may_be_missing) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    if (errno == ENOENT && may_be_missing) return FoundKeys{};
    return fail(errno == ENOENT ? Errc::kNotFound : Errc::kIo,
                fmt::format("cannot read the key file {}: {}; `tocsin secrets key FILE` makes one",
                            path, std::strerror(errno)));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(kTextBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (!file && !file.eof()))
    return fail(Errc::kIo, fmt::format("cannot read the key file {}", path));
  text.resize(static_cast<std::size_t>(file.gcount()));
  Result<SecretKeys> keys = SecretKeys::parse(text, path);
  OPENSSL_cleanse(text.data(), text.size());
  if (!keys) return tl::unexpected(keys.error());
  FoundKeys all{*std::move(keys), path, {}};
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    all.warning = fmt::format(
        "the key file {} can be read by others than its owner: take the permissions from them "
        "(chmod 600)",
        path);
  }
  return all;
}
}  // namespace

SecretKey::SecretKey(const SecretBytes& bytes)
    : secrets_(hmac_sha256(bytes, "tocsin secrets 1")),
      audit_(hmac_sha256(bytes, "tocsin audit 1")) {
  id_ = cep::hex(hmac_sha256(bytes, "tocsin key id 1")).substr(0, kIdDigits);
}

SecretKey::~SecretKey() {
  OPENSSL_cleanse(secrets_.data(), secrets_.size());
  OPENSSL_cleanse(audit_.data(), audit_.size());
}

Result<SecretKeys> SecretKeys::parse(std::string_view text, const std::string& where) {
  SecretKeys keys;
  const auto refuse = [&](std::size_t line, std::string_view what) {
    return fail(
        Errc::kInvalidArgument,
        fmt::format("{}, line {}: {}; `tocsin secrets key FILE` makes a key", where, line, what));
  };
  if (text.size() > kTextBytesMax) return refuse(1, "too long for a text of keys");
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end), kBlank);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    std::optional<SecretBytes> bytes = parse_hex(line);
    if (!bytes) return refuse(number, "a key has 64 hex digits and stands alone in its line");
    if (std::ranges::all_of(*bytes, [&](std::uint8_t byte) { return byte == bytes->front(); }))
      return refuse(number, "this key is no random one");
    SecretKey key(*bytes);
    OPENSSL_cleanse(bytes->data(), bytes->size());
    if (keys.find(key.id()) != nullptr) return refuse(number, "this key is there twice");
    keys.keys_.push_back(std::move(key));
  }
  if (keys.empty()) return refuse(std::max<std::size_t>(number, 1), "there is no key");
  return keys;
}

const SecretKey* SecretKeys::find(std::string_view id) const {
  const auto found = std::ranges::find(keys_, id, &SecretKey::id);
  return found == keys_.end() ? nullptr : &*found;
}

std::string SecretKeys::ids() const {
  std::string text;
  for (const SecretKey& key : keys_) text += (text.empty() ? "" : ", ") + key.id();
  return text.empty() ? "none" : text;
}

KeySources KeySources::of_process(std::string file) {
  const auto value_of = [](const char* name) -> std::optional<std::string> {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  return {std::move(file), value_of(kKeyVariable), value_of("CREDENTIALS_DIRECTORY")};
}

Result<FoundKeys> find_keys(const KeySources& sources) {
  if (!sources.file.empty()) return keys_of_file(sources.file, false);
  if (sources.environment) {
    // In a variable keys may be separated by commas.
    std::string text = *sources.environment;
    std::ranges::replace(text, ',', '\n');
    Result<SecretKeys> keys = SecretKeys::parse(text, kKeyVariable);
    OPENSSL_cleanse(text.data(), text.size());
    if (!keys) return tl::unexpected(keys.error());
    return FoundKeys{*std::move(keys), kKeyVariable, {}};
  }
  if (!sources.credentials) return FoundKeys{};
  Result<FoundKeys> found = keys_of_file(*sources.credentials + "/" + kKeyCredential, true);
  if (found) found->warning.clear();  // systemd guards it
  return found;
}

std::string missing_key_text(std::string_view what, std::string_view id, const SecretKeys& given) {
  return fmt::format(
      "{} with the key {}, which is not among the keys given ({}): name its file "
      "(secrets.key_file, --key-file), or set {}, or pass the credential {}; a text of several "
      "keys "
      "has the current one first, one a line",
      what, id, given.ids(), kKeyVariable, kKeyCredential);
}

Result<std::string> make_key_line() {
  SecretBytes bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return fail(Errc::kIo, "the system gives no random bytes for a key");
  std::string line = cep::hex(bytes) + "\n";
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return line;
}

SecretBytes hmac_sha256(const SecretBytes& key, std::string_view bytes) {
  return hmac_sha256(std::string_view(reinterpret_cast<const char*>(key.data()), key.size()),
                     bytes);
}

SecretBytes hmac_sha256(std::string_view key, std::string_view bytes) {
  SecretBytes tag{};
  unsigned int length = 0;
  const unsigned char* const made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), tag.data(), &length);
  TOCSIN_ASSERT(made != nullptr && length == tag.size(), "HMAC-SHA-256 has 32 bytes");
  return tag;
}

bool is_same(const SecretBytes& a, const SecretBytes& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}
}  // namespace tocsin::api
