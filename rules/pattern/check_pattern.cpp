#include "rules/pattern/check_pattern.h"

#include <fmt/format.h>

#include <algorithm>

#include "rules/context/report.h"
#include "rules/pattern/check_shape.h"

namespace tocsin::rules {
namespace {
constexpr std::int64_t kCountMax = 100'000;

class Drafter {
 public:
  Drafter(CheckContext& context, RuleScope& scope, PatternDraft& draft)
      : context_(context), scope_(scope), draft_(draft) {}

  void add(const tree::Pattern& pattern, std::vector<ElementDraft>& sequence) {
    for (const tree::Element& element : pattern.elements) {
      const auto* const absence = std::get_if<tree::Absence>(&element.body);
      ElementDraft next = absence != nullptr ? ElementDraft(absence_of(*absence))
                                             : element_of(std::get<tree::Step>(element.body));
      next.link = &element;
      sequence.push_back(std::move(next));
    }
  }

 private:
  void add_types(const ResolvedKinds& kinds) {
    draft_.types.insert(draft_.types.end(), kinds.types.begin(), kinds.types.end());
    draft_.types_broken = draft_.types_broken || kinds.broken;
    draft_.broken = draft_.broken || kinds.broken;
  }

  AbsenceDraft absence_of(const tree::Absence& absence) {
    AbsenceDraft next;
    next.tree = &absence;
    next.kinds = resolve_kinds(context_, absence.kinds, &scope_);
    next.place = {scope_.steps.size(), enclosures_};
    add_types(next.kinds);
    return next;
  }

  ElementDraft element_of(const tree::Step& step) {
    if (step.form == tree::StepForm::kKinds) return step_of(step);
    return group_of(step);
  }

  GroupDraft group_of(const tree::Step& step) {
    GroupDraft next;
    next.tree = &step;
    read_repetition(step, next);
    if (step.form == tree::StepForm::kOneOf) {
      add_alternatives(step, next);
    } else if (step.form == tree::StepForm::kAllOf) {
      next.form = cep::GroupForm::kAllOf;
      enter(step, ++groups_, [&] {
        for (std::size_t i = 0; i < step.members.size(); ++i) {
          enclosures_.back().form = Enclosure::Form::kAllOf;
          enclosures_.back().branch = i;
          next.children.push_back(element_of(step.members[i]));
        }
      });
    } else {
      enter(step, 0, [&] {
        for (const tree::Pattern& pattern : step.patterns) add(pattern, next.children);
      });
    }
    return next;
  }

  // Inside the group, and inside its rounds where it has a count. `group`: 0 where it is no choice.
  template <typename Fill>
  void enter(const tree::Step& step, std::size_t group, const Fill& fill) {
    const std::size_t depth = enclosures_.size();
    if (step.count) enclosures_.push_back({Enclosure::Form::kRepeated, ++groups_, 0});
    if (group != 0) enclosures_.push_back({Enclosure::Form::kOneOf, group, 0});
    const int passed_by = passed_by_;
    if (step.optional) ++passed_by_;
    fill();
    passed_by_ = passed_by;
    enclosures_.resize(depth);
  }

  bool is_repeated() const {
    return std::ranges::any_of(enclosures_, [](const Enclosure& enclosure) {
      return enclosure.form == Enclosure::Form::kRepeated;
    });
  }

  void add_alternatives(const tree::Step& step, GroupDraft& next) {
    next.form = cep::GroupForm::kOneOf;
    const std::size_t group = ++groups_;
    const std::optional<std::size_t> parent_before = parent_;
    if (step.as) {
      StepSymbol symbol;
      symbol.name = step.as->text;
      symbol.span = step.as->span;
      symbol.one_of = group;
      symbol.enclosures = enclosures_;
      symbol.parent = parent_;
      parent_ = add_symbol(std::move(symbol));
    }
    const std::optional<std::size_t> own = parent_;
    if (step.as) next.symbol = own;
    enter(step, group, [&] {
      for (std::size_t i = 0; i < step.patterns.size(); ++i) {
        enclosures_.back().branch = i;
        GroupDraft alternative;
        add(step.patterns[i], alternative.children);
        next.children.push_back(std::move(alternative));
      }
    });
    parent_ = parent_before;
    if (!step.as) return;
    StepSymbol& symbol = scope_.steps[*own];
    symbol.loop = is_repeated() || step.count.has_value();
    for (const ElementDraft& alternative : next.children) {
      std::size_t steps = 0;
      for_each_draft(alternative.children(), [&](const ElementDraft& inner) {
        const StepDraft* const taken = inner.step();
        if (taken == nullptr) return;
        const ResolvedKinds& kinds = taken->kinds;
        symbol.loop = symbol.loop || ++steps > 1 || scope_.steps[taken->symbol].loop;
        symbol.types.insert(symbol.types.end(), kinds.types.begin(), kinds.types.end());
        symbol.broken = symbol.broken || kinds.broken;
      });
    }
    normalize(symbol.types);
  }

  StepDraft step_of(const tree::Step& step) {
    StepDraft next;
    next.tree = &step;
    read_repetition(step, next);
    next.kinds = resolve_kinds(context_, step.kinds, &scope_);
    add_types(next.kinds);
    StepSymbol symbol;
    symbol.loop = next.quantifier.loop || is_repeated();
    if (!is_repeated()) {
      const bool sure = !next.optional && enclosures_.empty() && passed_by_ == 0;
      symbol.count_min = sure ? next.quantifier.min : 0;
      symbol.count_max = next.quantifier.max;
    }
    symbol.types = next.kinds.types;
    symbol.broken = next.kinds.broken;
    symbol.span = step.kinds.span;
    symbol.enclosures = enclosures_;
    symbol.parent = parent_;
    if (step.as) {
      symbol.name = step.as->text;
      symbol.span = step.as->span;
    } else if (step.kinds.refs.size() == 1) {
      symbol.kind = step.kinds.refs.front().name.text;
    }
    next.symbol = add_symbol(std::move(symbol));
    next.place = {scope_.steps.size(), enclosures_};
    if (step.until) {
      next.until = resolve_kinds(context_, step.until->kinds, &scope_);
      add_types(next.until);
    }
    return next;
  }

  std::size_t add_symbol(StepSymbol symbol) {
    const std::size_t place = scope_.steps.size();
    symbol.var = cep::VarIndex(place);
    if (!symbol.name.empty()) {
      const auto [earlier, is_new] = scope_.step_by_name.emplace(symbol.name, place);
      if (!is_new) {
        Diagnostic diagnostic = make_diagnostic(
            Code::kE0210, symbol.span, fmt::format("two steps are named {}", in_code(symbol.name)));
        diagnostic.labels.push_back({scope_.steps[earlier->second].span, "the first"});
        context_.sink.report(std::move(diagnostic));
        draft_.broken = true;
      }
    }
    scope_.steps.push_back(std::move(symbol));
    return place;
  }

  void read_repetition(const tree::Step& step, cep::Repetition& next) {
    next.optional = step.optional.has_value();
    if (step.count) read_count(*step.count, next);
  }
  void read_count(const tree::Count& count, cep::Repetition& next) {
    cep::Quantifier& quantifier = next.quantifier;
    quantifier.loop = true;
    quantifier.greedy = count.greedy;
    if (count.mode == tree::LoopWord::kNext) quantifier.mode = cep::LoopMode::kNext;
    if (count.mode == tree::LoopWord::kEach) quantifier.mode = cep::LoopMode::kEach;
    const tree::IntLiteral& most = count.max ? *count.max : count.min;
    std::string problem;
    if (most.value == 0 && !count.or_more) {
      problem = "a step that takes no event";
    } else if (most.value < count.min.value) {
      problem = fmt::format("a count from {} to {}", count.min.value, most.value);
    } else if (most.value > kCountMax) {
      problem = fmt::format("a count of more than {}", kCountMax);
    }
    if (!problem.empty()) {
      Diagnostic diagnostic = make_diagnostic(Code::kE0407, count.span, std::move(problem));
      diagnostic.helps.push_back("a count is `3`, `3+` or `2..5`");
      context_.sink.report(std::move(diagnostic));
      draft_.broken = true;
      return;
    }
    // From 0 is optional from 1.
    if (count.min.value == 0) next.optional = true;
    quantifier.min = static_cast<std::uint32_t>(std::max<std::int64_t>(count.min.value, 1));
    quantifier.max = static_cast<std::uint32_t>(most.value);
    if (count.or_more) quantifier.max.reset();
  }

  CheckContext& context_;
  RuleScope& scope_;
  PatternDraft& draft_;
  std::vector<Enclosure> enclosures_;
  std::optional<std::size_t> parent_;  // the named `one of` around
  std::size_t groups_ = 0;
  int passed_by_ = 0;  // optional groups around
};
}  // namespace

PatternDraft draft_pattern(CheckContext& context, const tree::Pattern& pattern, RuleScope& scope) {
  PatternDraft draft;
  Drafter(context, scope, draft).add(pattern, draft.elements);
  normalize(draft.types);
  draft.broken = draft.broken || draft.elements.empty();
  if (!check_shape(context, pattern, draft.elements)) draft.broken = true;
  return draft;
}
}  // namespace tocsin::rules
