#include "api/rest/audit_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "runtime/effects/effect_codec.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::string_view kSignedBegin = R"({"format":2,)";
constexpr std::string_view kTagBegin = R"(,"tag":")";
constexpr std::string_view kTagEnd = "\"}";
constexpr std::size_t kTagDigits = 64;
constexpr std::string_view kWitness = "witness";

std::string_view bytes_of(const AuditDigest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
std::optional<AuditDigest> parse_hex(std::string_view text) {
  AuditDigest digest{};
  if (text.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const char* const at = text.data() + i * 2;
    const auto parsed = std::from_chars(at, at + 2, digest[i], 16);
    if (parsed.ec != std::errc{} || parsed.ptr != at + 2) return std::nullopt;
  }
  return digest;
}
// What is signed of a place.
std::string place_bytes(const AuditPlace& place) {
  std::string bytes;
  ByteWriter to(bytes);
  to.u64(place.sequence);
  to.raw(bytes_of(place.link));
  to.u64(place.bytes);
  return bytes;
}
AuditDigest sign_place(const AuditPlace& place, std::string_view name, const SecretKey& key) {
  return hmac_sha256(key.bytes(KeyUse::kAudit), fmt::format("{}:{}", name, place_bytes(place)));
}
// The end of a signed line: where its tag begins, and the tag.
struct SignedEnd {
  std::size_t at = 0;
  AuditDigest tag{};
};
std::optional<SignedEnd> signed_end(std::string_view line) {
  constexpr std::size_t kEndBytes = kTagBegin.size() + kTagDigits + kTagEnd.size();
  if (!line.starts_with(kSignedBegin) || line.size() < kSignedBegin.size() + kEndBytes)
    return std::nullopt;
  const std::size_t at = line.size() - kEndBytes;
  if (line.substr(at, kTagBegin.size()) != kTagBegin || !line.ends_with(kTagEnd))
    return std::nullopt;
  const auto tag = parse_hex(line.substr(at + kTagBegin.size(), kTagDigits));
  if (!tag) return std::nullopt;
  return SignedEnd{at, *tag};
}
}  // namespace

std::string encode_place(const AuditPlace& place, std::string_view name, const SecretKeys& keys) {
  std::string bytes = place_bytes(place);
  if (keys.empty()) return bytes;
  ByteWriter to(bytes);
  to.text(keys.current().id());
  to.raw(bytes_of(sign_place(place, name, keys.current())));
  return bytes;
}

Result<AuditPlace> read_place(const runtime::StoreReader& store, const char* name) {
  const Result<std::optional<std::string>> value = store.get(runtime::kAuditFamily, name);
  if (!value) return tl::unexpected(value.error());
  AuditPlace place;
  if (!*value) return place;
  ByteReader from(**value);
  place.sequence = from.u64();
  std::ranges::copy(from.raw(place.link.size()), place.link.begin());
  place.bytes = from.u64();
  if (from.ok() && from.left() > 0) {
    place.key = from.text();
    std::ranges::copy(from.raw(place.signature.size()), place.signature.begin());
  }
  if (from.is_done()) return place;
  return fail(Errc::kCorrupt, "the audit log has a place that this program did not write");
}

AuditSignature signature_of(const AuditPlace& place, std::string_view name,
                            const SecretKeys& keys) {
  if (place.key.empty()) return AuditSignature::kNone;
  const SecretKey* const key = keys.find(place.key);
  if (key == nullptr) return AuditSignature::kUnknownKey;
  return is_same(sign_place(place, name, *key), place.signature) ? AuditSignature::kGood
                                                                 : AuditSignature::kBad;
}

std::string audit_entry_key(std::uint64_t sequence) {
  std::string key = "e";
  runtime::append_key_u64(key, sequence);
  return key;
}

std::string sign_entry(std::string_view line, const SecretKeys& keys) {
  TOCSIN_ASSERT(line.starts_with(kSignedBegin) && line.ends_with('}'), "an entry of format 2");
  const SecretKey& key = keys.current();
  line.remove_suffix(1);
  const std::string text = fmt::format(R"({},"key":"{}")", line, key.id());
  return fmt::format("{}{}{}{}", text, kTagBegin,
                     cep::hex(hmac_sha256(key.bytes(KeyUse::kAudit), text)), kTagEnd);
}

AuditDigest link_of(std::string_view line) {
  if (const auto end = signed_end(line)) return end->tag;
  return cep::sha256(line);
}

EntrySignature signature_of(std::string_view line, const SecretKeys& keys) {
  const auto end = signed_end(line);
  if (!end) return {};
  const std::string_view text = line.substr(0, end->at);
  constexpr std::string_view kKeyBegin = R"(,"key":")";
  const std::size_t at = text.rfind(kKeyBegin);
  if (at == std::string_view::npos || !text.ends_with('"')) return {AuditSignature::kBad, {}};
  EntrySignature found;
  found.key = text.substr(at + kKeyBegin.size(), text.size() - at - kKeyBegin.size() - 1);
  const SecretKey* const key = keys.find(found.key);
  if (key == nullptr) {
    found.state = AuditSignature::kUnknownKey;
  } else {
    const bool is_good = is_same(hmac_sha256(key->bytes(KeyUse::kAudit), text), end->tag);
    found.state = is_good ? AuditSignature::kGood : AuditSignature::kBad;
  }
  return found;
}

namespace {
std::string witness_name(std::uint64_t position) {
  return fmt::format("{} {}", kWitness, position);
}
}  // namespace

std::string encode_witness(const AuditPlace& place, std::uint64_t position,
                           const SecretKeys& keys) {
  ordered_json witness = {{"format", 1},
                          {"position", position},
                          {"sequence", place.sequence},
                          {"link", cep::hex(place.link)},
                          {"bytes", place.bytes}};
  if (!keys.empty()) {
    witness["key"] = keys.current().id();
    witness["signature"] = cep::hex(sign_place(place, witness_name(position), keys.current()));
  }
  return witness.dump() + "\n";
}

std::optional<AuditWitness> read_witness(std::string_view text, const SecretKeys& keys) {
  const ordered_json document = ordered_json::parse(text, nullptr, false);
  if (!document.is_object() || document.value("format", 0) != 1) return std::nullopt;
  AuditWitness witness;
  try {
    witness.position = document.at("position").get<std::uint64_t>();
    witness.place.sequence = document.at("sequence").get<std::uint64_t>();
    witness.place.bytes = document.at("bytes").get<std::uint64_t>();
    const auto link = parse_hex(document.at("link").get_ref<const std::string&>());
    if (!link) return std::nullopt;
    witness.place.link = *link;
    if (document.contains("key")) {
      witness.place.key = document.at("key").get<std::string>();
      const auto signature = parse_hex(document.at("signature").get_ref<const std::string&>());
      if (!signature || witness.place.key.empty()) return std::nullopt;
      witness.place.signature = *signature;
    }
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  witness.signature = signature_of(witness.place, witness_name(witness.position), keys);
  return witness;
}
}  // namespace tocsin::api
