/// Where schemas come from by their number. A port: a schema registry over HTTP
/// (api/schemas), or the tests'.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cep/base/result.h"

namespace tocsin::runtime {
struct NamedSchema {
  std::string name;  // by which others refer to it
  std::string text;
};
struct RegisteredSchema {
  std::string language;  // "AVRO", "PROTOBUF" or "JSON"
  std::string text;
  std::vector<NamedSchema> references;  // each before those that refer to it
};
/// Threading: one caller of fetch() at a time; stop() from any.
class SchemaRegistry {
 public:
  SchemaRegistry() = default;
  SchemaRegistry(const SchemaRegistry&) = delete;
  SchemaRegistry& operator=(const SchemaRegistry&) = delete;
  virtual ~SchemaRegistry() = default;
  /// Asks for a schema and what it refers to, within a bounded time. Fails with kNotFound if the
  /// registry says that it has none of this number, kLimit and kUnsupported for one that cannot be
  /// used, kStopped; with any other code if it gave no answer, and may be asked again.
  virtual Result<RegisteredSchema> fetch(std::uint32_t id) = 0;
  /// Ends a fetch() under way and every later one.
  virtual void stop() = 0;
  /// Its address, as messages show it.
  virtual std::string name() const = 0;
};
}  // namespace tocsin::runtime
