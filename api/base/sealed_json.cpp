#include "api/base/sealed_json.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr const char* kDigest = "digest";
constexpr const char* kFormatMember = "format";

// Texts in it are UTF-8 that was checked when they came.
std::string digest_of(const ordered_json& document) {
  return cep::hex(
      cep::sha256(document.dump(-1, ' ', false, ordered_json::error_handler_t::replace)));
}
}  // namespace

std::string seal_json(const ordered_json& document, int format) {
  ordered_json sealed = {{kFormatMember, format}};
  sealed.update(document);
  sealed[kDigest] = digest_of(sealed);
  return sealed.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Result<ordered_json> unseal_json(const std::string& text, const std::string& path, int known) {
  const auto damaged = [&] { return fail(Errc::kCorrupt, path + " is damaged"); };
  ordered_json document = ordered_json::parse(text, nullptr, false);
  if (!document.is_object()) return damaged();
  if (const auto found = document.find(kDigest); found != document.end()) {
    const ordered_json digest = *found;
    document.erase(kDigest);
    if (digest != digest_of(document)) return damaged();
  }
  if (const auto found = document.find(kFormatMember); found != document.end()) {
    if (!found->is_number_integer() || *found < 1 || *found > known) {
      return fail(Errc::kOtherVersion,
                  fmt::format("{} has format {}, and this program knows format {}: use the version "
                              "of tocsin that wrote it, or a later one",
                              path, found->dump(), known));
    }
    document.erase(kFormatMember);
  }
  return document;
}

Result<std::optional<ordered_json>> read_sealed_file(const std::string& path, int known) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (error || !file || file.bad()) return fail(Errc::kIo, "cannot read " + path);
  Result<ordered_json> document = unseal_json(text, path, known);
  if (!document) return tl::unexpected(document.error());
  return *std::move(document);
}
}  // namespace tocsin::api
