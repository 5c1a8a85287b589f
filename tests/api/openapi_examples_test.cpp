#include "api/examples/openapi_examples.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

TEST_CASE(
    "examples: each goes to its parameter, body or answer, and shared ones to what has none") {
  ordered_json document = ordered_json::parse(R"({
    "paths": {"/v1/tills/{till}": {"put": {
      "operationId": "putTill",
      "parameters": [{"name": "till", "in": "path"}, {"$ref": "#/components/parameters/traceparent"}],
      "requestBody": {"content": {"application/json": {"schema": {}}, "text/plain": {"schema": {}}}},
      "responses": {
        "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Till"}}}},
        "202": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Till"}}}},
        "204": {"description": "none"}}}},
      "/v1/other": {"get": {"operationId": "getOther", "parameters": [], "responses": {
        "200": {"content": {"application/json": {"schema": {"type": "object"}}}}}}}},
    "components": {"responses": {"Problem": {"content": {"application/problem+json": {}}}}}})");
  add_examples(document, ordered_json::parse(R"({
    "problem": {"status": 404},
    "shared": {"Till": {"name": "shared"}},
    "operations": {
      "putTill": {"parameters": {"till": "t7", "gone": 1}, "body": {"text/plain": "t7", "text/csv": "x"},
                  "answers": {"200": {"application/json": {"name": "t7"}}, "404": {"text/plain": "x"}}},
      "goneOperation": {}}})"));
  const ordered_json& operation = document["paths"]["/v1/tills/{till}"]["put"];
  CHECK(operation["parameters"][0]["example"] == "t7");
  CHECK(operation["parameters"][1].size() == 1);
  const ordered_json& body = operation["requestBody"]["content"];
  CHECK(body.size() == 2);
  CHECK(body["text/plain"]["example"] == "t7");
  CHECK(!body["application/json"].contains("example"));
  const ordered_json& responses = operation["responses"];
  CHECK(responses.size() == 3);
  const ordered_json& own = responses["200"]["content"]["application/json"];
  CHECK(own["example"] == ordered_json::parse(R"({"name": "t7"})"));
  CHECK(!own.contains("examples"));
  CHECK(responses["202"]["content"]["application/json"]["examples"].dump() ==
        R"({"Till":{"$ref":"#/components/examples/Till"}})");
  CHECK(document["components"]["examples"].dump() == R"({"Till":{"value":{"name":"shared"}}})");
  CHECK(document["paths"]["/v1/other"]["get"]["responses"]["200"]["content"]["application/json"]
            .size() == 1);
  CHECK(document["components"]["responses"]["Problem"]["content"]["application/problem+json"]
                ["example"]["status"] == 404);
}

TEST_CASE("examples: those of the program are JSON of the members that are read") {
  const ordered_json examples = ordered_json::parse(recorded_examples());
  CHECK(examples["problem"]["status"].is_number());
  CHECK(examples["shared"].contains("Proposal"));
  CHECK(examples["operations"]["postEvents"]["body"].contains("application/json"));
}
}  // namespace
}  // namespace tocsin::api
