#include "api/health/settings_routes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/rest/json_body.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

std::string_view name_of(SettingType type) {
  switch (type) {
    case SettingType::kText:
      return "text";
    case SettingType::kInteger:
      return "integer";
    case SettingType::kBytes:
      return "bytes";
    case SettingType::kDuration:
      return "duration";
    case SettingType::kBoolean:
      return "boolean";
    case SettingType::kWord:
      return "word";
    case SettingType::kTexts:
      return "texts";
  }
  return "text";
}
ordered_json text_or_null(std::string_view text) {
  return text.empty() ? ordered_json() : ordered_json(shown_value(text));
}

HttpResponse list(const Configuration& configuration, const ApiRequest& request) {
  const bool only_set = request.text("set") == "true";
  ordered_json settings = ordered_json::array();
  for (const Setting& setting : configuration.settings()) {
    const std::string& origin = configuration.origin(setting.name);
    const std::string_view source = source_of_origin(origin);
    if (only_set && source == "default") continue;
    settings.push_back({{"name", setting.name},
                        {"value", text_or_null(configuration.text(setting.name))},
                        {"source", source},
                        {"origin", origin},
                        {"default", text_or_null(setting.standard)},
                        {"type", name_of(setting.type)},
                        {"description", setting.description}});
  }
  return json_response(200, {{"settings", std::move(settings)}});
}

constexpr std::string_view kSchemas = R"({
  "EffectiveSetting": {
    "name": "text; as in the file of --config: http.listen",
    "value": "text or null; as it is written there; null: none. Users and passwords of URLs are hidden",
    "source": "one of default, file, environment, option, directory",
    "origin": "text; the file and line, the variable, the option, or the data directory that keeps it",
    "default": "text or null",
    "type": "one of text, integer, bytes, duration, boolean, word, texts",
    "description": "text"
  },
  "EffectiveSettings": {"settings": "list of EffectiveSetting"}
})";
}  // namespace

std::string_view source_of_origin(std::string_view origin) {
  if (origin == "default") return "default";
  if (origin.starts_with("--")) return "option";
  if (origin.starts_with("TOCSIN_")) return "environment";
  if (origin == "kept" || origin.starts_with("kept by ")) return "directory";
  return "file";
}

std::string shown_value(std::string_view text) {
  constexpr std::string_view kMark = "://";
  std::string shown;
  while (true) {
    const std::size_t mark = text.find(kMark);
    if (mark == std::string_view::npos) return shown.append(text);
    const std::size_t begin = mark + kMark.size();
    shown.append(text.substr(0, begin));
    text.remove_prefix(begin);
    const std::string_view authority =
        text.substr(0, std::min(text.find_first_of("/?#,"), text.size()));
    const std::size_t at = authority.rfind('@');
    if (at == std::string_view::npos) continue;
    shown.append("…");
    text.remove_prefix(at);
  }
}

void add_settings_route(Router& router, const Configuration& configuration) {
  router.add_schemas(kSchemas);
  router.add(
      {.method = "GET",
       .path = "/v1/settings",
       .operation_id = "listSettings",
       .tag = "operations",
       .summary = "The settings with which the server runs, and where each comes from",
       .description = "Secrets are no settings: those are files, of which the names are shown.",
       .role = Role::kOperator,
       .query_parameters = {{"set", RouteParameter::Type::kBoolean,
                             "true: only those that are not the default"}},
       .answers = {{200, "By name of their table", "application/json", "EffectiveSettings"}},
       .handler = [&configuration](ApiRequest& request) { return list(configuration, request); }});
}
}  // namespace tocsin::api
