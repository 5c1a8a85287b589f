/// How entries of the audit log are linked and signed.
///
/// An entry is one line of JSON. Its link is what the next one names as `previous`: of format 1 the
/// SHA-256 of the line; of format 2, which has a `key` and ends with `"tag"`, the tag: HMAC-SHA-256
/// of all of the line before it, `previous` and `sequence` among it. So nobody without the key can
/// change, take out, swap or write an entry.
///
/// A place in the chain, as it is kept:
///
///   u64 sequence | u8[32] link | u64 bytes of all entries      and where it is signed
///   text key's id | u8[32] HMAC-SHA-256 of what it is the place of, and of the first three
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/secrets/secret_keys.h"
#include "cep/base/result.h"
#include "cep/value/identity.h"
#include "runtime/store/store.h"

namespace tocsin::api {
using AuditDigest = cep::Digest;
struct AuditPlace {
  std::uint64_t sequence = 0;  // of the last entry up to here; 0: before the first
  AuditDigest link{};          // of that entry
  std::uint64_t bytes = 0;
  std::string key = {};     // id of the one that signed it; empty: none
  AuditDigest signature{};  // as it was read
};
enum class AuditSignature : std::uint8_t { kNone, kGood, kBad, kUnknownKey };

/// What a place is of: it is signed with its name, so that none can stand for another.
inline constexpr const char* kAuditHead = "h";    // the newest entry; its key in the family `audit`
inline constexpr const char* kAuditAnchor = "a";  // the last entry that retention removed; likewise
/// As it is kept: signed with the current key, where there is one.
std::string encode_place(const AuditPlace& place, std::string_view name, const SecretKeys& keys);
/// The place before the first entry where there is none. Errors: kCorrupt, those of the store.
Result<AuditPlace> read_place(const runtime::StoreReader& store, const char* name);
AuditSignature signature_of(const AuditPlace& place, std::string_view name, const SecretKeys& keys);

/// The key of an entry in the family `audit`.
std::string audit_entry_key(std::uint64_t sequence);
/// The text of an entry of format 2, an object without `key` and `tag`, with both: signed with the
/// current key, of which there must be one.
std::string sign_entry(std::string_view line, const SecretKeys& keys);
/// What the next entry names as `previous`.
AuditDigest link_of(std::string_view line);
struct EntrySignature {
  AuditSignature state = AuditSignature::kNone;
  std::string key = {};  // that the line names
};
EntrySignature signature_of(std::string_view line, const SecretKeys& keys);

/// What a checkpoint keeps of the log: a place that was on disk when the checkpoint was cut. A line
/// of JSON, signed for that position in the journal.
std::string encode_witness(const AuditPlace& place, std::uint64_t position, const SecretKeys& keys);
struct AuditWitness {
  AuditPlace place;
  std::uint64_t position = 0;
  AuditSignature signature = AuditSignature::kNone;
};
/// Nothing for what encode_witness() does not give.
std::optional<AuditWitness> read_witness(std::string_view text, const SecretKeys& keys);
}  // namespace tocsin::api
