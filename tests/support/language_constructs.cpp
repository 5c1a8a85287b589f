#include "tests/support/language_constructs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cep/plan/feature.h"
#include "cep/plan/reference.h"
#include "tests/support/plan_parts.h"
#include "tests/support/plan_walk.h"

namespace tocsin::tests {
using cep::Element;
using cep::ElementKind;
using cep::Once;
using cep::SelectionKind;

namespace {
constexpr std::array kContiguities = {"then", "then first", "then next"};
constexpr std::array kModes = {"relaxed", "next", "each"};
constexpr std::array kGroups = {"", "", "( … )", "one of", "all of"};
constexpr std::array kWindows = {"last D",        "previous D",    "tumbling",
                                 "today",         "session",       "ever",
                                 "previous ever", "last N events", "previous N events"};
constexpr std::array kSelections = {"default",      "no skip",       "skip past last",
                                    "skip to next", "skip to first", "skip to last",
                                    "consume"};
// By Op; those that stand for constructs of their own have rows elsewhere.
constexpr std::array kOperators = {"literal",
                                   "field",
                                   "",  // a bound event
                                   "",  // prev
                                   "",  // an aggregate
                                   "",  // a feature
                                   "key by its name",
                                   "step is known",
                                   "in v.FIELD",
                                   "in LIST",
                                   "in [ … ]",
                                   "between",
                                   "is missing",
                                   "is known",
                                   "if",
                                   "coalesce",
                                   "not",
                                   "and",
                                   "or",
                                   "- x",
                                   "+",
                                   "-",
                                   "*",
                                   "/",
                                   "%",
                                   "=",
                                   "!=",
                                   "<",
                                   "<=",
                                   ">",
                                   ">=",
                                   "int as float",
                                   "TABLE[ … ].COLUMN",
                                   "in TABLE[ … ].COLUMN",
                                   "matches",
                                   "matches any of",
                                   "contains",
                                   "contains word",
                                   "contains any of",
                                   "contains any word of",
                                   "starts with",
                                   "ends with",
                                   "matched",
                                   "",  // a function
                                   "v.KIND in an aggregate"};
static_assert(kOperators.size() == static_cast<std::size_t>(cep::Op::kInKinds) + 1);
constexpr std::array kFunctions = {
    "abs",     "round", "floor",       "ceil",  "sqrt",       "ln",        "exp",       "pow",
    "min",     "max",   "lower",       "upper", "length",     "substring", "normalize", "hour",
    "weekday", "date",  "distance_km", "ip_in", "similarity", "concat",    "split",     "capture"};
static_assert(kFunctions.size() == static_cast<std::size_t>(cep::Function::kCapture) + 1);
constexpr std::array kListKinds = {"list of values", "list of text", "list of regex",
                                   "list of network"};
constexpr std::array kOnces = {"", "once per D", "once per VAR", "once per day", "once while"};
const std::vector<std::string> kCircumstances = {
    "default", "no skip",  "skip past last", "skip to next", "skip to first", "skip to last",
    "consume", "in order", "prefer latest",  "window",       "within",        "for ever",
    "no key",  "one part", "two parts",      "union",        "declared key",  "roles"};

// Long because it is one table.
const std::vector<std::string>& all_constructs() {
  static const std::vector<std::string> kAll = [] {
    std::vector<std::string> all = {"one step",
                                    "optional",
                                    "then within D",
                                    "loop N",
                                    "loop N+",
                                    "loop N..M",
                                    "loop greedy",
                                    "until",
                                    "no X then Y",
                                    "no X, last",
                                    "no X for D",
                                    "no next X then Y",
                                    "no next X, last",
                                    "absence after a loop",
                                    "absence at the end of a group",
                                    "named one of",
                                    "group in a group",
                                    "group with a count",
                                    "optional group",
                                    "prev",
                                    "reads its own loop",
                                    "reads an earlier step",
                                    "feature of an earlier step",
                                    "aggregate of a loop",
                                    "having",
                                    "severity",
                                    "score",
                                    "without",
                                    "without for D",
                                    "except",
                                    "except expires",
                                    "at most",
                                    "for each",
                                    "session",
                                    "tumbling",
                                    "alert NAME",
                                    "any alert",
                                    "feature of alerts",
                                    "internal",
                                    "shadow",
                                    "feature",
                                    "feature by an argument",
                                    "feature of features",
                                    "feature under another key",
                                    "feature without a name",
                                    "over all",
                                    "excluding last",
                                    "every",
                                    "needs",
                                    "window where",
                                    "window takes all",
                                    "unless alerted by",
                                    "ewma half life",
                                    "ewma weight",
                                    "loop aggregate where",
                                    "zone in a field",
                                    "computed field",
                                    "unique",
                                    "unique within",
                                    "list of date",
                                    "table by network",
                                    "table by date",
                                    "/…/i"};
    for (const char* name : kContiguities) all.emplace_back(name);
    for (const char* mode : kModes) {
      all.push_back(fmt::format("loop {}", mode));
      all.push_back(fmt::format("round {}", mode));
    }
    for (std::size_t i = 2; i < kGroups.size(); ++i) all.emplace_back(kGroups[i]);
    for (const cep::Aggregate aggregate : cep::kAggregates) {
      all.push_back(fmt::format("aggregate {}", aggregate_name(aggregate)));
    }
    for (const char* name : kWindows) all.push_back(fmt::format("over {}", name));
    for (const cep::Aggregate aggregate : cep::kAggregates) {
      if (traits_of(aggregate).of_loops) {
        all.push_back(fmt::format("loop aggregate {}", aggregate_name(aggregate)));
      }
    }
    for (const char* name : kOperators) {
      if (*name != 0) all.push_back(fmt::format("operator {}", name));
    }
    for (const char* name : kFunctions) all.push_back(fmt::format("function {}", name));
    for (const char* name : kListKinds) all.emplace_back(name);
    for (const char* name : {"once per D", "once per VAR", "once per day", "once while"}) {
      all.emplace_back(name);
    }
    for (const char* unit : {"week", "month", "year"}) {
      all.push_back(fmt::format("over this {}", unit));
      all.push_back(fmt::format("once per {}", unit));
      all.push_back(fmt::format("tumbling {}", unit));
    }
    all.emplace_back("tumbling day");
    return all;
  }();
  return kAll;
}

class Collector {
 public:
  Collector(const cep::Plan& plan, const cep::Rule& rule) : plan_(plan), rule_(rule) {}

  std::set<std::string> collect() {
    sequence(rule_.pattern, false);
    clauses();
    for (const cep::Subset& subset : rule_.considered) {
      const cep::EventType& type = plan_.event_types[subset.type.value];
      if (type.alert_of) add("alert NAME");
      if (!type.any_alert_of.empty()) add("any alert");
      if (type.unique) add(type.unique->within ? "unique within" : "unique");
    }
    walk(rule_, [&](const cep::Expr& expr) { expression(expr); });
    return std::move(found_);
  }

 private:
  void add(std::string name) { found_.insert(std::move(name)); }

  void sequence(const std::vector<Element>& elements, bool inside) {
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const Element& e = elements[i];
      const bool last = i + 1 == elements.size();
      if (i > 0 && !e.is_absence()) {
        add(kContiguities[static_cast<std::size_t>(e.contiguity)]);
      }
      if (e.gap) add("then within D");
      switch (e.kind()) {
        case ElementKind::kAbsence:
          if (i > 0 && elements[i - 1].quantifier().loop) add("absence after a loop");
          if (inside && last) add("absence at the end of a group");
          add(e.absent_for() ? "no X for D"
                             : std::string(e.is_next() ? "no next X" : "no X") +
                                   (last ? ", last" : " then Y"));
          break;
        case ElementKind::kStep:
          step(e);
          break;
        default:
          group(e, inside);
          break;
      }
    }
    if (!inside && elements.size() == 1) add("one step");
  }
  void step(const Element& e) {
    if (e.is_optional()) add("optional");
    if (!e.until_events().empty()) add("until");
    if (!e.quantifier().loop) return;
    if (e.quantifier().greedy) add("loop greedy");
    add(!e.quantifier().max                         ? "loop N+"
        : *e.quantifier().max == e.quantifier().min ? "loop N"
                                                    : "loop N..M");
    add(fmt::format("loop {}", kModes[static_cast<std::size_t>(e.quantifier().mode)]));
  }
  void group(const Element& e, bool inside) {
    add(kGroups[static_cast<std::size_t>(e.kind())]);
    if (inside) add("group in a group");
    if (e.is_optional()) add("optional group");
    if (e.quantifier().loop) {
      add("group with a count");
      add(fmt::format("round {}", kModes[static_cast<std::size_t>(e.quantifier().mode)]));
    }
    for (const Element& child : e.children()) {
      if (child.kind() == ElementKind::kGroup) {
        sequence(child.children(), true);
      } else {
        sequence({child}, true);
      }
    }
    if (e.kind() == ElementKind::kGroup) sequence(e.children(), true);
  }

  void clauses() {
    if (rule_.having) add("having");
    if (rule_.severity) add("severity");
    for (const cep::AlertField& field : rule_.fields) {
      if (field.name == "score") add("score");
    }
    for (const cep::Variable& variable : rule_.variables) {
      if (variable.parent) add("named one of");
    }
    if (rule_.without) add(rule_.without->absent_for ? "without for D" : "without");
    for (const cep::Exception& exception : rule_.exceptions) {
      add(exception.expires ? "except expires" : "except");
    }
    const cep::Suppression& suppression = rule_.suppression;
    if (suppression.kind() == Once::kPerUnit) {
      add(fmt::format("once per {}", cep::unit_name(suppression.unit())));
    } else if (suppression.kind() != Once::kNone) {
      add(kOnces[static_cast<std::size_t>(suppression.kind())]);
    }
    if (suppression.at_most) add("at most");
    if (!suppression.for_each.empty() ||
        (suppression.at_most && !suppression.at_most->for_each.empty())) {
      add("for each");
    }
    if (rule_.window) {
      add(rule_.window->is_session() ? "session" : "tumbling");
      const cep::CalendarSpan* const calendar = rule_.window->calendar();
      if (calendar != nullptr) add(fmt::format("tumbling {}", cep::unit_name(calendar->unit)));
    }
    if (rule_.status == cep::Status::kInternal) add("internal");
    if (rule_.status == cep::Status::kShadow) add("shadow");
  }

  void data(const cep::Expr& expr) {
    const char* const name = kOperators[static_cast<std::size_t>(expr.op)];
    if (*name != 0) add(fmt::format("operator {}", name));
    switch (expr.op) {
      case cep::Op::kCall: {
        const cep::Function function = expr.as<cep::FunctionCall>().function;
        add(fmt::format("function {}", kFunctions[static_cast<std::size_t>(function)]));
        for (std::size_t i = 1; i < expr.args.size(); ++i) {
          const bool of_time = function == cep::Function::kHour ||
                               function == cep::Function::kWeekday ||
                               function == cep::Function::kDate;
          if (of_time && expr.args[i]->op == cep::Op::kField) add("zone in a field");
        }
        break;
      }
      case cep::Op::kMatches:
        if (expr.as<cep::RegexLiteral>().ignore_case) add("/…/i");
        break;
      case cep::Op::kIn:
      case cep::Op::kMatchesAnyOf:
      case cep::Op::kContainsAnyOf:
      case cep::Op::kContainsAnyWordOf:
      case cep::Op::kMatched: {
        const cep::List& list = plan_.lists[expr.as<cep::ListLookup>().list.value];
        add(kListKinds[static_cast<std::size_t>(list.kind)]);
        if (list.element.kind == cep::TypeKind::kDate) add("list of date");
        break;
      }
      case cep::Op::kTable: {
        const cep::Table& table = plan_.tables[expr.as<cep::ColumnRead>().table.value];
        if (table.network_key) add("table by network");
        if (table.key_types.front().kind == cep::TypeKind::kDate) add("table by date");
        break;
      }
      case cep::Op::kField:
      case cep::Op::kBound:
        for (const auto& [type, field] : field_of(expr)->by_type) {
          if (plan_.event_types[type.value].fields[field.value].computed) add("computed field");
        }
        break;
      case cep::Op::kAggregate:
        add(fmt::format("loop aggregate {}",
                        aggregate_name(expr.as<cep::VariableAggregate>().aggregate)));
        if (expr.args.size() > 1) add("loop aggregate where");
        break;
      default:
        break;
    }
  }
  void expression(const cep::Expr& expr) {
    data(expr);
    switch (expr.op) {
      case cep::Op::kPrev:
        add("prev");
        break;
      case cep::Op::kBound:
        add(expr.args.empty() ? "reads an earlier step" : "feature of an earlier step");
        break;
      case cep::Op::kAggregate:
        add("aggregate of a loop");
        break;
      case cep::Op::kFeature:
        if (!expr.args.empty()) add("feature by an argument");
        feature(plan_.features[feature_of(expr).value], rule_.key);
        break;
      default:
        break;
    }
  }
  void feature(const cep::Feature& feature, const cep::KeySpec& reader) {
    add("feature");
    if (feature.name.starts_with('$')) add("feature without a name");
    add(fmt::format("aggregate {}", aggregate_name(feature.aggregate)));
    if (feature.window.kind() == cep::WindowKind::kCalendar &&
        feature.window.unit() != cep::CalendarUnit::kDay) {
      add(fmt::format("over this {}", cep::unit_name(feature.window.unit())));
    } else {
      add(fmt::format("over {}", kWindows[static_cast<std::size_t>(feature.window.kind())]));
    }
    if (feature.window.excluding()) add("excluding last");
    if (feature.window.every()) add("every");
    if (feature.window.needs) add("needs");
    if (feature.window.where()) add("window where");
    if (feature.takes_all()) add("window takes all");
    if (feature.unless_alerted_by) add("unless alerted by");
    if (feature.half_life) add("ewma half life");
    if (feature.weight) add("ewma weight");
    const bool same =
        feature.key.parts.size() == reader.parts.size() &&
        std::equal(feature.key.parts.begin(), feature.key.parts.end(), reader.parts.begin(),
                   [](const cep::KeyPart& a, const cep::KeyPart& b) { return a.name == b.name; });
    if (!same && !feature.key.parts.empty()) add("feature under another key");
    if (!reader.parts.empty() && feature.key.parts.empty()) add("over all");
    for (const cep::Subset& subset : feature.events) {
      if (plan_.event_types[subset.type.value].is_alert()) add("feature of alerts");
    }
    walk(feature, [&](const cep::Expr& expr) {
      data(expr);
      if (expr.op != cep::Op::kFeature) return;
      add("feature of features");
      this->feature(plan_.features[feature_of(expr).value], feature.key);
    });
  }

  const cep::Plan& plan_;
  const cep::Rule& rule_;
  std::set<std::string> found_;
};
}  // namespace

std::set<std::string> language_constructs(const cep::Plan& plan, const cep::Rule& rule) {
  std::set<std::string> found = Collector(plan, rule).collect();
  // Conditions of steps that read their own variable.
  walk_elements(rule.pattern, [&](const Element& element) {
    if (!element.is_step()) return;
    walk(element.where(), [&](const cep::Expr& expr) {
      const bool variable = expr.op == cep::Op::kBound || expr.op == cep::Op::kAggregate;
      if (variable && *variable_of(expr) == element.var()) found.insert("reads its own loop");
    });
  });
  return found;
}

std::set<std::string> circumstances_of(const cep::Plan&, const cep::Rule& rule) {
  std::set<std::string> found;
  if (rule.window) {
    found.insert("window");
  } else {
    found.insert(kSelections[static_cast<std::size_t>(rule.selection.kind)]);
    if (rule.selection.in_order) found.insert("in order");
    if (rule.selection.prefer_latest) found.insert("prefer latest");
    found.insert(rule.within ? "within" : "for ever");
  }
  const std::vector<cep::KeyPart>& parts = rule.key.parts;
  found.insert(parts.empty() ? "no key" : parts.size() == 1 ? "one part" : "two parts");
  if (!parts.empty() && parts.front().name == "account") found.insert("union");
  if (!parts.empty() && parts.front().name == kDeclaredKey) found.insert("declared key");
  for (const cep::KeyPart& part : parts) {
    for (const cep::KeyMember& member : part.members) {
      if (!member.role.empty()) found.insert("roles");
    }
  }
  return found;
}

void Coverage::add(const cep::Plan& plan) {
  for (const cep::Rule& rule : plan.rules) {
    const std::set<std::string> circumstances = circumstances_of(plan, rule);
    for (const std::string& name : circumstances) ++circumstances_[name];
    for (const std::string& construct : language_constructs(plan, rule)) {
      for (const std::string& name : circumstances) ++counts_[construct][name];
      ++counts_[construct][""];
    }
  }
}

std::string Coverage::table() const {
  std::string out = "\n(columns: rules in all";
  for (const std::string& name : kCircumstances) out += ", " + name;
  out += ")\n";
  std::set<std::string> names(all_constructs().begin(), all_constructs().end());
  for (const auto& [name, counts] : counts_) names.insert(name);
  const auto cell = [&](const std::string& construct, const std::string& circumstance) {
    const auto row = counts_.find(construct);
    if (row == counts_.end()) return std::size_t{0};
    const auto found = row->second.find(circumstance);
    return found == row->second.end() ? std::size_t{0} : found->second;
  };
  for (const std::string& name : names) {
    const auto characters = static_cast<std::size_t>(
        std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xc0) != 0x80; }));
    out += "  " + name + std::string(30 - std::min<std::size_t>(29, characters), ' ');
    out += fmt::format("{:>6} ", cell(name, ""));
    for (const std::string& circumstance : kCircumstances) {
      out += fmt::format(" {:>5}", cell(name, circumstance));
    }
    out += "\n";
  }
  return out;
}

std::vector<std::string> Coverage::never() const {
  std::vector<std::string> missing;
  for (const std::string& name : all_constructs()) {
    if (!counts_.contains(name)) missing.push_back(name);
  }
  for (const std::string& name : kCircumstances) {
    if (!circumstances_.contains(name)) missing.push_back(name);
  }
  return missing;
}
}  // namespace tocsin::tests
