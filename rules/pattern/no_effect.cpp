#include "rules/pattern/no_effect.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "cep/plan/expr_walk.h"
#include "cep/plan/rule.h"
#include "cep/value/time.h"
#include "cep/value/value.h"
#include "rules/context/report.h"
#include "rules/pattern/match_shape.h"
#include "rules/pattern/unreachable_step.h"

namespace tocsin::rules {
using cep::Element;
using cep::ElementKind;
using cep::LoopMode;
using cep::Once;
using cep::SelectionKind;

namespace {
bool is_plain_step(const Element& element) { return element.is_step() && !element.is_optional(); }
bool is_one_event(const Element& element) {
  return is_plain_step(element) && element.quantifier().max == 1U;
}
bool repeats(const Element& element) { return element.quantifier().max != 1U; }

bool has_next(const std::vector<Element>& elements) {
  return std::ranges::any_of(elements, [](const Element& element) {
    return element.is_next() || element.contiguity == cep::Contiguity::kNext ||
           (repeats(element) && element.quantifier().mode == LoopMode::kNext) ||
           has_next(element.children());
  });
}

class EffectChecker {
 public:
  EffectChecker(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
                const ConsideredKinds& considering)
      : context_(context),
        tree_(tree),
        rule_(rule),
        considering_(considering),
        shape_(context, rule),
        read_(variables_read(rule)) {}

  void check(const std::vector<ElementDraft>& drafts) {
    check_without();
    check_selection();
    check_sequence(drafts, rule_.pattern, true);
    if (shape_.is_sequence()) {
      for (const MatchShape::Step& step : shape_.steps()) check_choice(drafts, step);
    }
    check_within(drafts);
    check_considering(considering_.adds);
    check_once();
    check_at_most();
  }

 private:
  void warn(SourceSpan span, std::string message, std::string label, std::string help) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0050, span, std::move(message), std::move(label));
    diagnostic.helps.push_back(std::move(help));
    context_.sink.report(std::move(diagnostic));
  }
  bool waits_at_end() const { return rule_.without && rule_.without->absent_for; }

  // Every match is one event, and every event at most one match.
  bool is_single() const {
    return rule_.pattern.size() == 1 && is_one_event(rule_.pattern[0]) && !waits_at_end();
  }

  void check_without() {
    if (!tree_.without || waits_at_end()) return;
    if (is_of_one_event(rule_.pattern)) {
      warn(tree_.without->span, "`without` on a rule of one event has no effect",
           "nothing comes between its first and its last event",
           "leave it out, or give the length of the absence after the event: `without … for 5m`");
      return;
    }
    if (!shape_.is_contiguous() || !shape_.ends_at_once() ||
        shape_.is_inside(rule_.without->events) ||
        !stays_considered(rule_.without->events, nullptr)) {
      return;
    }
    warn(tree_.without->span, "`without` has no effect here",
         "no other event comes between the steps: each is the very next one", "leave it out");
  }

  // `after match`, `prefer latest`: they choose where there is something to choose from.
  void check_selection() {
    const char* const alone = "each match is an event of its own";
    const char* const apart = "no two matches have an event in common, or complete together";
    if (tree_.after && shape_.is_contiguous() &&
        (rule_.selection.kind == SelectionKind::kNoSkip || !shape_.can_overlap())) {
      const bool no_skip = rule_.selection.kind == SelectionKind::kNoSkip;
      warn(tree_.after->span,
           is_single() ? "`after match` on a rule of one event has no effect"
                       : "`after match` has no effect here",
           is_single() ? alone
           : no_skip   ? "no two matches complete together"
                       : apart,
           "leave it out");
    }
    if (tree_.prefer_latest && shape_.begin_together()) {
      warn(tree_.prefer_latest->span,
           is_single() ? "`prefer latest` on a rule of one event has no effect"
                       : "`prefer latest` has no effect here",
           is_single() ? alone : "matches that complete together begin at the same event",
           "leave it out");
    }
  }

  // Whether the selection takes the match that began first (or last), the longest, the earliest,
  // and nothing looks at which one it was.
  bool takes_best() const {
    return rule_.selection.kind == SelectionKind::kDefault && !rule_.having &&
           rule_.exceptions.empty() && rule_.suppression.kind() != Once::kPerVariable;
  }

  // Words of a step that choose among its events, where the selection chooses the same.
  void check_choice(const std::vector<ElementDraft>& drafts, const MatchShape::Step& step) {
    const Element& element = *step.element;
    const ElementDraft& draft = drafts[step.place];
    if (draft.link->link == tree::Link::kThenFirst && first_is_chosen(step)) {
      warn(draft.link->link_span, "`first` has no effect here",
           "the match with the first such event is the one that alerts",
           "leave it out: `then` means the same here");
    }
    const tree::Step& tree = *draft.step_tree();
    if (tree.until && until_ends_nothing(element)) {
      warn(tree.until->span, "`until` has no effect here",
           "the loop has ended by then: by its `next`, or by `without`", "leave it out");
    }
    if (!tree.count) return;
    const tree::Count& count = *tree.count;
    if (count.mode == tree::LoopWord::kEach && longest_is_chosen(element)) {
      warn(count.mode_span, "`each` has no effect here",
           "the longest match is the one that alerts, and it leaves no event out", "leave it out");
    }
    if (count.greedy && loop_keeps_nothing(step)) {
      warn(count.greedy_span, "`greedy` has no effect here",
           "no event fits both the loop and the step after it", "leave it out");
    }
  }

  bool first_is_chosen(const MatchShape::Step& step) const {
    const Element& element = *step.element;
    if (element.is_optional() || element.quantifier().greedy) return false;
    const bool is_last = &step == &shape_.steps().back();
    if (is_last) {
      // Once its match is given, the selection drops what waits for a second one.
      const SelectionKind kind = rule_.selection.kind;
      return (kind == SelectionKind::kSkipToNext || kind == SelectionKind::kSkipPastLast) &&
             !rule_.selection.in_order && !rule_.having && element.quantifier().min == 1 &&
             shape_.ends_at_once();
    }
    if (element.quantifier().max != 1U || !takes_best() || read_.contains(element.var()))
      return false;
    // What comes after takes any later event, so that the first one leads as far as any.
    for (std::size_t i = step.place + 1; i < rule_.pattern.size(); ++i) {
      const Element& later = rule_.pattern[i];
      if (!later.is_step() || later.contiguity != cep::Contiguity::kAny || later.gap) {
        return false;
      }
      if (!later.is_optional()) return true;
      if (later.quantifier().greedy) return false;
    }
    return false;
  }

  bool longest_is_chosen(const Element& loop) const {
    return !loop.quantifier().max && takes_best() && !read_.contains(loop.var()) &&
           (!loop.where() || !cep::reads_run(*loop.where()));
  }

  bool loop_keeps_nothing(const MatchShape::Step& step) const {
    const Element& loop = *step.element;
    if (step.place + 1 == rule_.pattern.size()) return false;
    std::size_t after = step.place + 1;
    while (rule_.pattern[after].is_absence()) {
      if (++after == rule_.pattern.size()) return false;
    }
    const Element& next = rule_.pattern[after];
    if (next.is_optional() || !is_disjoint(next.events(), loop.events())) return false;
    if (next.contiguity == cep::Contiguity::kNext) return true;
    return after == step.place + 1 && !next.gap && !loop.quantifier().max &&
           loop.quantifier().mode == LoopMode::kRelaxed && loop.until_events().empty() &&
           longest_is_chosen(loop);
  }

  bool until_ends_nothing(const Element& loop) const {
    if (loop.quantifier().greedy || loop.until_events().empty() ||
        !is_disjoint(loop.until_events(), loop.events()) ||
        !stays_considered(loop.until_events(), &loop)) {
      return false;
    }
    if (loop.quantifier().mode == LoopMode::kNext) return true;
    return rule_.without && (!rule_.without->where || !cep::reads_run(*rule_.without->where)) &&
           takes_all(context_, rule_.without->events, rule_.without->where, loop.until_events(),
                     loop.until_where());
  }

  // Whether the rule looks at these events without them, or does not care: all that is asked is
  // what the very next event is. `of`: the loop whose `until` they are; else they are those of
  // `without`.
  bool stays_considered(const std::vector<cep::Subset>& events, const Element* of) const {
    if (!has_next(rule_.pattern) && rule_.suppression.kind() != Once::kWhile) return true;
    return std::ranges::all_of(events, [&](const cep::Subset& subset) {
      const auto has = [&](const std::vector<cep::Subset>& others) {
        return takes_all(context_, others, nullptr, subset, nullptr);
      };
      if (has(considering_.events)) return true;
      if (of != nullptr && rule_.without && has(rule_.without->events)) return true;
      return (of != nullptr && has(of->events())) || names(rule_.pattern, of, has);
    });
  }

  // `ends`: nothing of the pattern takes an event after the sequence.
  void check_sequence(const std::vector<ElementDraft>& drafts, const std::vector<Element>& elements,
                      bool ends) {
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const Element& element = elements[i];
      const bool is_last =
          ends && std::all_of(elements.begin() + static_cast<std::ptrdiff_t>(i) + 1, elements.end(),
                              [](const Element& later) { return later.is_absence(); });
      switch (element.kind()) {
        case ElementKind::kAbsence:
          check_absence(drafts, elements, i, ends);
          break;
        case ElementKind::kStep:
          check_loop(drafts[i], element, is_last);
          break;
        default:
          check_inside(drafts[i], element, is_last);
          break;
      }
    }
  }

  void check_inside(const ElementDraft& draft, const Element& group, bool is_last) {
    const bool ends = is_last && !repeats(group);
    if (group.kind() == ElementKind::kGroup) {
      check_sequence(draft.children(), group.children(), ends);
      return;
    }
    for (std::size_t i = 0; i < group.children().size(); ++i) {
      const bool inner = ends && group.kind() == ElementKind::kOneOf;
      check_sequence({draft.children()[i]}, {group.children()[i]}, inner);
    }
  }

  void check_loop(const ElementDraft& draft, const Element& loop, bool is_last) {
    const tree::Step* const step = draft.step_tree();
    if (step == nullptr || !step->count) return;
    const tree::Count& count = *step->count;
    if (count.greedy && is_last) {
      warn(count.greedy_span, "`greedy` on a loop that no step follows has no effect",
           "keeps events from a later step", "leave it out");
    }
    if (count.mode != tree::LoopWord::kNone && !repeats(loop)) {
      warn(count.mode_span, "a count of one does not restrict further events", {},
           "leave the word out");
    }
  }

  // Absences between steps; `no …` at the end of the pattern always has an effect.
  void check_absence(const std::vector<ElementDraft>& drafts, const std::vector<Element>& elements,
                     std::size_t i, bool ends) {
    const Element& absence = elements[i];
    std::size_t after = i + 1;
    while (after < elements.size() && elements[after].is_absence()) ++after;
    if (after == elements.size()) return;
    const SourceSpan span = drafts[i].absence()->tree->span;
    const Element& step = elements[after];
    if (is_plain_step(step) && step.contiguity == cep::Contiguity::kNext) {
      const bool completes =
          ends && after + 1 == elements.size() && step.quantifier().max == 1U && !waits_at_end();
      const bool decides =
          (completes && !absence.is_next()) || is_disjoint(absence.events(), step.events());
      if (decides && is_named_elsewhere(absence)) {
        Diagnostic diagnostic =
            make_diagnostic(Code::kW0050, span, "an absence before `then next` has no effect");
        diagnostic.labels.push_back({drafts[after].link->link_span, "the very next event decides"});
        diagnostic.helps.push_back("leave it out, or write `then` instead of `then next`");
        context_.sink.report(std::move(diagnostic));
        return;
      }
    }
    // The very next event is one of those between, unless the step after it takes it.
    if (absence.is_next() &&
        !(is_plain_step(step) && is_disjoint(absence.events(), step.events()))) {
      return;
    }
    if (tree_.without && rule_.without &&
        covers(rule_.without->events, rule_.without->where, absence)) {
      repeated(span, tree_.without->span, "forbids them from the first step to the last");
      return;
    }
    for (std::size_t other = i; other > 0; --other) {
      const Element& before = elements[other - 1];
      if (!before.is_absence()) return;
      if (before.is_next() || !covers(before.events(), before.where(), absence)) continue;
      repeated(span, drafts[other - 1].absence()->tree->span, "forbids them already");
      return;
    }
  }
  // Whether the rule would consider the absence's events without it too.
  bool is_named_elsewhere(const Element& absence) const {
    return std::ranges::all_of(absence.events(), [&](const cep::Subset& subset) {
      const auto has = [&](const std::vector<cep::Subset>& events) {
        return takes_all(context_, events, nullptr, subset, nullptr);
      };
      return names(rule_.pattern, &absence, has) || has(considering_.events) ||
             (rule_.without && has(rule_.without->events));
    });
  }
  template <typename Has>
  static bool names(const std::vector<Element>& elements, const Element* but, const Has& has) {
    return std::ranges::any_of(elements, [&](const Element& element) {
      return &element != but && (has(element.events()) || has(element.until_events()) ||
                                 names(element.children(), but, has));
    });
  }
  bool covers(const std::vector<cep::Subset>& events, const cep::ExprPtr& where,
              const Element& absence) const {
    return takes_all(context_, events, where, absence.events(), absence.where());
  }
  void repeated(SourceSpan span, SourceSpan other, std::string label) {
    Diagnostic diagnostic = make_diagnostic(Code::kW0050, span, "this absence has no effect");
    diagnostic.labels.push_back({other, std::move(label)});
    diagnostic.helps.push_back("leave one of the two out");
    context_.sink.report(std::move(diagnostic));
  }

  // The gaps of steps that take one event each bound the match.
  void check_within(const std::vector<ElementDraft>& drafts) {
    check_gaps(drafts);
    if (!tree_.within || !rule_.within || rule_.pattern.size() < 2) return;
    if (is_one_event(rule_.pattern[0]) && rule_.pattern[1].absent_for() &&
        rule_.pattern.size() == 2 && !context_.sink.has_errors()) {
      warn(tree_.within->span, "the rule's `within` has no effect",
           "the match is one event, and `for` gives the time that it waits", "leave it out");
      return;
    }
    std::int64_t all = 0;
    for (std::size_t i = 0; i < rule_.pattern.size(); ++i) {
      const Element& element = rule_.pattern[i];
      if (element.is_absence()) {
        const bool is_end = i + 1 == rule_.pattern.size();
        if (is_end && !element.absent_for()) return;
        continue;
      }
      if (!element.is_step() || element.quantifier().max != 1U) return;
      if (i == 0) continue;
      if (!element.gap || *element.gap >= *rule_.within) return;
      all += element.gap->us;
    }
    if (all == 0 || all > rule_.within->us) return;
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0050, tree_.within->span, "the rule's `within` has no effect",
                        fmt::format("the gaps add up to {}", cep::format_duration({all})));
    diagnostic.labels.push_back({drafts[0].step_tree()->span, "from here on"});
    diagnostic.helps.push_back("leave it out, or make it shorter");
    context_.sink.report(std::move(diagnostic));
  }

  // `without … for` says how long all steps may take.
  void check_gaps(const std::vector<ElementDraft>& drafts) {
    if (!waits_at_end()) return;
    for (std::size_t i = 0; i < rule_.pattern.size(); ++i) {
      const Element& element = rule_.pattern[i];
      if (!element.gap || *element.gap < *rule_.without->absent_for) continue;
      Diagnostic diagnostic = make_diagnostic(Code::kW0050, drafts[i].link->within->span,
                                              "a gap as long as all of the match may take");
      diagnostic.labels.push_back({tree_.without->span, "all steps are done before then"});
      diagnostic.helps.emplace_back("leave it out, or make it shorter");
      context_.sink.report(std::move(diagnostic));
    }
  }

  void check_considering(bool adds) {
    if (!tree_.considering || context_.sink.has_errors()) return;
    if (!adds) {
      warn(tree_.considering->span, "these kinds are considered without `considering`",
           "the rule names them elsewhere", "leave it out");
      return;
    }
    if (has_next(rule_.pattern) || rule_.suppression.kind() == Once::kWhile) return;
    warn(tree_.considering->span, "`considering` has no effect without `next`",
         "it defines what counts as the very next event",
         "leave it out, or write `then next`, `no next` or a loop with `next`");
  }

  void check_once() {
    const cep::Suppression& suppression = rule_.suppression;
    if (!tree_.once || suppression.kind() != Once::kPerVariable || !suppression.for_each.empty()) {
      return;
    }
    const SelectionKind kind = rule_.selection.kind;
    const char* const help = "leave it out; `once per 1h` suppresses alerts for an hour";
    if (kind == SelectionKind::kSkipPastLast || kind == SelectionKind::kConsume) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kW0050, tree_.once->span, "`once per` a step has no effect here");
      diagnostic.labels.push_back({tree_.after->span, "no two matches share an event"});
      diagnostic.helps.push_back(help);
      context_.sink.report(std::move(diagnostic));
      return;
    }
    const cep::VarIndex var = suppression.var();
    const bool begins = kind == SelectionKind::kSkipToNext && shape_.is_first(var);
    const bool completes = shape_.complete_together(var);
    if (is_single()) {
      warn(tree_.once->span, "`once per` the step of a rule of one event has no effect",
           "an event raises at most one alert for each key", help);
    } else if (begins) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kW0050, tree_.once->span, "`once per` a step has no effect here");
      diagnostic.labels.push_back({tree_.after->span, "an event begins at most one alert"});
      diagnostic.helps.emplace_back(help);
      context_.sink.report(std::move(diagnostic));
    } else if (completes && (kind == SelectionKind::kDefault || shape_.is_first(var))) {
      warn(tree_.once->span, "`once per` a step has no effect here",
           "an event of this step is in at most one alert already", help);
    }
  }

  void check_at_most() {
    const cep::Suppression& suppression = rule_.suppression;
    if (check_waiting()) return;
    if (!tree_.at_most || !suppression.at_most || suppression.kind() != Once::kPerDuration) return;
    const cep::AtMost& most = *suppression.at_most;
    if (!suppression.for_each.empty() || !most.for_each.empty()) return;
    if (cep::Int128{suppression.duration().us} * most.count < most.duration.us) return;
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0050, tree_.at_most->span, "`at most` has no effect here");
    diagnostic.labels.push_back({tree_.once->span, "lets no more alerts through"});
    diagnostic.helps.push_back("leave one of the two out");
    context_.sink.report(std::move(diagnostic));
  }

  // Alerts that wait so long for what must not come are apart from each other as it is. Returns
  // whether the rule's suppression has been reported.
  bool check_waiting() {
    const cep::Suppression& suppression = rule_.suppression;
    const auto apart = shape_.apart();
    if (!apart) return false;
    bool reported = false;
    const std::string label =
        fmt::format("two alerts are at least {} apart already", cep::format_duration(*apart));
    if (tree_.once && suppression.kind() == Once::kPerDuration && suppression.for_each.empty() &&
        suppression.duration() <= *apart) {
      warn(tree_.once->span, "`once per` has no effect here", label,
           "leave it out, or make it longer");
      reported = true;
    }
    if (!tree_.at_most || !suppression.at_most || !suppression.at_most->for_each.empty()) {
      return reported;
    }
    const cep::AtMost& most = *suppression.at_most;
    if (cep::Int128{apart->us} * most.count < most.duration.us) return reported;
    warn(tree_.at_most->span, "`at most` has no effect here", label, "leave it out");
    return true;
  }

  CheckContext& context_;
  const tree::Rule& tree_;
  const cep::Rule& rule_;
  const ConsideredKinds& considering_;
  MatchShape shape_;
  std::set<cep::VarIndex> read_;
};
}  // namespace

void warn_of_no_effect(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
                       const std::vector<ElementDraft>& drafts,
                       const ConsideredKinds& considering) {
  EffectChecker(context, tree, rule, considering).check(drafts);
}
}  // namespace tocsin::rules
