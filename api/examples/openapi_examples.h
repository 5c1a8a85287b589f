/// The examples of the OpenAPI document: requests and answers of a real server, by operation.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace tocsin::api {
/// What tests/contract/walk.py recorded (api/examples/examples.json): JSON with the members
/// `problem`, `shared` (answers by the name of their schema) and `operations`, which has by
/// operation id the values of `parameters`, of the `body` by media type, and of `answers` by status
/// and media type. Threading: any.
std::string_view recorded_examples();

/// Adds examples to a document of openapi_document(): to parameters, bodies and answers that it
/// has. An answer without one of its own gets the shared one of its schema. Whether each has one is
/// seen by tests/contract.
void add_examples(nlohmann::ordered_json& document, const nlohmann::ordered_json& examples);
}  // namespace tocsin::api
