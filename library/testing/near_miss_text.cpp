#include "library/testing/near_miss_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/time.h"
#include "library/testing/letter_case.h"
#include "rules/explain/expression_text.h"
#include "rules/text/human_text.h"

namespace tocsin::library {
using cep::Hindrance;
using cep::NearMiss;

namespace {
class Writer {
 public:
  Writer(const NearMissWords& words, const NearMiss& near) : words_(words), near_(near) {}

  std::string text() {
    say_stop();
    say_other_keys();
    if (near_.cut) line("  the search met a limit of the engine: there may be a better match");
    return std::move(text_);
  }

  // What kept a complete match from its alert; empty of one that is not complete.
  std::string reason() const {
    switch (near_.stop) {
      case NearMiss::Stop::kWindowWhere:
        return "`where` held it back: " + hindrances(near_.hindrances);
      case NearMiss::Stop::kHaving:
        return "`having` held it back: " + hindrances(near_.hindrances);
      case NearMiss::Stop::kSelection:
        return selection();
      case NearMiss::Stop::kExcept:
        return exception();
      case NearMiss::Stop::kSuppressed:
        return fmt::format("{} held it back{}{}", suppression(), alerted(), quiet_until());
      default:
        return "";
    }
  }

  std::string hindrances(const std::vector<Hindrance>& all) const {
    std::vector<std::string> texts;
    for (const Hindrance& hindrance : all) texts.push_back(hindrance_text(hindrance));
    return fmt::format("{}", fmt::join(texts, "; "));
  }

  // "`hit`", or the kinds of a step without a name.
  std::string step_name(const cep::Element& element) const {
    switch (element.kind()) {
      case cep::ElementKind::kGroup:
        return "the group in parentheses";
      case cep::ElementKind::kOneOf:
        return "`one of`";
      case cep::ElementKind::kAllOf:
        return "`all of`";
      default:
        break;
    }
    const std::string& name = words_.rule.variables[element.var().value].name;
    return fmt::format("`{}`", name.empty() ? rules::kinds_text(element.events()) : name);
  }
  std::string variable_name(cep::VarIndex var) const {
    const std::string& name = words_.rule.variables[var.value].name;
    if (!name.empty()) return name;
    const cep::Element* const step = step_of(var, words_.rule.pattern);
    return rules::kinds_text(step != nullptr ? step->events() : words_.rule.considered);
  }

 private:
  void line(const std::string& text) { text_ += text + '\n'; }

  std::string offset(cep::EventTime time) const { return words_.offset(time); }
  std::string type_name(const cep::SeenEvent& event) const {
    const cep::EventType& type = words_.plan.event_types[event.type.value];
    return type.is_alert() && type.name != "alert" ? "alert " + type.name : type.name;
  }
  // "2m", or "2m (p7)" where that is not enough.
  std::string moment(const cep::SeenEvent& event) const {
    const cep::EventType& type = words_.plan.event_types[event.type.value];
    const bool shows_id = type.id_field && !event.id.empty() && words_.is_one_of_several(event);
    return offset(event.ts) + (shows_id ? fmt::format(" ({})", event.id) : "");
  }
  std::string event(const cep::SeenEvent& event) const {
    return fmt::format("the {} at {}", type_name(event), moment(event));
  }
  static const cep::Element* step_of(cep::VarIndex var, const std::vector<cep::Element>& elements) {
    for (const cep::Element& element : elements) {
      if (element.is_step() && element.var() == var) return &element;
      if (const cep::Element* inside = step_of(var, element.children())) return inside;
    }
    return nullptr;
  }

  std::string values(const std::vector<cep::SeenValue>& seen) const {
    std::vector<std::string> texts;
    for (const cep::SeenValue& value : seen) {
      std::string text =
          fmt::format("{} is {}", rules::expression_text(words_.plan, &words_.rule, *value.expr),
                      rules::value_text(value.value.view()));
      if (std::ranges::find(texts, text) == texts.end()) texts.push_back(std::move(text));
    }
    return fmt::format("{}", fmt::join(texts, ", "));
  }
  std::string condition(const Hindrance& hindrance) const {
    // A field that is itself the condition.
    const bool is_value =
        hindrance.condition->op == cep::Op::kField || hindrance.condition->op == cep::Op::kBound;
    if (is_value && hindrance.unknown) {
      return fmt::format("`{}` is missing", words_.condition(*hindrance.condition));
    }
    std::string text = fmt::format("`{}` is {}", words_.condition(*hindrance.condition),
                                   hindrance.unknown ? "unknown" : "not true");
    if (const std::string seen = values(hindrance.values); !seen.empty()) text += ": " + seen;
    if (!hindrance.unknown) {
      const std::string advice =
          letter_case_advice(words_.plan, words_.rule, *hindrance.condition, hindrance.values);
      if (!advice.empty()) {
        text += "; only capital and small letters differ: " + advice;
      }
    }
    return text;
  }
  std::string came(const Hindrance& hindrance, const std::string& word) const {
    return fmt::format("`{}{}`: {} came", word,
                       hindrance.kinds == nullptr ? "" : " " + rules::kinds_text(*hindrance.kinds),
                       event(*hindrance.between));
  }

  std::string hindrance_text(const Hindrance& hindrance) const {
    switch (hindrance.kind) {
      case Hindrance::Kind::kKind:
        return fmt::format("it is no {}: {}", hindrance.name, condition(hindrance));
      case Hindrance::Kind::kNoKind: {
        std::string text = "it is no " + rules::kinds_text(*hindrance.kinds);
        if (const std::string seen = values(hindrance.values); !seen.empty()) text += ": " + seen;
        return text;
      }
      case Hindrance::Kind::kWhere:
        return condition(hindrance);
      case Hindrance::Kind::kNext:
        return came(hindrance, "next") + " before it";
      case Hindrance::Kind::kFirst:
        return fmt::format("`first` takes the first that fits, {}", event(*hindrance.between));
      case Hindrance::Kind::kGap:
        return fmt::format("`within {}`: it came {} after the event before it",
                           cep::format_duration(hindrance.limit),
                           cep::format_duration(hindrance.took));
      case Hindrance::Kind::kWithin:
        return fmt::format("`{} {}`: it came {} after the first event",
                           words_.rule.within ? "within" : "without … for",
                           cep::format_duration(hindrance.limit),
                           cep::format_duration(hindrance.took));
      case Hindrance::Kind::kAbsence:
        return came(hindrance, "no");
      case Hindrance::Kind::kWithout:
        return came(hindrance, "without");
      case Hindrance::Kind::kUntil:
        return came(hindrance, "until") + " and ended it";
      case Hindrance::Kind::kGreedy:
        return came(hindrance, "greedy") + ", which the greedy step before it takes";
      case Hindrance::Kind::kOtherMoment:
        return "all fits there";
    }
    return "";
  }
  // ", for card "c1"".
  std::string key() const {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < near_.key.size(); ++i) {
      parts.push_back(fmt::format("{} {}", words_.rule.key.parts[i].name,
                                  rules::value_text(near_.key[i].view())));
    }
    return parts.empty() ? "" : fmt::format(", for {}", fmt::join(parts, ", "));
  }

  // "  probes: payment at 0s, 60s, 90s", a line for each step.
  void say_taken() {
    for (std::size_t i = 0; i < near_.taken.size();) {
      const cep::VarIndex var = near_.taken[i].var;
      std::string text = fmt::format("  {}: ", variable_name(var));
      std::string type;
      for (bool first = true; i < near_.taken.size() && near_.taken[i].var == var; ++i) {
        const cep::SeenEvent& event = near_.taken[i].event;
        if (!first) text += ", ";
        if (std::string own = type_name(event); own != type) {
          type = std::move(own);
          text += type + " at ";
        }
        text += moment(event);
        first = false;
      }
      line(text);
    }
  }

  std::string came_to() const {
    return fmt::format("{} came to step {} of {}, {}{}", words_.rule.name, near_.place + 1,
                       near_.places, step_name(*near_.step), key());
  }
  std::string done() const {
    return fmt::format("{} did all its steps{}", words_.rule.name, key());
  }

  void say_candidates() {
    if (near_.candidates.empty()) {
      if (near_.step->is_step()) {
        line(fmt::format(
            "  no {}{} came{}{}", types_of(*near_.step), key_of(*near_.step),
            near_.taken.empty() ? "" : " after that",
            words_.at ? (near_.taken.empty() ? " by " : ", by ") + offset(*words_.at) : ""));
      }
      return;
    }
    for (const cep::NearCandidate& candidate : near_.candidates) {
      line(fmt::format("  {} {}", event(candidate.event),
                       candidate.hindrances.empty() ? "fits, but is not taken here"
                       : candidate.hindrances.front().kind == Hindrance::Kind::kOtherMoment
                           ? "fits: the alert comes then"
                           : "does not fit: " + hindrances(candidate.hindrances)));
    }
    if (near_.candidates_more != 0) {
      line(fmt::format("  {} more {} fit", near_.candidates_more,
                       near_.candidates_more == 1 ? "does not" : "do not"));
    }
  }
  std::string types_of(const cep::Element& step) const {
    std::vector<std::string> names;
    for (const cep::Subset& subset : step.events()) {
      const std::string& name = words_.plan.event_types[subset.type.value].name;
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
    return fmt::format("{}", fmt::join(names, " or "));
  }

  // " with to_account "a1"": the key as the step's events have it.
  std::string key_of(const cep::Element& step) const {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < near_.key.size(); ++i) {
      const cep::KeyPart& part = words_.rule.key.parts[i];
      std::vector<std::string> names;
      for (const cep::KeyMember& member : part.members) {
        const bool is_it = std::ranges::any_of(step.events(), [&](const cep::Subset& subset) {
          return subset.type == member.type && (subset.role.empty() || subset.role == member.role);
        });
        const std::string& name =
            words_.plan.event_types[member.type.value].fields[member.field.value].name;
        if (is_it && std::ranges::find(names, name) == names.end()) names.push_back(name);
      }
      parts.push_back(fmt::format(
          "{} {}", names.empty() ? part.name : fmt::format("{}", fmt::join(names, " or ")),
          rules::value_text(near_.key[i].view())));
    }
    return parts.empty() ? "" : fmt::format(" with {}", fmt::join(parts, ", "));
  }

  void say_complete(const std::string& what) {
    line(fmt::format("{} was complete at {}{}", words_.rule.name, offset(*near_.moment), key()));
    say_taken();
    line("  " + what);
  }

  std::string alerted() const {
    return near_.alerted ? fmt::format(", after the alert at {}", offset(*near_.alerted)) : "";
  }
  std::string until() const {
    return fmt::format("at {}, and the test ends at {}: let time pass with `until {}`",
                       offset(*near_.moment), offset(words_.end), offset(*near_.moment));
  }

  void say_stop() {
    switch (near_.stop) {
      case NearMiss::Stop::kStep:
        line(came_to());
        say_taken();
        say_candidates();
        break;
      case NearMiss::Stop::kLoop:
      case NearMiss::Stop::kRound:
        line(fmt::format("{}: {} of {} {}", came_to(), near_.done, near_.needed,
                         near_.stop == NearMiss::Stop::kLoop ? "events" : "rounds"));
        say_taken();
        say_candidates();
        break;
      case NearMiss::Stop::kAbsence:
        line(done());
        say_taken();
        line("  " + hindrances(near_.hindrances));
        break;
      case NearMiss::Stop::kDeadline:
        line(done());
        say_taken();
        line("  the alert comes " + until());
        break;
      case NearMiss::Stop::kNextEvent:
        line(done());
        say_taken();
        line("  `no next` is decided by the next event of the key, and none came");
        break;
      case NearMiss::Stop::kWindow:
        line(fmt::format("{} has a window{}", words_.rule.name, key()));
        say_taken();
        line("  it closes " + until());
        break;
      case NearMiss::Stop::kNoWindow:
        line(fmt::format("{} has no window: no {} came", words_.rule.name,
                         rules::kinds_text(words_.rule.window->events)));
        break;
      case NearMiss::Stop::kWindowWhere:
      case NearMiss::Stop::kHaving:
      case NearMiss::Stop::kSelection:
      case NearMiss::Stop::kExcept:
      case NearMiss::Stop::kSuppressed:
        say_complete(reason());
        break;
      case NearMiss::Stop::kUnexplained:
        line(done() + ", but gave no alert");
        say_taken();
        break;
    }
  }

  std::string selection() const {
    if (near_.matches == 1 && near_.alerted == near_.moment) {
      return "this is the one match that ends there, and it gave its alert";
    }
    if (words_.rule.selection.kind != cep::SelectionKind::kDefault) {
      return "`after match` left it out" + alerted();
    }
    return fmt::format(
        "{} matches end there, and an event raises one alert for each key (`after match no skip` "
        "gives all)",
        rules::format_count(near_.matches));
  }
  std::string exception() const {
    const cep::Exception& exception = words_.rule.exceptions[near_.exception];
    std::string text = fmt::format("`except \"{}\"` left it out: `{}` is true", exception.reason,
                                   words_.condition(*exception.condition));
    if (near_.hindrances.empty()) return text;
    const std::string seen = values(near_.hindrances.front().values);
    return seen.empty() ? text : text + ": " + seen;
  }

  // ": quiet until 1h2m", where that is all that holds back.
  std::string quiet_until() const {
    const cep::Suppression& suppression = words_.rule.suppression;
    const bool is_known = suppression.kind() == cep::Once::kPerDuration && !suppression.at_most &&
                          suppression.for_each.empty() && near_.alerted;
    return is_known
               ? fmt::format(": quiet until {}", offset(*near_.alerted + suppression.duration()))
               : "";
  }
  std::string suppression() const {
    const cep::Suppression& suppression = words_.rule.suppression;
    std::vector<std::string> texts;
    switch (suppression.kind()) {
      case cep::Once::kNone:
        break;
      case cep::Once::kPerDuration:
        texts.push_back(fmt::format("`once per {}`", cep::format_duration(suppression.duration())));
        break;
      case cep::Once::kPerVariable:
        texts.push_back(fmt::format("`once per {}`", variable_name(suppression.var())));
        break;
      case cep::Once::kPerUnit:
        texts.push_back(fmt::format("`once per {}`", cep::unit_name(suppression.unit())));
        break;
      case cep::Once::kWhile:
        texts.push_back(fmt::format("`once while {}`", words_.condition(*suppression.condition())));
        break;
    }
    if (suppression.at_most) {
      texts.push_back(fmt::format("`at most {} per {}`", suppression.at_most->count,
                                  cep::format_duration(suppression.at_most->duration)));
    }
    return fmt::format("{}", fmt::join(texts, " or "));
  }

  void say_other_keys() {
    if (near_.other_keys.empty()) return;
    std::vector<std::string> texts;
    for (const cep::OtherKey& other : near_.other_keys) {
      const std::string& name = words_.rule.key.parts[other.part].name;
      if (other.value_of_other.view().is_missing()) {
        texts.push_back(fmt::format("{} has no {}", event(other.other), name));
      } else {
        texts.push_back(fmt::format(
            "{} is {} in {} and {} in {}", name, rules::value_text(other.value_of_one.view()),
            event(other.one), rules::value_text(other.value_of_other.view()), event(other.other)));
      }
    }
    line(fmt::format("  without `by` all would fit: {}", fmt::join(texts, ", ")));
  }

  const NearMissWords& words_;
  const NearMiss& near_;
  std::string text_;
};
}  // namespace

std::string describe_near_miss(const NearMissWords& words, const cep::NearMiss& near) {
  return Writer(words, near).text();
}

std::string describe_reason(const NearMissWords& words, const cep::NearMiss& near) {
  return Writer(words, near).reason();
}

std::string describe_hindrances(const NearMissWords& words,
                                const std::vector<Hindrance>& hindrances) {
  return Writer(words, {}).hindrances(hindrances);
}

std::string describe_step(const NearMissWords& words, const cep::Element& element) {
  return Writer(words, {}).step_name(element);
}

std::string describe_variable(const NearMissWords& words, cep::VarIndex var) {
  return Writer(words, {}).variable_name(var);
}
}  // namespace tocsin::library
