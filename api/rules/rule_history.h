/// What each version of the rules changed in which rule, so that one rule's versions are found
/// without reading the texts of all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/rules/rule_pack.h"
#include "api/rules/rule_rollout.h"

namespace tocsin::api {
enum class EditKind : std::uint8_t {
  kAdded,
  kChanged,  // its text, its tests or its file; its stage may be another too
  kRemoved,
  kStage,  // nothing else
};
/// "added", "changed", "removed", "stage".
std::string_view name_of(EditKind kind);
std::optional<EditKind> edit_kind_named(std::string_view name);

/// A rule that a version changed.
struct EditedRule {
  std::string rule;
  EditKind kind = EditKind::kChanged;
  Rollout before = {};  // equal to `after` unless its stage was changed
  Rollout after = {};
};
/// The rules in which `to` differs from `from`, by id. Only files that differ are parsed, and all
/// of `to` where the stage of a rule in another file does.
std::vector<EditedRule> edited_rules(const RulePack& from, const RulePack& to);

/// A version that changed the rule in question.
struct VersionEdit {
  std::uint64_t version = 0;
  EditKind kind = EditKind::kChanged;
  Rollout before = {};
  Rollout after = {};
};

/// Threading: one thread at a time.
class RuleHistory {
 public:
  /// Versions may be added in any order, each once.
  void add(std::uint64_t version, const std::vector<EditedRule>& rules);
  /// Forgets the versions before `oldest`, and rules that no other version changed.
  void forget_before(std::uint64_t oldest);
  /// The versions that changed this rule, below `before` and above `after`, newest first.
  std::vector<VersionEdit> of(std::string_view rule, std::uint64_t before, std::uint64_t after,
                              std::size_t limit) const;
  bool knows(std::string_view rule) const { return edits_.contains(rule); }
  std::vector<std::string> rules() const;

 private:
  std::map<std::string, std::vector<VersionEdit>, std::less<>> edits_;  // of each oldest first
};
}  // namespace tocsin::api
