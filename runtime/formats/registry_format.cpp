#include "runtime/formats/registry_format.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/decode/undecoded_message.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kHeaderBytes = 5;

Conversion refused(std::string_view message, std::size_t line_bytes_max, std::string& line,
                   std::string_view reason) {
  append_undecoded(line, reason, message, line_bytes_max);
  return Conversion::kRefused;
}

// `bytes` are what the schema describes of the message.
Conversion convert_by(const MessageSchema& schema, std::string_view bytes, std::string_view message,
                      std::size_t line_bytes_max, std::string& line) {
  const std::size_t before = line.size();
  const Result<void> converted = schema.convert(bytes, line_bytes_max, line);
  if (converted) return Conversion::kLine;
  line.resize(before);
  return refused(message, line_bytes_max, line, converted.error().message);
}
}  // namespace

Conversion RegistryFormat::convert(std::string_view message, std::size_t line_bytes_max,
                                   std::string& line) {
  if (message.empty()) return refused(message, line_bytes_max, line, "the message is empty");
  if (message.front() != '\0') {
    return refused(message, line_bytes_max, line,
                   fmt::format("no number of a schema: the first byte is {}, not 0",
                               static_cast<unsigned char>(message.front())));
  }
  if (message.size() < kHeaderBytes) {
    return refused(message, line_bytes_max, line,
                   "no number of a schema: the message ends within it");
  }
  std::uint32_t id = 0;
  for (std::size_t i = 1; i < kHeaderBytes; ++i)
    id = id << 8 | static_cast<unsigned char>(message[i]);
  if (latest_ != id) {
    FoundSchema found = schemas_->find(id);
    if (!found.schema && found.refusal.empty()) return Conversion::kLater;
    if (!found.schema) return refused(message, line_bytes_max, line, found.refusal);
    found_ = std::move(found);
    latest_ = id;
  }
  return convert_by(*found_.schema, message.substr(kHeaderBytes), message, line_bytes_max, line);
}

Conversion OneSchemaFormat::convert(std::string_view message, std::size_t line_bytes_max,
                                    std::string& line) {
  return convert_by(*schema_, message, message, line_bytes_max, line);
}
}  // namespace tocsin::runtime
