/// Schemas of Avro 1.11 (https://avro.apache.org/docs/1.11.1/specification/), and the messages that
/// were written with them.
///
/// Only the writer's schema is used: there is no second one to resolve against. What a rule reads
/// of an event is said by its declaration, as for any JSON; so defaults, aliases and the order of
/// names have no meaning here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/formats/message_schema.h"
#include "runtime/formats/schema_registry.h"

namespace tocsin::runtime {
enum class AvroKind : std::uint8_t {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kRecord,
  kEnum,
  kArray,
  kMap,
  kUnion,
  kFixed,
  // Of a logical type:
  kDate,
  kMillis,
  kMicros,
  kNanos,
  kDecimal,
  kFixedDecimal,
  kFixedUuid,
  kFixedDuration,
};
/// A type of a schema. Others are named by their index.
struct AvroType {
  AvroKind kind = AvroKind::kNull;
  std::uint32_t size = 0;              // of a fixed, in bytes
  int scale = 0;                       // of a decimal
  std::vector<std::uint32_t> parts;    // of a record's fields, a union, an array or a map
  std::vector<std::string> names;      // of fields, as `"amount":`; of an enum, as `"debit"`
  std::string name;                    // of a record, without its namespace
  std::vector<std::string> top_names;  // of the fields of a record that is a whole message
  bool names_itself = false;           // a record has a field `type` that is used as the event type
};

/// Threading: immutable.
class AvroSchema : public MessageSchema {
 public:
  /// Reads the JSON of a schema; `references` define named types before it. Fails with kCorrupt for
  /// what is no schema, naming the place, kLimit for one that is nested too deeply.
  static Result<std::shared_ptr<const AvroSchema>> parse(std::string_view text,
                                                         std::span<const NamedSchema> references,
                                                         EventTypeFrom type_from);
  /// As MessageSchema says. `bytes` are one value, without any header.
  Result<void> convert(std::string_view bytes, std::size_t line_bytes_max,
                       std::string& line) const override;

  /// Of types within each other, in a schema and in a message.
  static constexpr int kDepthMax = 128;

 private:
  AvroSchema() = default;
  std::vector<AvroType> types_;
  std::uint32_t root_ = 0;
};
}  // namespace tocsin::runtime
