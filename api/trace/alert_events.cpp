#include "api/trace/alert_events.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

#include "api/alerts/alert_line.h"
#include "api/trace/line_fields.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/value/value_text.h"

namespace tocsin::api {
namespace {
std::optional<cep::EventTypeIndex> type_named(const cep::Plan& plan, const std::string& name) {
  const auto type = std::ranges::find(plan.event_types, name, &cep::EventType::name);
  if (type == plan.event_types.end() || type->is_alert()) return std::nullopt;
  return cep::EventTypeIndex(static_cast<std::size_t>(type - plan.event_types.begin()));
}
std::optional<std::size_t> field_named(const cep::EventType& type, std::string_view name) {
  const auto field = std::ranges::find(type.fields, name, &cep::Field::name);
  if (field == type.fields.end()) return std::nullopt;
  return static_cast<std::size_t>(field - type.fields.begin());
}

// An event that the alert lists, to be found among lines.
struct Sought {
  cep::EventTypeIndex type;
  cep::EventTime ts;
  std::string id;
  JsonMembers fields;
  bool is_found = false;
};
std::vector<Sought> sought_of(const cep::Plan& plan, const ListedMatch& match,
                              std::string_view line) {
  std::vector<Sought> all;
  const std::vector<std::string_view> events = json_elements(json_member(line, "events"));
  for (std::size_t i = 0; i < match.events.size(); ++i) {
    const auto type = type_named(plan, match.events[i].type);
    if (!type) continue;  // an alert: other rules raise it from events
    all.push_back({*type, match.events[i].ts, match.events[i].id,
                   json_members(json_member(events[i], "fields"))});
  }
  return all;
}

ValuedEvent event_of(const cep::Plan& plan, const Sought& sought) {
  const cep::EventType& type = plan.event_types[sought.type.value];
  ValuedEvent event{sought.type, sought.ts, std::vector<cep::OwnedValue>(type.fields.size())};
  for (const auto& [name, json] : sought.fields) {
    const auto field = field_named(type, name);
    if (!field || type.fields[*field].computed) continue;
    event.fields[*field] = value_of_json(type.fields[*field].type, json);
  }
  if (type.id_field && event.fields[type.id_field->value].view().is_missing()) {
    event.fields[type.id_field->value] =
        cep::parse_value(sought.id, type.fields[type.id_field->value].type);
  }
  return event;
}
ValuedEvent event_of(const cep::Plan& plan, const LineFields& reader, const cep::Row& row) {
  const cep::EventType& type = plan.event_types[row.type.value];
  ValuedEvent event{row.type, row.ts, std::vector<cep::OwnedValue>(type.fields.size())};
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    if (!type.fields[i].computed) event.fields[i] = cep::OwnedValue(reader.value(row, i));
  }
  return event;
}

// Without a declared id it is the one whose fields are those that the alert lists.
bool is_sought(const cep::Plan& plan, const LineFields& reader, const cep::Row& row,
               const Sought& sought) {
  if (sought.type != row.type || sought.ts != row.ts) return false;
  const cep::EventType& type = plan.event_types[row.type.value];
  if (type.id_field) return reader.identity(row) == sought.id;
  return std::ranges::all_of(sought.fields, [&](const auto& member) {
    const auto field = field_named(type, member.first);
    if (!field || type.fields[*field].computed) return true;
    std::string json;
    cep::append_json(json, reader.value(row, *field));
    return json == member.second;
  });
}

// Whether the row is an event of the alert that was not found before. One event may stand for
// several steps; of equal ones each is found by itself.
bool find_row(const cep::Plan& plan, const LineFields& reader, const cep::Row& row,
              std::vector<Sought>& sought) {
  const Sought* first = nullptr;
  for (Sought& one : sought) {
    if (one.is_found || (first != nullptr && one.id != first->id)) continue;
    if (!is_sought(plan, reader, row, one)) continue;
    one.is_found = true;
    if (first == nullptr) first = &one;
  }
  return first != nullptr;
}

// What is not in the archive is as the alert lists it.
void add_listed(const cep::Plan& plan, std::vector<Sought>& sought, AlertEvents& found) {
  found.listed = sought.size();
  found.kept = static_cast<std::size_t>(std::ranges::count(sought, true, &Sought::is_found));
  for (std::size_t i = 0; i < sought.size(); ++i) {
    if (sought[i].is_found) continue;
    found.own.push_back(event_of(plan, sought[i]));
    for (std::size_t j = i + 1; j < sought.size(); ++j) {
      const bool is_same = sought[j].type == sought[i].type && sought[j].id == sought[i].id;
      if (is_same && sought[j].ts == sought[i].ts) sought[j].is_found = true;
    }
  }
  std::ranges::stable_sort(found.own, {}, &ValuedEvent::ts);
}
}  // namespace

cep::OwnedValue value_of_json(const cep::Type& type, std::string_view json) {
  if (json == "null") return {};
  const std::string text = json_characters(json);
  const bool is_text = json.starts_with('"');
  const auto whole = cep::parse_decimal(json, 0);
  if (type.kind == cep::TypeKind::kTime && !is_text) {
    if (!whole) return {};
    return cep::OwnedValue(cep::Value::time(cep::EventTime{*whole}));
  }
  if (type.kind == cep::TypeKind::kDuration && !is_text) {
    if (!whole) return {};
    return cep::OwnedValue(cep::Value::duration(cep::Duration{*whole}));
  }
  if (type.kind == cep::TypeKind::kFraction) {
    const auto mantissa = cep::parse_decimal(json, cep::kScaleMax);
    if (!mantissa) return {};
    return cep::OwnedValue(cep::Value::decimal(*mantissa, cep::kScaleMax));
  }
  return cep::parse_value(text, type);
}

Result<AlertEvents> alert_events(const cep::Program& program, const ArchivedKeys& archive,
                                 const AlertEventsRequest& request, ArchiveNotes& notes) {
  const cep::Plan& plan = program.plan();
  std::vector<Sought> sought = sought_of(plan, request.match, request.line);
  AlertEvents found;
  const auto lines = archive.lines(program, notes, request.keys, request.stop_requested);
  if (!lines) return tl::unexpected(lines.error());
  const std::vector<bool>& used = program.used_types();
  LineFields reader(plan);
  std::deque<std::size_t> sizes;  // of the lines of others
  std::size_t bytes = 0;
  for (std::uint64_t read = 0;; ++read) {
    const Result<std::optional<runtime::ArchivedLine>> next = (*lines)->next();
    const bool is_stopped = !next && next.error().code == Errc::kStopped;
    if (!next && !is_stopped) return tl::unexpected(next.error());
    if (!is_stopped && !*next) break;
    if (is_stopped || read == request.lines_max) {
      found.is_complete = false;
      break;
    }
    const runtime::ArchivedLine& line = **next;
    if (!used[line.type->value] || *line.ts > request.match.end) continue;
    const cep::Row* const row = reader.row(line.text);
    if (row == nullptr) continue;
    if (find_row(plan, reader, *row, sought)) {
      found.own.push_back(event_of(plan, reader, *row));
      continue;
    }
    if (request.others_max == 0) continue;
    found.others.push_back(event_of(plan, reader, *row));
    sizes.push_back(line.text.size());
    bytes += line.text.size();
    while (found.others.size() > request.others_max || bytes > request.bytes_max) {
      bytes -= sizes.front();
      sizes.pop_front();
      found.others.pop_front();
      ++found.older;
    }
  }
  add_listed(plan, sought, found);
  return found;
}
}  // namespace tocsin::api
