#include "cep/value/identity.h"

// OpenSSL 3 prefers EVP to the functions of one algorithm, which it keeps.
#define OPENSSL_API_COMPAT 10100
#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "cep/base/assert.h"
#include "cep/value/buffer_values.h"
#include "cep/value/key.h"
#include "cep/value/text_buffer.h"
#include "cep/value/value_text.h"

namespace tocsin::cep {
namespace {
// What follows is appended to a std::string or a TextBuffer.
void append_big_endian(std::string& out, std::uint64_t value, unsigned bytes) {
  static_assert(std::endian::native == std::endian::little);
  const std::uint64_t reversed = __builtin_bswap64(value);
  std::array<char, 8> all;
  std::memcpy(all.data(), &reversed, all.size());
  out.append(std::string_view(all.data() + (8 - bytes), bytes));
}
// At least one byte; as the first bytes of a whole word.
void append_big_endian(TextBuffer& out, std::uint64_t value, unsigned bytes) {
  static_assert(TextBuffer::kSpare >= sizeof value);
  const std::uint64_t reversed = __builtin_bswap64(value << (64 - 8 * bytes));
  std::memcpy(out.room(bytes), &reversed, sizeof reversed);
  out.took(bytes);
}
template <typename Out>
void append_prefixed(Out& out, std::string_view bytes) {
  append_big_endian(out, bytes.size(), 4);
  out.append(bytes);
}
template <typename Out>
void put_identity_of_id(Out& out, std::string_view event_type, const Value& id) {
  out.push_back('i');
  append_prefixed(out, event_type);
  if (!id.is_missing()) append_key_part(out, id);
}

// "00" to "ff".
constexpr std::array<char, 512> kHexPairs = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 512> pairs{};
  for (std::size_t i = 0; i < 256; ++i) {
    pairs[2 * i] = kDigits[i >> 4];
    pairs[2 * i + 1] = kDigits[i & 0xf];
  }
  return pairs;
}();
void put_hex(char* to, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) {
    std::memcpy(to, kHexPairs.data() + std::size_t{byte} * 2, 2);
    to += 2;
  }
}
}  // namespace

Digest sha256(std::string_view bytes) {
  // What EVP_Digest does beside this takes longer than the digest of a short text.
  SHA256_CTX context;
  Digest digest;
  const bool is_done = SHA256_Init(&context) == 1 &&
                       SHA256_Update(&context, bytes.data(), bytes.size()) == 1 &&
                       SHA256_Final(digest.data(), &context) == 1;
  TOCSIN_ASSERT(is_done, "a digest in memory does not fail");
  return digest;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string out(2 * bytes.size(), '0');
  put_hex(out.data(), bytes);
  return out;
}

void append_identity_of_id(std::string& out, std::string_view event_type, const Value& id) {
  put_identity_of_id(out, event_type, id);
}
void append_identity_of_id(TextBuffer& out, std::string_view event_type, const Value& id) {
  put_identity_of_id(out, event_type, id);
}

EventIdentity identity_of_id(std::string_view event_type, const Value& id) {
  EventIdentity identity;
  append_identity_of_id(identity.bytes, event_type, id);
  if (!id.is_missing()) append_text(identity.text, id);
  return identity;
}

namespace {
constexpr std::size_t kHalfDigest = 16;
std::string shown(std::span<const std::uint8_t> half, std::uint32_t number) {
  return number == 0 ? hex(half) : fmt::format("{}-{}", hex(half), number);
}
}  // namespace

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
  const std::span<const std::uint8_t> half = std::span(digest).first(kHalfDigest);
  EventIdentity identity;
  identity.bytes += 'd';
  for (const std::uint8_t byte : half) identity.bytes += static_cast<char>(byte);
  append_big_endian(identity.bytes, number, 4);
  identity.text = shown(half, number);
  return identity;
}

EventIdentity identity_of_bytes(std::string_view bytes) {
  EventIdentity identity;
  identity.bytes = bytes;
  std::array<std::uint8_t, kHalfDigest> half{};
  std::uint32_t number = 0;
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    if (i <= kHalfDigest) {
      half[i - 1] = byte;
    } else {
      number = number << 8 | byte;
    }
  }
  identity.text = shown(half, number);
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
  return alert_id(alert_digest(rule_id, key_bytes, time, identities, ordinal));
}

AlertDigest alert_digest(std::string_view rule_id, std::string_view key_bytes, EventTime time,
                         std::span<const std::string> identities, std::uint32_t ordinal) {
  AlertDigester digester;
  digester.begin(rule_id, key_bytes, time, identities.size());
  for (const std::string& identity : identities) digester.add(identity);
  return digester.digest(ordinal);
}

void append_alert_id(TextBuffer& out, const AlertDigest& digest) {
  put_hex(out.room(2 * digest.size()), digest);
  out.took(2 * digest.size());
}

void AlertDigester::begin(std::string_view rule_id, std::string_view key_bytes, EventTime time,
                          std::size_t count) {
  contents_.clear();
  contents_.literal("tocsin-alert-1");
  append_prefixed(contents_, rule_id);
  append_prefixed(contents_, key_bytes);
  append_big_endian(contents_, static_cast<std::uint64_t>(time.us), 8);
  append_big_endian(contents_, count, 4);
}

void AlertDigester::add(std::string_view identity) { append_prefixed(contents_, identity); }

AlertDigest AlertDigester::digest(std::uint32_t ordinal) {
  const std::size_t size = contents_.text().size();
  append_big_endian(contents_, ordinal, 4);
  const Digest whole = sha256(contents_.text());
  contents_.shorten(size);
  AlertDigest first;
  std::copy_n(whole.begin(), first.size(), first.begin());
  return first;
}

std::optional<AlertDigest> read_alert_digest(std::string_view alert_id) {
  AlertDigest digest;
  if (alert_id.size() != 2 * digest.size()) return std::nullopt;
  const auto value_of = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = value_of(alert_id[2 * i]);
    const int low = value_of(alert_id[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<std::uint8_t>(16 * high + low);
  }
  return digest;
}
}  // namespace tocsin::cep
