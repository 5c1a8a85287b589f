#include "rules/no_effect.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "cep/time.h"
#include "cep/value.h"
#include "rules/report.h"
#include "rules/unreachable_step.h"

namespace tocsin::rules {
using cep::Element;
using cep::ElementKind;
using cep::LoopMode;
using cep::Once;
using cep::SelectionKind;

namespace {
bool is_plain_step(const Element& element) {
  return element.kind == ElementKind::kStep && !element.optional;
}
bool is_one_event(const Element& element) {
  return is_plain_step(element) && !element.quantifier.loop;
}
bool repeats(const Element& element) { return element.quantifier.max != 1U; }

bool has_next(const std::vector<Element>& elements) {
  return std::ranges::any_of(elements, [](const Element& element) {
    return element.next || element.contiguity == cep::Contiguity::kNext ||
           (repeats(element) && element.quantifier.mode == LoopMode::kNext) ||
           has_next(element.children);
  });
}

bool is_disjoint(const std::vector<cep::Subset>& a, const std::vector<cep::Subset>& b) {
  return std::ranges::none_of(a, [&](const cep::Subset& one) {
    return std::ranges::any_of(b, [&](const cep::Subset& two) { return one.type == two.type; });
  });
}

class EffectChecker {
 public:
  EffectChecker(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule)
      : context_(context), tree_(tree), rule_(rule) {}

  void check(const std::vector<ElementDraft>& drafts, bool considering_adds) {
    check_one_event();
    check_sequence(drafts, rule_.pattern, true);
    check_within(drafts);
    check_considering(considering_adds);
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

  void check_one_event() {
    if (tree_.without && !waits_at_end() && is_of_one_event(rule_.pattern)) {
      warn(tree_.without->span, "`without` on a rule of one event has no effect",
           "nothing comes between its first and its last event",
           "leave it out, or say how long none may come after the event: `without … for 5m`");
    }
    if (!is_single()) return;
    const char* const label = "each match is an event of its own";
    if (tree_.after) {
      warn(tree_.after->span, "`after match` on a rule of one event has no effect", label,
           "leave it out");
    }
    if (tree_.prefer_latest) {
      warn(tree_.prefer_latest->span, "`prefer latest` on a rule of one event has no effect", label,
           "leave it out");
    }
  }

  // `ends`: nothing of the pattern takes an event after the sequence.
  void check_sequence(const std::vector<ElementDraft>& drafts, const std::vector<Element>& elements,
                      bool ends) {
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const Element& element = elements[i];
      const bool is_last =
          ends &&
          std::all_of(elements.begin() + static_cast<std::ptrdiff_t>(i) + 1, elements.end(),
                      [](const Element& later) { return later.kind == ElementKind::kAbsence; });
      switch (element.kind) {
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
    if (group.kind == ElementKind::kGroup) {
      check_sequence(draft.children, group.children, ends);
      return;
    }
    for (std::size_t i = 0; i < group.children.size(); ++i) {
      const bool inner = ends && group.kind == ElementKind::kOneOf;
      check_sequence({draft.children[i]}, {group.children[i]}, inner);
    }
  }

  void check_loop(const ElementDraft& draft, const Element& loop, bool is_last) {
    if (draft.step_tree == nullptr || !draft.step_tree->count) return;
    const tree::Count& count = *draft.step_tree->count;
    if (count.greedy && is_last) {
      warn(count.greedy_span, "`greedy` on a loop that no step follows has no effect",
           "keeps events from a later step", "leave it out");
    }
    if (count.mode != tree::LoopWord::kNone && !repeats(loop)) {
      warn(count.mode_span, "a count of one says nothing about further events", {},
           "leave the word out");
    }
  }

  // Absences between steps; `no …` at the end of the pattern always has an effect.
  void check_absence(const std::vector<ElementDraft>& drafts, const std::vector<Element>& elements,
                     std::size_t i, bool ends) {
    const Element& absence = elements[i];
    std::size_t after = i + 1;
    while (after < elements.size() && elements[after].kind == ElementKind::kAbsence) ++after;
    if (after == elements.size()) return;
    const SourceSpan span = drafts[i].absence->span;
    const Element& step = elements[after];
    if (is_plain_step(step) && step.contiguity == cep::Contiguity::kNext) {
      const bool completes =
          ends && after + 1 == elements.size() && step.quantifier.max == 1U && !waits_at_end();
      const bool decides = (completes && !absence.next) || is_disjoint(absence.events, step.events);
      if (decides && is_named_elsewhere(absence)) {
        Diagnostic diagnostic =
            make_diagnostic(Code::kW0050, span, "an absence before `then next` has no effect");
        diagnostic.labels.push_back({drafts[after].link->link_span, "the very next event decides"});
        diagnostic.helps.push_back("leave it out, or write `then` instead of `then next`");
        context_.sink.report(std::move(diagnostic));
        return;
      }
    }
    if (absence.next) return;
    if (tree_.without && rule_.without &&
        covers(rule_.without->events, rule_.without->where, absence)) {
      repeated(span, tree_.without->span, "forbids them from the first step to the last");
      return;
    }
    for (std::size_t other = i; other > 0; --other) {
      const Element& before = elements[other - 1];
      if (before.kind != ElementKind::kAbsence) return;
      if (before.next || !covers(before.events, before.where, absence)) continue;
      repeated(span, drafts[other - 1].absence->span, "forbids them already");
      return;
    }
  }
  // Whether the rule would consider the absence's events without it too.
  bool is_named_elsewhere(const Element& absence) const {
    return std::ranges::all_of(absence.events, [&](const cep::Subset& subset) {
      const auto has = [&](const std::vector<cep::Subset>& events) {
        return takes_all(context_, events, nullptr, subset, nullptr);
      };
      return names(rule_.pattern, absence, has) || (rule_.without && has(rule_.without->events));
    });
  }
  template <typename Has>
  static bool names(const std::vector<Element>& elements, const Element& but, const Has& has) {
    return std::ranges::any_of(elements, [&](const Element& element) {
      return &element != &but && (has(element.events) || has(element.until_events) ||
                                  names(element.children, but, has));
    });
  }
  bool covers(const std::vector<cep::Subset>& events, const cep::ExprPtr& where,
              const Element& absence) const {
    return !absence.events.empty() && std::ranges::all_of(absence.events, [&](const auto& subset) {
      return takes_all(context_, events, where, subset, absence.where);
    });
  }
  void repeated(SourceSpan span, SourceSpan other, std::string label) {
    Diagnostic diagnostic = make_diagnostic(Code::kW0050, span, "this absence has no effect");
    diagnostic.labels.push_back({other, std::move(label)});
    diagnostic.helps.push_back("leave one of the two out");
    context_.sink.report(std::move(diagnostic));
  }

  // The gaps of steps that take one event each bound the match.
  void check_within(const std::vector<ElementDraft>& drafts) {
    if (!tree_.within || !rule_.within || rule_.pattern.size() < 2) return;
    std::int64_t all = 0;
    for (std::size_t i = 0; i < rule_.pattern.size(); ++i) {
      const Element& element = rule_.pattern[i];
      if (element.kind == ElementKind::kAbsence) {
        const bool is_end = i + 1 == rule_.pattern.size();
        if (is_end && !element.absent_for) return;
        continue;
      }
      if (!is_one_event(element)) return;
      if (i == 0) continue;
      if (!element.gap || *element.gap >= *rule_.within) return;
      all += element.gap->us;
    }
    if (all == 0 || all > rule_.within->us) return;
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0050, tree_.within->span, "the rule's `within` has no effect",
                        fmt::format("the gaps add up to {}", cep::format_duration({all})));
    diagnostic.labels.push_back({drafts[0].step_tree->span, "from here on"});
    diagnostic.helps.push_back("leave it out, or make it shorter");
    context_.sink.report(std::move(diagnostic));
  }

  void check_considering(bool adds) {
    if (!tree_.considering || context_.sink.has_errors()) return;
    if (!adds) {
      warn(tree_.considering->span, "these kinds are considered without `considering`",
           "the rule names them elsewhere", "leave it out");
      return;
    }
    if (has_next(rule_.pattern) || rule_.suppression.once == Once::kWhile) return;
    warn(tree_.considering->span, "`considering` has no effect without `next`",
         "says what counts as the very next event",
         "leave it out, or write `then next`, `no next` or a loop with `next`");
  }

  void check_once() {
    const cep::Suppression& suppression = rule_.suppression;
    if (!tree_.once || suppression.once != Once::kPerVariable || !suppression.for_each.empty()) {
      return;
    }
    const SelectionKind kind = rule_.selection.kind;
    const char* const help = "leave it out; `once per 1h` holds alerts back for an hour";
    if (kind == SelectionKind::kSkipPastLast || kind == SelectionKind::kConsume) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kW0050, tree_.once->span, "`once per` a step has no effect here");
      diagnostic.labels.push_back({tree_.after->span, "no two matches share an event"});
      diagnostic.helps.push_back(help);
      context_.sink.report(std::move(diagnostic));
      return;
    }
    if (!is_single()) return;
    warn(tree_.once->span, "`once per` the step of a rule of one event has no effect",
         "an event raises at most one alert for each key", help);
  }

  void check_at_most() {
    const cep::Suppression& suppression = rule_.suppression;
    if (!tree_.at_most || !suppression.at_most || suppression.once != Once::kPerDuration) return;
    const cep::AtMost& most = *suppression.at_most;
    if (!suppression.for_each.empty() || !most.for_each.empty()) return;
    if (cep::Int128{suppression.duration.us} * most.count < most.duration.us) return;
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0050, tree_.at_most->span, "`at most` has no effect here");
    diagnostic.labels.push_back({tree_.once->span, "lets no more alerts through"});
    diagnostic.helps.push_back("leave one of the two out");
    context_.sink.report(std::move(diagnostic));
  }

  CheckContext& context_;
  const tree::Rule& tree_;
  const cep::Rule& rule_;
};
}  // namespace

void warn_of_no_effect(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
                       const std::vector<ElementDraft>& drafts, bool considering_adds) {
  EffectChecker(context, tree, rule).check(drafts, considering_adds);
}
}  // namespace tocsin::rules
