#include "api/base/configuration.h"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <string>

namespace tocsin::api {
namespace {
const std::array<Setting, 7> kSettings = {{
    {"server.listen", SettingType::kText, "127.0.0.1:8080", "Where to listen"},
    {"server.rules", SettingType::kTexts, "", "Rule files and folders"},
    {"http.body_bytes_max", SettingType::kBytes, "64MiB", "The longest body", 1, INT64_MAX},
    {"http.connections_max", SettingType::kInteger, "256", "Connections at once", 1, 10'000},
    {"http.open", SettingType::kBoolean, "false", "Whether"},
    {"time.heartbeat", SettingType::kDuration, "1s", "Silence"},
    {"time.late", SettingType::kWord, "clamp", "Late events", 0, 0, "side|clamp"},
}};

TEST_CASE("configuration: a file, the environment and options, the later the stronger") {
  Configuration configuration(kSettings);
  REQUIRE(configuration
              .read_text("[server]\nlisten = \"0.0.0.0:1\"\nrules = [\"a\", \"b c\"]\n"
                         "[http]\nbody_bytes_max = \"2 KiB\"\nconnections_max = 7\nopen = true\n"
                         "[time]\nheartbeat = \"90d\"\nlate = \"side\"\n",
                         "tocsin.toml")
              .has_value());
  const std::map<std::string, std::string> environment = {
      {"TOCSIN_HTTP_CONNECTIONS_MAX", "8"}, {"TOCSIN_SERVER_RULES", "x, y"}, {"TOCSIN_OTHER", "z"}};
  REQUIRE(configuration
              .read_environment([&](const std::string& name) -> std::optional<std::string> {
                const auto found = environment.find(name);
                if (found == environment.end()) return std::nullopt;
                return found->second;
              })
              .has_value());
  REQUIRE(configuration.set_option("--http-connections-max", "9").has_value());
  CHECK(configuration.text("server.listen") == "0.0.0.0:1");
  CHECK(configuration.texts("server.rules") == std::vector<std::string>{"x", "y"});
  CHECK(configuration.integer("http.body_bytes_max") == 2048);
  CHECK(configuration.integer("http.connections_max") == 9);
  CHECK(configuration.boolean("http.open"));
  CHECK(configuration.duration("time.heartbeat").us == std::int64_t{90} * 86'400 * 1'000'000);
  CHECK(configuration.text("time.late") == "side");
  const std::string explained =
      "[server]\n"
      "listen = \"0.0.0.0:1\"  # tocsin.toml:2\n"
      "rules = [\"x\", \"y\"]  # TOCSIN_SERVER_RULES\n"
      "\n[http]\n"
      "body_bytes_max = \"2 KiB\"  # tocsin.toml:5\n"
      "connections_max = 9  # --http-connections-max\n"
      "open = true  # tocsin.toml:7\n"
      "\n[time]\n"
      "heartbeat = \"90d\"  # tocsin.toml:9\n"
      "late = \"side\"  # tocsin.toml:10\n";
  CHECK(configuration.explain() == explained);
  // What is explained is a configuration file that says the same.
  Configuration again(kSettings);
  REQUIRE(again.read_text(explained, "again").has_value());
  for (const Setting& setting : kSettings) {
    CHECK(again.texts(setting.name) == configuration.texts(setting.name));
  }
}

TEST_CASE("configuration: what is explained can be read, whatever the values are") {
  Configuration configuration(kSettings);
  REQUIRE(configuration
              .read_text("[server]\nlisten = \"a\\u007f\\u0001\\\"#\"\nrules = [\" b \", \" \"]\n",
                         "file")
              .has_value());
  CHECK(configuration.texts("server.rules") == std::vector<std::string>{"b"});
  const std::string explained = configuration.explain();
  Configuration again(kSettings);
  REQUIRE(again.read_text(explained, "again").has_value());
  CHECK(again.text("server.listen") == configuration.text("server.listen"));
  CHECK(again.texts("server.rules") == std::vector<std::string>{"b"});
  // A list of blanks is an empty one.
  REQUIRE(configuration.read_text("[server]\nrules = [\" \"]\n", "file").has_value());
  CHECK(configuration.is_none("server.rules"));
}

TEST_CASE("configuration: a text of a list may have commas and backslashes") {
  Configuration configuration(kSettings);
  const std::vector<std::string> texts = {"a, b", "c\\", "\\\\, d\\e", "f\\"};
  REQUIRE(configuration
              .read_text(R"([server]
rules = ['a, b', 'c\', '\\, d\e', 'f\'])",
                         "file")
              .has_value());
  CHECK(configuration.texts("server.rules") == texts);
  Configuration again(kSettings);
  REQUIRE(again.read_text(configuration.explain(), "again").has_value());
  CHECK(again.texts("server.rules") == texts);
  REQUIRE(again.set_option("--server-rules", R"(a\, b , c\\,d\e)").has_value());
  CHECK(again.texts("server.rules") == std::vector<std::string>{"a, b", "c\\", "d\\e"});
}

TEST_CASE("configuration: without anything the standard values hold") {
  const Configuration configuration(kSettings);
  CHECK(configuration.integer("http.body_bytes_max") == std::int64_t{64} << 20);
  CHECK(configuration.texts("server.rules").empty());
  CHECK(configuration.origin("time.late") == "default");
  CHECK(option_name(kSettings[2]) == "--http-body-bytes-max");
  CHECK(environment_name(kSettings[2]) == "TOCSIN_HTTP_BODY_BYTES_MAX");
}

TEST_CASE("configuration: each fault is told with its place and what was wanted, all of them") {
  Configuration configuration(kSettings);
  const auto fault = [&](const std::string& text) {
    const auto read = configuration.read_text(text, "c.toml");
    REQUIRE(!read.has_value());
    CHECK(read.error().code == Errc::kInvalidArgument);
    return read.error().message;
  };
  CHECK(fault("[server]\nlisten = 3\n") == "c.toml:2:10: server.listen takes a text");
  CHECK(fault("[http]\nconnections_max = 0\nopen = \"true\"\n") ==
        "c.toml:2:19: http.connections_max takes a whole number from 1 to 10000, not 0\n"
        "c.toml:3:8: http.open takes true or false");
  CHECK(fault("[http]\nbody_byte_max = 3\n") ==
        "c.toml:2:17: there is no setting http.body_byte_max; did you mean http.body_bytes_max?");
  CHECK(fault("[time]\nheartbeat = \"soon\"\nlate = \"never\"\n") ==
        "c.toml:2:13: time.heartbeat takes a duration such as 200ms, 30s or 90d, or 0, not soon\n"
        "c.toml:3:8: time.late takes one of side, clamp, not never");
  CHECK(fault("[http\n").starts_with("c.toml:1:"));
  CHECK(configuration.origin("time.late") == "default");
  const auto option = configuration.set_option("--http-body-bytes-max", "9999999999GiB");
  REQUIRE(!option.has_value());
  CHECK(
      option.error().message ==
      "--http-body-bytes-max: http.body_bytes_max takes a size such as 512, 64KiB or 2GiB above 0, "
      "not 9999999999GiB");
  CHECK(configuration.read_file("/nonexistent/tocsin.toml").error().code == Errc::kNotFound);
}
}  // namespace
}  // namespace tocsin::api
