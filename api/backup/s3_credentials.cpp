#include "api/backup/s3_credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "cep/base/trimmed.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kTextBytesMax = std::size_t{64} << 10;
constexpr const char* kCredential = "tocsin-s3-credentials";  // in $CREDENTIALS_DIRECTORY
constexpr const char* kKeyId = "AWS_ACCESS_KEY_ID";
constexpr const char* kSecret = "AWS_SECRET_ACCESS_KEY";
constexpr const char* kToken = "AWS_SESSION_TOKEN";

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Header values and lines of a signature are made of them.
bool is_graphic(std::string_view text) {
  return std::ranges::all_of(text, [](char letter) { return letter > ' ' && letter < 0x7f; });
}

Result<S3Credentials> checked(S3Credentials credentials, const std::string& where) {
  for (const auto& [value, name] :
       {std::pair(&credentials.key_id, kKeyId), std::pair(&credentials.secret, kSecret)}) {
    if (value->empty())
      return fail(Errc::kInvalidArgument, fmt::format("{} has no {}", where, name));
  }
  if (is_graphic(credentials.key_id) && is_graphic(credentials.secret) &&
      is_graphic(credentials.token)) {
    return credentials;
  }
  return fail(
      Errc::kInvalidArgument,
      fmt::format("{} has credentials with blanks or other characters that none has", where));
}

Result<S3Credentials> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kTextBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad())
    return fail(Errc::kIo, fmt::format("the file with the credentials, {}, cannot be read", path));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_s3_credentials(text, path);
}
}  // namespace

Result<S3Credentials> parse_s3_credentials(std::string_view text, const std::string& where) {
  if (text.size() > kTextBytesMax)
    return fail(Errc::kInvalidArgument, fmt::format("{} is too long for credentials", where));
  S3Credentials credentials;
  bool has_heading = false;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end), " \t\r");
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const auto refuse = [&](std::string_view what) {
      return fail(Errc::kInvalidArgument, fmt::format("{}, line {}: {}", where, number, what));
    };
    if (line.starts_with('[')) {
      if (has_heading) return refuse("a second heading; leave the one profile that is meant");
      has_heading = true;
      continue;
    }
    const std::size_t equals = line.find('=');
    std::string name(trimmed(line.substr(0, std::min(equals, line.size()))));
    std::ranges::transform(name, name.begin(), [](char letter) {
      return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - ('a' - 'A')) : letter;
    });
    std::string* const value = name == kKeyId    ? &credentials.key_id
                               : name == kSecret ? &credentials.secret
                               : name == kToken  ? &credentials.token
                                                 : nullptr;
    if (equals == line.npos || value == nullptr) {
      return refuse(fmt::format("a line is {}=…, {}=… or {}=…", kKeyId, kSecret, kToken));
    }
    if (!value->empty()) return refuse(fmt::format("{} is there twice", name));
    *value = trimmed(line.substr(equals + 1));
  }
  return checked(std::move(credentials), where);
}

S3CredentialSource s3_credential_source(std::string file) {
  if (!file.empty()) return [file = std::move(file)] { return read_file(file); };
  return []() -> Result<S3Credentials> {
    S3Credentials credentials{variable(kKeyId), variable(kSecret), variable(kToken)};
    if (!credentials.key_id.empty() || !credentials.secret.empty())
      return checked(std::move(credentials), "the environment");
    if (const std::string folder = variable("CREDENTIALS_DIRECTORY"); !folder.empty())
      return read_file(folder + "/" + kCredential);
    return fail(Errc::kInvalidArgument,
                fmt::format("there are no credentials for S3: set {} and {}, or name a file with "
                            "them (backups.s3_credentials_file), or pass the credential {} of "
                            "systemd",
                            kKeyId, kSecret, kCredential));
  };
}
}  // namespace tocsin::api
