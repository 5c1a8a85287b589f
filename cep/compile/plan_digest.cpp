#include "cep/compile/plan_digest.h"
#include "cep/plan/function_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "cep/base/assert.h"
#include "cep/compile/pattern_program.h"
#include "cep/compile/program.h"
#include "cep/data/functions.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/plan_names.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
namespace {
constexpr std::array kMethodNames = {"single", "strict", "runs", "general"};
static_assert(kMethodNames.size() == static_cast<std::size_t>(Method::kGeneral) + 1);

std::string text_of(const Digest& digest) { return hex(digest); }

std::string key_type(const Table& table, std::size_t part) {
  return table.network_key == part ? "network" : type_text(table.key_types[part]);
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  return fmt::format("{}", fmt::join(parts, between));
}
std::string sorted(std::vector<std::string> parts, std::string_view between) {
  std::ranges::sort(parts);
  return joined(parts, between);
}

std::string duration(const std::optional<Duration>& d) { return d ? format_duration(*d) : "-"; }
std::string var(VarIndex index) { return fmt::format("${}", index.value); }

// Writes parts of a plan by value. What is asked for again and again is remembered.
class ByValue {
 public:
  explicit ByValue(const Plan& plan) : plan_(plan), features_(plan.features.size()) {}

  std::string expr(const Expr& e) {
    if (e.op == Op::kLiteral) return value_text(literal_of(e)) + ":" + type_text(e.type);
    std::string out = name_of(kOpNames, e.op);
    if (e.op == Op::kInKinds) return out + kinds_asked(e);
    out += std::visit([this](const auto& payload) { return subject(payload); }, e.payload);
    std::vector<std::string> args;
    for (const ExprPtr& arg : e.args) args.push_back(expr(arg));
    if (!args.empty()) out += "(" + joined(args, ", ") + ")";
    if (e.op == Op::kCall) out += zones_of_call(e);
    return out + ":" + type_text(e.type);
  }
  std::string expr(const ExprPtr& e) { return e ? expr(*e) : "-"; }

  std::string subsets(const std::vector<Subset>& events) { return joined(each(events), " | "); }
  std::string subsets_in_any_order(const std::vector<Subset>& events) {
    return sorted(each(events), " | ");
  }

  std::string key(const KeySpec& spec) {
    std::string out = "{";
    for (const KeyPart& part : spec.parts) {
      std::vector<std::string> members;
      for (const KeyMember& member : part.members) {
        members.push_back(field(member.type, member.field) +
                          (member.role.empty() ? "" : " as " + member.role));
      }
      out += " " + type_text(part.type) + " = " + sorted(std::move(members), " ") + ";";
    }
    return out + " }";
  }

  std::string type_name(EventTypeIndex index) const {
    const EventType& type = plan_.event_types[index.value];
    if (type.alert_of) return "alert " + quoted(plan_.rules[type.alert_of->value].id);
    return type.is_alert() ? "any alert" : type.name;
  }
  // How its events are distinguished, and their event time.
  std::string type_of_taken(EventTypeIndex index) {
    const EventType& type = plan_.event_types[index.value];
    return type_name(index) + " time " + field(index, type.time_field) + " id " +
           (type.id_field ? field(index, *type.id_field) : "-");
  }

  const Digest& feature(FeatureIndex index) {
    std::optional<Digest>& known = features_[index.value];
    if (!known) {
      TOCSIN_ASSERT(features_open_.insert(index.value).second, "no feature reads itself");
      known = sha256(feature_text(plan_.features[index.value]));
      features_open_.erase(index.value);
    }
    return *known;
  }

  std::string zone_named(std::string_view name) {
    std::string out = "zone " + quoted(name);
    for (const Zone& zone : plan_.zones) {
      if (zone.name != name) continue;
      std::string changes;
      for (const Zone::Change& change : zone.changes) {
        changes += fmt::format(" {}:{}", change.from.us, change.offset_seconds);
      }
      out += " " + text_of(sha256(changes));
    }
    return out;
  }
  std::string zone(const Expr& zone) {
    if (zone.op == Op::kLiteral) return zone_named(literal_of(zone).text);
    std::string all;
    for (const Zone& each : plan_.zones) all += zone_named(each.name);
    return expr(zone) + " of " + text_of(sha256(all));
  }

 private:
  // What an operator is about, besides its arguments.
  std::string subject(const std::monostate& /*nothing*/) { return {}; }
  std::string subject(const LiteralValue& /*written whole*/) { return {}; }
  std::string subject(const FieldRead& read) { return field(read.field); }
  std::string subject(const BoundField& bound) {
    return fmt::format("[{} {}]{}", var(bound.var), name_of(kWhichNames, bound.which),
                       field(bound.field));
  }
  std::string subject(const VariableAggregate& over) {
    return fmt::format("[{} {}]", aggregate_name(over.aggregate), var(over.var));
  }
  std::string subject(const VariableTest& test) { return "[" + var(test.var) + "]"; }
  std::string subject(const FeatureRead& read) {
    return "[" + text_of(feature(read.feature)) + "]";
  }
  std::string subject(const KeyRead& read) { return fmt::format("[{}]", read.part); }
  std::string subject(const ListLookup& lookup) { return "[" + list(lookup.list) + "]"; }
  std::string subject(const ColumnRead& read) {
    return "[" + column(read.table, read.column) + "]";
  }
  std::string subject(const RegexLiteral& regex) { return "[" + regex_text(regex) + "]"; }
  std::string subject(const FunctionCall& call) {
    return fmt::format("[{}{}]", function_name(call.function),
                       call.regex ? " " + regex_text(*call.regex) : std::string());
  }
  std::string subject(const KindTest& /*with its conditions*/) { return {}; }
  std::string kinds_asked(const Expr& e) {
    std::vector<std::string> kinds;
    const std::vector<EventTypeIndex>& types = e.as<KindTest>().types;
    for (std::size_t i = 0; i < types.size(); ++i) {
      const bool is_asked = i < e.args.size() && e.args[i];
      kinds.push_back(type_name(types[i]) +
                      (is_asked ? " where " + expr(*e.args[i]) : std::string()));
    }
    return "[" + sorted(std::move(kinds), " | ") + "]";
  }
  std::string zones_of_call(const Expr& e) {
    const Function function = e.as<FunctionCall>().function;
    const bool has_zone = function == Function::kHour || function == Function::kWeekday ||
                          function == Function::kDate;
    if (!has_zone || e.args.size() < 2 || !e.args[1]) return {};
    return "{" + zone(*e.args[1]) + "}";
  }

  std::string field(const FieldRef& ref) {
    std::vector<std::string> fields;
    for (const auto& [type, index] : ref.by_type) fields.push_back(field(type, index));
    return "[" + sorted(std::move(fields), " ") + "]";
  }
  std::string field(EventTypeIndex type, FieldIndex index) {
    const Field& field = plan_.event_types[type.value].fields[index.value];
    return type_name(type) + "." + field.name + ":" + type_text(field.type) +
           (field.computed ? " = " + expr(*field.computed) : std::string());
  }
  std::vector<std::string> each(const std::vector<Subset>& events) {
    std::vector<std::string> out;
    for (const Subset& subset : events) {
      out.push_back(type_name(subset.type) + (subset.role.empty() ? "" : " as " + subset.role) +
                    (subset.condition ? " where " + expr(*subset.condition) : std::string()));
    }
    return out;
  }

  // By name: what a list holds changes while it is asked, and what was decided by it stays so.
  std::string list(ListIndex index) const {
    const List& list = plan_.lists[index.value];
    return fmt::format("list {} {} {}", list.name, type_text(list.element),
                       name_of(kListKindNames, list.kind));
  }
  // A table's keys and one of its columns, by name like a list.
  std::string column(TableIndex index, std::uint32_t place) const {
    const Table& table = plan_.tables[index.value];
    const TableColumn& column = table.columns[place];
    std::string text =
        fmt::format("table {}.{} {}", table.name, column.name,
                    column.list_of_string ? "list of string" : type_text(column.type));
    for (std::size_t i = 0; i < table.key_types.size(); ++i) {
      text += " " + table.key_names[i] + " " + key_type(table, i);
    }
    return text;
  }
  std::string feature_text(const Feature& feature) {
    const FeatureWindow& window = feature.window;
    std::string out = fmt::format(
        "feature {} = {}({})\nof {}\nwhere {}\nby {}\nover {} {} excluding {} every {}\n",
        type_text(feature.type), aggregate_name(feature.aggregate), expr(feature.argument),
        subsets_in_any_order(feature.events), expr(feature.where), key(feature.key),
        window_name(window), duration(window.duration()), duration(window.excluding()),
        duration(window.every()));
    if (window.events()) out += fmt::format("events {}\n", *window.events());
    if (window.where()) out += "of those where " + expr(*window.where()) + "\n";
    if (window.zone()) out += "zone " + zone(*window.zone()) + "\n";
    if (window.needs) out += fmt::format("needs {}\n", *window.needs);
    if (feature.half_life) out += "half life " + duration(feature.half_life) + "\n";
    if (feature.weight) out += fmt::format("weight {}\n", *feature.weight);
    if (traits_of(feature.aggregate).parameter == AggregateParameter::kPercentage) {
      out += fmt::format("percentile {}\n", feature.percentile);
    }
    if (feature.unless_alerted_by) {
      out += "unless alerted by " + quoted(plan_.rules[feature.unless_alerted_by->value].id) + "\n";
    }
    return out;
  }

  const Plan& plan_;
  std::vector<std::optional<Digest>> features_;
  std::set<std::uint32_t> features_open_;
};

// The three texts of a rule.
class RuleTexts {
 public:
  RuleTexts(const Plan& plan, const RuleProgram& rule, ByValue& by_value)
      : plan_(plan), compiled_(rule), rule_(*rule.rule), by_(by_value) {}

  std::string state() {
    out_ = "state\nby " + by_.key(rule_.key) + "\n";
    for (const Variable& variable : rule_.variables) {
      out_ += fmt::format("variable{}{}\n", variable.loop ? " loop" : "",
                          variable.parent ? " of " + var(*variable.parent) : std::string());
    }
    for (const Element& each : rule_.pattern) element(0, each);
    if (rule_.window) {
      const ClosingWindow& window = *rule_.window;
      out_ += fmt::format("{} of {} where {}\n", length_text(window), by_.subsets(window.events),
                          by_.expr(window.where));
      if (const CalendarSpan* const calendar = window.calendar()) {
        out_ += by_.zone_named(calendar->zone);
      }
    }
    if (rule_.without) {
      out_ += fmt::format("without {} where {} for {}\n",
                          by_.subsets_in_any_order(rule_.without->events),
                          by_.expr(rule_.without->where), duration(rule_.without->absent_for));
    }
    out_ += "considered " + by_.subsets_in_any_order(rule_.considered) + "\n";
    out_ += "within " + duration(rule_.within) + "\n";
    out_ += "having " + by_.expr(rule_.having) + "\n";
    out_ += fmt::format("selection {} {}{}{}\n", name_of(kSelectionNames, rule_.selection.kind),
                        var(rule_.selection.var), rule_.selection.in_order ? " in order" : "",
                        rule_.selection.prefer_latest ? " prefer latest" : "");
    types_taken();
    compiled();
    return std::move(out_);
  }

  // `state`: of its state, which `once per` a variable depends on.
  std::string suppression(const Digest& state) {
    const Suppression& suppression = rule_.suppression;
    out_ = "suppression of " + quoted(rule_.id) + "\nby " + by_.key(rule_.key) + "\n";
    out_ += fmt::format("once {} {} while {} each [{}]\n", once_name(suppression),
                        format_duration(suppression.duration()), by_.expr(suppression.condition()),
                        exprs(suppression.for_each));
    if (suppression.kind() == Once::kPerVariable) {
      out_ += "per " + var(suppression.var()) + " of " + text_of(state) + "\n";
    }
    if (suppression.zone()) out_ += "zone " + by_.zone(*suppression.zone()) + "\n";
    if (suppression.at_most) {
      out_ += fmt::format("at most {} per {} each [{}]\n", suppression.at_most->count,
                          format_duration(suppression.at_most->duration),
                          exprs(suppression.at_most->for_each));
    }
    return std::move(out_);
  }

  std::string presentation() {
    out_ = fmt::format("presentation\nrule {} id {} title {} description {} owner {} status {}\n",
                       rule_.name, quoted(rule_.id), quoted(rule_.title), quoted(rule_.description),
                       quoted(rule_.owner), name_of(kStatusNames, rule_.status));
    if (!rule_.share.is_whole()) out_ += "share " + rule_.share.text() + "\n";
    for (const auto* texts : {&rule_.tags, &rule_.references, &rule_.false_positives}) {
      std::vector<std::string> all;
      for (const std::string& text : *texts) all.push_back(quoted(text));
      out_ += "[" + joined(all, ", ") + "]\n";
    }
    out_ += "severity " + by_.expr(rule_.severity) + "\n";
    for (const MessagePart& part : rule_.message) {
      out_ += "message " + (part.expr ? by_.expr(*part.expr) : quoted(part.text)) + "\n";
    }
    for (const AlertField& field : rule_.fields) {
      out_ += fmt::format("field {} = {}\n", field.name, by_.expr(field.expr));
    }
    for (const Exception& exception : rule_.exceptions) {
      out_ += fmt::format(
          "except {} where {}{}\n", quoted(exception.reason), by_.expr(exception.condition),
          exception.expires ? " expires " + format_date(*exception.expires) : std::string());
    }
    names();
    return std::move(out_);
  }

 private:
  std::string exprs(const std::vector<ExprPtr>& all) {
    std::vector<std::string> texts;
    for (const ExprPtr& expr : all) texts.push_back(by_.expr(expr));
    return joined(texts, ", ");
  }
  void element(int depth, const Element& element) {
    const Quantifier& q = element.quantifier();
    out_ += fmt::format(
        "{:{}}{} {} gap {} {} {}..{} {}{}{}{} next {} for {}\n", "", depth,
        name_of(kContiguityNames, element.contiguity), name_of(kElementNames, element.kind()),
        duration(element.gap), element.is_step() ? var(element.var()) : "-", q.min,
        q.max ? fmt::format("{}", *q.max) : "", name_of(kLoopModeNames, q.mode),
        q.greedy ? " greedy" : "", q.loop ? " loop" : "", element.is_optional() ? " optional" : "",
        element.is_next(), duration(element.absent_for()));
    // Which of a step's kinds an event was is kept with it.
    out_ += fmt::format("{:{}}of {} where {} until {} where {}\n", "", depth,
                        by_.subsets(element.events()), by_.expr(element.where()),
                        by_.subsets_in_any_order(element.until_events()),
                        by_.expr(element.until_where()));
    for (const Element& child : element.children()) this->element(depth + 1, child);
    out_ += fmt::format("{:{}}end\n", "", depth);
  }
  void types_taken() {
    std::set<std::string> types;
    const std::function<void(const Element&)> add = [&](const Element& element) {
      if (element.is_step()) {
        for (const Subset& subset : element.events()) types.insert(by_.type_of_taken(subset.type));
      }
      for (const Element& child : element.children()) add(child);
    };
    for (const Element& element : rule_.pattern) add(element);
    if (rule_.window) {
      for (const Subset& subset : rule_.considered) types.insert(by_.type_of_taken(subset.type));
    }
    for (const std::string& type : types) out_ += "takes " + type + "\n";
  }
  // The method, and what lets it forget partial matches: nothing later reads how they differ.
  void compiled() {
    out_ += fmt::format("method {}\n", name_of(kMethodNames, compiled_.method));
    if (compiled_.pattern == nullptr) {
      for (const StepProgram& step : compiled_.steps) {
        out_ += fmt::format("reads up to {}\n", step.live_step);
      }
      return;
    }
    for (const PatternTransition& transition : compiled_.pattern->transitions) {
      out_ += "reads";
      for (std::size_t i = 0; i < compiled_.step_of_var.size(); ++i) {
        const std::uint32_t slot = compiled_.step_of_var[i];
        if (slot < kSlotsMax && (transition.live >> slot & 1) != 0) out_ += " " + var(VarIndex(i));
      }
      out_ += "\n";
    }
  }
  void names() {
    for (const Variable& variable : rule_.variables) out_ += "variable " + variable.name + "\n";
    for (const KeyPart& part : rule_.key.parts) out_ += "key " + part.name + "\n";
    for_each_kinds(rule_, [&](const std::vector<Subset>& kinds) {
      for (const Subset& kind : kinds) out_ += "kind " + kind.name + "\n";
    });
    std::vector<std::string> captured;
    for (const Captured& of_type : rule_.captured) {
      std::vector<std::string> fields;
      for (const FieldIndex index : of_type.fields) {
        const Field& field = plan_.event_types[of_type.type.value].fields[index.value];
        fields.push_back(field.name + ":" + type_text(field.type));
      }
      captured.push_back(by_.type_name(of_type.type) + " " + sorted(std::move(fields), " "));
    }
    out_ += "captured " + sorted(std::move(captured), "; ") + "\n";
  }

  const Plan& plan_;
  const RuleProgram& compiled_;
  const Rule& rule_;
  ByValue& by_;
  std::string out_;
};
}  // namespace

PlanDigests digests(const ProgramImpl& program) {
  PlanDigests out;
  ByValue by_value(*program.plan);
  for (std::size_t i = 0; i < program.plan->features.size(); ++i) {
    out.features.push_back(by_value.feature(FeatureIndex(i)));
  }
  for (const RuleProgram& rule : program.rules) {
    RuleTexts texts(*program.plan, rule, by_value);
    RuleDigests digests;
    digests.state = sha256(texts.state());
    digests.suppression = sha256(texts.suppression(digests.state));
    digests.presentation = sha256(texts.presentation());
    out.rules.push_back(digests);
  }
  return out;
}

Digest digest_of_data(const Plan& plan) {
  std::string text;
  for (const List& list : plan.lists) {
    text += fmt::format("list {} {} {}\n", list.name, type_text(list.element),
                        name_of(kListKindNames, list.kind));
    for (std::size_t i = 0; i < list.values.size(); ++i) {
      const bool ignores = i < list.ignore_case.size() && list.ignore_case[i];
      text += value_text(list.values[i].view()) + (ignores ? " i\n" : "\n");
    }
  }
  for (const Table& table : plan.tables) {
    text += "table " + table.name + "\n";
    for (std::size_t i = 0; i < table.key_types.size(); ++i) text += key_type(table, i) + "\n";
    for (const TableColumn& column : table.columns) {
      text += column.name + " " +
              (column.list_of_string ? "list of string" : type_text(column.type)) + "\n";
    }
    for (const TableRow& row : table.rows) {
      for (const OwnedValue& part : row.key) text += value_text(part.view()) + " ";
      for (const OwnedValue& cell : row.values) text += value_text(cell.view()) + " ";
      for (const std::vector<std::string>& cells : row.lists) {
        text += "[";
        for (const std::string& cell : cells) text += quoted(cell) + " ";
        text += "]";
      }
      text += "\n";
    }
  }
  return sha256(text);
}

Digest digest_of(const Plan& plan) { return sha256(describe(plan)); }

Digest digest_of_feature(const Plan& plan, FeatureIndex feature) {
  return ByValue(plan).feature(feature);
}
}  // namespace tocsin::cep
