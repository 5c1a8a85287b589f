// What holds for a whole match, which matches become alerts, and what an alert says.
#include <fmt/format.h>

#include <functional>
#include <set>
#include <utility>

#include "cep/plan/expr_walk.h"
#include "cep/plan/rule.h"
#include "rules/explain/explain.h"
#include "rules/explain/expression_text.h"

namespace tocsin::rules {
using cep::Element;
using cep::Once;
using cep::SelectionKind;
using cep::Severity;

namespace {
bool any_element(const std::vector<Element>& elements,
                 const std::function<bool(const Element&)>& test) {
  for (const Element& element : elements) {
    if (test(element) || any_element(element.children(), test)) return true;
  }
  return false;
}
// Whether anything asks what the very next event is.
bool asks_next(const cep::Rule& rule) {
  return any_element(rule.pattern, [](const Element& element) {
    return element.contiguity == cep::Contiguity::kNext || element.is_next() ||
           element.quantifier().mode == cep::LoopMode::kNext;
  });
}
// Whether a match can be of more than one event.
bool has_several_events(const cep::Rule& rule) {
  std::size_t steps = 0;
  bool loops = false;
  any_element(rule.pattern, [&](const Element& element) {
    if (element.is_step()) ++steps;
    loops = loops || !element.quantifier().max || *element.quantifier().max > 1;
    return false;
  });
  return steps > 1 || loops;
}
bool ends_absent(const cep::Rule& rule) {
  return (!rule.pattern.empty() && rule.pattern.back().is_absence() &&
          !rule.pattern.back().is_next()) ||
         (rule.without && rule.without->absent_for);
}

void add_within(const Words& words, std::vector<Passage>& out) {
  const cep::Rule& rule = *words.rule();
  if (rule.window || !has_several_events(rule)) return;
  if (rule.within) {
    const std::string time = duration_text(*rule.within);
    out.push_back(
        {fmt::format("All events of a match lie less than {} after its first one: an "
                     "event exactly {} after it is too late.",
                     time, time)});
  } else if (!rule.without || !rule.without->absent_for) {
    out.push_back(
        {"There is no limit of time: what has begun may be completed at any later time."});
  }
}

void add_without(const Words& words, std::vector<Passage>& out) {
  const cep::Rule& rule = *words.rule();
  if (!rule.without) return;
  const cep::Without& without = *rule.without;
  const std::string kinds =
      kind_noun(words.plan(), without.events) + where_words(words.conditions(without.where));
  if (!without.absent_for) {
    out.push_back(
        {fmt::format("After the first event and before the last no {} comes. One that "
                     "comes ends the attempt; the last event itself does not count.",
                     kinds)});
    return;
  }
  const std::string time = duration_text(*without.absent_for);
  out.push_back(
      {fmt::format("No {} comes less than {} after the first event, and by then all steps are "
                   "done. The alert is raised exactly {} after the first event, in event time; "
                   "what comes at that moment is too late to be a step or to prevent the alert.",
                   kinds, time, time)});
}

// The types of events that a match can hold.
std::set<cep::EventTypeIndex> types_bound(const cep::Rule& rule) {
  std::set<cep::EventTypeIndex> types;
  const auto add = [&](const std::vector<cep::Subset>& kinds) {
    for (const cep::Subset& kind : kinds) types.insert(kind.type);
  };
  any_element(rule.pattern, [&](const Element& element) {
    if (element.is_step()) add(element.events());
    return false;
  });
  if (rule.window) {
    add(rule.window->events);
    add(rule.considered);
  }
  return types;
}

std::string severity_words(const Words& words) {
  const cep::Rule& rule = *words.rule();
  if (!rule.severity) return cep::severity_name(Severity::kMedium);
  return words.value(*rule.severity);
}

// The message as its author writes it.
std::string message_text(const Words& words) {
  std::string out;
  for (const cep::MessagePart& part : words.rule()->message) {
    if (part.expr) {
      out += "{" + expression_text(words.plan(), words.rule(), *part.expr) + "}";
      continue;
    }
    for (const char c : part.text) {
      out += c;
      if (c == '{' || c == '}') out += c;
    }
  }
  return out;
}

std::string for_each_words(const Words& words, const std::vector<cep::ExprPtr>& values) {
  std::vector<std::string> all;
  for (const cep::ExprPtr& value : values) all.push_back(words.value(*value));
  return listed(all);
}
// ", for each `card`" of what a quiet time is kept for.
std::string kept_for(const Words& words, const std::vector<cep::ExprPtr>& for_each) {
  if (!for_each.empty()) {
    return fmt::format(", for each {} {} on its own",
                       for_each.size() > 1 ? "combination of" : "value of",
                       for_each_words(words, for_each));
  }
  const std::string each = each_key(words.rule()->key);
  return each.empty() ? std::string() : ", for " + each + " on its own";
}
}  // namespace

std::vector<Passage> limit_passages(const Words& words) {
  const cep::Rule& rule = *words.rule();
  std::vector<Passage> out;
  if (asks_next(rule)) {
    const std::string same = of_same_key(rule.key);
    out.push_back({fmt::format("“The very next event” looks at {}{}, and at nothing else.",
                               kind_plural(words.plan(), rule.considered),
                               same.empty() ? same : " " + same)});
  }
  add_within(words, out);
  add_without(words, out);
  if (rule.having) {
    const std::vector<std::string> conditions = words.conditions(rule.having);
    Passage having{"Condition on the complete match, evaluated at its last event: "};
    if (conditions.size() == 1) {
      having.text += conditions.front() + ".";
    } else {
      for (std::size_t i = 0; i < conditions.size(); ++i) {
        having.parts.push_back({(i == 0 ? "" : "and ") + conditions[i]});
      }
    }
    out.push_back(std::move(having));
  }
  for (const cep::Exception& exception : rule.exceptions) {
    std::string text = fmt::format("No alert where {} (“{}”).",
                                   words.condition(*exception.condition), exception.reason);
    if (exception.expires) {
      text += fmt::format(" This exception ends when {} begins, in UTC.",
                          cep::to_text(cep::Value::date(*exception.expires)));
    }
    out.push_back({text});
  }
  return out;
}

std::vector<Passage> selection_passages(const Words& words) {
  const cep::Rule& rule = *words.rule();
  std::vector<Passage> out;
  const cep::Selection& selection = rule.selection;
  const std::string each = each_key(rule.key);
  const std::string for_key = each.empty() ? std::string() : " for " + each;
  const std::string moment = rule.window         ? "when a window ends"
                             : ends_absent(rule) ? "at a deadline that one event has set"
                                                 : "at one event";
  const char* began = selection.prefer_latest ? "last" : "first";
  const std::string choice = fmt::format(
      "the one that began {}, of those the longest, of those the one whose events came "
      "earliest",
      began);
  const std::string one_by_one = fmt::format(
      "Matches that are complete {} are taken one after the other: first those that began {}, "
      "among these the longest, among these those with the earliest events.",
      moment, began);
  switch (selection.kind) {
    case SelectionKind::kDefault:
      if (rule.window) {
        out.push_back({fmt::format("Each window raises at most one alert{}.", for_key)});
      } else if (!has_several_events(rule)) {
        out.push_back({"Each such event is a match of its own."});
      } else {
        out.push_back(
            {fmt::format("If several matches are complete {}, at most one alert is raised{}: {}. "
                         "If it is excepted or suppressed, the next one is tried.",
                         moment, for_key, choice)});
        out.push_back({"Nothing is used up: an event may be part of later matches, too."});
      }
      break;
    case SelectionKind::kNoSkip:
      out.push_back({"Every match is an alert, also when several are complete at one event."});
      break;
    case SelectionKind::kSkipPastLast:
      out.push_back({fmt::format("If several matches are complete {}, this one is taken: {}.",
                                 moment, choice)});
      out.push_back(
          {"Matches do not overlap: what began at or before the last event of a match "
           "that was taken is dropped."});
      break;
    case SelectionKind::kSkipToNext:
      out.push_back({one_by_one});
      out.push_back(
          {"What began at or before the first event of a match that was taken is "
           "dropped: one match for each first event."});
      break;
    case SelectionKind::kSkipToFirst:
    case SelectionKind::kSkipToLast:
      out.push_back({one_by_one});
      out.push_back(
          {fmt::format("What began before the {} event of {} of a match that was taken is "
                       "dropped.",
                       selection.kind == SelectionKind::kSkipToFirst ? "first" : "last",
                       words.variable(selection.var))});
      break;
    case SelectionKind::kConsume:
      out.push_back({one_by_one});
      out.push_back(
          {"An event is used once: whatever holds an event of a match that was taken is "
           "dropped."});
      break;
  }
  if (selection.prefer_latest && selection.kind == SelectionKind::kNoSkip) {
    out.push_back({one_by_one});
  }
  if (selection.in_order) {
    out.push_back(
        {"A complete match waits as long as one that began earlier may still be "
         "completed: alerts come in the order in which their matches began."});
  }
  return out;
}

std::vector<Passage> suppression_passages(const Words& words) {
  const cep::Suppression& held = words.rule()->suppression;
  std::vector<Passage> out;
  const std::string kept = kept_for(words, held.for_each);
  switch (held.kind()) {
    case Once::kNone:
      break;
    case Once::kPerDuration: {
      const std::string time = duration_text(held.duration());
      out.push_back(
          {fmt::format("After an alert it is quiet for {}{}: a match less than {} after it is "
                       "suppressed, one exactly {} after it alerts again.",
                       time, kept, time, time)});
      break;
    }
    case Once::kPerVariable: {
      const bool is_loop = words.rule()->variables[held.var().value].loop;
      out.push_back(
          {fmt::format("Once for {} {}{}: a match that shares {} with an earlier match that "
                       "alerted, or that was suppressed for this reason, is suppressed.",
                       is_loop ? "the events of" : "each event at", words.variable(held.var()),
                       held.for_each.empty() ? "" : kept, is_loop ? "one of them" : "it")});
      break;
    }
    case Once::kPerUnit:
      out.push_back(
          {fmt::format("At most one alert for each {}{}; {} at midnight in the "
                       "time zone {}.",
                       held.unit() == cep::CalendarUnit::kDay
                           ? std::string("day")
                           : fmt::format("{} of the calendar", cep::unit_name(held.unit())),
                       kept,
                       held.unit() == cep::CalendarUnit::kWeek
                           ? std::string("weeks begin on Monday")
                           : fmt::format("{}s begin", cep::unit_name(held.unit())),
                       words.value(*held.zone()))});
      break;
    case Once::kWhile: {
      const std::string same = of_same_key(words.rule()->key);
      out.push_back(
          {fmt::format("After an alert it is quiet as long as this holds at every event: {}. The "
                       "next alert can be raised only after an event at which it did not hold.",
                       words.condition(*held.condition()))});
      out.push_back({fmt::format(
          "It is evaluated at {}{}{}.", kind_plural(words.plan(), words.rule()->considered),
          same.empty() ? same : " " + same, held.for_each.empty() ? std::string() : kept)});
      break;
    }
  }
  if (held.at_most) {
    const std::string time = duration_text(held.at_most->duration);
    out.push_back(
        {fmt::format("At most {} in any {}{}: a match is suppressed while that many alerts are "
                     "less than {} before it.",
                     counted(held.at_most->count, "alert"), time,
                     kept_for(words, held.at_most->for_each), time)});
  }
  if (out.empty()) {
    out.push_back({"Nothing is suppressed: every match that is selected raises an alert."});
  } else {
    out.push_back(
        {"Suppressed matches are counted on the next alert, and do not start or lengthen the quiet "
         "time."});
  }
  return out;
}

std::vector<Passage> alert_passages(const Words& words) {
  const cep::Rule& rule = *words.rule();
  std::vector<Passage> out;
  out.push_back({fmt::format("Title “{}”, id {}, severity {}.", rule.title, in_code(rule.id),
                             severity_words(words))});
  out.push_back({fmt::format("Message: “{}”.", message_text(words))});
  bool has_score = false;
  Passage fields{"It carries:"};
  for (const cep::AlertField& field : rule.fields) {
    has_score = has_score || field.name == "score";
    fields.parts.push_back({fmt::format("{}: {}", in_code(field.name), words.value(*field.expr))});
  }
  if (!fields.parts.empty()) out.push_back(std::move(fields));
  std::string more = has_score ? "" : "Its score is 0: the rule says none.";
  if (!rule.tags.empty()) {
    std::vector<std::string> tags;
    for (const std::string& tag : rule.tags) tags.push_back(in_code(tag));
    more += fmt::format("{}Tagged {}.", more.empty() ? "" : " ", listed(tags));
  }
  if (!more.empty()) out.push_back({more});
  Passage events{"The alert has every event that matched, with these fields:"};
  const std::set<cep::EventTypeIndex> bound = types_bound(rule);
  for (const cep::Captured& captured : rule.captured) {
    if (!bound.contains(captured.type)) continue;
    const cep::EventType& type = words.plan().event_types[captured.type.value];
    std::vector<std::string> names;
    for (const cep::FieldIndex field : captured.fields) {
      names.push_back(in_code(type.fields[field.value].name));
    }
    if (names.empty()) names.emplace_back("none but its time");
    events.parts.push_back({fmt::format("{}: {}", in_code(type.name), listed(names))});
  }
  if (!events.parts.empty()) out.push_back(std::move(events));
  bool reads_last = false;
  for (const cep::Expr* expr : cep::alert_exprs(rule)) {
    reads_last = reads_last || cep::any_expr(*expr, [](const cep::Expr& e) {
                   return e.op == cep::Op::kField || e.op == cep::Op::kFeature;
                 });
  }
  if (reads_last && (rule.window || has_several_events(rule) || ends_absent(rule))) {
    out.push_back({fmt::format(
        "In the message and in what it carries, a name without a step is a field of the "
        "last event {}, or a feature as it was at that event.",
        rule.window ? "collected" : "taken")});
  }
  return out;
}

std::vector<Passage> status_passages(const Words& words) {
  switch (words.rule()->status) {
    case cep::Status::kDraft:
      return {{"A draft: it is checked and never runs."}};
    case cep::Status::kInternal:
      return {{"Internal: its alerts feed other rules and are never delivered."}};
    case cep::Status::kShadow:
      return {
          {"A shadow: its alerts are recorded, never delivered, and only shadow rules see them."}};
    case cep::Status::kLive:
      return {{"Live: its alerts are delivered."}};
  }
  return {};
}
}  // namespace tocsin::rules
