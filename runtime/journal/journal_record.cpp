#include "runtime/journal/journal_record.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/base/byte_codec.h"
#include "runtime/io/xxh3.h"
#include "runtime/journal/trace_context.h"

namespace tocsin::runtime {
namespace {
void encode_kind(ByteWriter& writer, RecordKind kind) {
  writer.u8(static_cast<std::uint8_t>(kind));
}

// Each writes its record and gives what follows at its end.
std::string_view encode_one(ByteWriter& writer, const ArrivalByValue& record) {
  encode_kind(writer, record.traces.empty() ? RecordKind::kByValue : RecordKind::kTraced);
  writer.i64(record.taken_at.us);
  writer.text(record.source);
  writer.varint(record.first_offset);
  writer.varint(record.next_offset);
  writer.varint(record.count);
  if (!record.traces.empty()) writer.text(record.traces);
  writer.varint(record.bytes.size());
  return record.bytes;
}

std::string_view encode_one(ByteWriter& writer, const ArrivalByPosition& record) {
  encode_kind(writer, RecordKind::kByPosition);
  writer.i64(record.taken_at.us);
  writer.text(record.source);
  writer.text(record.identity);
  writer.varint(record.first_offset);
  writer.varint(record.next_offset);
  writer.varint(record.count);
  writer.raw({reinterpret_cast<const char*>(record.digest.data()), record.digest.size()});
  return {};
}

std::string_view encode_one(ByteWriter& writer, const Decision& record) {
  encode_kind(writer, RecordKind::kDecision);
  writer.u8(static_cast<std::uint8_t>(record.kind));
  writer.i64(record.clock.us);
  writer.text(record.source);
  return {};
}

std::string_view encode_one(ByteWriter& writer, const Command& record) {
  encode_kind(writer, RecordKind::kCommand);
  writer.i64(record.given_at.us);
  writer.text(record.name);
  writer.text(record.arguments);
  writer.varint(record.blobs.size());
  for (const BlobReference& blob : record.blobs) {
    writer.text(blob.role);
    writer.varint(blob.bytes);
    writer.raw({reinterpret_cast<const char*>(blob.digest.data()), blob.digest.size()});
  }
  return {};
}

template <std::size_t kBytes>
void read_digest(ByteReader& reader, std::array<std::uint8_t, kBytes>& digest) {
  const std::string_view bytes = reader.raw(kBytes);
  std::ranges::transform(bytes, digest.begin(),
                         [](char byte) { return static_cast<std::uint8_t>(byte); });
}

// Reads the offsets and the count that both kinds of arrival have.
template <typename Arrival>
void read_offsets(ByteReader& reader, Arrival& record, bool& is_sound) {
  record.first_offset = reader.varint();
  record.next_offset = reader.varint();
  record.count = reader.varint();
  is_sound = record.first_offset <= record.next_offset;
}

JournalRecord decode_by_value(ByteReader& reader, bool is_traced, bool& is_sound) {
  ArrivalByValue record;
  record.taken_at.us = reader.i64();
  record.source = reader.text();
  read_offsets(reader, record, is_sound);
  if (is_traced) {
    record.traces = reader.text();
    is_sound = is_sound && !record.traces.empty() && decode_traces(record.traces).has_value();
  }
  record.bytes = reader.text();
  return record;
}

JournalRecord decode_by_position(ByteReader& reader, bool& is_sound) {
  ArrivalByPosition record;
  record.taken_at.us = reader.i64();
  record.source = reader.text();
  record.identity = reader.text();
  read_offsets(reader, record, is_sound);
  read_digest(reader, record.digest);
  return record;
}

JournalRecord decode_decision(ByteReader& reader, bool& is_sound) {
  Decision record;
  const std::uint8_t kind = reader.u8();
  is_sound = kind >= static_cast<std::uint8_t>(DecisionKind::kIdle) &&
             kind <= static_cast<std::uint8_t>(DecisionKind::kEnded);
  record.kind = static_cast<DecisionKind>(kind);
  record.clock.us = reader.i64();
  record.source = reader.text();
  return record;
}

JournalRecord decode_command(ByteReader& reader) {
  Command record;
  record.given_at.us = reader.i64();
  record.name = reader.text();
  record.arguments = reader.text();
  const std::uint64_t count = reader.varint_up_to(reader.left());
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    BlobReference blob;
    blob.role = reader.text();
    blob.bytes = reader.varint();
    read_digest(reader, blob.digest);
    record.blobs.push_back(blob);
  }
  return record;
}
}  // namespace

RangeDigest digest_range(std::string_view bytes) {
  RangeDigest digest{};
  xxh3_digest(bytes.data(), bytes.size(), digest.data());
  return digest;
}

std::string_view encode_front(const JournalRecord& record, std::string& to) {
  ByteWriter writer(to);
  return std::visit([&](const auto& one) { return encode_one(writer, one); }, record);
}

Result<JournalRecord> decode_record(std::string_view body) {
  ByteReader reader(body);
  const std::uint8_t kind = reader.u8();
  bool is_sound = true;
  JournalRecord record;
  switch (static_cast<RecordKind>(kind)) {
    case RecordKind::kByValue:
    case RecordKind::kTraced:
      record =
          decode_by_value(reader, static_cast<RecordKind>(kind) == RecordKind::kTraced, is_sound);
      break;
    case RecordKind::kByPosition:
      record = decode_by_position(reader, is_sound);
      break;
    case RecordKind::kDecision:
      record = decode_decision(reader, is_sound);
      break;
    case RecordKind::kCommand:
      record = decode_command(reader);
      break;
    default:
      if (!reader.ok()) return fail(Errc::kCorrupt, "a record without a kind");
      return fail(Errc::kOtherVersion,
                  fmt::format("a record of a kind that this program does not know: {}", kind));
  }
  if (!reader.is_done() || !is_sound) {
    return fail(Errc::kCorrupt,
                fmt::format("a record that does not fit its kind, {}", record_kind_name(record)));
  }
  return record;
}

std::string_view record_kind_name(const JournalRecord& record) {
  switch (record.index()) {
    case 0:
      return "arrival by value";
    case 1:
      return "arrival by position";
    case 2:
      return "decision";
    default:
      return "command";
  }
}
}  // namespace tocsin::runtime
