#include "cep/diagnose/derived_parts.h"

#include <algorithm>

namespace tocsin::cep {
namespace {
std::size_t optional_elements(const std::vector<Element>& elements) {
  std::size_t count = 0;
  for (const Element& element : elements) {
    count += (element.is_optional() ? 1 : 0) + optional_elements(element.children());
  }
  return count;
}
std::size_t most_members(const std::vector<Element>& elements) {
  std::size_t most = 0;
  for (const Element& element : elements) {
    if (element.kind() == ElementKind::kAllOf) most = std::max(most, element.children().size());
    most = std::max(most, most_members(element.children()));
  }
  return most;
}
// Whether a few events may have more matches than can be looked at one by one.
bool has_many_matches(const std::vector<Element>& pattern) {
  constexpr std::size_t kMembersMax = 7;
  constexpr std::size_t kOptionalMax = 44;
  return most_members(pattern) > kMembersMax || optional_elements(pattern) > kOptionalMax;
}

}  // namespace

Rule bare(const Rule& of) {
  Rule rule = of;
  rule.title.clear();
  rule.description.clear();
  rule.severity = nullptr;
  rule.exceptions.clear();
  rule.having = nullptr;
  rule.selection = {};
  if (!has_many_matches(of.pattern)) rule.selection.kind = SelectionKind::kNoSkip;
  rule.suppression = {};
  rule.message.clear();
  rule.fields.clear();
  rule.captured.clear();
  return rule;
}

void let_without_not_wait(Rule& rule) {
  if (!rule.without || !rule.without->absent_for) return;
  rule.within = rule.without->absent_for;
  rule.without->absent_for.reset();
}

void add_extra_variables(Rule& rule, const PatternStage* stage) {
  const ExtraVariables extra(rule);
  rule.variables.resize(rule.variables.size() + 3);
  if (stage == nullptr) return;
  if (stage->waits == PatternStage::Waits::kLoop) {
    rule.variables[extra.taken.value] = {.name = "", .loop = true, .parent = stage->next->var()};
    rule.variables[extra.next.value] = {
        .name = "", .loop = stage->repeated, .parent = stage->next->var()};
  }
  rule.variables[extra.inside.value].loop = stage->repeated;
}

std::optional<VarIndex> prev_of(const Rule& rule, const PatternStage& stage) {
  if (stage.waits != PatternStage::Waits::kLoop) return std::nullopt;
  return ExtraVariables(rule).taken;
}

void consider(Rule& rule, const std::vector<Subset>& kinds) {
  rule.considered.insert(rule.considered.end(), kinds.begin(), kinds.end());
}

bool reads_value(Op op) {
  switch (op) {
    case Op::kField:
    case Op::kBound:
    case Op::kPrev:
    case Op::kAggregate:
    case Op::kFeature:
    case Op::kKey:
    case Op::kTable:
    case Op::kCall:
    case Op::kMatched:
      return true;
    default:
      return false;
  }
}

Element inside_step(const Rule& rule, const std::vector<Subset>& kinds, const ExprPtr& where) {
  Step step;
  step.var = ExtraVariables(rule).inside;
  step.events = kinds;
  step.where = where;
  return step;
}

void leave_last_absences_out(std::vector<Element>& elements) {
  while (!elements.empty() && elements.back().is_absence()) elements.pop_back();
  if (elements.empty()) return;
  Group* const last = elements.back().group();
  if (last == nullptr) return;
  if (last->form == GroupForm::kSequence) {
    leave_last_absences_out(last->children);
    return;
  }
  for (Element& child : last->children) {
    if (Group* const inner = child.group()) leave_last_absences_out(inner->children);
  }
}

}  // namespace tocsin::cep
