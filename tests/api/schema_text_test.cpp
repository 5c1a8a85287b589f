#include "api/rest/schema_text.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

ordered_json schema(const char* form) {
  return schema_of_text(ordered_json::parse(form), {{"Base", {{"a", "text"}, {"b?", "whole"}}}});
}
}  // namespace

TEST_CASE("schema_text: types in words") {
  CHECK(schema(R"("text")") == ordered_json{{"type", "string"}});
  CHECK(schema(R"("time")") == ordered_json{{"type", "string"}, {"format", "date-time"}});
  CHECK(schema(R"("whole; how many")") ==
        ordered_json{{"type", "integer"}, {"description", "how many"}});
  CHECK(schema(R"("any")") == ordered_json::object());
  CHECK(schema(R"("Alert")") == ordered_json{{"$ref", "#/components/schemas/Alert"}});
  CHECK(schema(R"("list of map of text")") ==
        ordered_json::parse(R"({"type": "array", "items": {"type": "object",
                                "additionalProperties": {"type": "string"}}})"));
  CHECK(schema(R"("one of a, b c or null")") ==
        ordered_json::parse(R"({"type": ["string", "null"], "enum": ["a", "b c", null]})"));
  CHECK(schema(R"("map of number or null; by rule")") ==
        ordered_json::parse(R"({"type": "object", "additionalProperties": {
                                "type": ["number", "null"]}, "description": "by rule"})"));
  CHECK(schema(R"("Alert or null")") ==
        ordered_json::parse(
            R"({"anyOf": [{"$ref": "#/components/schemas/Alert"}, {"type": "null"}]})"));
}

TEST_CASE("schema_text: limits and patterns") {
  CHECK(schema(R"("text of 1 to 100; a name")") ==
        ordered_json{
            {"type", "string"}, {"minLength", 1}, {"maxLength", 100}, {"description", "a name"}});
  CHECK(schema(R"("whole from 0 to 9 or null")") ==
        ordered_json{{"type", {"integer", "null"}}, {"minimum", 0}, {"maximum", 9}});
  CHECK(schema(R"("number from 0.001 to 10")") ==
        ordered_json{{"type", "number"}, {"minimum", 0.001}, {"maximum", 10}});
  CHECK(schema(R"("list of text like ^[a-z]+$")") ==
        ordered_json{{"type", "array"}, {"items", {{"type", "string"}, {"pattern", "^[a-z]+$"}}}});
  CHECK(schema(R"("duration")") == duration_schema());
}

TEST_CASE("schema_text: members are required unless their name ends in a question mark") {
  CHECK(schema(R"({"name": "text", "until?": "time", "parts": [{"n?": "whole"}]})") ==
        ordered_json::parse(R"({"type": "object", "required": ["name", "parts"], "properties": {
          "name": {"type": "string"},
          "until": {"type": "string", "format": "date-time"},
          "parts": {"type": "array", "items": {
            "type": "object", "properties": {"n": {"type": "integer"}}}}}})"));
}

TEST_CASE(
    "schema_text: bodies have no other members, open objects may, and schemas go as they are") {
  CHECK(schema(R"({"body": true, "a": "text"})")["additionalProperties"] == false);
  CHECK(schema(R"({"...": true, "a": "text"})")["additionalProperties"] == true);
  CHECK(schema(R"({"a": {"$schema": {"type": ["string", "number"]}}})")["properties"]["a"] ==
        ordered_json{{"type", {"string", "number"}}});
}

TEST_CASE("schema_text: a form like another has its members too") {
  CHECK(schema(R"({"like": "Base", "c": "text"})") ==
        schema(R"({"a": "text", "b?": "whole", "c": "text"})"));
  CHECK(schema(R"({"like": "Base", "body": true})")["additionalProperties"] == false);
}
}  // namespace tocsin::api
