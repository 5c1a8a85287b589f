#include "runtime/stages/front_change.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <string>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"

namespace tocsin::runtime {
namespace {
constexpr const char* kStop = "stop the job, and go on from its state with the next rules";

const cep::EventType* find_type(const cep::Plan& plan, const std::string& json_type) {
  const auto found = std::ranges::find_if(plan.event_types, [&](const cep::EventType& type) {
    return !type.is_alert() && type.json_type == json_type;
  });
  return found == plan.event_types.end() ? nullptr : &*found;
}

// Whether a field has the same value of each line, as far as its name matters not.
bool is_read_alike(const cep::Field& a, const cep::Field& b) {
  return a.path == b.path && a.type == b.type && a.unit == b.unit && a.any_year == b.any_year;
}
const cep::Field* id_of(const cep::EventType& type) {
  return type.id_field ? &type.fields[type.id_field->value] : nullptr;
}
bool has_same_id(const cep::EventType& a, const cep::EventType& b) {
  const cep::Field* const id = id_of(a);
  const cep::Field* const other = id_of(b);
  if (id == nullptr || other == nullptr) return id == other;
  return is_read_alike(*id, *other);
}
// Whether events that `after` calls equal are equal to `before`: parts are chosen by that.
bool tells_apart_as_before(const cep::EventType& before, const cep::EventType& after) {
  return std::ranges::all_of(before.fields, [&](const cep::Field& field) {
    return field.computed || std::ranges::any_of(after.fields, [&](const cep::Field& other) {
             return !other.computed && is_read_alike(field, other);
           });
  });
}

tl::unexpected<Error> fail_type(const cep::EventType& type, std::string_view what) {
  return fail(Errc::kInvalidArgument, fmt::format("event type `{}` {}", type.name, what));
}

Result<void> check_type(const cep::EventType& before, const cep::EventType& after,
                        JudgesChange judges) {
  if (!is_read_alike(before.fields[before.time_field.value],
                     after.fields[after.time_field.value])) {
    return fail_type(before, fmt::format("takes its time from another field in the next rules, so "
                                         "that a line would have two times: {}, or declare a type "
                                         "of another name",
                                         kStop));
  }
  if (judges == JudgesChange::kYes) return {};
  if (!has_same_id(before, after)) {
    return fail_type(before, fmt::format("has another id field in the next rules, and judges of "
                                         "this job go by the one before: {}",
                                         kStop));
  }
  if (!before.id_field && !tells_apart_as_before(before, after)) {
    return fail_type(before,
                     fmt::format("has no id field, and loses or changes a field in the next rules, "
                                 "by which judges of this job tell its events apart: keep the "
                                 "field, or {}",
                                 kStop));
  }
  return {};
}
}  // namespace

Result<void> check_front_change(const cep::Plan& now, const cep::Plan& next, JudgesChange judges) {
  for (const cep::EventType& before : now.event_types) {
    if (before.is_alert()) continue;
    if (const cep::EventType* const after = find_type(next, before.json_type)) {
      if (Result<void> can = check_type(before, *after, judges); !can) return can;
    } else if (judges == JudgesChange::kNo) {
      return fail_type(before, fmt::format("is not declared in the next rules, and judges of this "
                                           "job go on to take it for one: keep its declaration, "
                                           "or {}",
                                           kStop));
    }
  }
  if (judges == JudgesChange::kYes) return {};
  for (const cep::EventType& after : next.event_types) {
    if (after.is_alert() || find_type(now, after.json_type) != nullptr) continue;
    return fail_type(after, fmt::format("is new in the next rules, and judges of this job do not "
                                        "know it: {}",
                                        kStop));
  }
  return {};
}

std::uint64_t identities_tag(const cep::Plan& plan) {
  cep::Plan types;
  for (const cep::EventType& type : plan.event_types) {
    if (type.is_alert() || type.id_field) continue;
    cep::EventType& declared = types.event_types.emplace_back();
    declared.name = type.name;
    declared.json_type = type.json_type;
    for (const cep::Field& field : type.fields) {
      if (field.computed) continue;
      declared.fields.push_back(field);
      // What says nothing of the value.
      declared.fields.back().optional = false;
      declared.fields.back().evidence = false;
      declared.fields.back().pii = false;
    }
  }
  // Their order says nothing either.
  std::ranges::sort(types.event_types, {}, &cep::EventType::json_type);
  const std::string text = cep::describe(types);
  const std::uint64_t tag = XXH3_64bits(text.data(), text.size());
  return tag == 0 ? 1 : tag;
}
}  // namespace tocsin::runtime
