#include "tests/support/plan_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "cep/plan/feature.h"
#include "cep/plan/reference.h"
#include "tests/support/declaration_source.h"
#include "tests/support/expression_source.h"
#include "tests/support/plan_parts.h"
#include "tests/support/plan_walk.h"

namespace tocsin::tests {
using cep::Element;
using cep::ElementKind;
using cep::ExprPtr;
using cep::Op;
using cep::SelectionKind;
using cep::Subset;

namespace {
class Printer {
 public:
  explicit Printer(const cep::Plan& plan) : plan_(plan), expressions_(plan) {}

  std::string plan() {
    for (const cep::EventType& type : plan_.event_types) {
      if (!type.is_alert()) out_ += event_source(expressions_, type);
    }
    for (const auto& [name, subsets] : expressions_.declared_kinds()) {
      out_ += kind_source(plan_, expressions_, name, subsets);
    }
    declared_key();
    for (const cep::List& list : plan_.lists) out_ += list_source(list);
    for (const cep::Table& table : plan_.tables) out_ += table_source(table);
    for (const cep::Feature& feature : plan_.features) {
      if (is_unnamed(feature)) continue;
      const std::string key = key_names(feature.key);
      out_ += fmt::format(
          "feature {} = {} {} {}\n", feature.name, expressions_.feature_call(feature),
          key.empty() ? "over all" : "by " + key + " over", expressions_.window(feature.window));
    }
    for (const cep::Rule& rule : plan_.rules) this->rule(rule);
    return std::move(out_);
  }

 private:
  std::string expr(const cep::Rule* rule, const ExprPtr& e) const {
    return expressions_.expr(rule, *e);
  }
  std::string kinds(const std::vector<Subset>& subsets) const {
    return expressions_.kinds(subsets);
  }
  static std::string variable(const cep::Rule& rule, cep::VarIndex var) {
    return rule.variables[var.value].name;
  }

  // ---- keys
  static std::string key_names(const cep::KeySpec& key) {
    std::string out;
    for (const cep::KeyPart& part : key.parts) out += (out.empty() ? "" : ", ") + part.name;
    return out;
  }

  void declared_key() {
    const auto has_it = [](const auto& of) {
      return std::any_of(of.key.parts.begin(), of.key.parts.end(),
                         [](const cep::KeyPart& part) { return part.name == kDeclaredKey; });
    };
    if (!std::any_of(plan_.rules.begin(), plan_.rules.end(), has_it) &&
        !std::any_of(plan_.features.begin(), plan_.features.end(), has_it)) {
      return;
    }
    std::string members;
    for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
      const cep::EventType& type = plan_.event_types[t];
      const auto found = find_key_field(plan_, {cep::EventTypeIndex(t)}, kDeclaredKey);
      if (type.is_alert() || !found) continue;
      const cep::FieldIndex field = found->first.by_type.front().second;
      members += fmt::format("{}{}.{}", members.empty() ? "" : " | ", type.name,
                             type.fields[field.value].name);
    }
    out_ += fmt::format("key {} = {}\n", kDeclaredKey, members);
  }
  bool is_union(const cep::KeyPart& part) const {
    if (part.name == kDeclaredKey) return false;
    return std::any_of(part.members.begin(), part.members.end(), [&](const cep::KeyMember& member) {
      return !member.role.empty() ||
             plan_.event_types[member.type.value].fields[member.field.value].name != part.name;
    });
  }
  // Its members, and those that only the rule's features without a name use.
  std::string union_members(const cep::Rule& rule, std::size_t part) const {
    std::vector<cep::KeyMember> members = rule.key.parts[part].members;
    walk(rule, [&](const cep::Expr& e) {
      if (e.op != Op::kFeature || !is_unnamed(plan_.features[feature_of(e).value])) return;
      const std::vector<cep::KeyPart>& parts = plan_.features[feature_of(e).value].key.parts;
      if (parts.empty()) return;  // `over all`
      for (const cep::KeyMember& member : parts[part].members) {
        const bool known = std::any_of(members.begin(), members.end(), [&](const auto& other) {
          return other.type == member.type;
        });
        if (!known) members.push_back(member);
      }
    });
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return a.type < b.type; });
    std::string out;
    for (const cep::KeyMember& member : members) {
      const cep::EventType& type = plan_.event_types[member.type.value];
      out += fmt::format(
          "{}{}.{}{}", out.empty() ? "" : " | ", kinds({{member.type, {}, type.name}}),
          type.fields[member.field.value].name, member.role.empty() ? "" : " as " + member.role);
    }
    return out;
  }

  // ---- patterns
  std::string sequence(const cep::Rule& rule, const std::vector<Element>& elements,
                       const std::vector<cep::VarIndex>& named) const {
    std::string out;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const Element& e = elements[i];
      if (i > 0) out += " then ";
      if (i > 0 && !e.is_absence()) {
        if (e.contiguity == cep::Contiguity::kFirst) out += "first ";
        if (e.contiguity == cep::Contiguity::kNext) out += "next ";
        if (e.gap) out += "within " + cep::format_duration(*e.gap) + " ";
      }
      out += element(rule, e, named);
    }
    return out;
  }

  // `named`: the choices around it that have a name.
  std::string element(const cep::Rule& rule, const Element& e,
                      std::vector<cep::VarIndex> named) const {
    if (e.is_absence()) {
      std::string out = (e.is_next() ? "no next " : "no ") + kinds(e.events());
      if (e.where()) out += " where " + expr(&rule, e.where());
      if (e.absent_for()) out += " for " + cep::format_duration(*e.absent_for());
      return out;
    }
    std::string out = e.is_optional() ? "optional " : "";
    if (e.quantifier().loop) out += count(e.quantifier()) + " ";
    std::vector<std::string> inner;
    switch (e.kind()) {
      case ElementKind::kGroup:
        return out + "(" + sequence(rule, e.children(), named) + ")";
      case ElementKind::kOneOf: {
        const std::string name = name_of_choice(rule, e, named);
        for (const Element& child : e.children()) {
          const bool plain = child.kind() == ElementKind::kGroup && !child.is_optional() &&
                             !child.quantifier().loop && !child.gap;
          inner.push_back(plain ? sequence(rule, child.children(), named)
                                : element(rule, child, named));
        }
        out += fmt::format("one of {{ {} }}", fmt::join(inner, ", "));
        return name.empty() ? out : out + " as " + name;
      }
      case ElementKind::kAllOf:
        for (const Element& child : e.children()) inner.push_back(element(rule, child, named));
        return out + fmt::format("all of {{ {} }}", fmt::join(inner, ", "));
      default:
        break;
    }
    out += kinds(e.events());
    const std::string name = variable(rule, e.var());
    if (!name.empty()) out += " as " + name;
    if (e.where()) out += " where " + expr(&rule, e.where());
    if (!e.until_events().empty()) out += " until " + kinds(e.until_events());
    if (e.until_where()) out += " where " + expr(&rule, e.until_where());
    return out;
  }
  static std::string count(const cep::Quantifier& quantifier) {
    std::string out = fmt::format("{}", quantifier.min);
    if (!quantifier.max) out += "+";
    if (quantifier.max && *quantifier.max != quantifier.min) {
      out += fmt::format("..{}", *quantifier.max);
    }
    if (quantifier.mode == cep::LoopMode::kNext) out += " next";
    if (quantifier.mode == cep::LoopMode::kEach) out += " each";
    if (quantifier.greedy) out += " greedy";
    return out;
  }
  // The outermost variable that all steps inside belong to and no choice around it bears.
  static std::string name_of_choice(const cep::Rule& rule, const Element& choice,
                                    std::vector<cep::VarIndex>& named) {
    std::vector<std::vector<cep::VarIndex>> chains;
    walk_elements(choice.children(), [&](const Element& e) {
      if (!e.is_step()) return;
      std::vector<cep::VarIndex>& chain = chains.emplace_back();
      for (auto at = rule.variables[e.var().value].parent; at;
           at = rule.variables[at->value].parent) {
        if (std::find(named.begin(), named.end(), *at) == named.end()) chain.push_back(*at);
      }
    });
    if (chains.empty()) return "";
    for (auto at = chains.front().rbegin(); at != chains.front().rend(); ++at) {
      const bool of_all = std::all_of(chains.begin(), chains.end(), [&](const auto& chain) {
        return std::find(chain.begin(), chain.end(), *at) != chain.end();
      });
      if (!of_all) continue;
      named.push_back(*at);
      return rule.variables[at->value].name;
    }
    return "";
  }

  // ---- rules
  void clause(std::string_view name, std::string_view text) {
    out_ += fmt::format("  {} {}\n", name, text);
  }
  void texts(std::string_view name, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    std::string out;
    for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + quoted(text);
    clause(name, out);
  }

  void rule(const cep::Rule& rule) {
    out_ += fmt::format("rule {} {} {{\n", rule.name, quoted(rule.title));
    if (rule.id != rule.name) clause("id", quoted(rule.id));
    if (!rule.description.empty()) clause("description", quoted(rule.description));
    if (!rule.owner.empty()) clause("owner", quoted(rule.owner));
    if (rule.severity) clause("severity", expr(&rule, rule.severity));
    texts("tags", rule.tags);
    texts("references", rule.references);
    texts("falsepositives", rule.false_positives);
    if (rule.status == cep::Status::kInternal) clause("status", "internal");
    if (rule.status == cep::Status::kShadow) clause("status", "shadow");
    std::string by;
    for (std::size_t i = 0; i < rule.key.parts.size(); ++i) {
      by += (i > 0 ? ", " : "") + rule.key.parts[i].name;
      if (is_union(rule.key.parts[i])) by += " = " + union_members(rule, i);
    }
    if (!by.empty()) clause("by", by);
    clause("when", rule.window ? window(rule) : sequence(rule, rule.pattern, {}));
    considering(rule);
    if (rule.within) clause("within", cep::format_duration(*rule.within));
    if (rule.without) {
      std::string text = kinds(rule.without->events);
      if (rule.without->where) text += " where " + expr(&rule, rule.without->where);
      if (rule.without->absent_for) {
        text += " for " + cep::format_duration(*rule.without->absent_for);
      }
      clause("without", text);
    }
    if (rule.having) clause("having", expr(&rule, rule.having));
    selection(rule);
    for (const cep::Exception& exception : rule.exceptions) {
      std::string text =
          fmt::format("{} where {}", quoted(exception.reason), expr(&rule, exception.condition));
      if (exception.expires) text += " expires " + cep::format_date(*exception.expires);
      clause("except", text);
    }
    suppression(rule);
    alert(rule);
    out_ += "}\n";
  }
  std::string window(const cep::Rule& rule) const {
    const cep::ClosingWindow& window = *rule.window;
    const cep::CalendarSpan* const calendar = window.calendar();
    const std::string length =
        calendar != nullptr
            ? fmt::format("{} in \"{}\"", cep::unit_name(calendar->unit), calendar->zone)
            : cep::format_duration(window.duration());
    const std::string of = kinds(window.events);
    std::string out = window.is_session() ? fmt::format("session of {} gap {}", of, length)
                                          : fmt::format("tumbling {} of {}", length, of);
    out += " as " + variable(rule, window.var);
    if (window.where) out += " where " + expr(&rule, window.where);
    return out;
  }
  // The kinds that nothing else of the rule names.
  void considering(const cep::Rule& rule) {
    std::vector<Subset> named;
    const auto add = [&](const std::vector<Subset>& subsets) {
      named.insert(named.end(), subsets.begin(), subsets.end());
    };
    walk_elements(rule.pattern, [&](const Element& element) {
      add(element.events());
      add(element.until_events());
    });
    if (rule.window) add(rule.window->events);
    if (rule.without) add(rule.without->events);
    std::vector<Subset> more;
    for (const Subset& subset : rule.considered) {
      const bool known = std::any_of(named.begin(), named.end(), [&](const Subset& other) {
        return other.name == subset.name && other.role == subset.role && other.type == subset.type;
      });
      if (!known) more.push_back(subset);
    }
    if (!more.empty()) clause("considering", kinds(more));
  }
  void selection(const cep::Rule& rule) {
    const cep::Selection& selection = rule.selection;
    const std::string order = selection.in_order ? " in order" : "";
    const std::string var = selection.kind == SelectionKind::kSkipToFirst ||
                                    selection.kind == SelectionKind::kSkipToLast
                                ? variable(rule, selection.var)
                                : "";
    switch (selection.kind) {
      case SelectionKind::kDefault:
        break;
      case SelectionKind::kNoSkip:
        clause("after match", "no skip" + order);
        break;
      case SelectionKind::kSkipPastLast:
        clause("after match", "skip past last" + order);
        break;
      case SelectionKind::kSkipToNext:
        clause("after match", "skip to next" + order);
        break;
      case SelectionKind::kSkipToFirst:
        clause("after match", "skip to first " + var + order);
        break;
      case SelectionKind::kSkipToLast:
        clause("after match", "skip to last " + var + order);
        break;
      case SelectionKind::kConsume:
        clause("after match", "consume" + order);
        break;
    }
    if (selection.prefer_latest) clause("prefer", "latest");
  }
  std::string each(const cep::Rule& rule, const std::vector<ExprPtr>& values) const {
    std::string out;
    for (const ExprPtr& value : values) {
      out += (out.empty() ? " for each " : ", ") + expr(&rule, value);
    }
    return out;
  }
  void suppression(const cep::Rule& rule) {
    const cep::Suppression& suppression = rule.suppression;
    const std::string for_each = each(rule, suppression.for_each);
    switch (suppression.kind()) {
      case cep::Once::kNone:
        break;
      case cep::Once::kPerDuration:
        clause("once per", cep::format_duration(suppression.duration()) + for_each);
        break;
      case cep::Once::kPerVariable:
        clause("once per", variable(rule, suppression.var()) + for_each);
        break;
      case cep::Once::kPerUnit:
        clause(fmt::format("once per {} in", cep::unit_name(suppression.unit())),
               expr(&rule, suppression.zone()) + for_each);
        break;
      case cep::Once::kWhile:
        clause("once while", expr(&rule, suppression.condition()) + for_each);
        break;
    }
    if (suppression.at_most) {
      clause("at most", fmt::format("{} per {}{}", suppression.at_most->count,
                                    cep::format_duration(suppression.at_most->duration),
                                    each(rule, suppression.at_most->for_each)));
    }
  }
  void alert(const cep::Rule& rule) {
    std::string message;
    for (const cep::MessagePart& part : rule.message) {
      if (part.expr) {
        message += "{" + expr(&rule, part.expr) + "}";
        continue;
      }
      for (const char c : part.text) {
        message += c;
        if (c == '{' || c == '}') message += c;
      }
    }
    std::string fields;
    for (const cep::AlertField& field : rule.fields) {
      fields += fmt::format("\n    {}: {},", field.name, expr(&rule, field.expr));
    }
    clause("alert", quoted(message) + (fields.empty() ? "" : " {" + fields + "\n  }"));
  }

  const cep::Plan& plan_;
  ExpressionPrinter expressions_;
  std::string out_;
};

bool has_gap_at_first(const std::vector<Element>& sequence, bool all_members) {
  for (std::size_t i = 0; i < sequence.size(); ++i) {
    const Element& e = sequence[i];
    if ((i == 0 || all_members) && e.gap) return true;
    const bool each_alone = e.kind() == ElementKind::kAllOf || e.kind() == ElementKind::kOneOf;
    if (has_gap_at_first(e.children(), each_alone)) return true;
  }
  return false;
}
}  // namespace

std::string unsayable(const cep::Plan& plan) {
  for (const cep::Rule& rule : plan.rules) {
    if (has_gap_at_first(rule.pattern, false)) return "a gap before the first step of a sequence";
    const bool skips_to = rule.selection.kind == SelectionKind::kSkipToFirst ||
                          rule.selection.kind == SelectionKind::kSkipToLast;
    if (skips_to && rule.variables[rule.selection.var.value].name.empty()) {
      return "`skip to` a step without a name";
    }
    if (rule.suppression.kind() == cep::Once::kPerVariable &&
        rule.variables[rule.suppression.var().value].name.empty()) {
      return "`once per` a step without a name";
    }
  }
  return "";
}

std::string plan_source(const cep::Plan& plan) { return Printer(plan).plan(); }
}  // namespace tocsin::tests
