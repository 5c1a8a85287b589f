#include "tests/support/plan_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "cep/base/assert.h"

namespace tocsin::tests {
using cep::Aggregate;
using cep::Element;
using cep::ElementKind;
using cep::Expr;
using cep::ExprPtr;
using cep::Op;
using cep::Subset;
using cep::Value;
using cep::ValueKind;

namespace {
std::string quoted(std::string_view text) {
  std::string out;
  cep::append_json_string(out, text);
  return out;
}

std::string literal_source(const Value& value) {
  switch (value.kind) {
    case ValueKind::kString:
      return quoted(value.text);
    case ValueKind::kFloat: {
      const std::string text = cep::to_text(value);
      return text.find('e') == std::string::npos ? text + "e0" : text;
    }
    default:
      return cep::to_text(value);
  }
}

const char* aggregate_name(Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::kCount:
      return "count";
    case Aggregate::kSum:
      return "sum";
    case Aggregate::kAvg:
      return "avg";
    case Aggregate::kMin:
      return "min";
    case Aggregate::kMax:
      return "max";
    case Aggregate::kDistinct:
      return "distinct";
    default:
      break;
  }
  TOCSIN_ASSERT(false, "random plans use no other aggregates");
}

const char* operator_text(Op op) {
  switch (op) {
    case Op::kAnd:
      return "and";
    case Op::kOr:
      return "or";
    case Op::kAdd:
      return "+";
    case Op::kSubtract:
      return "-";
    case Op::kMultiply:
      return "*";
    case Op::kDivide:
      return "/";
    case Op::kModulo:
      return "%";
    case Op::kEqual:
      return "=";
    case Op::kNotEqual:
      return "!=";
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    case Op::kGreater:
      return ">";
    case Op::kGreaterEqual:
      return ">=";
    default:
      return nullptr;
  }
}

class Printer {
 public:
  explicit Printer(const cep::Plan& plan) : plan_(plan) {}

  std::string plan() {
    collect_kinds();
    for (const cep::EventType& type : plan_.event_types) event_type(type);
    for (const auto& [name, subsets] : kinds_) kind(name, subsets);
    for (const cep::List& list : plan_.lists) this->list(list);
    for (const cep::Feature& feature : plan_.features) {
      if (!is_unnamed(feature)) {
        out_ +=
            fmt::format("feature {} = {} by {} over last {}\n", feature.name, feature_call(feature),
                        key_names(feature.key), cep::format_duration(*feature.window.duration));
      }
    }
    for (const cep::Rule& rule : plan_.rules) this->rule(rule);
    return std::move(out_);
  }

  std::string expr(const cep::Rule* rule, const Expr& e) const {
    const auto arg = [&](std::size_t i) { return expr(rule, *e.args[i]); };
    if (const char* op = operator_text(e.op)) {
      std::string out = "(" + arg(0);
      for (std::size_t i = 1; i < e.args.size(); ++i) out += fmt::format(" {} {}", op, arg(i));
      return out + ")";
    }
    switch (e.op) {
      case Op::kLiteral:
        return literal_source(e.literal.view());
      case Op::kField:
        return e.field.name;
      case Op::kPrev:
        return "prev." + e.field.name;
      case Op::kBound: {
        std::string out = variable(rule, e.var);
        if (e.which == cep::Which::kFirst) out += ".first";
        if (e.which == cep::Which::kLast && rule->variables[e.var.value].loop) out += ".last";
        return out + "." + e.field.name;
      }
      case Op::kAggregate: {
        const std::string loop = variable(rule, e.var);
        std::string inside = loop;
        if (!e.args.empty() && e.args[0]) inside += "." + e.args[0]->field.name;
        if (e.args.size() > 1) inside += " where " + expr(rule, *e.args[1]);
        return fmt::format("{}({})", aggregate_name(e.aggregate), inside);
      }
      case Op::kFeature: {
        const cep::Feature& feature = plan_.features[e.feature.value];
        if (!is_unnamed(feature)) return feature.name;
        return fmt::format("{} over last {}", feature_call(feature),
                           cep::format_duration(*feature.window.duration));
      }
      case Op::kKey:
        return rule->key.parts[e.key_part].name;
      case Op::kInLoop:
        return fmt::format("({} in {}.{})", arg(0), variable(rule, e.var), e.args[1]->field.name);
      case Op::kIn:
        return fmt::format("({} in {})", arg(0), plan_.lists[e.list.value].name);
      case Op::kInValues: {
        std::string values;
        for (std::size_t i = 1; i < e.args.size(); ++i) values += (i > 1 ? ", " : "") + arg(i);
        return fmt::format("({} in [{}])", arg(0), values);
      }
      case Op::kBetween:
        return fmt::format("({} between {} and {})", arg(0), arg(1), arg(2));
      case Op::kIsMissing:
        return fmt::format("({} is missing)", arg(0));
      case Op::kIsKnown:
        return fmt::format("({} is known)", arg(0));
      case Op::kIf:
        return fmt::format("(if {} then {} else {})", arg(0), arg(1), arg(2));
      case Op::kCoalesce:
        return fmt::format("coalesce({}, {})", arg(0), arg(1));
      case Op::kNot:
        return fmt::format("(not {})", arg(0));
      case Op::kNegate:
        return fmt::format("(-{})", arg(0));
      case Op::kToFloat:
        return arg(0);  // the checker writes the widening out
      default:
        break;
    }
    TOCSIN_ASSERT(false, "random plans use no other operators");
  }

 private:
  static bool is_unnamed(const cep::Feature& feature) { return feature.name.starts_with('$'); }
  static std::string variable(const cep::Rule* rule, cep::VarIndex var) {
    return rule->variables[var.value].name;
  }

  // ---- kinds: subsets that bear another name than their event type
  bool is_kind(const Subset& subset) const {
    return subset.name != plan_.event_types[subset.type.value].name;
  }
  void collect_kinds() {
    const auto collect = [&](const std::vector<Subset>& subsets) {
      for (const Subset& subset : subsets) {
        if (!is_kind(subset) || kinds_.contains(subset.name)) continue;
        std::vector<Subset> all;
        std::copy_if(subsets.begin(), subsets.end(), std::back_inserter(all),
                     [&](const Subset& other) { return other.name == subset.name; });
        kinds_[subset.name] = std::move(all);
      }
    };
    for (const cep::Feature& feature : plan_.features) collect(feature.events);
    for (const cep::Rule& rule : plan_.rules) {
      for (const Element& element : rule.pattern) collect(element.events);
      collect(rule.considered);
    }
  }
  std::string kinds(const std::vector<Subset>& subsets) const {
    std::string out;
    const std::string* last = nullptr;
    for (const Subset& subset : subsets) {
      if (last != nullptr && *last == subset.name && is_kind(subset)) continue;
      out += (out.empty() ? "" : " or ") + subset.name;
      last = &subset.name;
    }
    return out;
  }

  // ---- declarations
  void event_type(const cep::EventType& type) {
    out_ += "event " + type.name;
    if (type.json_type != type.name) out_ += " from " + quoted(type.json_type);
    out_ += " {\n";
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      const cep::Field& field = type.fields[i];
      out_ += fmt::format("  {}: {}{}", field.name, cep::type_name(field.type),
                          field.optional ? "?" : "");
      if (type.time_field == cep::FieldIndex(i)) {
        if (field.name != "ts") out_ += " key";
        if (type.bound.us != 0)
          out_ += fmt::format(" up to {} late", cep::format_duration(type.bound));
      }
      if (type.id_field == cep::FieldIndex(i)) out_ += " id";
      if (field.pii) out_ += " pii";
      if (field.evidence) out_ += " evidence";
      if (field.path != std::vector<std::string>{field.name}) {
        out_ += " from " + quoted(fmt::format("{}", fmt::join(field.path, ".")));
      }
      out_ += ",\n";
    }
    out_ += "}\n";
  }
  void kind(const std::string& name, const std::vector<Subset>& subsets) {
    out_ += "kind " + name + " =";
    for (std::size_t i = 0; i < subsets.size(); ++i) {
      if (i > 0) out_ += " |";
      out_ += " " + plan_.event_types[subsets[i].type.value].name;
      if (subsets[i].condition) out_ += " where " + expr(nullptr, *subsets[i].condition);
    }
    out_ += "\n";
  }
  void list(const cep::List& list) {
    out_ += fmt::format("list {} : {} = [", list.name, cep::type_name(list.element));
    for (std::size_t i = 0; i < list.values.size(); ++i) {
      out_ += (i > 0 ? ", " : "") + literal_source(list.values[i].view());
    }
    out_ += "]\n";
  }
  std::string feature_call(const cep::Feature& feature) const {
    std::string inside = kinds(feature.events);
    if (feature.argument) inside = expr(nullptr, *feature.argument) + " of " + inside;
    if (feature.where) inside += " where " + expr(nullptr, *feature.where);
    return fmt::format("{}({})", aggregate_name(feature.aggregate), inside);
  }
  static std::string key_names(const cep::KeySpec& key) {
    std::string out;
    for (const cep::KeyPart& part : key.parts) out += (out.empty() ? "" : ", ") + part.name;
    return out;
  }

  // ---- rules
  bool is_union(const cep::KeyPart& part) const {
    return std::any_of(part.members.begin(), part.members.end(), [&](const cep::KeyMember& member) {
      return plan_.event_types[member.type.value].fields[member.field.value].name != part.name;
    });
  }
  // Its members, and those that only the rule's features without a name use.
  std::string union_members(const cep::Rule& rule, std::size_t part) const {
    std::map<cep::EventTypeIndex, cep::FieldIndex> members;
    for (const cep::KeyMember& member : rule.key.parts[part].members) {
      members[member.type] = member.field;
    }
    const auto visit = [&](const auto& self, const ExprPtr& e) -> void {
      if (!e) return;
      if (e->op == Op::kFeature && is_unnamed(plan_.features[e->feature.value])) {
        for (const cep::KeyMember& member :
             plan_.features[e->feature.value].key.parts[part].members) {
          members.emplace(member.type, member.field);
        }
      }
      for (const ExprPtr& arg : e->args) self(self, arg);
    };
    for (const Element& element : rule.pattern) visit(visit, element.where);
    visit(visit, rule.having);
    std::string out;
    for (const auto& [type, field] : members) {
      const cep::EventType& event_type = plan_.event_types[type.value];
      out += fmt::format("{}{}.{}", out.empty() ? "" : " | ", event_type.name,
                         event_type.fields[field.value].name);
    }
    return out;
  }

  void element(const cep::Rule& rule, const Element& element, bool first) {
    if (!first) {
      out_ += "\n    then ";
      if (element.contiguity == cep::Contiguity::kFirst) out_ += "first ";
      if (element.contiguity == cep::Contiguity::kNext) out_ += "next ";
    }
    if (element.kind == ElementKind::kAbsence) {
      out_ += "no " + kinds(element.events);
    } else {
      const cep::Quantifier& quantifier = element.quantifier;
      if (quantifier.loop) {
        out_ += fmt::format("{}", quantifier.min);
        if (!quantifier.max) out_ += "+";
        if (quantifier.max && *quantifier.max != quantifier.min) {
          out_ += fmt::format("..{}", *quantifier.max);
        }
        if (quantifier.mode == cep::LoopMode::kNext) out_ += " next";
        if (quantifier.mode == cep::LoopMode::kEach) out_ += " each";
        out_ += " ";
      }
      out_ += kinds(element.events);
      const std::string name = variable(&rule, element.var);
      if (!name.empty()) out_ += " as " + name;
    }
    if (element.where) out_ += " where " + expr(&rule, *element.where);
    if (element.absent_for) out_ += " for " + cep::format_duration(*element.absent_for);
  }

  void clause(std::string_view name, std::string_view text) {
    out_ += fmt::format("  {} {}\n", name, text);
  }

  void rule(const cep::Rule& rule) {
    out_ += fmt::format("rule {} {} {{\n", rule.name, quoted(rule.title));
    if (rule.id != rule.name) clause("id", quoted(rule.id));
    if (rule.severity) clause("severity", expr(&rule, *rule.severity));
    if (!rule.tags.empty()) clause("tags", fmt::format("{}", fmt::join(rule.tags, ", ")));
    std::string by;
    for (std::size_t i = 0; i < rule.key.parts.size(); ++i) {
      by += (i > 0 ? ", " : "") + rule.key.parts[i].name;
      if (is_union(rule.key.parts[i])) by += " = " + union_members(rule, i);
    }
    if (!by.empty()) clause("by", by);
    out_ += "  when ";
    for (const Element& element : rule.pattern) {
      this->element(rule, element, &element == &rule.pattern.front());
    }
    out_ += "\n";
    considering(rule);
    if (rule.within) clause("within", cep::format_duration(*rule.within));
    if (rule.having) clause("having", expr(&rule, *rule.having));
    if (rule.selection.kind == cep::SelectionKind::kNoSkip) clause("after match", "no skip");
    if (rule.selection.kind == cep::SelectionKind::kSkipPastLast) {
      clause("after match", "skip past last");
    }
    if (rule.suppression.once == cep::Once::kPerDuration) {
      clause("once per", cep::format_duration(rule.suppression.duration));
    }
    alert(rule);
    out_ += "}\n";
  }
  // The kinds that no element of the pattern names.
  void considering(const cep::Rule& rule) {
    std::vector<Subset> more;
    for (const Subset& subset : rule.considered) {
      const bool named =
          std::any_of(rule.pattern.begin(), rule.pattern.end(), [&](const Element& element) {
            return std::any_of(element.events.begin(), element.events.end(),
                               [&](const Subset& other) { return other.name == subset.name; });
          });
      if (!named) more.push_back(subset);
    }
    if (!more.empty()) clause("considering", kinds(more));
  }
  void alert(const cep::Rule& rule) {
    std::string message;
    for (const cep::MessagePart& part : rule.message) {
      if (part.expr) {
        message += "{" + expr(&rule, *part.expr) + "}";
        continue;
      }
      for (const char c : part.text) {
        message += c;
        if (c == '{' || c == '}') message += c;
      }
    }
    std::string fields;
    for (const cep::AlertField& field : rule.fields) {
      fields += fmt::format("\n    {}: {},", field.name, expr(&rule, *field.expr));
    }
    clause("alert", quoted(message) + (fields.empty() ? "" : " {" + fields + "\n  }"));
  }

  const cep::Plan& plan_;
  std::string out_;
  std::map<std::string, std::vector<Subset>> kinds_;
};
}  // namespace

std::string plan_source(const cep::Plan& plan) { return Printer(plan).plan(); }
std::string expression_source(const cep::Plan& plan, const cep::Rule& rule, const Expr& expr) {
  return Printer(plan).expr(&rule, expr);
}
}  // namespace tocsin::tests
