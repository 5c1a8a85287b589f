#include "api/examples/openapi_examples.h"

#include <nlohmann/json.hpp>
#include <string>

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

const ordered_json* find(const ordered_json& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

void add_to_parameters(ordered_json& parameters, const ordered_json& values) {
  for (ordered_json& parameter : parameters) {
    const ordered_json* name = find(parameter, "name");
    if (name == nullptr) continue;  // a reference to one of all operations
    if (const ordered_json* value = find(values, name->get<std::string>())) {
      parameter["example"] = *value;
    }
  }
}

void add_to_content(ordered_json& content, const ordered_json& values) {
  for (const auto& [media_type, value] : values.items()) {
    if (const auto described = content.find(media_type); described != content.end()) {
      (*described)["example"] = value;
    }
  }
}

// The name of a component's schema; empty where it is another schema.
std::string component_of(const ordered_json& described) {
  static const std::string kSchemas = "#/components/schemas/";
  const std::string reference = described.at("schema").value("$ref", "");
  return reference.starts_with(kSchemas) ? reference.substr(kSchemas.size()) : std::string();
}

// `shared`: the names of those among the components.
void add_shared(ordered_json& content, const ordered_json& shared) {
  for (auto& [media_type, described] : content.items()) {
    const std::string name = component_of(described);
    if (described.contains("example") || !shared.contains(name)) continue;
    described["examples"] = {{name, {{"$ref", "#/components/examples/" + name}}}};
  }
}

void add_to_operation(ordered_json& operation, const ordered_json& recorded,
                      const ordered_json& shared) {
  if (const ordered_json* values = find(recorded, "parameters")) {
    add_to_parameters(operation["parameters"], *values);
  }
  const ordered_json* body = find(recorded, "body");
  if (body != nullptr && operation.contains("requestBody")) {
    add_to_content(operation["requestBody"]["content"], *body);
  }
  const ordered_json* answers = find(recorded, "answers");
  for (auto& [status, response] : operation["responses"].items()) {
    if (!response.contains("content")) continue;
    const ordered_json* values = answers == nullptr ? nullptr : find(*answers, status);
    if (values != nullptr) add_to_content(response["content"], *values);
    add_shared(response["content"], shared);
  }
}
}  // namespace

void add_examples(ordered_json& document, const ordered_json& examples) {
  const ordered_json& operations = examples.at("operations");
  const ordered_json& shared = examples.at("shared");
  static const ordered_json kNone = ordered_json::object();
  for (auto& [path, methods] : document["paths"].items()) {
    for (auto& [method, operation] : methods.items()) {
      const ordered_json* recorded = find(operations, operation.at("operationId"));
      add_to_operation(operation, recorded == nullptr ? kNone : *recorded, shared);
    }
  }
  ordered_json& components = document["components"];
  for (const auto& [name, value] : shared.items()) components["examples"][name]["value"] = value;
  components["responses"]["Problem"]["content"]["application/problem+json"]["example"] =
      examples.at("problem");
}
}  // namespace tocsin::api
