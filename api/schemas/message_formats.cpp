#include "api/schemas/message_formats.h"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <fstream>
#include <string>
#include <utility>

#include "api/net/webhook_url.h"
#include "api/schemas/http_registry.h"
#include "cep/base/trimmed.h"
#include "runtime/formats/avro_schema.h"
#include "runtime/formats/protobuf_schema.h"
#include "runtime/formats/registry_format.h"
#include "runtime/formats/schema_cache.h"

namespace tocsin::api {
namespace {
using SharedSchema = std::shared_ptr<const runtime::MessageSchema>;
constexpr std::size_t kCredentialBytesMax = 4096;

tl::unexpected<Error> wrong(std::string message) {
  return fail(Errc::kInvalidArgument, std::move(message));
}

// The file that the setting names.
Result<std::string> read_file(const Configuration& settings, const std::string& setting,
                              std::size_t bytes_max) {
  const std::string& path = settings.text(setting);
  std::ifstream file(path, std::ios::binary);
  std::string text(bytes_max + 1, '\0');
  if (!file) return wrong(fmt::format("{}: cannot be read: {}", setting, path));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return wrong(fmt::format("{}: cannot be read: {}", setting, path));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > bytes_max)
    return wrong(fmt::format("{}: larger than {} bytes: {}", setting, bytes_max, path));
  return text;
}

std::size_t schema_bytes_max(const Configuration& settings) {
  return static_cast<std::size_t>(settings.integer("kafka.schema_bytes_max"));
}

runtime::EventTypeFrom type_from(const Configuration& settings) {
  return settings.text("kafka.event_type") == "schema" ? runtime::EventTypeFrom::kSchema
                                                       : runtime::EventTypeFrom::kField;
}

Result<HttpRegistryOptions> registry_options(const Configuration& settings) {
  HttpRegistryOptions options;
  const Result<WebhookUrl> url = parse_webhook_url(settings.text("kafka.registry"));
  if (!url) return wrong("kafka.registry: " + url.error().message);
  options.url = *url;
  options.limits.total =
      std::chrono::milliseconds(settings.duration("kafka.registry_timeout").us / 1000);
  options.limits.body_bytes_max = schema_bytes_max(settings);
  if (settings.text("kafka.registry_auth_file").empty()) return options;
  const Result<std::string> text =
      read_file(settings, "kafka.registry_auth_file", kCredentialBytesMax);
  if (!text) return tl::unexpected(text.error());
  options.credentials = trimmed(*text, " \t\r\n");
  if (options.credentials.find(':') == std::string::npos ||
      options.credentials.find('\n') != std::string::npos) {
    return wrong("kafka.registry_auth_file: the file has one line, USER:PASSWORD");
  }
  return options;
}

Result<std::shared_ptr<runtime::MessageFormat>> registry_format(const Configuration& settings) {
  const Result<HttpRegistryOptions> options = registry_options(settings);
  if (!options) return tl::unexpected(options.error());
  Result<std::unique_ptr<HttpRegistry>> registry = HttpRegistry::make(*options);
  if (!registry) return wrong("kafka.registry: " + registry.error().message);
  runtime::SchemaCacheOptions cache;
  cache.schemas_max = static_cast<std::size_t>(settings.integer("kafka.schemas_max"));
  cache.bytes_max = static_cast<std::size_t>(settings.integer("kafka.schemas_bytes_max"));
  const auto read = [from = type_from(settings), format = settings.text("kafka.format")](
                        const runtime::RegisteredSchema& schema) -> Result<SharedSchema> {
    const bool is_avro = format == "avro";
    if (schema.language != (is_avro ? "AVRO" : "PROTOBUF")) {
      return fail(Errc::kUnsupported,
                  fmt::format("it is one of {}, and kafka.format is {}", schema.language, format));
    }
    if (!is_avro) return runtime::read_protobuf_schema(schema, from);
    return runtime::AvroSchema::parse(schema.text, schema.references, from);
  };
  return std::make_shared<runtime::RegistryFormat>(
      std::make_unique<runtime::SchemaCache>(*std::move(registry), read, cache));
}

Result<std::shared_ptr<runtime::MessageFormat>> file_format(const Configuration& settings) {
  const Result<std::string> text =
      read_file(settings, "kafka.schema_file", schema_bytes_max(settings));
  if (!text) return tl::unexpected(text.error());
  const std::string& message = settings.text("kafka.schema_message");
  const bool is_avro = settings.text("kafka.format") == "avro";
  if (!is_avro && message.empty()) {
    return wrong(
        "kafka.schema_file of protobuf needs kafka.schema_message: the full name of the "
        "messages' type");
  }
  Result<SharedSchema> schema =
      is_avro ? Result<SharedSchema>(runtime::AvroSchema::parse(*text, {}, type_from(settings)))
              : runtime::read_descriptor_set(*text, message, type_from(settings));
  if (!schema) {
    return wrong(fmt::format("kafka.schema_file: {}: {}", settings.text("kafka.schema_file"),
                             schema.error().message));
  }
  return std::make_shared<runtime::OneSchemaFormat>(*std::move(schema));
}
}  // namespace

Result<std::shared_ptr<runtime::MessageFormat>> make_message_format(const Configuration& settings) {
  const std::string& format = settings.text("kafka.format");
  const bool has_registry = !settings.text("kafka.registry").empty();
  const bool has_file = !settings.text("kafka.schema_file").empty();
  if (format == "protobuf" && !runtime::protobuf_library_version()) {
    return wrong(
        "kafka.format: this tocsin was built without Protobuf: install libprotobuf (./do "
        "setup kafka) and build it again");
  }
  if (format == "json") {
    if (!has_registry && !has_file) return nullptr;
    return wrong(fmt::format(
        "{} needs kafka.format = \"avro\" or \"protobuf\": messages of JSON have no schema",
        has_registry ? "kafka.registry" : "kafka.schema_file"));
  }
  if (has_registry == has_file) {
    return wrong(
        fmt::format("kafka.format = \"{}\" needs kafka.registry, if each message names "
                    "its schema, or kafka.schema_file, if all have one{}",
                    format, has_file ? "; not both" : ""));
  }
  return has_registry ? registry_format(settings) : file_format(settings);
}
}  // namespace tocsin::api
