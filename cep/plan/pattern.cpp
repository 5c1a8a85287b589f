#include "cep/plan/pattern.h"

namespace tocsin::cep {
namespace {
const Step kNoStep;
const Group kNoGroup;
}  // namespace

const EventTest* Element::test() const {
  if (const Step* const taken = step()) return taken;
  return absence();
}
EventTest* Element::test() {
  if (Step* const taken = step()) return taken;
  return absence();
}
const Repetition* Element::repetition() const {
  if (const Step* const taken = step()) return taken;
  return group();
}
Repetition* Element::repetition() {
  if (Step* const taken = step()) return taken;
  return group();
}

const std::vector<Subset>& Element::events() const {
  const EventTest* const own = test();
  return own != nullptr ? own->events : kNoStep.events;
}
const ExprPtr& Element::where() const {
  const EventTest* const own = test();
  return own != nullptr ? own->where : kNoStep.where;
}
const Quantifier& Element::quantifier() const {
  const Repetition* const own = repetition();
  return own != nullptr ? own->quantifier : kNoStep.quantifier;
}
bool Element::is_optional() const {
  const Repetition* const own = repetition();
  return own != nullptr && own->optional;
}
const std::vector<Subset>& Element::until_events() const {
  return is_step() ? step()->until_events : kNoStep.until_events;
}
const ExprPtr& Element::until_where() const {
  return is_step() ? step()->until_where : kNoStep.until_where;
}
const std::vector<Element>& Element::children() const {
  return group() != nullptr ? group()->children : kNoGroup.children;
}
bool Element::is_next() const { return is_absence() && absence()->next; }
std::optional<Duration> Element::absent_for() const {
  return is_absence() ? absence()->absent_for : std::nullopt;
}
}  // namespace tocsin::cep
