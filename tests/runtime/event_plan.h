/// A plan with event types alone, and lines for it: what the tests of runtime/ decode.
#pragma once
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/plan.h"

namespace tocsin::tests {
/// `payment`: id string, ts time, and a field of each type (card string, amount decimal(2), count
/// int, rate float, ok bool, seen time?, day date?, wait duration?, channel enum(pos, ecom, atm)?,
/// lat float? from "geo.lat", city string? from "geo.city", all of them optional but id, ts, card
/// and amount). `login`: ts time, user string, ok bool?; without an id field. `ping`: at time, in
/// the JSON object "when" as "us"; its JSON type is "PNG"; id int?.
cep::Plan event_plan();
/// Masks as cep::Program gives them: all fields, all types.
std::vector<std::vector<bool>> all_fields(const cep::Plan& plan);
std::vector<bool> all_types(const cep::Plan& plan);
/// The index of a type or field by name.
cep::EventTypeIndex type_index(const cep::Plan& plan, const std::string& name);
cep::FieldIndex field_index(const cep::Plan& plan, const std::string& type,
                            const std::string& name);
}  // namespace tocsin::tests
