#include "api/rules/rule_history.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/rules/rule_texts.h"

namespace tocsin::api {
namespace {
using Texts = std::vector<runtime::NamedContents>;
using RulesById = std::map<std::string, RuleText>;
constexpr std::array<std::string_view, 4> kNames = {"added", "changed", "removed", "stage"};

// The rules in files of `texts` that `others` does not have likewise. Both are sorted by role.
RulesById differing_rules(const Texts& texts, const Texts& others) {
  Texts differing;
  for (const runtime::NamedContents& text : texts) {
    if (!text.role.starts_with(kRuleFileRole)) continue;
    const auto other =
        std::ranges::lower_bound(others, text.role, {}, &runtime::NamedContents::role);
    const bool is_same =
        other != others.end() && other->role == text.role && other->contents == text.contents;
    if (!is_same) differing.push_back(text);
  }
  RulesById rules;
  if (differing.empty()) return rules;
  for (RuleText& rule : RulePack(std::move(differing)).rules()) {
    std::string id = rule.id;
    rules.emplace(std::move(id), std::move(rule));
  }
  return rules;
}

// Rules whose stage differs and that are in none of the files that do.
std::vector<EditedRule> stages_alone(const RulePack& to, const std::map<std::string, Rollout>& was,
                                     const std::map<std::string, Rollout>& is,
                                     const RulesById& before, const RulesById& after) {
  std::vector<EditedRule> edited;
  const auto look_at = [&](const std::string& rule) {
    const Rollout from = rollout_of(was, rule);
    const Rollout now = rollout_of(is, rule);
    if (from == now || before.contains(rule) || after.contains(rule)) return;
    edited.push_back({rule, EditKind::kStage, from, now});
  };
  for (const auto& [rule, rollout] : was) look_at(rule);
  for (const auto& [rule, rollout] : is) {
    if (!was.contains(rule)) look_at(rule);
  }
  if (edited.empty()) return edited;
  std::vector<std::string> ids;  // a stage is kept for ids without a rule too
  for (RuleText& rule : to.rules()) ids.push_back(std::move(rule.id));
  std::erase_if(
      edited, [&](const EditedRule& one) { return std::ranges::find(ids, one.rule) == ids.end(); });
  return edited;
}
}  // namespace

std::string_view name_of(EditKind kind) { return kNames.at(static_cast<std::size_t>(kind)); }

std::optional<EditKind> edit_kind_named(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<EditKind>(found - kNames.begin());
}

std::vector<EditedRule> edited_rules(const RulePack& from, const RulePack& to) {
  const RulesById before = differing_rules(from.texts(), to.texts());
  const RulesById after = differing_rules(to.texts(), from.texts());
  const std::map<std::string, Rollout> was = from.rollouts();
  const std::map<std::string, Rollout> is = to.rollouts();
  std::vector<EditedRule> edited = stages_alone(to, was, is, before, after);
  for (const auto& [id, rule] : before) {
    const auto now = after.find(id);
    if (now == after.end()) {
      edited.push_back({id, EditKind::kRemoved});
      continue;
    }
    const Rollout stage_before = rollout_of(was, id);
    const Rollout stage_after = rollout_of(is, id);
    const bool is_same = now->second.text == rule.text && now->second.path == rule.path;
    if (is_same && stage_before == stage_after) continue;
    edited.push_back(
        {id, is_same ? EditKind::kStage : EditKind::kChanged, stage_before, stage_after});
  }
  for (const auto& [id, rule] : after) {
    if (!before.contains(id)) edited.push_back({id, EditKind::kAdded});
  }
  std::ranges::sort(edited, {}, &EditedRule::rule);
  return edited;
}

void RuleHistory::add(std::uint64_t version, const std::vector<EditedRule>& rules) {
  for (const EditedRule& rule : rules) {
    std::vector<VersionEdit>& edits = edits_[rule.rule];
    const auto place = std::ranges::upper_bound(edits, version, {}, &VersionEdit::version);
    edits.insert(place, {version, rule.kind, rule.before, rule.after});
  }
}

void RuleHistory::forget_before(std::uint64_t oldest) {
  for (auto& [rule, edits] : edits_) {
    edits.erase(edits.begin(), std::ranges::lower_bound(edits, oldest, {}, &VersionEdit::version));
  }
  std::erase_if(edits_, [](const auto& one) { return one.second.empty(); });
}

std::vector<VersionEdit> RuleHistory::of(std::string_view rule, std::uint64_t before,
                                         std::uint64_t after, std::size_t limit) const {
  std::vector<VersionEdit> found;
  const auto edits = edits_.find(rule);
  if (edits == edits_.end()) return found;
  for (auto one = edits->second.rbegin(); one != edits->second.rend(); ++one) {
    if (one->version <= after || found.size() == limit) break;
    if (one->version < before) found.push_back(*one);
  }
  return found;
}

std::vector<std::string> RuleHistory::rules() const {
  std::vector<std::string> rules;
  for (const auto& [rule, edits] : edits_) rules.push_back(rule);
  return rules;
}
}  // namespace tocsin::api
