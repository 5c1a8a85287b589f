#include "rules/pattern/check_shape.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/compile/pattern_program.h"
#include "rules/context/report.h"

namespace tocsin::rules {
namespace {
class ShapeChecker {
 public:
  explicit ShapeChecker(CheckContext& context) : context_(context) {}

  // `in_sequence`: each follows the one before it; else they are alternatives or members.
  // `may_end`: the match may be complete when they are done.
  bool check(const std::vector<ElementDraft>& elements, bool in_sequence, bool may_end) {
    const ElementDraft* optional = nullptr;  // all from here on may be passed by
    for (std::size_t i = elements.size(); may_end && in_sequence && i > 0; --i) {
      const ElementDraft& element = elements[i - 1];
      if (element.absence() == nullptr) {
        if (!can_be_empty(element)) break;
        optional = &element;
      } else if (optional != nullptr) {
        report_unbound(*element.absence()->tree, optional->step_tree());
      }
    }
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const ElementDraft& element = elements[i];
      if (const tree::Step* const step = element.step_tree()) check_step(*step);
      if (in_sequence && i > 0) check_neighbours(elements[i - 1], element);
      const bool is_sequence = element.is_group(cep::GroupForm::kSequence);
      const bool ends = may_end && element.repetition().quantifier.max == 1U &&
                        !element.is_group(cep::GroupForm::kAllOf) &&
                        (!in_sequence || all_may_be_passed(elements, i + 1));
      check(element.children(), is_sequence, ends);
    }
    return right_;
  }

 private:
  void report(Diagnostic diagnostic, std::string help) {
    right_ = false;
    if (!help.empty()) diagnostic.helps.push_back(std::move(help));
    context_.sink.report(std::move(diagnostic));
  }

  static bool all_may_be_passed(const std::vector<ElementDraft>& elements, std::size_t from) {
    return std::all_of(elements.begin() + static_cast<std::ptrdiff_t>(from), elements.end(),
                       [](const ElementDraft& element) {
                         return element.absence() == nullptr && can_be_empty(element);
                       });
  }

  // The match is given without the steps behind the absence, whatever comes after it.
  void report_unbound(const tree::Absence& absence, const tree::Step* optional) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0440, absence.span, "an absence that only optional steps follow");
    if (optional != nullptr) {
      diagnostic.labels.push_back(
          {optional->span, "may be skipped: the match is complete without waiting"});
    }
    report(std::move(diagnostic),
           absence.next
               ? "make the last step a must, or leave it out and end with `no next …`"
               : "make the last step required, or replace it by a duration: `no … for 5m`");
  }

  void check_step(const tree::Step& step) {
    if (step.until) {
      if (!step.count) {
        report(make_diagnostic(Code::kE0421, step.until->span, "`until` on a step of one event",
                               "it ends a loop"),
               "give the step a count without an end: `1+ payment until logout`");
      } else if (!step.count->or_more) {
        Diagnostic diagnostic =
            make_diagnostic(Code::kE0421, step.until->span, "`until` on a counted loop");
        diagnostic.labels.push_back({step.count->span, "ends by itself"});
        report(std::move(diagnostic), "`until` ends a loop without an end, such as `1+`");
      }
    }
    if (!step.count || !step.count->greedy) return;
    if (step.form != tree::StepForm::kKinds) {
      report(make_diagnostic(Code::kE0422, step.count->greedy_span, "`greedy` on a group"),
             "only the loop of one step can be greedy: leave it out");
    } else if (step.count->mode == tree::LoopWord::kEach) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0422, step.count->greedy_span, "`greedy` with `each`");
      diagnostic.labels.push_back({step.count->mode_span, "lets the loop leave any event out"});
      report(std::move(diagnostic), "leave out one of the two");
    }
  }

  void check_neighbours(const ElementDraft& before, const ElementDraft& element) {
    const tree::Step* const first = before.step_tree();
    if (first == nullptr) return;
    if (element.absence() != nullptr) {
      if (!can_be_empty(before)) return;
      Diagnostic diagnostic = make_diagnostic(Code::kE0420, element.absence()->tree->no_span,
                                              "an absence directly after an optional step");
      diagnostic.labels.push_back({first->span, "may be skipped"});
      report(std::move(diagnostic),
             "make a rule for each case, or write the absence after a step that is always there");
      return;
    }
    const auto& count = first->count;
    if (before.step() != nullptr && count && count->greedy && can_be_empty(element)) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0422, count->greedy_span, "`greedy` before an optional step");
      if (const tree::Step* const skipped = element.step_tree()) {
        diagnostic.labels.push_back({skipped->span, "may be skipped"});
      }
      report(std::move(diagnostic), "leave `greedy` out, or make the next step a must");
    }
  }

  CheckContext& context_;
  bool right_ = true;
};

// Of the largest `all of`.
std::size_t most_members(const std::vector<ElementDraft>& elements) {
  std::size_t most = 0;
  for (const ElementDraft& element : elements) {
    if (element.is_group(cep::GroupForm::kAllOf)) {
      most = std::max(most, element.children().size());
    }
    most = std::max(most, most_members(element.children()));
  }
  return most;
}
}  // namespace

bool check_shape(CheckContext& context, const tree::Pattern& pattern,
                 const std::vector<ElementDraft>& elements) {
  bool right = ShapeChecker(context).check(elements, true, true);
  const auto report = [&](Code code, std::string message, std::string help) {
    right = false;
    Diagnostic diagnostic = make_diagnostic(code, pattern.span, std::move(message));
    diagnostic.helps.push_back(std::move(help));
    context.sink.report(std::move(diagnostic));
  };
  if (!elements.empty() && can_be_empty(elements)) {
    report(Code::kE0423, "a pattern that may take no event",
           "at least one step of it must be neither optional nor from 0");
  }
  if (const std::size_t members = most_members(elements); members > cep::kAllOfMax) {
    report(Code::kE0433, fmt::format("an `all of` with {} members", members),
           fmt::format("at most {}: split the rule", cep::kAllOfMax));
  } else if (count_states(elements, kPatternStatesMax) > kPatternStatesMax) {
    report(Code::kE0433, fmt::format("a pattern of more than {} states", kPatternStatesMax),
           "a step is one; where a member of an `all of` is a loop or a group, its members count "
           "once for each set of the others: split the rule");
  }
  return right;
}
}  // namespace tocsin::rules
