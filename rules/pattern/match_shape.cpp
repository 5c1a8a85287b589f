#include "rules/pattern/match_shape.h"

#include <algorithm>
#include <cstdint>
#include <functional>

#include "cep/plan/expr_walk.h"
#include "cep/plan/rule.h"
#include "rules/pattern/unreachable_step.h"

namespace tocsin::rules {
using cep::Contiguity;
using cep::Element;
using cep::LoopMode;
using cep::Op;

namespace {
constexpr std::size_t kEventsMax = 64;  // of a contiguous match that is compared with itself

bool reads(const cep::ExprPtr& expr, cep::VarIndex var) {
  if (!expr) return false;
  const cep::VarIndex* const read = variable_of(*expr);
  if (read != nullptr && *read == var) return true;
  return std::ranges::any_of(expr->args, [&](const cep::ExprPtr& arg) { return reads(arg, var); });
}
bool is_counted(const cep::Quantifier& quantifier) {
  return quantifier.max && *quantifier.max == quantifier.min;
}
}  // namespace

std::set<cep::VarIndex> variables_read(const cep::Rule& rule) {
  std::set<cep::VarIndex> read;
  const auto add = [&](const cep::ExprPtr& expr) {
    if (!expr) return;
    cep::for_each_expr(*expr, [&](const cep::Expr& part) {
      if (const cep::VarIndex* const var = variable_of(part)) read.insert(*var);
    });
  };
  const std::function<void(const std::vector<Element>&)> add_elements =
      [&](const std::vector<Element>& elements) {
        for (const Element& element : elements) {
          add(element.where());
          add(element.until_where());
          add_elements(element.children());
        }
      };
  const cep::Suppression& suppression = rule.suppression;
  add_elements(rule.pattern);
  add(rule.having);
  if (rule.without) add(rule.without->where);
  for (const cep::ExprPtr& expr : suppression.for_each) add(expr);
  add(suppression.condition());
  add(suppression.zone());
  if (suppression.at_most) {
    for (const cep::ExprPtr& expr : suppression.at_most->for_each) add(expr);
  }
  for (const cep::Exception& exception : rule.exceptions) add(exception.condition);
  return read;
}

bool is_disjoint(const std::vector<cep::Subset>& a, const std::vector<cep::Subset>& b) {
  return std::ranges::none_of(a, [&](const cep::Subset& one) {
    return std::ranges::any_of(b, [&](const cep::Subset& two) { return one.type == two.type; });
  });
}

MatchShape::MatchShape(const CheckContext& context, const cep::Rule& rule)
    : context_(context), rule_(rule) {
  for (std::size_t i = 0; i < rule.pattern.size(); ++i) {
    const Element& element = rule.pattern[i];
    if (element.is_step()) {
      steps_.push_back({&element, i});
      last_step_ = &element;
      last_absence_ = nullptr;
    } else if (element.is_absence()) {
      last_absence_ = &element;
    } else {
      is_sequence_ = false;
      last_step_ = nullptr;
      last_absence_ = nullptr;
    }
  }
  if (last_absence_ != nullptr) {
    ending_ = last_absence_->is_next()      ? Ending::kAtNext
              : last_absence_->absent_for() ? Ending::kAfterLast
                                            : Ending::kAfterFirst;
  } else if (rule.without && rule.without->absent_for) {
    ending_ = Ending::kAfterFirst;
  }
}

std::optional<std::size_t> MatchShape::step_of(cep::VarIndex var) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].element->var() == var) return i;
  }
  return std::nullopt;
}

bool MatchShape::is_contiguous() const {
  return is_sequence_ && std::ranges::all_of(steps_, [&](const Step& step) {
           const Element& element = *step.element;
           const cep::Quantifier& quantifier = element.quantifier();
           if (element.is_optional() || !is_counted(quantifier)) return false;
           if (quantifier.max != 1U && quantifier.mode != LoopMode::kNext) return false;
           return &step == &steps_.front() || element.contiguity == Contiguity::kNext;
         });
}

// The element of each event; empty where they are too many.
std::vector<const Element*> MatchShape::expanded() const {
  std::vector<const Element*> events;
  for (const Step& step : steps_) {
    for (std::uint32_t i = 0; i < step.element->quantifier().min; ++i) {
      if (events.size() == kEventsMax) return {};
      events.push_back(step.element);
    }
  }
  return events;
}

bool MatchShape::can_overlap() const {
  const std::vector<const Element*> events = expanded();
  if (events.empty()) return true;
  for (std::size_t shift = 1; shift < events.size(); ++shift) {
    bool fits = true;
    for (std::size_t i = shift; fits && i < events.size(); ++i) {
      fits = !is_disjoint(events[i]->events(), events[i - shift]->events());
    }
    if (fits) return true;
  }
  return false;
}

bool MatchShape::is_inside(const std::vector<cep::Subset>& kinds) const {
  const std::vector<const Element*> events = expanded();
  if (events.empty()) return true;
  for (std::size_t i = 1; i + 1 < events.size(); ++i) {
    if (!is_disjoint(events[i]->events(), kinds)) return true;
  }
  return false;
}

bool MatchShape::forbids_all(const std::vector<cep::Subset>& events, const cep::ExprPtr& where,
                             const Element& step) const {
  return (!where || !cep::reads_run(*where)) &&
         takes_all(context_, events, where, step.events(), step.where());
}

bool MatchShape::begin_together() const {
  if (!is_sequence_ || steps_.empty()) return false;
  if (ending_ == Ending::kAfterFirst || is_contiguous()) return true;
  // An event that may begin a match ends all that have begun.
  const Element& first = *steps_.front().element;
  std::size_t least = 0;
  for (const Step& step : steps_) {
    if (!step.element->is_optional()) least += step.element->quantifier().min;
  }
  return rule_.without && least > 1 && !first.is_optional() &&
         forbids_all(rule_.without->events, rule_.without->where, first);
}

bool MatchShape::depends_on_earlier(const cep::ExprPtr& where, std::size_t step) const {
  return std::any_of(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(step),
                     [&](const Step& earlier) { return reads(where, earlier.element->var()); });
}

// Whether what a match takes after its one event at the step follows from that event alone.
bool MatchShape::is_determined_after(std::size_t step) const {
  for (std::size_t i = step + 1; i < steps_.size(); ++i) {
    const Element& element = *steps_[i].element;
    const cep::Quantifier& quantifier = element.quantifier();
    const bool repeats = quantifier.max != 1U;
    if (element.is_optional() || !is_counted(quantifier)) return false;
    if (element.contiguity == Contiguity::kAny) return false;
    if (repeats && quantifier.mode == LoopMode::kEach) return false;
    const bool is_strict =
        element.contiguity == Contiguity::kNext && (!repeats || quantifier.mode == LoopMode::kNext);
    if (!is_strict && depends_on_earlier(element.where(), step)) return false;
  }
  return true;
}

bool MatchShape::complete_together(cep::VarIndex var) const {
  if (last_step_ != nullptr && last_step_->var() == var && last_step_->quantifier().max == 1U &&
      ending_ != Ending::kAfterFirst) {
    return true;
  }
  const auto step = is_sequence_ ? step_of(var) : std::nullopt;
  if (!step || steps_[*step].element->quantifier().max != 1U) return false;
  return is_determined_after(*step) && (ending_ != Ending::kAfterFirst || is_first(var));
}

bool MatchShape::is_first(cep::VarIndex var) const {
  if (!is_sequence_ || steps_.empty()) return false;
  const Element& first = *steps_.front().element;
  return first.var() == var && !first.is_optional() && first.quantifier().max == 1U;
}

std::optional<cep::Duration> MatchShape::apart() const {
  if (!is_sequence_ || steps_.empty() || rule_.selection.kind != cep::SelectionKind::kDefault) {
    return std::nullopt;
  }
  const auto is_one = [](const Element& element) {
    return !element.is_optional() && element.quantifier().max == 1U;
  };
  const Element& first = *steps_.front().element;
  const Element& last = *steps_.back().element;
  if (ending_ == Ending::kAfterLast && is_one(last) &&
      forbids_all(last_absence_->events(), last_absence_->where(), last)) {
    return last_absence_->absent_for();
  }
  if (ending_ == Ending::kAfterFirst && last_absence_ == nullptr && is_one(first) &&
      forbids_all(rule_.without->events, rule_.without->where, first)) {
    return rule_.without->absent_for;
  }
  return std::nullopt;
}
}  // namespace tocsin::rules
