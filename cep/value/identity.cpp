#include "cep/value/identity.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "cep/base/assert.h"
#include "cep/value/key.h"

namespace tocsin::cep {
namespace {
void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
}
void append_prefixed(std::string& out, std::string_view bytes) {
  append_big_endian(out, bytes.size(), 4);
  out += bytes;
}
}  // namespace

Digest sha256(std::string_view bytes) {
  Digest digest;
  unsigned int size = 0;
  const int ok =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  TOCSIN_ASSERT(ok == 1 && size == digest.size(), "SHA-256 is built into OpenSSL");
  return digest;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 0xf];
  }
  return out;
}

EventIdentity identity_of_id(std::string_view event_type, const Value& id) {
  EventIdentity identity;
  identity.bytes += 'i';
  append_prefixed(identity.bytes, event_type);
  if (id.is_missing()) return identity;
  append_key_part(identity.bytes, id);
  identity.text = to_text(id);
  return identity;
}

EventIdentity identity_of_fields(std::string_view event_type, std::span<const Value> fields,
                                 std::uint32_t number) {
  std::string contents;
  append_prefixed(contents, event_type);
  std::string part;
  for (const Value& field : fields) {
    if (field.is_missing()) {
      contents += '\x00';
      continue;
    }
    part.clear();
    append_key_part(part, field);
    contents += '\x01';
    append_prefixed(contents, part);
  }
  const Digest digest = sha256(contents);
  const std::span<const std::uint8_t> half = std::span(digest).first(16);
  EventIdentity identity;
  identity.bytes += 'd';
  for (const std::uint8_t byte : half) identity.bytes += static_cast<char>(byte);
  append_big_endian(identity.bytes, number, 4);
  identity.text = hex(half);
  if (number != 0) identity.text += fmt::format("-{}", number);
  return identity;
}

EventIdentity identity_of_alert(std::string_view alert_id) {
  return {"a" + std::string(alert_id), std::string(alert_id)};
}

std::string identity_of_window(EventTime begin, EventTime end) {
  std::string bytes = "w";
  append_big_endian(bytes, static_cast<std::uint64_t>(begin.us), 8);
  append_big_endian(bytes, static_cast<std::uint64_t>(end.us), 8);
  return bytes;
}

std::string identity_of_omitted(std::uint64_t events) {
  std::string bytes = "o";
  append_big_endian(bytes, events, 8);
  return bytes;
}

std::string alert_id(std::string_view rule_id, std::string_view key_bytes, EventTime time,
                     std::span<const std::string> identities, std::uint32_t ordinal) {
  std::string contents = "tocsin-alert-1";
  append_prefixed(contents, rule_id);
  append_prefixed(contents, key_bytes);
  append_big_endian(contents, static_cast<std::uint64_t>(time.us), 8);
  append_big_endian(contents, identities.size(), 4);
  for (const std::string& identity : identities) append_prefixed(contents, identity);
  append_big_endian(contents, ordinal, 4);
  const Digest digest = sha256(contents);
  return hex(std::span(digest).first(16));
}
}  // namespace tocsin::cep
