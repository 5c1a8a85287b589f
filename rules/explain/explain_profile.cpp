#include "rules/explain/explain_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/compile/program.h"
#include "cep/plan/rule.h"
#include "rules/explain/explain_automaton.h"
#include "rules/explain/expression_text.h"

namespace tocsin::rules {
using cep::Method;

namespace {
std::string bytes_words(std::size_t bytes) {
  return bytes < 1000 ? fmt::format("{} bytes", bytes)
                      : fmt::format("{:.1f} KB", static_cast<double>(bytes) / 1000);
}
std::string with_commas(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}
std::string names_of(const cep::Plan& plan, const std::vector<cep::RuleIndex>& rules) {
  constexpr std::size_t kShown = 10;
  std::vector<std::string> names;
  for (const cep::RuleIndex rule : rules) {
    if (names.size() == kShown) break;
    names.push_back(in_code(plan.rules[rule.value].name));
  }
  if (rules.size() > kShown) names.push_back(with_commas(rules.size() - kShown) + " more rules");
  return listed(names);
}

// ---- what is kept, and until when

std::string kept_fields(const cep::Plan& plan, const cep::KeptType& kept) {
  const cep::EventType& type = plan.event_types[kept.type.value];
  std::vector<std::string> fields;
  for (const cep::FieldIndex field : kept.fields) {
    fields.push_back(in_code(type.fields[field.value].name));
  }
  for (const cep::FeatureIndex feature : kept.features) {
    fields.push_back("the value of " + in_code(plan.features[feature.value].name) + " as of it");
  }
  return fmt::format("{}: {}, about {}", in_code(type.name),
                     fields.empty() ? "its time" : listed(fields), bytes_words(kept.bytes));
}

void add_lifetime(const cep::RuleProfile& profile, const cep::Rule& rule,
                  std::vector<Passage>& out) {
  if (rule.window) {
    const cep::CalendarSpan* const calendar = rule.window->calendar();
    out.push_back(
        {rule.window->is_session()
             ? "A window is kept until it ends: a session that never pauses never ends."
         : calendar != nullptr
             ? fmt::format("A window is kept until the {} ends.", cep::unit_name(calendar->unit))
             : fmt::format("A window is kept until it ends, {} at most.",
                           duration_text(rule.window->duration()))});
  } else if (profile.lives) {
    out.push_back(
        {fmt::format("A partial match lives at most {} after its first event, and its events as "
                     "long as a partial match holds them; their memory is freed some time later.",
                     duration_text(*profile.lives))});
  } else if (profile.method == Method::kStrict) {
    out.push_back(
        {"There is no `within`: the last events of a key stay until later ones replace "
         "them, for ever where none comes."});
  } else {
    out.push_back(
        {"There is no `within`: a partial match stays until an event ends or completes "
         "it, for ever where none comes."});
  }
}

void add_suppression(const cep::Rule& rule, std::vector<Passage>& out) {
  const cep::Suppression& held = rule.suppression;
  switch (held.kind()) {
    case cep::Once::kNone:
      break;
    case cep::Once::kPerDuration:
      out.push_back(
          {fmt::format("That it alerted is kept for {}; where a match was suppressed, until the "
                       "next alert, which says how many.",
                       duration_text(held.duration()))});
      break;
    case cep::Once::kPerVariable:
      out.push_back(
          {fmt::format("The events at {} of matches that alerted, or that were suppressed, are "
                       "kept as long as a partial match may hold them.",
                       in_code(rule.variables[held.var().value].name))});
      break;
    case cep::Once::kPerUnit:
      out.push_back(
          {fmt::format("The {} of the last alert is kept {}; where a match was suppressed, until "
                       "the next alert, which says how many.",
                       cep::unit_name(held.unit()),
                       held.unit() == cep::CalendarUnit::kDay ? "for three days"
                                                              : "until two days after its end")});
      break;
    case cep::Once::kWhile:
      out.push_back(
          {"That it alerted is kept until an event at which the condition of `once while` "
           "does not hold."});
      break;
  }
  if (held.at_most) {
    out.push_back({fmt::format("The times of its last {} are kept for {}.",
                               counted(held.at_most->count, "alert"),
                               duration_text(held.at_most->duration))});
  }
}

std::vector<Passage> state_passages(const Words& words, const cep::RuleProfile& profile) {
  const cep::Plan& plan = words.plan();
  const cep::Rule& rule = *words.rule();
  std::vector<Passage> out;
  const bool keeps = profile.method != Method::kSingle;
  // One event is a match: no partial match ever waits.
  const bool waits = keeps && (!profile.lives || profile.lives->us > 0);
  if (waits) {
    add_lifetime(profile, rule, out);
    Passage events{"Of an event that it took it keeps, once for all rules of the key:"};
    for (const cep::KeptType& kept : profile.memory.kept) {
      events.parts.push_back({kept_fields(plan, kept)});
    }
    if (!events.parts.empty()) out.push_back(std::move(events));
  } else {
    out.push_back(
        {keeps ? "It keeps no events: one event is a match." : "The rule itself keeps nothing."});
  }
  add_suppression(rule, out);
  for (const cep::FeatureMemory& memory : profile.memory.features) {
    const cep::Feature& feature = plan.features[memory.feature.value];
    const std::string name =
        feature.name.starts_with('$') ? feature_noun(plan, feature) : in_code(feature.name);
    const bool grows = feature.window.kind() == cep::WindowKind::kTumbling ||
                       feature.window.kind() == cep::WindowKind::kCalendar ||
                       feature.window.kind() == cep::WindowKind::kSession;
    const std::string until =
        grows          ? std::string("what it knows of the stretch at hand")
        : memory.keeps ? fmt::format("each event for {}", duration_text(*memory.keeps))
        : feature.window.events()
            ? fmt::format("the last {}, for ever", counted(*feature.window.events(), "event"))
            : std::string("its value, for ever");
    out.push_back({fmt::format(
        "{} keeps for each key {}: about {}{}.", name, until, bytes_words(memory.bytes_first),
        memory.bytes_more == 0
            ? std::string()
            : fmt::format(", and about {} for each further event in it", memory.bytes_more))});
  }
  if (!keeps) return out;
  const cep::RuleMemory& memory = profile.memory;
  if (!waits) {
    out.push_back({fmt::format("Memory: about {} for a key that alerted, beside its features.",
                               bytes_words(memory.bytes(0, 0)))});
    return out;
  }
  if (profile.method == Method::kStrict) {
    out.push_back(
        {fmt::format("Memory: about {} for a key of which it holds {}, texts taken as {} "
                     "bytes long.",
                     bytes_words(memory.bytes(0, memory.events_most)),
                     counted(memory.events_most, "event"), cep::RuleMemory::kTextBytesAssumed)});
    return out;
  }
  out.push_back(
      {fmt::format("Memory: about {} for a key with one partial match of one event, {} with "
                   "ten of ten events, texts taken as {} bytes long. A key without any "
                   "takes nothing.",
                   bytes_words(memory.bytes(1, 1)), bytes_words(memory.bytes(10, 10)),
                   cep::RuleMemory::kTextBytesAssumed)});
  return out;
}

// ---- what is shared

std::vector<Passage> shared_passages(const cep::Program& program, const Words& words,
                                     const cep::RuleProfile& profile) {
  const cep::Plan& plan = words.plan();
  std::vector<Passage> out;
  if (!profile.rules_of_key.empty() || !profile.features_of_key.empty()) {
    std::vector<std::string> all;
    if (!profile.rules_of_key.empty()) all.push_back(names_of(plan, profile.rules_of_key));
    std::size_t features = profile.features_of_key.size();
    if (features > 0) all.push_back(counted(features, "feature"));
    out.push_back(
        {fmt::format("One record for each key, found once an event, with {}.", listed(all))});
  }
  if (!profile.rules_of_ring.empty()) {
    out.push_back(
        {fmt::format("The key's last events, with {}.", names_of(plan, profile.rules_of_ring))});
  }
  for (const cep::FeatureMemory& memory : profile.memory.features) {
    const cep::Feature& feature = plan.features[memory.feature.value];
    std::vector<cep::RuleIndex> readers;
    for (std::size_t i = 0; i < plan.rules.size(); ++i) {
      if (&plan.rules[i] == words.rule()) continue;
      const std::vector<cep::FeatureIndex> read = features_of(plan, plan.rules[i]);
      if (std::find(read.begin(), read.end(), memory.feature) != read.end()) {
        readers.emplace_back(i);
      }
    }
    if (readers.empty()) continue;
    const std::string name =
        feature.name.starts_with('$') ? feature_noun(plan, feature) : in_code(feature.name);
    out.push_back({fmt::format("{}, with {}.", name, names_of(plan, readers))});
  }
  std::size_t tests = 0;
  for (const cep::EventCost& cost : profile.costs) tests += cost.tests_shared;
  if (tests > 0) {
    out.push_back(
        {fmt::format("{} of single events that other rules or features ask as well: each is "
                     "evaluated once for all.",
                     counted(tests, "test"))});
  }
  for (const cep::SearchedText& text : program.impl().atoms.texts().texts()) {
    const bool own = std::any_of(
        profile.costs.begin(), profile.costs.end(),
        [&](const cep::EventCost& cost) { return cost.type == text.type && cost.searches > 0; });
    if (!own) continue;
    out.push_back({fmt::format(
        "One search of {} of {}: all {} that any rule looks for there are "
        "found in one scan.",
        Words(plan, nullptr).value(*text.operand), in_code(plan.event_types[text.type.value].name),
        counted(text.patterns.size(), "pattern"))});
  }
  if (!profile.alert_readers.empty()) {
    out.push_back(
        {fmt::format("Its alerts are events for {}.", names_of(plan, profile.alert_readers))});
  }
  if (out.empty()) out.push_back({"Nothing: no other rule evaluates, keeps or reads the same."});
  return out;
}

// ---- what it costs

std::string cost_words(const cep::EventCost& cost) {
  std::vector<std::string> all;
  if (cost.tests > 0) {
    all.push_back(counted(cost.tests, "test") + " of the event alone" +
                  (cost.tests_shared > 0 ? fmt::format(" ({} shared)", cost.tests_shared) : ""));
  }
  if (cost.searches > 0) {
    all.push_back(fmt::format("{} to search", counted(cost.searches, "text")));
  }
  if (cost.lookups > 0) all.push_back(counted(cost.lookups, "look-up") + " of a key");
  if (cost.features > 0) all.push_back(counted(cost.features, "feature") + " that takes it");
  if (cost.features > 1) {
    all.back() = counted(cost.features, "feature") + " that take it";
  }
  if (cost.key_conditions > 0) {
    all.push_back(counted(cost.key_conditions, "condition") + " on the key's features");
  }
  if (cost.match_conditions > 0) {
    all.push_back("at most " + counted(cost.match_conditions, "condition") +
                  " for each partial match that waits");
  }
  return all.empty() ? "next to nothing: it only counts as an event between others" : listed(all);
}

// What a key with many events costs, and when its budget drops the oldest.
void add_growth(const cep::RuleProfile& profile, const cep::Limits& limits,
                std::vector<Passage>& out) {
  const cep::KeyBudget& budget = profile.budget;
  const std::string most = budget.events_most ? with_commas(*budget.events_most) : std::string();
  switch (profile.growth.kept) {
    case cep::Kept::kNothing:
      return;
    case cep::Kept::kLastEvents:
      out.push_back(
          {"Bounded by itself: a key has at most as many partial matches as the pattern has "
           "steps less one."});
      return;
    case cep::Kept::kWindow:
      out.push_back(
          {fmt::format("Bounded by {} events in a window of a key; beyond that the older half "
                       "is dropped, counted and said on the alert.",
                       most)});
      return;
    case cep::Kept::kPlaces:
      out.push_back(
          {fmt::format("A busy key costs no more: an event costs the same however many of the key "
                       "came before (by places, from {} partial matches on).",
                       limits.busy_key_runs + 1)});
      out.push_back(
          {fmt::format("Bounded by {} events of a key and {} matches at one event; beyond that the "
                       "oldest are dropped, counted and said on the alert. The budget counts {} "
                       "for an event, and {} for each step where it may stand.",
                       most, with_commas(limits.matches_per_event_max),
                       bytes_words(budget.event_bytes), bytes_words(budget.entry_bytes))});
      return;
    case cep::Kept::kPartialMatches:
      break;
  }
  std::vector<std::string> reasons;
  for (const cep::Obstacle& obstacle : profile.growth.obstacles) {
    const std::string reason(cep::words_of(obstacle.kind));
    if (std::ranges::find(reasons, reason) == reasons.end()) reasons.push_back(reason);
  }
  out.push_back({profile.growth.piles_up
                     ? fmt::format("A busy key costs more: because of {}, an event is offered to "
                                   "each partial match that waits, up to {} of them.",
                                   listed(reasons), with_commas(limits.runs_per_key_max))
                     : "A busy key costs no more: it has few partial matches, however many events "
                       "come."});
  out.push_back(
      {fmt::format("Bounded by {} partial matches of a key and {} matches at one event; beyond "
                   "that the oldest are dropped, counted and said on the alert. The budget counts "
                   "{} for a partial match, {} for each event in it, and {} for the event itself.",
                   with_commas(limits.runs_per_key_max), with_commas(limits.matches_per_event_max),
                   bytes_words(budget.match_bytes), bytes_words(budget.entry_bytes),
                   bytes_words(budget.event_bytes))});
}

std::vector<Passage> cost_passages(const cep::Program& program, const Words& words,
                                   const cep::RuleProfile& profile) {
  const cep::Plan& plan = words.plan();
  const cep::Limits& limits = program.impl().limits;
  std::vector<Passage> out;
  Passage each{"An event costs it at most:"};
  for (const cep::EventCost& cost : profile.costs) {
    const cep::EventType& type = plan.event_types[cost.type.value];
    const std::string name = type.is_alert()
                                 ? (type.alert_of ? "alert of " + in_code(type.name) : "any alert")
                                 : in_code(type.name);
    each.parts.push_back({name + ": " + cost_words(cost)});
  }
  out.push_back(std::move(each));
  const bool keeps = profile.method != Method::kSingle;
  if (keeps) {
    out.push_back(
        {"An event that nothing waits for and that begins nothing is dropped after its "
         "own tests, before any key is looked up."});
  }
  add_growth(profile, limits, out);
  if (!profile.memory.features.empty()) {
    out.push_back(
        {fmt::format("A feature keeps at most {} events of a key; beyond that the oldest "
                     "leave early, counted.",
                     with_commas(limits.feature_events_per_key_max))});
  }
  if (profile.pass > 0) {
    out.push_back(
        {fmt::format("It waits for what others find out at the same events: it runs in pass "
                     "{} over them.",
                     profile.pass + 1)});
  }
  return out;
}
}  // namespace

std::vector<ExplainedAspect> explain_profile(const cep::Program& program, cep::RuleIndex index) {
  const cep::Plan& plan = program.plan();
  const Words words(plan, &plan.rules[index.value]);
  const cep::RuleProfile profile = cep::describe_profile(program, index);
  return {{"automaton", "How it runs", automaton_passages(words, profile), false},
          {"state", "What it keeps, and until when", state_passages(words, profile), false},
          {"shared", "What it shares", shared_passages(program, words, profile), false},
          {"cost", "What it costs", cost_passages(program, words, profile), false}};
}
}  // namespace tocsin::rules
