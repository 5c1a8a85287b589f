#include "cep/engine/key_scan.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cep/compile/compile.h"
#include "cep/compile/program.h"
#include "cep/data/key_part.h"
#include "cep/engine/table_state.h"
#include "cep/plan/rule.h"
#include "cep/value/key.h"

namespace tocsin::cep {
namespace {
std::vector<OwnedValue> parts_of(const KeySpec& spec, std::string_view key) {
  std::vector<OwnedValue> values;
  for (std::uint32_t part = 0; part < spec.parts.size(); ++part) {
    values.emplace_back(key_part_value(spec, key, part));
  }
  return values;
}

// Steps that a match misses, and when its time ends.
std::pair<std::uint32_t, EventTime> nearness_of(const ReportedMatch& match) {
  const std::uint32_t missing =
      match.is_complete ? 0 : match.steps - std::min(match.step, match.steps);
  const std::optional<EventTime> end = match.deadline ? match.deadline : match.expires;
  return {missing, end.value_or(kEventTimeMax)};
}
}  // namespace

KeyNearness nearness_of(const ScannedKey& key) {
  std::pair<std::uint32_t, EventTime> least = {KeyNearness::kNothing, kEventTimeMax};
  for (const ScannedRule& rule : key.rules) {
    if (rule.furthest) least = std::min(least, nearness_of(*rule.furthest));
    if (rule.window) {
      least = std::min(least, {KeyNearness::kWindow, rule.window->end.value_or(kEventTimeMax)});
    }
  }
  return {least.first, least.second, key.place};
}

std::uint64_t walk_layout(const Program& program, std::uint64_t salt) {
  std::string text;
  for (const RuleProgram& rule : program.impl().rules) {
    if (rule.method == Method::kSingle) continue;
    text += rule.rule->id;
    text += '\0';
    text += std::to_string(program.impl().tables[rule.table].key_number);
    for (const KeyPart& part : rule.rule->key.parts) {
      text += ' ';
      text += part.name;
    }
    text += '\n';
  }
  return hash_key(text, salt);
}

KeyScanner::KeyScanner(const ProgramImpl& program,
                       const std::vector<std::unique_ptr<TableState>>& tables, EventTime now,
                       KeyScan& scan)
    : program_(program), tables_(tables), now_(now), scan_(scan), left_(scan.keys_max) {}

void KeyScanner::run() {
  KeyPlace& at = scan_.at;
  std::uint32_t kinds = 0;
  for (const TableProgram& table : program_.tables) kinds = std::max(kinds, table.key_number + 1);
  for (; at.kind < kinds; ++at.kind, at.group = 0) {
    choose_tables();
    if (chosen_.empty()) continue;
    for (; at.group < kKeyGroupCount; ++at.group, at.after = 0) {
      if (scan_.last && at >= *scan_.last) {
        scan_.is_done = true;
        return;
      }
      if (!look_at_group()) return;
    }
  }
  scan_.is_done = true;
}

bool KeyScanner::has_rules(std::uint32_t table) const {
  return std::ranges::any_of(program_.rules, [&](const RuleProgram& rule) {
    return rule.table == table && rule.method != Method::kSingle && scan_.rules[rule.index.value];
  });
}

// Rules of later passes have a table of their own with the same keys.
void KeyScanner::choose_tables() {
  chosen_.clear();
  for (std::uint32_t table = 0; table < tables_.size(); ++table) {
    const bool is_of_kind = program_.tables[table].key_number == scan_.at.kind;
    if (is_of_kind && has_rules(table)) chosen_.push_back(table);
  }
}

// The group's keys that are still to be looked at, the first `left_` of them in order.
void KeyScanner::collect() {
  seen_.clear();
  for (const std::uint32_t table : chosen_) {
    KeyShard& keys = tables_[table]->shards_[scan_.at.group / kGroupsOfShard].keys;
    for (const KeySlot& slot : keys.slots_of_group(scan_.at.group % kGroupsOfShard)) {
      if (slot.hash == 0 || slot.record == 0) continue;
      const std::string_view key = keys.key(slot);
      const KeyPlace place = {scan_.at.kind, scan_.at.group, hash_key(key, scan_.salt)};
      const bool is_behind_last = scan_.last && place > *scan_.last;
      if (place > scan_.at && !is_behind_last) seen_.push_back({place.after, key});
    }
  }
  if (chosen_.size() == 1) {
    const std::size_t count = std::min(left_, seen_.size());
    std::ranges::partial_sort(seen_, seen_.begin() + static_cast<std::ptrdiff_t>(count), {},
                              &Seen::order);
    return;
  }
  std::ranges::sort(seen_, {}, &Seen::order);
  const auto is_same = [](const Seen& a, const Seen& b) { return a.order == b.order; };
  seen_.erase(std::unique(seen_.begin(), seen_.end(), is_same), seen_.end());
}

// False if the call is to end before the group does.
bool KeyScanner::look_at_group() {
  collect();
  for (const Seen& one : seen_) {
    if (left_ == 0) return false;
    scan_.at.after = one.order;
    ++scan_.examined;
    --left_;
    look_at(one.key);
    if (scan_.is_over && scan_.is_over()) return false;
  }
  return true;
}

void KeyScanner::look_at(std::string_view key) {
  const TableProgram& table = program_.tables[chosen_.front()];  // all have the same key
  std::vector<OwnedValue> parts = parts_of(table.key, key);
  if (!scan_.prefix.empty() &&
      (parts.empty() || !to_text(parts.front().view()).starts_with(scan_.prefix))) {
    return;
  }
  std::vector<ScannedRule> rules;
  for (const std::uint32_t each : chosen_) take(each, key, rules);
  if (rules.empty()) return;
  std::ranges::sort(rules, {}, &ScannedRule::rule);
  std::vector<std::string> names = names_of(rules.front().rule);
  scan_.found.push_back({scan_.at, std::move(names), std::move(parts), std::move(rules)});
}

void KeyScanner::take(std::uint32_t table, std::string_view key, std::vector<ScannedRule>& rules) {
  KeyReport report;
  tables_[table]->report(key, now_, scan_.matches_max, false, report);
  for (ReportedRule& rule : report.rules) {
    if (!scan_.rules[rule.rule.value]) continue;
    ScannedRule found;
    found.rule = rule.rule;
    found.matches = rule.matches.size() + rule.more_matches;
    for (const ReportedMatch& match : rule.matches) {
      found.complete += match.is_complete ? 1 : 0;
      if (match.is_complete || match.step == 0) continue;
      if (found.by_step.size() < match.step) found.by_step.resize(match.step);
      ++found.by_step[match.step - 1];
    }
    const auto nearest = std::ranges::min_element(
        rule.matches, {}, [](const ReportedMatch& match) { return nearness_of(match); });
    if (nearest != rule.matches.end()) found.furthest = std::move(*nearest);
    found.window = std::move(rule.window);
    found.suppression = rule.suppression;
    rules.push_back(std::move(found));
  }
}

std::vector<std::string> KeyScanner::names_of(RuleIndex rule) const {
  std::vector<std::string> names;
  for (const KeyPart& part : program_.plan->rules[rule.value].key.parts) names.push_back(part.name);
  return names;
}
}  // namespace tocsin::cep
