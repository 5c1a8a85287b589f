#include "api/trace/trace_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "api/rules/key_text.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "library/testing/near_miss_text.h"
#include "rules/explain/expression_text.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
using cep::Hindrance;
using cep::TraceNote;

namespace {
constexpr std::size_t kUntracedShown = 5;

const cep::Rule& rule_of(const KeyTracer& tracer, const TraceNote& note) {
  return tracer.plan().rules[note.rule.value];
}

library::NearMissWords words_of(const KeyTracer& tracer, const KeyTrace& trace,
                                const TraceNote& note) {
  const cep::Rule& rule = rule_of(tracer, note);
  return {
      .plan = tracer.plan(),
      .rule = rule,
      .end = trace.end,
      .at = std::nullopt,
      .condition =
          [&](const cep::Expr& expr) { return rules::expression_text(tracer.plan(), &rule, expr); },
      .offset = [](cep::EventTime time) { return cep::format_time(time); },
      .is_one_of_several = [](const cep::SeenEvent&) { return true; }};
}

std::string event_text(const KeyTracer& tracer, const cep::SeenEvent& event) {
  const cep::EventType& type = tracer.plan().event_types[event.type.value];
  const bool is_alert = type.is_alert() && type.name != "alert";
  const std::string name = is_alert ? "alert " + type.name : type.name;
  return event.id.empty() || (!type.id_field && !type.is_alert())
             ? name
             : fmt::format("{} {}", name, event.id);
}

class NoteWriter {
 public:
  NoteWriter(const KeyTracer& tracer, const KeyTrace& trace, const TraceNote& note)
      : tracer_(tracer), trace_(trace), note_(note), words_(words_of(tracer, trace, note)) {}

  std::string text() const {
    switch (note_.kind) {
      case TraceNote::Kind::kTaken:
        return fmt::format("taken as {}; {}", taken_as(), what_follows());
      case TraceNote::Kind::kRefused:
        return refused();
      case TraceNote::Kind::kInterrupted:
        return fmt::format("the partial match {} ended: {}", partial(), interruption());
      case TraceNote::Kind::kExpired:
        return fmt::format("the partial match {} expired: it waited for {}, and its {} are over",
                           partial(), step(), cep::format_duration(note_.limit));
      case TraceNote::Kind::kCollected:
        return "taken into the window";
      case TraceNote::Kind::kAlert:
        return fmt::format("alert {}{}{}{}", note_.alert, treatment(), with_events(), silencing());
      case TraceNote::Kind::kNoAlert:
        break;
    }
    const std::string reason = library::describe_reason(words_, *note_.reason);
    return fmt::format("complete, but no alert: {}",
                       reason.empty() ? "a budget of the engine was exceeded" : reason);
  }
  std::string as(const cep::TracedEvent& event) const {
    return event.as.empty() ? library::describe_variable(words_, event.var) : event.as;
  }

 private:
  std::string taken_as() const { return fmt::format("`{}`", as(note_.events.back())); }
  std::string step() const {
    std::string text = fmt::format("step {} of {}, {}", note_.place + 1, note_.places,
                                   library::describe_step(words_, *note_.step));
    if (note_.needed > 1 || note_.done > 0) {
      text += fmt::format(" ({} of {})", note_.done, note_.needed);
    }
    return text;
  }
  std::string what_follows() const {
    if (note_.step != nullptr) return "waits for " + step();
    return "all steps are done, and what must not come is still awaited";
  }
  // "since 10:00:00Z (2 events)".
  std::string partial() const {
    const std::uint64_t count = note_.events.size() + note_.events_more;
    return fmt::format("since {} ({})", cep::format_time(note_.events.front().event.ts),
                       rules::format_count(count, "event"));
  }
  std::string refused() const {
    const std::string reasons = note_.hindrances.empty()
                                    ? "it fits, but this step does not take it here"
                                    : library::describe_hindrances(words_, note_.hindrances);
    if (note_.step == nullptr) return "not taken into the window: " + reasons;
    if (note_.events.empty()) return fmt::format("refused at {}: {}", step(), reasons);
    return fmt::format("refused at {}, by the partial match {}: {}", step(), partial(), reasons);
  }
  std::string interruption() const {
    if (note_.hindrances.front().kind == Hindrance::Kind::kNext) {
      return fmt::format("the next event had to be {}", step());
    }
    return library::describe_hindrances(words_, note_.hindrances);
  }
  std::string treatment() const {
    std::string text;
    if (note_.status == cep::Status::kShadow) text = ", not delivered (shadow)";
    if (note_.status == cep::Status::kInternal) text = ", not delivered (internal)";
    if (note_.suppressed != 0) {
      text +=
          fmt::format(", {} suppressed before it", rules::format_count(note_.suppressed, "match"));
    }
    return text;
  }
  // "; not delivered: silenced until 2026-03-02T18:00:00Z by ann: a card for tests".
  std::string silencing() const {
    const auto silenced = trace_.silenced.find(note_.alert);
    if (silenced == trace_.silenced.end()) return "";
    const Silence* const silence = silenced->second.silence.get();
    if (silence == nullptr) {
      return fmt::format("; not delivered: silenced by {}, which is no longer kept",
                         silenced->second.id);
    }
    return fmt::format("; not delivered: silenced until {} by {}: {}",
                       cep::format_time(silence->until), silence->created_by, silence->reason);
  }
  // ": probes p1, p2, p3; hit p4".
  std::string with_events() const {
    std::string text;
    std::string name;
    for (std::size_t i = 0; i < note_.events.size(); ++i) {
      const cep::TracedEvent& event = note_.events[i];
      if (note_.events_more != 0 && i + 2 == note_.events.size()) {
        text += fmt::format(", … {} more", rules::format_count(note_.events_more));
      }
      const bool is_new = as(event) != name;
      name = as(event);
      text += i == 0 ? ": " : is_new ? "; " : ", ";
      if (is_new) text += name + " ";
      const bool has_id = tracer_.plan().event_types[event.event.type.value].id_field.has_value();
      text += has_id ? event.event.id : "at " + cep::format_time(event.event.ts);
    }
    return text;
  }

  const KeyTracer& tracer_;
  const KeyTrace& trace_;
  const TraceNote& note_;
  library::NearMissWords words_;
};

std::string key_words(const KeyTracer& tracer) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : tracer.request().key) parts.push_back(name + "=" + value);
  return parts.empty() ? "all events together" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string heading(const KeyTracer& tracer) {
  std::vector<std::string> names;
  for (const cep::RuleIndex rule : tracer.rules()) {
    names.push_back(tracer.plan().rules[rule.value].name);
  }
  std::string text = fmt::format("{}: {}\n", key_words(tracer), fmt::join(names, ", "));
  std::vector<std::string> others;
  for (const UntracedRule& rule : tracer.untraced()) {
    if (others.size() == kUntracedShown) {
      others.push_back(rules::format_count(tracer.untraced().size() - kUntracedShown) + " more");
      break;
    }
    others.push_back(
        fmt::format("{} ({})", tracer.plan().rules[rule.rule.value].name, rule.reason));
  }
  if (!others.empty()) text += fmt::format("not traced: {}\n", fmt::join(others, ", "));
  if (tracer.cut()) {
    text += "a rule has more steps than are looked at: what is said of its last ones is not all\n";
  }
  return text;
}

std::string entry_text(const KeyTracer& tracer, const KeyTrace& trace, const TraceEntry& entry) {
  std::string text = "\n" + cep::format_time(entry.moment.time);
  if (!entry.event) {
    text += "  deadline\n";
  } else {
    text += "  " + event_text(tracer, *entry.event);
    if (entry.event->ts != entry.moment.time) {
      text += fmt::format(", late: its own time is {}", cep::format_time(entry.event->ts));
    }
    std::vector<std::string> fields;
    for (const auto& [name, value] : entry.fields) {
      fields.push_back(fmt::format("{} {}", name, rules::value_text(value.view())));
    }
    if (!fields.empty()) text += fmt::format(": {}", fmt::join(fields, ", "));
    text += '\n';
  }
  for (const TraceNote& note : entry.notes) {
    text +=
        fmt::format("  {}: {}\n", rule_of(tracer, note).name, trace_note_text(tracer, trace, note));
  }
  if (entry.notes.empty()) text += "  no rule looks at it\n";
  return text;
}

std::string late_text(const KeyTracer& tracer, const KeyTrace& trace) {
  std::string text;
  for (const LateEntry& late : trace.late) {
    text += fmt::format("\n{}  {}: late by {}, and dropped ({}:{})\n",
                        cep::format_time(late.event.ts), event_text(tracer, late.event),
                        cep::format_duration(late.late_by), late.input, late.line);
  }
  if (trace.late_more != 0) {
    text += fmt::format("\n{} more were late and dropped\n", rules::format_count(trace.late_more));
  }
  return text;
}
}  // namespace

std::string trace_note_text(const KeyTracer& tracer, const KeyTrace& trace, const TraceNote& note) {
  return NoteWriter(tracer, trace, note).text();
}

std::string trace_event_name(const KeyTracer& tracer, const KeyTrace& trace, const TraceNote& note,
                             const cep::TracedEvent& event) {
  return NoteWriter(tracer, trace, note).as(event);
}

std::string trace_text(const KeyTracer& tracer, const KeyTrace& trace) {
  std::string text = heading(tracer);
  if (trace.older != 0) {
    text += fmt::format("\n{} earlier events are left out: raise --limit {}, or look at less\n",
                        rules::format_count(trace.older), tracer.request().entries_max);
  }
  for (const TraceEntry& entry : trace.entries) text += entry_text(tracer, trace, entry);
  text += late_text(tracer, trace);
  if (trace.end != cep::kEventTimeMin) {
    text += fmt::format("\nat {}\n", cep::format_time(trace.end));
    for (const cep::KeyReport& report : trace.state) {
      text += format_key_report(tracer.plan(), report);
    }
  }
  text += fmt::format("\n{} of the key, {}\n", rules::format_count(trace.events, "event"),
                      rules::format_count(trace.alerts, "alert"));
  return text;
}
}  // namespace tocsin::api
