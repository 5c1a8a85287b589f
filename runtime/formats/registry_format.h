/// Messages with the number of their schema, as Confluent's serializers write them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/formats/message_format.h"
#include "runtime/formats/message_schema.h"
#include "runtime/formats/schema_cache.h"

namespace tocsin::runtime {
/// A message is a byte 0, its schema's number in four bytes, the highest first, and what the schema
/// describes.
/// Threading: as MessageFormat.
class RegistryFormat : public MessageFormat {
 public:
  explicit RegistryFormat(std::unique_ptr<SchemaCache> schemas) : schemas_(std::move(schemas)) {}
  Conversion convert(std::string_view message, std::size_t line_bytes_max,
                     std::string& line) override;
  void listen(FormatListener listener) override { schemas_->listen(std::move(listener)); }

 private:
  const std::unique_ptr<SchemaCache> schemas_;
  std::optional<std::uint32_t> latest_;  // the number of the schema below
  FoundSchema found_;
};
/// Messages that all have one schema, and no number.
/// Threading: as MessageFormat.
class OneSchemaFormat : public MessageFormat {
 public:
  explicit OneSchemaFormat(std::shared_ptr<const MessageSchema> schema)
      : schema_(std::move(schema)) {}
  Conversion convert(std::string_view message, std::size_t line_bytes_max,
                     std::string& line) override;
  void listen(FormatListener /*listener*/) override {}

 private:
  const std::shared_ptr<const MessageSchema> schema_;
};
}  // namespace tocsin::runtime
