#include "api/base/version.h"

#include <fmt/format.h>
#include <httplib.h>
#include <openssl/crypto.h>
#include <simdjson.h>
#include <zlib.h>
#include <zstd.h>

#include <CLI/Version.hpp>
#include <boost/version.hpp>
#include <nlohmann/json.hpp>

#include "runtime/formats/protobuf_schema.h"
#include "runtime/kafka/kafka_client.h"

namespace tocsin::api {
std::vector<std::pair<std::string, std::string>> version_parts() {
  std::vector<std::pair<std::string, std::string>> parts = {{"tocsin", TOCSIN_VERSION}};
  const auto add = [&](const char* name, const std::string& version) {
    parts.emplace_back(name, version);
  };
#if defined(__clang__)
  add("compiler", "clang " __clang_version__);
#else
  add("compiler", "g++ " __VERSION__);
#endif
  add("simdjson", fmt::format("{}.{}.{}", static_cast<int>(simdjson::SIMDJSON_VERSION_MAJOR),
                              static_cast<int>(simdjson::SIMDJSON_VERSION_MINOR),
                              static_cast<int>(simdjson::SIMDJSON_VERSION_REVISION)));
  add("OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING));
  add("cpp-httplib", CPPHTTPLIB_VERSION);
  add("zlib", zlibVersion());
  add("zstd", ZSTD_versionString());
  add("Boost", fmt::format("{}.{}.{}", BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1000,
                           BOOST_VERSION % 100));
  add("fmt",
      fmt::format("{}.{}.{}", FMT_VERSION / 10'000, FMT_VERSION / 100 % 100, FMT_VERSION % 100));
  add("nlohmann/json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR,
                                   NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH));
  add("CLI11", CLI11_VERSION);
  add("librdkafka", runtime::kafka_library_version().value_or("none: built without Kafka"));
  add("libprotobuf", runtime::protobuf_library_version().value_or("none: built without Protobuf"));
  add("console", TOCSIN_CONSOLE);
  return parts;
}

std::string version_text() {
  std::string text;
  for (const auto& [name, version] : version_parts()) {
    text += text.empty() ? fmt::format("{} {}\n", name, version)
                         : fmt::format("  {:<14} {}\n", name, version);
  }
  return text;
}
}  // namespace tocsin::api
