// The steps of a pattern, and windows that close, in words.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "cep/plan/rule.h"
#include "rules/explain/explain.h"
#include "rules/explain/expression_text.h"

namespace tocsin::rules {
using cep::Contiguity;
using cep::Element;
using cep::ElementKind;
using cep::LoopMode;
using cep::Quantifier;

std::string where_words(const std::vector<std::string>& conditions) {
  return conditions.empty() ? std::string() : " where " + listed(conditions);
}

namespace {
std::string capitalized(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

// Where an element stands among its neighbours.
struct Neighbours {
  const Element* before = nullptr;
  const Element* after = nullptr;
  bool ends_pattern = false;  // nothing of the pattern comes after it
};

// Whether the last thing that the element asks for is an absence.
bool closes_with_absence(const Element& e) {
  if (e.is_absence()) return true;
  return !e.children().empty() && closes_with_absence(e.children().back());
}

bool repeats(const Quantifier& quantifier) { return !quantifier.max || *quantifier.max > 1; }

// "3 or more", "exactly 2", "2 to 5".
std::string times(const Quantifier& quantifier) {
  if (!quantifier.max) return fmt::format("{} or more", quantifier.min);
  if (*quantifier.max == quantifier.min) return fmt::format("exactly {}", quantifier.min);
  return fmt::format("{} to {}", quantifier.min, *quantifier.max);
}

class PatternSpeaker {
 public:
  explicit PatternSpeaker(const Words& words) : words_(words), rule_(*words.rule()) {}

  std::vector<Passage> sequence(const std::vector<Element>& elements, bool ends_pattern) const {
    std::vector<Passage> out;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const bool last = i + 1 == elements.size();
      const Neighbours near{i == 0 ? nullptr : &elements[i - 1], last ? nullptr : &elements[i + 1],
                            ends_pattern && last};
      out.push_back(element(elements[i], near));
    }
    return out;
  }

 private:
  Passage element(const Element& e, const Neighbours& near) const {
    if (e.is_absence()) return absence(e, near);
    Passage said = e.is_step() ? step(e) : group(e, near);
    const std::string lead = near.before == nullptr ? std::string() : reached(e);
    said.text = capitalized(lead + said.text);
    if (e.gap) {
      said.parts.insert(
          said.parts.begin(),
          {fmt::format("it comes less than {} after the step before; exactly {} after "
                       "it is too late",
                       duration_text(*e.gap), duration_text(*e.gap))});
    }
    return said;
  }

  // How an element is reached from the one before it.
  static std::string reached(const Element& e) {
    switch (e.contiguity) {
      case Contiguity::kAny:
        return "later, whatever comes in between (even events that would fit): ";
      case Contiguity::kFirst:
        return "then the next that fits, passing over what does not: ";
      case Contiguity::kNext:
        return "then at once, as the very next event: ";
    }
    return {};
  }

  // ---- steps

  std::string how_many(const Element& e) const {
    const std::string one = kind_noun(words_.plan(), e.events());
    const std::string many = kind_plural(words_.plan(), e.events());
    if (!e.quantifier().loop) return (e.is_optional() ? "perhaps one " : "one ") + one;
    const std::string number = times(e.quantifier());
    if (e.is_optional() && e.quantifier().min == 1 && !e.quantifier().max) {
      return "any number of " + many + ", also none";
    }
    const std::string said = number + " " + (number == "exactly 1" ? one : many);
    return e.is_optional() ? "none or " + said : said;
  }

  Passage step(const Element& e) const {
    Passage out{how_many(e)};
    const std::string& name = rule_.variables[e.var().value].name;
    if (!name.empty()) out.text += ", called " + in_code(name);
    const std::vector<std::string> conditions = words_.conditions(e.where(), e.var());
    const bool loop = e.quantifier().loop && repeats(e.quantifier());
    if (conditions.size() == 1) {
      out.text += (loop ? ", each one where " : ", where ") + conditions.front();
    }
    for (std::size_t i = 0; conditions.size() > 1 && i < conditions.size(); ++i) {
      out.parts.push_back(
          {(i == 0 ? (loop ? "each one where " : "where ") : "and where ") + conditions[i]});
    }
    if (e.is_optional() && !e.quantifier().loop) {
      out.parts.push_back({"the match may also continue without it"});
    }
    for (Passage& note : loop_notes(e, "one")) out.parts.push_back(std::move(note));
    return out;
  }

  // How a loop, or a repeated group, goes on and stops.
  std::vector<Passage> loop_notes(const Element& e, std::string_view what) const {
    std::vector<Passage> out;
    const Quantifier& quantifier = e.quantifier();
    if (!quantifier.loop && !repeats(quantifier)) return out;
    if (repeats(quantifier)) {
      switch (quantifier.mode) {
        case LoopMode::kRelaxed:
          out.push_back({fmt::format(
              "after the first, every further {} that fits is taken; what does not fit is skipped",
              what)});
          break;
        case LoopMode::kNext:
          out.push_back(
              {fmt::format("each {} comes directly after the one before, as the very next "
                           "event",
                           what)});
          break;
        case LoopMode::kEach:
          out.push_back({fmt::format(
              "after the first, any {} that fits may be taken or skipped: every selection is tried",
              what)});
          break;
      }
      if (!quantifier.max && e.is_optional() && quantifier.min == 1) {
        // "any number" has said it.
      } else if (!quantifier.max) {
        out.push_back({fmt::format("it may stop at any number from {} on", quantifier.min)});
      } else if (*quantifier.max != quantifier.min) {
        out.push_back({fmt::format("it may stop at any number from {} to {}", quantifier.min,
                                   *quantifier.max)});
      }
    }
    if (quantifier.greedy) {
      out.push_back(
          {"it takes all it can get: an event that fits here is never left to the next step"});
    }
    if (!e.until_events().empty()) {
      out.push_back({fmt::format("it ends as soon as one {} comes{}; that event is not taken here",
                                 kind_noun(words_.plan(), e.until_events()),
                                 where_words(words_.conditions(e.until_where())))});
    }
    return out;
  }

  // ---- absences

  Passage absence(const Element& e, const Neighbours& near) const {
    const std::string kinds = kind_noun(words_.plan(), e.events());
    const std::string where = where_words(words_.conditions(e.where()));
    const bool decides = near.ends_pattern;
    if (e.is_next()) {
      Passage out{fmt::format("The very next event after that is no {}{}", kinds, where)};
      if (decides) {
        out.parts.push_back(
            {"the alert is raised at that next event" +
             (rule_.within ? fmt::format(", which must come less than {} after the first one",
                                         duration_text(*rule_.within))
                           : std::string())});
      }
      add_loop_note(near, out);
      return out;
    }
    if (decides) return last_absence(e, near, kinds, where);
    Passage out;
    const bool another = near.after != nullptr && near.after->is_absence();
    if (another) {
      out.text = fmt::format("From then on, as long as the next line waits: no {}{}", kinds, where);
    } else {
      out.text = fmt::format("From then on, until the next step has come: no {}{}", kinds, where);
    }
    out.parts.push_back(
        {"one that comes ends the attempt, unless that event itself completes the match"});
    add_loop_note(near, out);
    return out;
  }

  // From when an absence directly behind a loop, or a repeated group, guards.
  static void add_loop_note(const Neighbours& near, Passage& out) {
    if (near.before == nullptr || !repeats(near.before->quantifier())) return;
    const Quantifier& quantifier = near.before->quantifier();
    const bool is_step = near.before->is_step();
    out.parts.push_back(
        {"it guards from the last event that the step before takes; what comes "
         "between its events is not looked at"});
    if (quantifier.max == quantifier.min) return;
    out.parts.push_back(
        {fmt::format("{} that the step before takes counts as its own, and the absence guards "
                     "from that one on",
                     is_step ? "a further event" : "an event of a further round")});
  }

  Passage last_absence(const Element& e, const Neighbours& near, const std::string& kinds,
                       const std::string& where) const {
    Passage out;
    const std::optional<cep::Duration>& length = e.absent_for() ? e.absent_for() : rule_.within;
    const std::string time = length ? duration_text(*length) : "no time";
    const char* since = e.absent_for() ? "that" : "the first event";
    out.text = fmt::format("Then, until {} after {}: no {}{}", time, since, kinds, where);
    out.parts.push_back(
        {fmt::format("the alert is raised at that moment, {} after {}, in event time", time,
                     e.absent_for() ? "the step before" : since)});
    out.parts.push_back({"one exactly at that moment is too late to prevent it"});
    add_loop_note(near, out);
    return out;
  }

  // ---- groups

  Passage group(const Element& e, const Neighbours& near) const {
    Passage out;
    const Quantifier& quantifier = e.quantifier();
    const bool many = quantifier.loop;
    const std::string repeated =
        many ? fmt::format(", {} {}", times(quantifier),
                           times(quantifier) == "exactly 1" ? "time" : "times")
             : std::string();
    const char* perhaps = e.is_optional() ? "perhaps " : "";
    switch (e.kind()) {
      case ElementKind::kOneOf:
        out.text = fmt::format("{}one of these{}", perhaps, repeated);
        for (const Element& alternative : e.children()) {
          out.parts.push_back(inner(alternative, near.ends_pattern));
        }
        break;
      case ElementKind::kAllOf:
        out.text = fmt::format("{}all of these, in any order and with anything in between{}",
                               perhaps, repeated);
        for (const Element& child : e.children()) {
          out.parts.push_back(element(child, Neighbours{nullptr, nullptr, near.ends_pattern}));
        }
        if (near.ends_pattern && std::ranges::any_of(e.children(), closes_with_absence)) {
          out.parts.push_back(
              {"an absence that ends one of these is waited for where that comes last; "
               "else it holds until the next step has come"});
        }
        break;
      default:
        out.text = fmt::format("{}these, one after the other{}", perhaps, repeated);
        out.parts = sequence(e.children(), near.ends_pattern);
        out.numbered = true;
        break;
    }
    if (const std::string name = group_name(e); !name.empty()) {
      out.text += ", called " + in_code(name);
    }
    if (e.is_optional()) out.text += " (the match may also continue without them)";
    std::vector<Passage> notes = loop_notes(e, "round");
    if (notes.empty()) return out;
    // Notes do not belong to the sequence: they stand behind it.
    Passage all{out.text};
    all.parts.push_back({out.numbered ? "in each round, in this order:" : "in each round:",
                         std::move(out.parts), out.numbered});
    for (Passage& note : notes) all.parts.push_back(std::move(note));
    return all;
  }

  // An alternative: its only step, or a sequence of its own.
  Passage inner(const Element& alternative, bool ends_pattern) const {
    if (alternative.kind() == ElementKind::kGroup && alternative.children().size() == 1 &&
        !alternative.is_optional() && !alternative.quantifier().loop) {
      return element(alternative.children().front(), Neighbours{nullptr, nullptr, ends_pattern});
    }
    return element(alternative, Neighbours{nullptr, nullptr, ends_pattern});
  }

  // The name of `one of { … } as NAME`: the parent of its steps' variables.
  std::string group_name(const Element& e) const {
    if (e.kind() != ElementKind::kOneOf) return {};
    const std::optional<cep::VarIndex> var = first_variable(e);
    if (!var) return {};
    // The nearest parent that is not the parent of a group inside as well: the outermost for which
    // every step of this group has it.
    for (std::optional<cep::VarIndex> at = rule_.variables[var->value].parent; at;
         at = rule_.variables[at->value].parent) {
      if (is_named_by(e, *at)) return rule_.variables[at->value].name;
    }
    return {};
  }
  static std::optional<cep::VarIndex> first_variable(const Element& e) {
    if (e.is_step()) return e.var();
    for (const Element& child : e.children()) {
      if (const std::optional<cep::VarIndex> var = first_variable(child)) return var;
    }
    return std::nullopt;
  }
  bool is_named_by(const Element& e, cep::VarIndex parent) const {
    if (e.is_absence()) return true;
    if (e.is_step()) {
      for (std::optional<cep::VarIndex> at = rule_.variables[e.var().value].parent; at;
           at = rule_.variables[at->value].parent) {
        if (*at == parent) return true;
      }
      return false;
    }
    for (const Element& child : e.children()) {
      if (!is_named_by(child, parent)) return false;
    }
    return true;
  }

  const Words& words_;
  const cep::Rule& rule_;
};

namespace {
// "and begin at midnight in the time zone "Europe/Berlin"".
std::string begin_of_units(const cep::CalendarSpan& span) {
  return fmt::format("and begin {}at midnight in the time zone \"{}\"",
                     span.unit == cep::CalendarUnit::kWeek ? "on Monday " : "", span.zone);
}
}  // namespace

std::vector<Passage> window_passages(const Words& words) {
  const cep::Rule& rule = *words.rule();
  const cep::ClosingWindow& window = *rule.window;
  const std::string kinds = kind_plural(words.plan(), window.events);
  const cep::CalendarSpan* const calendar = window.calendar();
  const std::string length = calendar != nullptr
                                 ? fmt::format("{} of the calendar", cep::unit_name(calendar->unit))
                                 : duration_text(window.duration());
  const std::string name = in_code(rule.variables[window.var.value].name);
  std::vector<Passage> out;
  if (window.is_session()) {
    out.push_back(
        {fmt::format("When a session of {} ends, called {}", kinds, name),
         {{"it begins with the first of them"},
          {fmt::format("it goes on as long as the next one comes less than {} after the one "
                       "before; one exactly {} after begins a new session",
                       length, length)},
          {fmt::format("it ends {} after the last one, and the alert is raised then", length)}}});
  } else {
    out.push_back(
        {fmt::format("At the end of each {} with {}, called {}", length, kinds, name),
         {{fmt::format("the windows follow one another without gaps, {}; an event exactly at the "
                       "end of one is in the next",
                       calendar != nullptr ? begin_of_units(*calendar)
                                           : "counted from 1970-01-01T00:00:00Z")},
          {"the alert is raised at the end"}}});
  }
  std::vector<cep::Subset> more;
  for (const cep::Subset& kind : rule.considered) {
    const bool opens = std::any_of(window.events.begin(), window.events.end(),
                                   [&](const cep::Subset& own) { return own.name == kind.name; });
    if (!opens) more.push_back(kind);
  }
  if (!more.empty()) {
    out.back().parts.push_back(
        {fmt::format("collected too, without {} it: {}",
                     window.is_session() ? "beginning or lengthening" : "opening",
                     kind_plural(words.plan(), more))});
  }
  const std::vector<std::string> conditions = words.conditions(window.where);
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    out.push_back({(i == 0 ? "If " : "And if ") + conditions[i]});
  }
  return out;
}
}  // namespace

std::vector<Passage> pattern_passages(const Words& words) {
  if (words.rule()->window) return window_passages(words);
  return PatternSpeaker(words).sequence(words.rule()->pattern, true);
}
}  // namespace tocsin::rules
