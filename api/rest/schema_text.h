/// Schemas of bodies in a short form, for the OpenAPI document.
#pragma once
#include <nlohmann/json_fwd.hpp>

namespace tocsin::api {
/// The JSON Schema (2020-12) of a short form, which is
///
/// - an object with a short form for each member: `{"name": "text", "until?": "time"}`. A member is
///   required unless its name ends in `?`. With the member `"..."` others may come beside those
///   named; in a `"body": true` they may not, as a request's body has no unknown members;
///   `"like": "Name"` begins with the members of that form, which is beside it in `forms`;
/// - or a type in words: `text`, `time`, `duration`, `whole` (a whole number), `number`, `boolean`,
///   `object`, `any`, `one of a, b, c`, the name of a component (`Savepoint`), `list of` or `map
///   of` a type, any but a list or map perhaps with `or null`. `text of 1 to 100` has so many
///   characters, `text like PATTERN` fits a regular expression (ECMA-262), `whole from 0 to 10` and
///   `number from 0 to 10` lie between these. What comes after `; ` is the description;
/// - or a list with one short form: a list of such objects;
/// - or an object with the member `$schema`, whose value is a JSON Schema as it is.
///
/// Requires that the form is good: it is the program's own text.
nlohmann::ordered_json schema_of_text(const nlohmann::ordered_json& form,
                                      const nlohmann::ordered_json& forms);
/// The schema of a duration such as 1h30m.
nlohmann::ordered_json duration_schema();
}  // namespace tocsin::api
