/// What a journal's records say, and their bodies as bytes: a byte for the kind, then the fields in
/// the order of the structs below (drawn in docs/decisions/0010-journal-format.md; golden vectors
/// in tests/golden/journal.txt). Equal records have equal bytes, and only what encode_front()
/// gives is decoded.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"

namespace tocsin::runtime {
/// XXH3-128 (seed 0) of bytes that stay outside the journal, in its canonical byte order.
using RangeDigest = std::array<std::uint8_t, 16>;
/// Of all bytes at once.
RangeDigest digest_range(std::string_view bytes);

/// The next arrivals of a source, whose bytes the journal holds. An event's arrival number is the
/// record's sequence and its place among the record's events.
struct ArrivalByValue {
  cep::EventTime taken_at;  // processing time; orders nothing
  std::string_view source;  // input and partition, as messages name it: "-", "http", "topic/3"
  std::uint64_t first_offset = 0;  // in the source's own count: lines, bytes or offsets
  std::uint64_t next_offset = 0;   // where the source goes on after this record; >= first_offset
  std::uint64_t count = 0;         // lines or messages
  std::string_view bytes;          // as they came
  std::string_view traces = {};    // which requests they came with: encode_traces(); may be empty
  friend bool operator==(const ArrivalByValue&, const ArrivalByValue&) = default;
};
/// The same, where a file that does not change, or a topic, keeps the bytes.
struct ArrivalByPosition {
  cep::EventTime taken_at;
  std::string_view source;         // the path, or topic and partition
  std::string_view identity;       // what the source is known by again, in its own form
  std::uint64_t first_offset = 0;  // of the bytes, or of the first message
  std::uint64_t next_offset = 0;   // >= first_offset
  std::uint64_t count = 0;
  RangeDigest digest{};  // PrefixDigest of all bytes before next_offset
  friend bool operator==(const ArrivalByPosition&, const ArrivalByPosition&) = default;
};
enum class DecisionKind : std::uint8_t {
  kIdle = 1,       // the source no longer holds the watermark
  kAwake = 2,      // it does again, or from here on: the source is opened
  kHeartbeat = 3,  // there was nothing to read: time moves on with the clock
  kEnded = 4,      // nothing more comes from the source
};
/// What was decided by a clock, which replay does not have, or found out about a source.
struct Decision {
  DecisionKind kind = DecisionKind::kIdle;
  cep::EventTime clock;     // what it showed
  std::string_view source;  // kHeartbeat: may be empty, for all
  friend bool operator==(const Decision&, const Decision&) = default;
};
/// Contents in the blob store that a command needs (runtime/journal/blob_store.h).
struct BlobReference {
  std::string_view role;  // the command's word for it: a path in a rule pack, a list's name
  std::uint64_t bytes = 0;
  cep::Digest digest{};
  friend bool operator==(const BlobReference&, const BlobReference&) = default;
};
/// What an operator asked for: deploy, change of a list, forget, shed, limits.
struct Command {
  cep::EventTime given_at;     // processing time
  std::string_view name;       // what to do
  std::string_view arguments;  // in the command's own form
  std::vector<BlobReference> blobs;
  friend bool operator==(const Command&, const Command&) = default;
};
/// The first byte of a body.
enum class RecordKind : std::uint8_t {
  kByValue = 1,
  kDecision = 3,
  kCommand = 4,
  kTraced = 5,  // by value, with traces
  kByPosition = 6,
};
/// Texts are borrowed: from the caller who appends, from the reader until its next record.
using JournalRecord = std::variant<ArrivalByValue, ArrivalByPosition, Decision, Command>;

/// Appends the body of `record`, which must keep the bounds that its members state, but for the
/// long text that a body may end with, which it gives, borrowed from `record`.
std::string_view encode_front(const JournalRecord& record, std::string& to);
/// Texts of the result point into `body`. Fails with kOtherVersion for a kind that this program
/// does not know, kCorrupt for what encode_front() never gives; the message does not say where it
/// stood.
Result<JournalRecord> decode_record(std::string_view body);
/// "arrival by value", …
std::string_view record_kind_name(const JournalRecord& record);
}  // namespace tocsin::runtime
