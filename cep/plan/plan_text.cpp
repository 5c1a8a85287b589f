// describe(): the canonical text of a plan. It contains everything that the plan means, nothing
// else.
#include <fmt/format.h>

#include "cep/plan/function_name.h"
#include "cep/plan/plan.h"
#include "cep/plan/plan_names.h"
#include "cep/plan/reference.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
namespace {
// Writes one plan. Indices that point nowhere are shown as such, so that a broken plan can be
// looked at too.
class Describer {
 public:
  explicit Describer(const Plan& plan) : plan_(plan) {}

  std::string expr(const Expr& e) const {
    const auto* const literal = std::get_if<LiteralValue>(&e.payload);
    if (e.op == Op::kLiteral && literal != nullptr) {
      return value_text(literal->value.view()) + ":" + type_text(e.type);
    }
    std::string out = name_of(kOpNames, e.op);
    out += std::visit([this](const auto& payload) { return subject(payload); }, e.payload);
    if (!e.args.empty()) {
      out += '(';
      for (std::size_t i = 0; i < e.args.size(); ++i) {
        if (i > 0) out += ", ";
        out += optional_expr(e.args[i]);
      }
      out += ')';
    }
    return out + ":" + type_text(e.type);
  }

  std::string plan() {
    for (const EventType& type : plan_.event_types) event_type(type);
    for (const List& list : plan_.lists) this->list(list);
    for (const Table& table : plan_.tables) this->table(table);
    for (const Zone& zone : plan_.zones) this->zone(zone);
    for (const Feature& feature : plan_.features) this->feature(feature);
    for (const Rule& rule : plan_.rules) this->rule(rule);
    return std::move(out_);
  }

 private:
  static std::string nowhere(std::uint32_t index) { return fmt::format("?{}", index); }
  static std::string var(VarIndex index) { return fmt::format("${}", index.value); }

  std::string optional_expr(const ExprPtr& e) const { return e ? expr(*e) : "-"; }

  // What an operator is about, besides its operands.
  std::string subject(const std::monostate& /*nothing*/) const { return {}; }
  std::string subject(const LiteralValue& literal) const {
    return "[" + value_text(literal.value.view()) + "]";
  }
  std::string subject(const FieldRead& read) const { return field(read.field); }
  std::string subject(const BoundField& bound) const {
    return fmt::format("[{} {}]{}", var(bound.var), name_of(kWhichNames, bound.which),
                       field(bound.field));
  }
  std::string subject(const VariableAggregate& over) const {
    return fmt::format("[{} {}]", aggregate_name(over.aggregate), var(over.var));
  }
  std::string subject(const VariableTest& test) const { return "[" + var(test.var) + "]"; }
  std::string subject(const FeatureRead& read) const {
    const std::size_t index = read.feature.value;
    return "[" +
           (index < plan_.features.size() ? plan_.features[index].name
                                          : nowhere(read.feature.value)) +
           "]";
  }
  std::string subject(const KeyRead& read) const { return fmt::format("[{}]", read.part); }
  std::string subject(const ListLookup& lookup) const { return "[" + list_name(lookup.list) + "]"; }
  std::string subject(const ColumnRead& read) const {
    return "[" + column_name(read.table, read.column) + "]";
  }
  std::string subject(const RegexLiteral& regex) const { return "[" + regex_text(regex) + "]"; }
  std::string subject(const FunctionCall& call) const {
    return fmt::format("[{}{}]", function_name(call.function),
                       call.regex ? " " + regex_text(*call.regex) : std::string());
  }
  std::string subject(const KindTest& test) const {
    std::string out = "[";
    for (std::size_t i = 0; i < test.types.size(); ++i) {
      out += (i > 0 ? " | " : "") + type_of_event(test.types[i]);
    }
    return out + "]";
  }

  std::string list_name(ListIndex index) const {
    return index.value < plan_.lists.size() ? plan_.lists[index.value].name : nowhere(index.value);
  }
  std::string column_name(TableIndex index, std::uint32_t column) const {
    if (index.value >= plan_.tables.size()) return nowhere(index.value) + "." + nowhere(column);
    const Table& table = plan_.tables[index.value];
    return table.name + "." +
           (column < table.columns.size() ? table.columns[column].name : nowhere(column));
  }
  std::string rule_name(RuleIndex index) const {
    return index.value < plan_.rules.size() ? plan_.rules[index.value].name : nowhere(index.value);
  }
  std::string type_of_event(EventTypeIndex index) const {
    return index.value < plan_.event_types.size() ? plan_.event_types[index.value].name
                                                  : nowhere(index.value);
  }
  std::string field_name(EventTypeIndex type, FieldIndex index) const {
    if (type.value >= plan_.event_types.size()) return nowhere(index.value);
    const std::vector<Field>& fields = plan_.event_types[type.value].fields;
    return index.value < fields.size() ? fields[index.value].name : nowhere(index.value);
  }
  std::string field(const FieldRef& ref) const {
    std::string out = "[" + ref.name;
    for (const auto& [type, index] : ref.by_type) {
      out += fmt::format(" {}.{}", type_of_event(type), field_name(type, index));
    }
    return out + "]";
  }
  std::string subsets(const std::vector<Subset>& events) const {
    std::string out = "{";
    for (const Subset& subset : events) {
      if (&subset != &events.front()) out += " | ";
      out += subset.name + "=" + type_of_event(subset.type);
      if (!subset.role.empty()) out += " as " + subset.role;
      if (subset.condition) out += " where " + expr(*subset.condition);
    }
    return out + "}";
  }
  std::string key(const KeySpec& spec) const {
    std::string out = "{";
    for (const KeyPart& part : spec.parts) {
      if (&part != &spec.parts.front()) out += ", ";
      out += fmt::format("{}:{} =", part.name, type_text(part.type));
      for (const KeyMember& member : part.members) {
        out += fmt::format(" {}.{}", type_of_event(member.type),
                           field_name(member.type, member.field));
        if (!member.role.empty()) out += " as " + member.role;
      }
    }
    return out + "}";
  }
  static std::string duration(const std::optional<Duration>& d) {
    return d ? format_duration(*d) : "-";
  }
  static std::string texts(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const std::string& text : texts) {
      if (&text != &texts.front()) out += ", ";
      out += quoted(text);
    }
    return out + "]";
  }

  void line(int depth, std::string_view text) {
    out_.append(2 * static_cast<std::size_t>(depth), ' ');
    out_ += text;
    out_ += '\n';
  }

  void event_type(const EventType& type) {
    line(0, fmt::format("event {} from {} time {} id {} bound {}", type.name,
                        quoted(type.json_type), type.time_field.value,
                        type.id_field ? fmt::format("{}", type.id_field->value) : "-",
                        format_duration(type.bound)));
    if (type.unique) line(1, "unique within " + duration(type.unique->within));
    if (type.alert_of) line(1, "alerts of " + rule_name(*type.alert_of));
    if (!type.any_alert_of.empty()) {
      std::string names;
      for (const RuleIndex rule : type.any_alert_of) names += " " + rule_name(rule);
      line(1, "any alert of" + names);
    }
    for (const Field& field : type.fields) {
      const std::string unit = field.unit == TimeUnit::kMicroseconds
                                   ? std::string()
                                   : fmt::format(" in {}", time_unit_name(field.unit));
      line(1, fmt::format("{}: {}{}{}{}{}{} from {}", field.name, type_text(field.type), unit,
                          field.any_year ? "" : " plausible", field.optional ? "?" : "",
                          field.evidence ? " evidence" : "", field.pii ? " pii" : "",
                          texts(field.path)) +
                  (field.computed ? " = " + expr(*field.computed) : ""));
    }
  }
  void list(const List& list) {
    std::string values;
    for (std::size_t i = 0; i < list.values.size(); ++i) {
      values += " " + value_text(list.values[i].view());
      if (i < list.ignore_case.size() && list.ignore_case[i]) values += "i";
    }
    line(0, fmt::format("list {}: {}{} ={}", list.name, type_text(list.element),
                        list.kind == ListKind::kValues
                            ? std::string()
                            : fmt::format(" {}", name_of(kListKindNames, list.kind)),
                        values));
  }
  void table(const Table& table) {
    std::string text = fmt::format("table {} key", table.name);
    for (std::size_t i = 0; i < table.key_names.size() && i < table.key_types.size(); ++i) {
      text += fmt::format(" {}:{}", table.key_names[i],
                          table.network_key == i ? "network" : type_text(table.key_types[i]));
    }
    line(0, text);
    for (const TableColumn& column : table.columns) {
      line(1, "column " + column.name + ": " +
                  (column.list_of_string ? "list of string" : type_text(column.type)));
    }
    for (const TableRow& row : table.rows) {
      std::string cells = "row";
      for (const OwnedValue& part : row.key) cells += " " + value_text(part.view());
      cells += ":";
      for (std::size_t i = 0; i < row.values.size(); ++i) {
        const bool list = i < table.columns.size() && table.columns[i].list_of_string;
        cells += " ";
        cells +=
            list && i < row.lists.size() ? texts(row.lists[i]) : value_text(row.values[i].view());
      }
      line(1, cells);
    }
  }
  void zone(const Zone& zone) {
    line(0, "zone " + quoted(zone.name));
    for (const Zone::Change& change : zone.changes) {
      line(1, fmt::format("from {} utc{:+}s", change.from.us, change.offset_seconds));
    }
  }
  void feature(const Feature& feature) {
    line(0, fmt::format("feature {}: {} = {}({}) of {} where {} by {} over {} {}", feature.name,
                        type_text(feature.type), aggregate_name(feature.aggregate),
                        optional_expr(feature.argument), subsets(feature.events),
                        optional_expr(feature.where), key(feature.key), window_name(feature.window),
                        duration(feature.window.duration())) +
                more_of_window(feature.window));
    std::string more;
    if (feature.half_life) more += " half life " + duration(feature.half_life);
    if (feature.weight) more += fmt::format(" weight {}", *feature.weight);
    if (traits_of(feature.aggregate).parameter == AggregateParameter::kPercentage) {
      more += fmt::format(" percentile {}", feature.percentile);
    }
    if (feature.unless_alerted_by) {
      more += " unless alerted by " + rule_name(*feature.unless_alerted_by);
    }
    if (!more.empty()) line(1, more.substr(1));
  }
  std::string more_of_window(const FeatureWindow& window) const {
    std::string text;
    if (window.excluding()) text += " excluding " + duration(window.excluding());
    if (window.events()) text += fmt::format(" events {}", *window.events());
    if (window.where()) text += " where " + expr(*window.where());
    if (window.zone()) text += " zone " + expr(*window.zone());
    if (window.every()) text += " every " + duration(window.every());
    if (window.needs) text += fmt::format(" needs {}", *window.needs);
    return text;
  }
  void element(int depth, const Element& element) {
    std::string text = fmt::format("{} {}", name_of(kContiguityNames, element.contiguity),
                                   name_of(kElementNames, element.kind()));
    if (element.gap) text += " gap " + duration(element.gap);
    if (element.is_step()) text += " " + var(element.var());
    if (!element.is_absence()) {
      const Quantifier& q = element.quantifier();
      text += fmt::format(" {}..{} {}{}{}{}", q.min, q.max ? fmt::format("{}", *q.max) : "",
                          name_of(kLoopModeNames, q.mode), q.greedy ? " greedy" : "",
                          q.loop ? " loop" : "", element.is_optional() ? " optional" : "");
    } else {
      text += fmt::format("{} for {}", element.is_next() ? " next" : "",
                          duration(element.absent_for()));
    }
    if (element.is_step() || element.is_absence()) {
      text +=
          fmt::format(" {} where {}", subsets(element.events()), optional_expr(element.where()));
    }
    if (!element.until_events().empty()) {
      text += fmt::format(" until {} where {}", subsets(element.until_events()),
                          optional_expr(element.until_where()));
    }
    line(depth, text);
    for (const Element& child : element.children()) this->element(depth + 1, child);
  }
  void rule(const Rule& rule) {
    line(0, "rule " + rule.name);
    line(1, fmt::format("id {} title {} description {} owner {} status {}", quoted(rule.id),
                        quoted(rule.title), quoted(rule.description), quoted(rule.owner),
                        name_of(kStatusNames, rule.status)));
    if (!rule.share.is_whole()) line(1, "share " + rule.share.text());
    line(1, fmt::format("tags {} references {} falsepositives {}", texts(rule.tags),
                        texts(rule.references), texts(rule.false_positives)));
    line(1, "severity " + optional_expr(rule.severity));
    line(1, "by " + key(rule.key));
    for (std::size_t i = 0; i < rule.variables.size(); ++i) {
      const Variable& variable = rule.variables[i];
      line(1, fmt::format("variable ${} {}{}{}", i, variable.name.empty() ? "-" : variable.name,
                          variable.loop ? " loop" : "",
                          variable.parent ? " of " + var(*variable.parent) : std::string()));
    }
    for (const Element& element : rule.pattern) this->element(1, element);
    if (rule.window) {
      line(1, fmt::format("{} of {} as {} where {}", length_text(*rule.window),
                          subsets(rule.window->events), var(rule.window->var),
                          optional_expr(rule.window->where)));
    }
    if (rule.without) {
      line(1, fmt::format("without {} where {} for {}", subsets(rule.without->events),
                          optional_expr(rule.without->where), duration(rule.without->absent_for)));
    }
    for (const Exception& exception : rule.exceptions) {
      line(1,
           fmt::format(
               "except {} where {}{}", quoted(exception.reason), optional_expr(exception.condition),
               exception.expires ? " expires " + format_date(*exception.expires) : std::string()));
    }
    line(1, "considered " + subsets(rule.considered));
    line(1, "within " + duration(rule.within));
    line(1, "having " + optional_expr(rule.having));
    line(1, fmt::format("selection {} {}{}{}", name_of(kSelectionNames, rule.selection.kind),
                        var(rule.selection.var), rule.selection.in_order ? " in order" : "",
                        rule.selection.prefer_latest ? " prefer latest" : ""));
    std::string once =
        fmt::format("once {} {} {} while {} each [", once_name(rule.suppression),
                    format_duration(rule.suppression.duration()), var(rule.suppression.var()),
                    optional_expr(rule.suppression.condition()));
    for (const ExprPtr& e : rule.suppression.for_each) once += " " + optional_expr(e);
    line(1, once + " ]");
    if (rule.suppression.zone()) line(1, "once zone " + expr(*rule.suppression.zone()));
    if (rule.suppression.at_most) {
      const AtMost& most = *rule.suppression.at_most;
      std::string text =
          fmt::format("at most {} per {} each [", most.count, format_duration(most.duration));
      for (const ExprPtr& e : most.for_each) text += " " + optional_expr(e);
      line(1, text + " ]");
    }
    for (const MessagePart& part : rule.message) {
      line(1, part.expr ? "message " + expr(*part.expr) : "message " + quoted(part.text));
    }
    for (const AlertField& field : rule.fields) {
      line(1, fmt::format("field {} = {}", field.name, optional_expr(field.expr)));
    }
    for (const Captured& captured : rule.captured) {
      std::string names;
      for (const FieldIndex index : captured.fields)
        names += " " + field_name(captured.type, index);
      line(1, fmt::format("captured {}:{}", type_of_event(captured.type), names));
    }
  }

  const Plan& plan_;
  std::string out_;
};
}  // namespace

std::string describe(const Plan& plan) { return Describer(plan).plan(); }
std::string describe(const Plan& plan, const Expr& expr) { return Describer(plan).expr(expr); }
}  // namespace tocsin::cep
