#include "api/trace/key_events.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/privacy/field_sources.h"
#include "api/trace/json_text.h"
#include "api/trace/line_fields.h"
#include "cep/compile/program.h"
#include "cep/engine/key_report.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"

namespace tocsin::api {
namespace {
// The most events whose fields are as many values as may be kept.
std::size_t events_max_of(const cep::Plan& plan, const KeyEventsRequest& request) {
  std::size_t width = 1;
  for (const cep::EventType& type : plan.event_types) width = std::max(width, type.fields.size());
  return std::clamp<std::size_t>(request.limits.values_max / width, 1, request.events_max);
}

class EventsWriter {
 public:
  EventsWriter(const cep::Program& program, const FieldMask& mask, bool has_lines)
      : plan_(program.plan()), mask_(mask), has_lines_(has_lines), reader_(plan_) {}

  void write(const KeyEvent& event) {
    const cep::EventType& type = plan_.event_types[event.type.value];
    const cep::Row* const row = reader_.row(event.text);
    json_.open('{');
    json_.member("arrival", fmt::format("{}:{}", event.arrival.record, event.arrival.index));
    json_.member("source", event.source);
    json_.member("taken_at", cep::format_time(event.taken_at));
    json_.member("type", type.name);
    json_.name("id");
    if (row != nullptr && type.id_field) {
      write_value(type, *row, type.id_field->value);
    } else {
      json_.raw("null");
    }
    json_.member("time", cep::format_time(event.ts));
    json_.open("fields", '{');
    for (std::size_t i = 0; row != nullptr && i < type.fields.size(); ++i) {
      const bool is_time = i == type.time_field.value;
      if (is_time || type.fields[i].computed || reader_.value(*row, i).is_missing()) continue;
      json_.name(type.fields[i].name);
      write_value(type, *row, i);
    }
    json_.close('}');
    if (has_lines_) json_.member("line", event.text);
    json_.close('}');
  }

  JsonText& json() { return json_; }

 private:
  void write_value(const cep::EventType& type, const cep::Row& row, std::size_t field) {
    const cep::Value value = reader_.value(row, field);
    if (value.is_missing()) return json_.raw("null");
    std::string text;
    cep::append_json(text, value);
    const auto mark =
        mask_ ? mask_(type, type.fields[field].name, text) : std::optional<std::string>();
    json_.raw(mark ? *mark : text);
  }

  const cep::Plan& plan_;
  const FieldMask& mask_;
  const bool has_lines_;
  LineFields reader_;
  JsonText json_;
};
}  // namespace

Result<KeyEvents> key_events(const cep::Program& program, const ArchivedKeys& archive,
                             const KeyEventsRequest& request,
                             const std::function<bool()>& stop_requested, ArchiveNotes& notes) {
  const Result<std::vector<cep::KeyQuery>> keys = cep::find_keys(program, request.key);
  if (!keys) return tl::unexpected(keys.error());
  const auto lines = archive.lines(program, notes, *keys, stop_requested);
  if (!lines) return tl::unexpected(lines.error());
  const std::size_t events_max = events_max_of(program.plan(), request);
  KeyEvents found;
  found.has_lines = request.has_lines;
  std::uint64_t read = 0;
  std::size_t bytes = 0;
  std::optional<cep::EventTime> last;
  while (true) {
    const Result<std::optional<runtime::ArchivedLine>> next = (*lines)->next();
    const bool is_stopped = !next && next.error().code == Errc::kStopped;
    if (!next && !is_stopped) return tl::unexpected(next.error());
    if (!is_stopped && (!*next || (request.before && (*next)->arrival >= *request.before))) break;
    if (is_stopped || read == request.limits.events_max) {
      found.is_complete = false;
      found.ended_at = last;
      break;
    }
    const runtime::ArchivedLine& line = **next;
    ++read;
    last = line.ts;
    const std::string& type = program.plan().event_types[line.type->value].name;
    if (!request.types.empty() && !request.types.contains(type)) continue;
    ++found.examined;
    found.events.push_back({line.arrival, std::string(line.source), line.taken_at, *line.ts,
                            *line.type, std::string(line.text)});
    bytes += line.text.size();
    while (found.events.size() > events_max ||
           (bytes > request.bytes_max && found.events.size() > 1)) {
      bytes -= found.events.front().text.size();
      found.events.pop_front();
      ++found.older;
    }
  }
  return found;
}

Result<std::set<std::string, std::less<>>> fields_of_key(
    const cep::Program& program, const std::vector<std::pair<std::string, std::string>>& key) {
  const Result<std::vector<cep::KeyQuery>> keys = cep::find_keys(program, key);
  if (!keys) return tl::unexpected(keys.error());
  const FieldSources sources = sources_of(program.plan());
  std::set<std::string, std::less<>> names;
  for (const cep::KeyQuery& query : *keys) {
    for (const cep::KeySource& source : program.impl().tables[query.table].sources) {
      for (std::size_t t = 0; t < source.by_type.size(); ++t) {
        const cep::EventType& type = program.plan().event_types[t];
        const auto of_type = sources.types.find(type.name);
        for (const cep::FieldIndex field : source.by_type[t].fields) {
          const std::string& name = type.fields[field.value].name;
          names.insert(fmt::format("{}.{}", type.name, name));
          if (of_type == sources.types.end()) continue;
          const auto made_of = of_type->second.find(name);
          if (made_of != of_type->second.end()) {
            names.insert(made_of->second.begin(), made_of->second.end());
          }
        }
      }
    }
  }
  return names;
}

std::string key_events_json(const cep::Program& program, const KeyEvents& found,
                            const std::vector<std::string>& missing, const FieldMask& mask,
                            std::string_view next) {
  EventsWriter writer(program, mask, found.has_lines);
  JsonText& json = writer.json();
  json.open('{');
  json.open("events", '[');
  for (auto event = found.events.rbegin(); event != found.events.rend(); ++event) {
    writer.write(*event);
  }
  json.close(']');
  json.member("examined", found.examined);
  json.name("complete");
  json.raw(found.is_complete ? "true" : "false");
  json.name("ended_at");
  if (found.ended_at) {
    json.text(cep::format_time(*found.ended_at));
  } else {
    json.raw("null");
  }
  json.open("missing", '[');
  for (std::string_view text : missing) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    json.text(text);
  }
  json.close(']');
  if (!next.empty()) json.member("next", next);
  json.close('}');
  return json.take();
}
}  // namespace tocsin::api
