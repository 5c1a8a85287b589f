#include "api/base/sealed_json.h"

#include <nlohmann/json.hpp>

#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr const char* kDigest = "digest";

// Texts in it are UTF-8 that was checked when they came.
std::string digest_of(const ordered_json& document) {
  return cep::hex(
      cep::sha256(document.dump(-1, ' ', false, ordered_json::error_handler_t::replace)));
}
}  // namespace

std::string seal_json(ordered_json document) {
  document[kDigest] = digest_of(document);
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::optional<ordered_json> unseal_json(const std::string& text) {
  ordered_json document = ordered_json::parse(text, nullptr, false);
  if (!document.is_object()) return std::nullopt;
  const auto found = document.find(kDigest);
  if (found == document.end()) return document;
  const ordered_json digest = *found;
  document.erase(kDigest);
  if (digest != digest_of(document)) return std::nullopt;
  return document;
}
}  // namespace tocsin::api
