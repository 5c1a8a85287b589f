#include "api/rest/schema_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

bool take_start(std::string_view& text, std::string_view start) {
  if (!text.starts_with(start)) return false;
  text.remove_prefix(start.size());
  return true;
}

ordered_json words_of(std::string_view text) {
  ordered_json words = ordered_json::array();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(", "), text.size());
    words.push_back(std::string(text.substr(0, end)));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return words;
}

ordered_json or_null(ordered_json schema) {
  if (schema.contains("$ref")) {
    return {{"anyOf", ordered_json::array({std::move(schema), {{"type", "null"}}})}};
  }
  if (schema.contains("enum")) schema["enum"].push_back(nullptr);
  schema["type"] = ordered_json::array({schema["type"], "null"});
  return schema;
}

// `limits` are two numbers with ` to ` between them.
ordered_json limited(const char* type, const char* least, const char* most,
                     std::string_view limits) {
  constexpr std::string_view kTo = " to ";
  const std::size_t middle = limits.find(kTo);
  TOCSIN_ASSERT(middle != limits.npos, "limits are two numbers with `to` between them");
  return {{"type", type},
          {least, ordered_json::parse(limits.substr(0, middle))},
          {most, ordered_json::parse(limits.substr(middle + kTo.size()))}};
}

ordered_json type_of(std::string_view text) {
  if (take_start(text, "list of ")) return {{"type", "array"}, {"items", type_of(text)}};
  if (take_start(text, "map of ")) {
    return {{"type", "object"}, {"additionalProperties", type_of(text)}};
  }
  constexpr std::string_view kNull = " or null";
  if (text.ends_with(kNull)) {
    text.remove_suffix(kNull.size());
    return or_null(type_of(text));
  }
  if (take_start(text, "one of ")) return {{"type", "string"}, {"enum", words_of(text)}};
  if (text == "any") return ordered_json::object();
  if (text == "text") return {{"type", "string"}};
  if (text == "time") return {{"type", "string"}, {"format", "date-time"}};
  if (text == "duration") return duration_schema();
  if (text == "whole") return {{"type", "integer"}};
  if (take_start(text, "text like ")) return {{"type", "string"}, {"pattern", text}};
  if (take_start(text, "text of ")) return limited("string", "minLength", "maxLength", text);
  if (take_start(text, "whole from ")) return limited("integer", "minimum", "maximum", text);
  if (take_start(text, "number from ")) return limited("number", "minimum", "maximum", text);
  if (text == "number" || text == "boolean" || text == "object") return {{"type", text}};
  TOCSIN_ASSERT(!text.empty() && text.front() >= 'A' && text.front() <= 'Z',
                "a type in words is one of those of schema_text.h");
  return {{"$ref", "#/components/schemas/" + std::string(text)}};
}

ordered_json described(std::string_view text) {
  const std::size_t end = std::min(text.find("; "), text.size());
  ordered_json schema = type_of(text.substr(0, end));
  if (end < text.size()) schema["description"] = std::string(text.substr(end + 2));
  return schema;
}
}  // namespace

ordered_json duration_schema() {
  return {{"type", "string"},
          {"pattern", "^([0-9]{1,6}(ms|s|m|h|d|w)){1,4}$"},
          {"examples", {"200ms", "30s", "1h30m"}}};
}

ordered_json schema_of_text(const ordered_json& form, const ordered_json& forms) {
  if (form.is_string()) return described(form.get_ref<const std::string&>());
  if (form.is_array()) return {{"type", "array"}, {"items", schema_of_text(form.at(0), forms)}};
  if (form.contains("$schema")) return form.at("$schema");
  ordered_json schema = {{"type", "object"}};
  if (form.contains("like")) {
    schema = schema_of_text(forms.at(form.at("like").get_ref<const std::string&>()), forms);
  }
  ordered_json properties = schema.value("properties", ordered_json::object());
  ordered_json required = schema.value("required", ordered_json::array());
  for (const auto& [name, type] : form.items()) {
    if (name == "like") continue;
    if (name == "...") {
      schema["additionalProperties"] = true;
    } else if (name == "body") {
      schema["additionalProperties"] = false;
    } else if (name.ends_with('?')) {
      properties[name.substr(0, name.size() - 1)] = schema_of_text(type, forms);
    } else {
      properties[name] = schema_of_text(type, forms);
      required.push_back(name);
    }
  }
  if (!required.empty()) schema["required"] = std::move(required);
  if (!properties.empty()) schema["properties"] = std::move(properties);
  return schema;
}
}  // namespace tocsin::api
