#include "tests/conformance/translate.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "cep/value/decimal.h"
#include "tests/conformance/condition.h"
#include "tests/conformance/predicate.h"

namespace tocsin::conformance {
namespace {
using Json = nlohmann::json;
constexpr const char* kTimeField = "ts";
constexpr const char* kIndexField = "i";

// A name as the source text writes it: in back-quotes where it is no plain word or could not be an
// operand.
std::string written(const std::string& name) {
  static const std::set<std::string> kNeverOperands = {"not", "true", "false", "if", "prev"};
  const bool plain = !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
                     std::all_of(name.begin(), name.end(),
                                 [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  return plain && !kNeverOperands.contains(name) ? name : "`" + name + "`";
}

// Gives each thing a name of its own, as close as can be to the one it has.
class Names {
 public:
  std::string take(std::string name) {
    while (!taken_.insert(name).second) name += '_';
    return name;
  }

 private:
  std::set<std::string> taken_;
};

// The type that holds all values of an attribute, or nothing if there is none.
std::optional<std::string> type_of(const std::vector<const Json*>& values) {
  const auto all = [&](auto test) {
    return std::all_of(values.begin(), values.end(),
                       [&](const Json* value) { return test(*value); });
  };
  if (all([](const Json& v) { return v.is_boolean(); })) return "bool";
  if (all([](const Json& v) { return v.is_string(); })) return "string";
  if (all([](const Json& v) { return v.is_number_integer(); })) return "int";
  if (!all([](const Json& v) { return v.is_number(); })) return std::nullopt;
  std::size_t scale = 0;
  for (const Json* value : values) {
    const std::string text = value->dump();
    if (text.find('e') != std::string::npos) return "float";
    const std::size_t point = text.find('.');
    if (point != std::string::npos) scale = std::max(scale, text.size() - point - 1);
  }
  if (scale > static_cast<std::size_t>(cep::kScaleMax)) return "float";
  const bool fits = all([&](const Json& v) {
    return cep::parse_decimal(v.dump(), static_cast<int>(scale)).has_value();
  });
  return fits ? "decimal(" + std::to_string(scale) + ")" : "float";
}

class Translator {
 public:
  explicit Translator(const Case& test) : test_(test) {}

  Result<Translation> run() {
    if (Result<void> done = read_predicates(test_.steps); !done)
      return tl::unexpected(done.error());
    if (Result<void> done = name_attributes(); !done) return tl::unexpected(done.error());
    if (Result<void> done = name_variables(test_.steps, {}, false); !done)
      return tl::unexpected(done.error());
    event_ = names_.take("e");
    Translation translation;
    translation.source = write_schema() + "\nrule r \"conformance\" {\n  when " +
                         write_pattern(test_.steps, true) + "\n" + write_clauses() +
                         "  alert \"match\"\n}\n";
    translation.input = write_input();
    translation.counts_from_zero = counts_from_zero_;
    for (const auto& [name, variable] : vocabulary_.variables) {
      if (!variable.absence) translation.variables.emplace(source_names_.at(name), name);
    }
    return translation;
  }

 private:
  Result<void> read_predicate(const std::optional<std::string>& text) {
    if (!text || predicates_.contains(*text)) return {};
    Result<Predicate> predicate = parse_predicate(*text);
    if (!predicate) return tl::unexpected(predicate.error());
    reads_time_ = reads_time_ || reads_attribute(*predicate, "ts");
    predicates_.emplace(*text, *std::move(predicate));
    return {};
  }

  Result<void> read_predicates(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (Result<void> done = read_predicate(step.where); !done) return done;
      if (step.times) {
        if (Result<void> done = read_predicate(step.times->until); !done) return done;
      }
      if (Result<void> done = read_predicates(step.group); !done) return done;
    }
    return {};
  }

  Result<void> name_attributes() {
    std::map<std::string, std::vector<const Json*>> values;
    for (const Event& event : test_.events) {
      for (const auto& [name, value] : event.attributes) values[name].push_back(&value);
    }
    names_.take(kTimeField);
    names_.take(kIndexField);
    names_.take("type");
    if (reads_time_) {
      const std::string field = names_.take("ts_ms");
      vocabulary_.attributes.emplace("ts", Attribute{field, "int", false});
      json_names_.emplace("ts", field);
    }
    vocabulary_.index_field = kIndexField;
    for (const auto& [name, of_name] : values) {
      if (name.find_first_of("`\n") != std::string::npos) {
        return fail(Errc::kInvalidArgument, "no field can have this name: " + name);
      }
      const std::optional<std::string> type = type_of(of_name);
      if (!type)
        return fail(Errc::kInvalidArgument, "an attribute with values of several types: " + name);
      const std::string field = names_.take(name);
      vocabulary_.attributes.emplace(
          name, Attribute{written(field), *type, of_name.size() < test_.events.size()});
      json_names_.emplace(name, field);
    }
    return {};
  }

  Result<void> name_variables(const std::vector<Step>& steps, const std::vector<std::size_t>& loops,
                              bool optional) {
    for (const Step& step : steps) {
      if (step.times && step.times->min == 0) counts_from_zero_ = true;
      if (step.is_group()) {
        std::vector<std::size_t> inner = loops;
        if (step.times) inner.push_back(++groups_);
        if (Result<void> done = name_variables(step.group, inner, optional || step.optional); !done)
          return done;
        continue;
      }
      if (step.var.find_first_of("`\n") != std::string::npos) {
        return fail(Errc::kInvalidArgument, "no step can have this name: " + step.var);
      }
      Variable variable;
      variable.order = vocabulary_.variables.size();
      variable.loops = loops;
      variable.repeated = step.times.has_value();
      variable.optional = optional || step.optional;
      variable.absence = step.is_absence();
      const auto found = vocabulary_.variables.find(step.var);
      if (found != vocabulary_.variables.end()) {
        // Two steps of one name: they stay so, an absence among them too.
        if (variable.absence || found->second.absence) named_absence_ = step.var;
        continue;
      }
      const std::string name = variable.absence ? step.var : names_.take(step.var);
      variable.name = written(name);
      source_names_.emplace(step.var, name);
      vocabulary_.variables.emplace(step.var, std::move(variable));
    }
    return {};
  }

  std::string write_schema() const {
    std::string text = "event " + event_ + " {\n  " + kTimeField + ": time from 1970,\n  " +
                       kIndexField + ": int id,\n";
    for (const auto& [name, attribute] : vocabulary_.attributes) {
      text += "  " + attribute.field + ": " + attribute.type + "?,\n";
    }
    return text + "}\n";
  }

  std::string write_input() const {
    std::string text;
    for (const Event& event : test_.events) {
      Json line = Json::object();
      line["type"] = event_;
      line[kTimeField] = event.ts_ms * 1000;
      line[kIndexField] = event.index;
      if (reads_time_) line[json_names_.at("ts")] = event.ts_ms;
      for (const auto& [name, value] : event.attributes) line[json_names_.at(name)] = value;
      text += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    return text;
  }

  // " where …", or nothing when the condition always holds.
  std::string write_where(const std::string& condition) const {
    return condition.empty() ? "" : " where " + condition;
  }

  static std::string write_count(const Times& times, bool& optional) {
    std::string text;
    if (optional && times.min == 1) {
      text = times.max ? "0.." + std::to_string(*times.max) : "0+";
      optional = false;
    } else {
      // One from 0 that is no mistake is written so here; the mistake is made in the plan.
      text = std::to_string(times.min == 0 ? 1 : times.min);
      if (!times.max) {
        text += "+";
      } else if (*times.max != times.min) {
        text += ".." + std::to_string(*times.max);
      }
    }
    if (times.consecutive == Contiguity::kStrict) text += " next";
    if (times.consecutive == Contiguity::kAny) text += " each";
    if (times.greedy) text += " greedy";
    return text + " ";
  }

  std::string write_step(const Step& step) const {
    bool optional = step.optional;
    const std::string count = step.times ? write_count(*step.times, optional) : "";
    const std::string prefix = (optional ? "optional " : "") + count;
    if (step.is_group()) {
      return prefix + "( " + write_pattern(step.group, false) + " )" + write_until(step);
    }
    std::string text = prefix + event_;
    if (!step.is_absence() || step.var == named_absence_) {
      text += " as " + vocabulary_.variables.at(step.var).name;
    }
    std::string window;
    if (step.times && step.times->window_ms && !step.is_absence()) {
      window = write_loop_window(*step.times->window_ms, vocabulary_, step.var, kTimeField);
    }
    const Predicate any;
    const Predicate& where = step.where ? predicates_.at(*step.where) : any;
    text += write_where(write_condition(where, vocabulary_, step.var, Asked::kOfStep, window));
    return text + write_until(step);
  }

  std::string write_until(const Step& step) const {
    if (!step.times || !step.times->until) return "";
    return " until " + event_ +
           write_where(write_condition(predicates_.at(*step.times->until), vocabulary_, step.var,
                                       Asked::kOfOther));
  }

  // The window from the last event before the step, if it has any. On a step that repeats it means
  // nothing.
  std::optional<std::int64_t> gap_of(const Step& step, bool is_last) const {
    if (step.times || is_longer_than_all(step)) return std::nullopt;
    std::optional<std::int64_t> gap;
    if (step.within && step.within->previous_current) gap = step.within->ms;
    if (is_last && test_.within && test_.within->previous_current)
      gap = std::min(gap.value_or(INT64_MAX), test_.within->ms);
    return gap;
  }

  // A window of one step that is longer than that of the match is a mistake, whatever the step.
  bool is_longer_than_all(const Step& step) const {
    const std::optional<std::int64_t> window = window_of_match();
    return step.within && step.within->previous_current && window && step.within->ms > *window;
  }

  std::string write_pattern(const std::vector<Step>& steps, bool outermost) const {
    std::string text;
    for (std::size_t place = 0; place < steps.size(); ++place) {
      const Step& step = steps[place];
      const std::optional<std::int64_t> gap = gap_of(step, outermost && place + 1 == steps.size());
      if (place > 0) text += outermost ? "\n  then " : " then ";
      const std::string longer =
          is_longer_than_all(step) ? "within " + std::to_string(step.within->ms) + "ms " : "";
      if (step.is_absence()) {
        text += longer + (step.contiguity == Contiguity::kNotNext ? "no next " : "no ");
        text += write_step(step);
        if (gap) text += " for " + std::to_string(*gap) + "ms";
        continue;
      }
      if (step.contiguity == Contiguity::kStrict) text += "next ";
      if (step.contiguity == Contiguity::kRelaxed) text += "first ";
      text += longer;
      if (gap && place > 0) text += "within " + std::to_string(*gap) + "ms ";
      text += write_step(step);
    }
    return text;
  }

  void least_window(const std::vector<Step>& steps, std::optional<std::int64_t>& least) const {
    for (const Step& step : steps) {
      if (step.within && !step.within->previous_current)
        least = std::min(least.value_or(INT64_MAX), step.within->ms);
      least_window(step.group, least);
    }
  }

  std::optional<std::int64_t> window_of_match() const {
    std::optional<std::int64_t> window;
    if (test_.within && !test_.within->previous_current) window = test_.within->ms;
    least_window(test_.steps, window);
    return window;
  }

  std::string write_clauses() const {
    const std::optional<std::int64_t> window = window_of_match();
    std::string text;
    if (window) text += "  within " + std::to_string(*window) + "ms\n";
    const auto target = source_names_.find(test_.skip_target);
    const std::string name =
        written(target == source_names_.end() ? test_.skip_target : target->second);
    switch (test_.skip) {
      case Skip::kNoSkip:
        return text + "  after match no skip\n";
      case Skip::kToNext:
        return text + "  after match skip to next in order\n";
      case Skip::kPastLast:
        return text + "  after match skip past last in order\n";
      case Skip::kToFirst:
        return text + "  after match skip to first " + name + " in order\n";
      case Skip::kToLast:
        return text + "  after match skip to last " + name + " in order\n";
    }
    return text;
  }

  const Case& test_;
  Names names_;
  Vocabulary vocabulary_;
  std::string event_;
  std::map<std::string, Predicate> predicates_;      // by their text
  std::map<std::string, std::string> json_names_;    // of attributes
  std::map<std::string, std::string> source_names_;  // of variables, without back-quotes
  std::size_t groups_ = 0;
  bool reads_time_ = false;
  bool counts_from_zero_ = false;
  std::optional<std::string> named_absence_;  // it shares its name with another step
};
}  // namespace

Result<Translation> translate(const Case& test) { return Translator(test).run(); }
}  // namespace tocsin::conformance
