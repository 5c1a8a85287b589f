// What a rule looks at: whose events, which kinds, features, lists and tables, missing values.
#include <fmt/format.h>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cep/plan/expr_walk.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"
#include "rules/explain/explain.h"
#include "rules/explain/expression_text.h"

namespace tocsin::rules {
using cep::Expr;
using cep::ExprPtr;
using cep::Op;
using cep::Subset;
using cep::WindowKind;

namespace {
constexpr std::size_t kValuesShown = 8;  // of a list

std::string part_names(const cep::KeySpec& key) {
  std::vector<std::string> names;
  for (const cep::KeyPart& part : key.parts) names.push_back(in_code(part.name));
  return listed(names);
}
const cep::Field& field_of(const cep::Plan& plan, const cep::KeyMember& member) {
  return plan.event_types[member.type.value].fields[member.field.value];
}
std::string type_words(const cep::Plan& plan, cep::EventTypeIndex index) {
  const cep::EventType& type = plan.event_types[index.value];
  if (type.alert_of) return "alerts of " + in_code(plan.rules[type.alert_of->value].name);
  if (type.is_alert()) return "alerts of any rule";
  return in_code(type.name);
}

// All conditions and values that a rule's working reads, its kinds' and features' included.
void for_each_read(const cep::Plan& plan, const cep::Rule& rule,
                   const std::function<void(const Expr&)>& visit) {
  const auto kinds = [&](const std::vector<Subset>& subsets) {
    for (const Subset& subset : subsets) {
      if (subset.condition) cep::for_each_expr(*subset.condition, visit);
    }
  };
  for (const Expr* expr : cep::all_exprs(rule)) cep::for_each_expr(*expr, visit);
  cep::for_each_kinds(rule, kinds);
  for (const cep::FeatureIndex index : features_of(plan, rule)) {
    const cep::Feature& feature = plan.features[index.value];
    for (const Expr* expr : cep::feature_exprs(feature)) cep::for_each_expr(*expr, visit);
    kinds(feature.events);
  }
}
}  // namespace

std::string of_same_key(const cep::KeySpec& key) {
  return key.parts.empty() ? std::string() : "of the same " + part_names(key);
}
std::string each_key(const cep::KeySpec& key) {
  if (key.parts.empty()) return {};
  if (key.parts.size() == 1) return "each " + part_names(key);
  return "each combination of " + part_names(key);
}

std::vector<cep::FeatureIndex> features_of(const cep::Plan& plan, const cep::Rule& rule) {
  std::set<cep::FeatureIndex> found = cep::features_read(cep::all_exprs(rule));
  std::vector<cep::FeatureIndex> todo(found.begin(), found.end());
  while (!todo.empty()) {
    const cep::Feature& feature = plan.features[todo.back().value];
    todo.pop_back();
    for (const cep::FeatureIndex read : cep::features_read(cep::feature_exprs(feature))) {
      if (found.insert(read).second) todo.push_back(read);
    }
  }
  return {found.begin(), found.end()};
}

// ---- keys

namespace {
// "`account` is `account` of `credit` or `from` of `transfer`", where the names differ.
void add_members(const cep::Plan& plan, const cep::KeyPart& part, std::vector<Passage>& out) {
  std::vector<std::string> fields;
  bool renamed = false;
  for (const cep::KeyMember& member : part.members) {
    const std::string& field = field_of(plan, member).name;
    renamed = renamed || field != part.name || !member.role.empty();
    std::string text = fmt::format("{} of {}", in_code(field), type_words(plan, member.type));
    if (!member.role.empty()) text += fmt::format(" (as {})", in_code(member.role));
    fields.push_back(std::move(text));
  }
  if (renamed) out.push_back({fmt::format("{} is {}.", in_code(part.name), listed(fields, "or"))});
}
}  // namespace

std::vector<Passage> key_passages(const Words& words) {
  const cep::KeySpec& key = words.rule()->key;
  std::vector<Passage> out;
  if (key.parts.empty()) {
    out.push_back({"All events are looked at together: the rule has no key."});
    return out;
  }
  out.push_back({fmt::format("For {}, on its own. An event without {} is not for this rule.",
                             each_key(key), key.parts.size() > 1 ? "one of them" : "it")});
  std::set<cep::EventTypeIndex> with_roles;
  for (const cep::KeyPart& part : key.parts) {
    add_members(words.plan(), part, out);
    for (const cep::KeyMember& member : part.members) {
      if (!member.role.empty()) with_roles.insert(member.type);
    }
  }
  for (const cep::EventTypeIndex type : with_roles) {
    out.push_back(
        {fmt::format("One {} is looked at under each of these names. Where they give it "
                     "the same key, it is one event there, which fits either name but "
                     "only one step of a match.",
                     type_words(words.plan(), type))});
  }
  return out;
}

// ---- features

namespace {
std::string begin_of_unit(cep::CalendarUnit unit) {
  return unit == cep::CalendarUnit::kWeek ? " (Monday at midnight)" : "";
}
// " in the last 10m, this event included".
std::string window_words(const Words& words, const cep::FeatureWindow& window) {
  const std::string time = window.duration() ? duration_text(*window.duration()) : "";
  switch (window.kind()) {
    case WindowKind::kLast:
      if (window.excluding()) {
        return fmt::format(" in the last {} without the last {}", time,
                           duration_text(*window.excluding()));
      }
      return fmt::format(" in the last {} up to and including this event", time);
    case WindowKind::kPrevious:
      return fmt::format(" in the {} before this event", time);
    case WindowKind::kTumbling:
      return fmt::format(" in the current stretch of {} up to and including this event", time);
    case WindowKind::kCalendar:
      if (window.unit() == cep::CalendarUnit::kDay) {
        return fmt::format(" since midnight in the time zone {}, up to and including this event",
                           words.value(*window.zone()));
      }
      return fmt::format(
          " since this {} of the calendar began in the time zone {}{}, up to and including this "
          "event",
          cep::unit_name(window.unit()), words.value(*window.zone()), begin_of_unit(window.unit()));
    case WindowKind::kSession:
      return fmt::format(" since the last pause of {} or longer, up to and including this event",
                         time);
    case WindowKind::kEver:
      return " ever, up to and including this event";
    case WindowKind::kPreviousEver:
      return " ever before this event";
    case WindowKind::kLastEvents:
      return " up to and including this event";
    case WindowKind::kPreviousEvents:
      return " before this event" +
             (window.duration() ? ", those less than " + time + " back" : std::string());
  }
  return {};
}

std::string aggregated(const Words& words, const cep::Feature& feature) {
  std::string kinds = kind_plural(words.plan(), feature.events);
  if (const std::optional<std::uint32_t>& events = feature.window.events()) {
    kinds = *events == 1 ? "the last " + kind_noun(words.plan(), feature.events)
                         : fmt::format("the last {} {}", *events, kinds);
  }
  if (!feature.argument) return "the number of " + kinds;
  const cep::AggregateTraits& traits = traits_of(feature.aggregate);
  std::string noun = traits.words;
  if (traits.parameter == cep::AggregateParameter::kPercentage) {
    noun = fmt::format("the percentile {} (by the nearest rank) of",
                       cep::to_text(cep::Value::floating(feature.percentile)));
  }
  return fmt::format("{} {} of {}", noun, words.value(*feature.argument), kinds);
}

// What the window's edges do, and what is read over nothing.
std::vector<std::string> feature_notes(const cep::Plan& plan, const cep::Feature& feature) {
  const cep::FeatureWindow& window = feature.window;
  std::vector<std::string> out;
  const std::string time = window.duration() ? duration_text(*window.duration()) : "";
  switch (window.kind()) {
    case WindowKind::kLast:
      out.push_back(fmt::format("an event exactly {} ago does not count any more", time));
      if (window.excluding()) {
        const std::string near = duration_text(*window.excluding());
        out.push_back(fmt::format("one exactly {} ago counts, later ones do not", near));
      }
      break;
    case WindowKind::kPrevious:
      out.push_back(fmt::format("an event exactly {} ago does not count any more", time));
      break;
    case WindowKind::kTumbling:
      out.push_back(
          "counted from 1970-01-01T00:00:00Z; an event exactly at a border is in the "
          "later one");
      break;
    case WindowKind::kSession:
      out.push_back(
          fmt::format("an event exactly {} after the previous one begins a new window", time));
      break;
    case WindowKind::kPreviousEvents:
      if (window.duration()) {
        out.push_back(fmt::format("an event exactly {} ago does not count any more", time));
      }
      break;
    default:
      break;
  }
  if (window.every()) {
    out.push_back(fmt::format("the old edge moves in steps of {}: it is moved back to a full {}",
                              duration_text(*window.every()), duration_text(*window.every())));
  }
  if (window.needs) {
    out.push_back(fmt::format("missing until the window has {}{}", counted(*window.needs, "event"),
                              feature.takes_all() ? ", counted or not" : ""));
  }
  if (feature.half_life) {
    out.push_back(
        fmt::format("the weight of what was halves every {}", duration_text(*feature.half_life)));
  }
  if (feature.weight) {
    out.push_back(fmt::format("a new value counts {}, the first one as it is",
                              cep::to_text(cep::Value::floating(*feature.weight))));
  }
  const cep::AggregateTraits& traits = traits_of(feature.aggregate);
  if (traits.estimates_many) {
    out.emplace_back("exact up to 1,024 values, beyond that within 2 %");
  }
  if (feature.unless_alerted_by) {
    out.push_back(fmt::format("without the events at which {} raised an alert or held one back",
                              in_code(plan.rules[feature.unless_alerted_by->value].name)));
  }
  if (!window.needs) {
    out.emplace_back(traits.zero_over_nothing ? "over nothing it is 0"
                                              : "over nothing it is missing");
  }
  return out;
}
}  // namespace

std::string feature_noun(const cep::Plan& plan, const cep::Feature& feature) {
  const Words words(plan, nullptr);
  const std::string same = of_same_key(feature.key);
  return aggregated(words, feature) + (same.empty() ? " of all keys together" : " " + same) +
         window_words(words, feature.window);
}

std::vector<Passage> feature_passages(const Words& words) {
  const Words of_feature(words.plan(), nullptr);
  std::vector<Passage> out;
  for (const cep::FeatureIndex index : features_of(words.plan(), *words.rule())) {
    const cep::Feature& feature = words.plan().features[index.value];
    const bool unnamed = feature.name.starts_with('$');
    Passage said{fmt::format("{}: {}", unnamed ? "Without a name" : in_code(feature.name),
                             feature_noun(words.plan(), feature))};
    for (const std::string& condition : of_feature.conditions(feature.window.where())) {
      said.parts.push_back({"only events where " + condition + " take a place among them"});
    }
    const std::vector<std::string> conditions = of_feature.conditions(feature.where);
    for (const std::string& condition : conditions) {
      said.parts.push_back({"only those where " + condition});
    }
    if (feature.window.events() && !conditions.empty()) {
      said.parts.push_back(
          {fmt::format("the last {} are taken first, then {} looked at",
                       counted(*feature.window.events(), "event"),
                       conditions.size() > 1 ? "the conditions are" : "the condition is")});
    }
    if (feature.window.events() && feature.argument) {
      said.parts.push_back({fmt::format("an event without {} takes a place among them",
                                        of_feature.value(*feature.argument))});
    }
    for (const cep::KeyPart& part : feature.key.parts) {
      std::vector<Passage> members;
      add_members(words.plan(), part, members);
      for (Passage& member : members) said.parts.push_back(std::move(member));
    }
    for (std::string& note : feature_notes(words.plan(), feature)) {
      said.parts.push_back({std::move(note)});
    }
    out.push_back(std::move(said));
  }
  return out;
}

// ---- kinds, lists, tables

std::vector<Passage> kind_passages(const Words& words) {
  const cep::Plan& plan = words.plan();
  const Words of_event(plan, nullptr);
  std::map<std::string, std::vector<std::string>> meanings;
  const auto add = [&](const std::vector<Subset>& kinds) {
    for (const Subset& kind : kinds) {
      const cep::EventType& type = plan.event_types[kind.type.value];
      if (!kind.condition && kind.role.empty() && kind.name == type.name) continue;
      std::string meaning = type_words(plan, kind.type);
      if (!type.is_alert()) meaning += " events";
      if (!kind.role.empty()) {
        std::vector<std::string> fields;
        for (const cep::KeyPart& part : words.rule()->key.parts) {
          for (const cep::KeyMember& member : part.members) {
            if (member.type == kind.type && member.role == kind.role) {
              fields.push_back(in_code(field_of(plan, member).name));
            }
          }
        }
        meaning += ", looked at under " + listed(fields);
      }
      if (kind.condition) meaning += where_words(of_event.conditions(kind.condition));
      std::vector<std::string>& known = meanings[kind.name];
      if (std::find(known.begin(), known.end(), meaning) == known.end()) {
        known.push_back(std::move(meaning));
      }
    }
  };
  cep::for_each_kinds(*words.rule(), add);
  for (const cep::FeatureIndex index : features_of(plan, *words.rule())) {
    add(plan.features[index.value].events);
  }
  std::vector<Passage> out;
  for (const auto& [name, meaning] : meanings) {
    out.push_back({fmt::format("{}: {}", in_code(name), listed(meaning, "or"))});
  }
  return out;
}

namespace {
// Whether capital and small letters make a difference to what is searched for in a text.
bool searches_cased(const Expr& e) {
  const bool searches = e.op == Op::kContains || e.op == Op::kContainsWord ||
                        e.op == Op::kStartsWith || e.op == Op::kEndsWith;
  if (!searches) return false;
  const std::optional<cep::Function> function = function_of(*e.args[0]);
  return function != cep::Function::kLower && function != cep::Function::kUpper &&
         function != cep::Function::kNormalize;
}

Passage list_passage(const cep::List& list) {
  const char* what = list.kind == cep::ListKind::kText           ? "phrase"
                     : list.kind == cep::ListKind::kRegex        ? "pattern"
                     : list.kind == cep::ListKind::kNetwork      ? "network"
                     : list.element.kind == cep::TypeKind::kDate ? "date"
                                                                 : "value";
  std::vector<std::string> values;
  for (std::size_t i = 0; i < list.values.size() && i < kValuesShown; ++i) {
    const cep::Value value = list.values[i].view();
    values.push_back(
        list.kind == cep::ListKind::kRegex
            ? regex_text(value.text, i < list.ignore_case.size() && list.ignore_case[i])
            : value_text(value));
  }
  if (list.values.size() > kValuesShown) values.emplace_back("…");
  const bool is_text = list.kind == cep::ListKind::kText;
  const bool ignores = is_text && !list.ignore_case.empty() && list.ignore_case.front();
  const char* const letters = !is_text  ? ""
                              : ignores ? ", in capital or small letters"
                                        : ", in these capital and small letters";
  return {fmt::format("{}: a list of {}{}{}{}", in_code(list.name),
                      counted(list.values.size(), what), letters, values.empty() ? "" : ": ",
                      fmt::join(values, ", "))};
}
Passage table_passage(const cep::Table& table) {
  std::vector<std::string> keys;
  for (const std::string& key : table.key_names) keys.push_back(in_code(key));
  Passage passage{fmt::format("{}: a table of {}, by {}; where it has no row the value is missing",
                              in_code(table.name), counted(table.rows.size(), "row"),
                              listed(keys))};
  if (table.network_key) {
    passage.text += fmt::format(
        "; of several rows whose {} has the address, the one with the longest prefix "
        "is taken",
        in_code(table.key_names[*table.network_key]));
  }
  return passage;
}
}  // namespace

std::vector<Passage> data_passages(const Words& words) {
  const cep::Plan& plan = words.plan();
  std::set<cep::ListIndex> lists;
  std::set<cep::TableIndex> tables;
  std::set<std::pair<cep::EventTypeIndex, cep::FieldIndex>> computed;
  bool is_cased = false;
  std::vector<const Expr*> todo;
  const std::function<void(const Expr&)> visit = [&](const Expr& e) {
    if (const auto* lookup = std::get_if<cep::ListLookup>(&e.payload)) lists.insert(lookup->list);
    is_cased = is_cased || searches_cased(e);
    if (const auto* read = std::get_if<cep::ColumnRead>(&e.payload)) tables.insert(read->table);
    const cep::FieldRef* const ref = field_of(e);
    if (ref == nullptr) return;
    for (const auto& [type, field] : ref->by_type) {
      if (field.value >= plan.event_types[type.value].fields.size()) continue;
      const ExprPtr& formula = plan.event_types[type.value].fields[field.value].computed;
      if (formula && computed.insert({type, field}).second) {
        todo.push_back(formula.get());
      }
    }
  };
  for_each_read(plan, *words.rule(), visit);
  while (!todo.empty()) {
    const Expr* next = todo.back();
    todo.pop_back();
    cep::for_each_expr(*next, visit);
  }

  std::vector<Passage> out;
  const Words of_event(plan, nullptr);
  for (const auto& [type, field] : computed) {
    const cep::EventType& event_type = plan.event_types[type.value];
    const cep::Field& made = event_type.fields[field.value];
    out.push_back({fmt::format("{} of {} is computed: {}", in_code(made.name),
                               in_code(event_type.name), of_event.value(*made.computed))});
  }
  for (const cep::ListIndex index : lists) out.push_back(list_passage(plan.lists[index.value]));
  for (const cep::TableIndex index : tables) {
    out.push_back(table_passage(plan.tables[index.value]));
  }
  if (is_cased) {
    out.push_back(
        {"`contains`, `starts with` and `ends with` tell capital and small letters apart."});
  }
  return out;
}

// ---- missing

std::vector<Passage> missing_passages(const Words& words) {
  const cep::Plan& plan = words.plan();
  std::map<std::string, std::set<std::string>> fields;  // by type: optional ones that are asked
  for_each_read(plan, *words.rule(), [&](const Expr& e) {
    const cep::FieldRef* const ref = field_of(e);
    if (ref == nullptr) return;
    for (const auto& [type, field] : ref->by_type) {
      const cep::EventType& event_type = plan.event_types[type.value];
      if (event_type.is_alert()) continue;
      if (field.value < event_type.fields.size() && event_type.fields[field.value].optional) {
        fields[event_type.name].insert(in_code(event_type.fields[field.value].name));
      }
    }
  });
  std::vector<Passage> out;
  std::vector<std::string> all;
  for (const auto& [type, names] : fields) {
    all.push_back(listed({names.begin(), names.end()}) + " of " + in_code(type));
  }
  if (!all.empty()) {
    out.push_back({fmt::format("May be missing: {}.", fmt::join(all, "; "))});
    out.push_back(
        {"A comparison with a missing value is unknown, and a condition that is unknown "
         "does not hold, whether it says “is” or “is not”."});
  }
  return out;
}
}  // namespace tocsin::rules
