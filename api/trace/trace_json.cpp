#include "api/trace/trace_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "api/rules/key_text.h"
#include "api/trace/json_text.h"
#include "api/trace/trace_text.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "library/testing/near_miss_text.h"
#include "rules/explain/expression_text.h"

namespace tocsin::api {
using cep::TraceNote;

namespace {
const char* kind_name(TraceNote::Kind kind) {
  switch (kind) {
    case TraceNote::Kind::kTaken:
      return "taken";
    case TraceNote::Kind::kRefused:
      return "refused";
    case TraceNote::Kind::kInterrupted:
      return "ended";
    case TraceNote::Kind::kExpired:
      return "expired";
    case TraceNote::Kind::kCollected:
      return "collected";
    case TraceNote::Kind::kAlert:
      return "alert";
    case TraceNote::Kind::kNoAlert:
      break;
  }
  return "no_alert";
}

const char* stop_name(cep::NearMiss::Stop stop) {
  switch (stop) {
    case cep::NearMiss::Stop::kWindowWhere:
      return "where";
    case cep::NearMiss::Stop::kHaving:
      return "having";
    case cep::NearMiss::Stop::kSelection:
      return "after match";
    case cep::NearMiss::Stop::kExcept:
      return "except";
    case cep::NearMiss::Stop::kSuppressed:
      return "once";
    default:
      return "budget";
  }
}

class TraceWriter {
 public:
  TraceWriter(const KeyTracer& tracer, const KeyTrace& trace) : tracer_(tracer), trace_(trace) {}

  std::string text() {
    json_.open('{');
    json_.open("key", '{');
    for (const auto& [name, value] : tracer_.request().key) json_.member(name, value);
    json_.close('}');
    write_rules();
    json_.member("events", trace_.events);
    json_.member("alerts", trace_.alerts);
    json_.member("older", trace_.older);
    json_.open("entries", '[');
    for (const TraceEntry& entry : trace_.entries) write(entry);
    json_.close(']');
    write_late();
    json_.open("missing", '[');
    for (std::string_view text : trace_.missing) {
      if (text.ends_with('\n')) text.remove_suffix(1);
      json_.text(text);
    }
    json_.close(']');
    json_.name("at");
    if (trace_.end == cep::kEventTimeMin) {
      json_.raw("null");
    } else {
      json_.text(cep::format_time(trace_.end));
    }
    json_.open("state", '[');
    for (const cep::KeyReport& report : trace_.state) {
      json_.raw(key_report_json(tracer_.plan(), report));
    }
    json_.close(']');
    json_.close('}');
    return json_.take();
  }

 private:
  const cep::Rule& rule(cep::RuleIndex index) const { return tracer_.plan().rules[index.value]; }

  void write_rules() {
    json_.open("rules", '[');
    for (const cep::RuleIndex index : tracer_.rules()) json_.text(rule(index).id);
    json_.close(']');
    json_.open("not_traced", '[');
    for (const UntracedRule& untraced : tracer_.untraced()) {
      json_.open('{');
      json_.member("rule", rule(untraced.rule).id);
      json_.member("reason", untraced.reason);
      json_.close('}');
    }
    json_.close(']');
  }

  void write_event(const cep::SeenEvent& event) {
    json_.member("type", tracer_.plan().event_types[event.type.value].name);
    json_.member("id", event.id);
    json_.member("time", cep::format_time(event.ts));
  }

  void write(const TraceEntry& entry) {
    json_.open('{');
    json_.member("time", cep::format_time(entry.moment.time));
    json_.name("event");
    if (entry.event) {
      json_.open('{');
      write_event(*entry.event);
      json_.open("fields", '{');
      for (const auto& [name, value] : entry.fields) {
        json_.name(name);
        json_.value(value.view());
      }
      json_.close('}');
      json_.close('}');
    } else {
      json_.raw("null");
    }
    json_.open("notes", '[');
    for (const TraceNote& note : entry.notes) write(note);
    json_.close(']');
    json_.close('}');
  }

  void write(const TraceNote& note) {
    const cep::Rule& of = rule(note.rule);
    json_.open('{');
    json_.member("rule", of.id);
    json_.member("what", kind_name(note.kind));
    json_.member("text", trace_note_text(tracer_, trace_, note));
    if (note.step != nullptr) {
      json_.member("step", note.place + 1);
      json_.member("steps", note.places);
      if (note.needed > 1 || note.done > 0) {
        json_.member("done", note.done);
        json_.member("needed", note.needed);
      }
    }
    if (note.kind == TraceNote::Kind::kAlert) {
      json_.member("alert", note.alert);
      json_.member("status", status_name(note.status));
      write_silencing(note.alert);
    }
    if (note.reason) json_.member("reason", stop_name(note.reason->stop));
    write_events(note);
    const bool is_exception = note.reason && note.reason->stop == cep::NearMiss::Stop::kExcept;
    write_conditions(of, note.reason ? note.reason->hindrances : note.hindrances,
                     is_exception ? "true" : "false");
    json_.close('}');
  }

  void write_silencing(const std::string& alert) {
    const auto silenced = trace_.silenced.find(alert);
    if (silenced == trace_.silenced.end()) return;
    json_.open("silenced", '{');
    json_.member("silence", silenced->second.id);
    if (const Silence* const silence = silenced->second.silence.get(); silence != nullptr) {
      json_.member("until", cep::format_time(silence->until));
      json_.member("created_by", silence->created_by);
      json_.member("reason", silence->reason);
    }
    json_.close('}');
  }

  void write_events(const TraceNote& note) {
    json_.open("events", '[');
    for (const cep::TracedEvent& event : note.events) {
      json_.open('{');
      json_.member("as", trace_event_name(tracer_, trace_, note, event));
      write_event(event.event);
      json_.close('}');
    }
    json_.close(']');
    json_.member("events_more", note.events_more);
  }

  // What was not as the rule asks, as far as it is a condition; `truth` of those that are known.
  void write_conditions(const cep::Rule& of, const std::vector<cep::Hindrance>& hindrances,
                        std::string_view truth) {
    json_.open("conditions", '[');
    for (const cep::Hindrance& hindrance : hindrances) {
      if (!hindrance.condition) continue;
      json_.open('{');
      json_.member("condition", rules::expression_text(tracer_.plan(), &of, *hindrance.condition));
      json_.name("result");
      json_.raw(hindrance.unknown ? "null" : truth);
      json_.open("values", '{');
      std::vector<std::string> known;
      for (const cep::SeenValue& seen : hindrance.values) {
        std::string name = rules::expression_text(tracer_.plan(), &of, *seen.expr);
        if (std::ranges::find(known, name) != known.end()) continue;
        json_.name(name);
        json_.value(seen.value.view());
        known.push_back(std::move(name));
      }
      json_.close('}');
      json_.close('}');
    }
    json_.close(']');
  }

  void write_late() {
    json_.open("late", '[');
    for (const LateEntry& late : trace_.late) {
      json_.open('{');
      write_event(late.event);
      json_.member("late_by", cep::format_duration(late.late_by));
      json_.member("input", late.input);
      json_.member("line", late.line);
      json_.close('}');
    }
    json_.close(']');
    json_.member("late_more", trace_.late_more);
  }

  const KeyTracer& tracer_;
  const KeyTrace& trace_;
  JsonText json_;
};
}  // namespace

std::string trace_json(const KeyTracer& tracer, const KeyTrace& trace) {
  return TraceWriter(tracer, trace).text();
}
}  // namespace tocsin::api
