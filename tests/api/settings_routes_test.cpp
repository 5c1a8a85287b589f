#include "api/health/settings_routes.h"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <optional>
#include <string>

#include "tests/api/api_client.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using Type = SettingType;
constexpr std::array kSettings = {
    Setting{.name = "http.listen", .standard = "127.0.0.1:8627", .description = "Where"},
    Setting{.name = "http.workers", .type = Type::kInteger, .standard = "4", .description = ""},
    Setting{.name = "kafka.registry", .standard = "", .description = "A URL"},
    Setting{.name = "rules.path", .type = Type::kTexts, .standard = "", .description = ""},
    Setting{.name = "time.late_max",
            .type = Type::kDuration,
            .standard = "",
            .description = "",
            .kept = "late-max"}};

TEST_CASE("settings: each with its value and where it comes from") {
  Configuration configuration(kSettings);
  REQUIRE(configuration.read_text("[http]\nworkers = 8\n", "/etc/tocsin.toml"));
  REQUIRE(configuration.read_environment([](const std::string& name) {
    return name == "TOCSIN_RULES_PATH" ? std::optional<std::string>("a,b") : std::nullopt;
  }));
  REQUIRE(configuration.set_option("--kafka-registry", "https://ann:pass@reg.example:8081/x"));
  REQUIRE(configuration.keep("time.late_max", "5s", "kept", ""));
  tests::ApiClient client;
  add_settings_route(client.router, configuration);
  client.json(403, "author", "GET", "/v1/settings");
  const auto by_name = [&](const char* path) {
    std::map<std::string, ordered_json> found;
    const ordered_json document = client.json(200, "operator", "GET", path);
    for (const ordered_json& one : document.at("settings"))
      found[one.at("name").get<std::string>()] = one;
    return found;
  };
  auto all = by_name("/v1/settings");
  REQUIRE(all.size() == kSettings.size());
  CHECK(all["http.listen"] == ordered_json({{"name", "http.listen"},
                                            {"value", "127.0.0.1:8627"},
                                            {"source", "default"},
                                            {"origin", "default"},
                                            {"default", "127.0.0.1:8627"},
                                            {"type", "text"},
                                            {"description", "Where"}}));
  CHECK(all["http.workers"].at("value") == "8");
  CHECK(all["http.workers"].at("source") == "file");
  CHECK(all["http.workers"].at("origin") == "/etc/tocsin.toml:2");
  CHECK(all["rules.path"].at("source") == "environment");
  CHECK(all["kafka.registry"].at("source") == "option");
  CHECK(all["kafka.registry"].at("value") == "https://…@reg.example:8081/x");
  CHECK(all["kafka.registry"].at("default").is_null());
  CHECK(all["time.late_max"].at("source") == "directory");
  CHECK(by_name("/v1/settings?set=true").size() == 4);
}

TEST_CASE("settings: users and passwords of URLs are not shown") {
  CHECK(shown_value("") == "");
  CHECK(shown_value("a@b") == "a@b");
  CHECK(shown_value("s3://bucket/a@b") == "s3://bucket/a@b");
  CHECK(shown_value("http://u:p@h,https://v:q@i/x") == "http://…@h,https://…@i/x");
  CHECK(shown_value("http://u:p@w@h/x") == "http://…@h/x");
  CHECK(shown_value("http://") == "http://");
}
}  // namespace
}  // namespace tocsin::api
