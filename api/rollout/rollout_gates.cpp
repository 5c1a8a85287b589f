#include "api/rollout/rollout_gates.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "api/rules/rule_texts.h"
#include "cep/plan/severity.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
// In shadow or more.
bool is_in_service(const RuleText& rule, const Rollout& rollout) {
  return (rollout.stage == RuleStage::kLive || rollout.stage == RuleStage::kShadow) &&
         rule.status.value_or(cep::Status::kLive) != cep::Status::kDraft;
}
bool lets_out_no_more(const Rollout& before, const Rollout& after) {
  if (before == after || after.stage != RuleStage::kLive) return true;
  return before.stage == RuleStage::kLive && before.share.has_all_of(after.share);
}

// The digest of what a version has by this role; nothing where it has no such text.
std::optional<cep::Digest> digest_of(const RuleVersion& version, const std::string& role) {
  const auto text = std::ranges::find(version.texts, role, &runtime::CheckpointBlob::role);
  return text == version.texts.end() ? std::nullopt : std::optional(text->digest);
}

// Since when rules have had a text without a break, in shadow or live, by the versions there were.
class ServiceTimes {
 public:
  explicit ServiceTimes(const RuleService& rules) : rules_(rules), versions_(rules.versions()) {}
  // `now` if it has not had it; looks no further back than `from`.
  cep::EventTime since(const std::string& id, const std::string& body, cep::EventTime now,
                       cep::EventTime from) {
    const cep::Digest wanted = cep::sha256(body);
    cep::EventTime since = now;
    const RuleVersion* good = nullptr;  // the last that was looked into
    for (const RuleVersion& version : versions_) {
      if (good == nullptr || !has_same(*good, version, id)) {
        const std::map<std::string, Served>& served = look_into(version);
        const auto rule = served.find(id);
        if (rule == served.end() || rule->second.body != wanted) break;
        good = &version;
      }
      since = version.at;
      if (since <= from) break;
    }
    return since;
  }

 private:
  struct Served {
    std::string role;  // of its file
    cep::Digest body{};
  };
  bool has_same(const RuleVersion& good, const RuleVersion& other, const std::string& id) {
    const std::string& role = looked_into_[good.number].at(id).role;
    const std::string stages(kStagesRole);
    return digest_of(good, role) == digest_of(other, role) &&
           digest_of(good, stages) == digest_of(other, stages);
  }
  // What was in shadow or live; nothing where the version's texts are gone.
  const std::map<std::string, Served>& look_into(const RuleVersion& version) {
    const auto [place, is_new] = looked_into_.try_emplace(version.number);
    const Result<RulePack> pack = is_new ? rules_.pack_of(version.number) : RulePack();
    if (!pack) return place->second;
    const std::map<std::string, Rollout> rollouts = pack->rollouts();
    for (const RuleText& rule : pack->rules()) {
      if (!is_in_service(rule, rollout_of(rollouts, rule.id))) continue;
      place->second[rule.id] = {std::string(kRuleFileRole) + rule.path, cep::sha256(rule.body)};
    }
    return place->second;
  }

  const RuleService& rules_;
  const std::vector<RuleVersion> versions_;                             // newest first
  std::map<std::uint64_t, std::map<std::string, Served>> looked_into_;  // by version, by id
};

std::string why_too_new(const std::string& rule, cep::EventTime since, cep::EventTime now,
                        cep::Duration least) {
  return fmt::format(
      "the rule {} with this text has been in shadow for {}, and becomes live after {} "
      "(rollout.shadow_min): put it in shadow and wait; an administrator can say `override=REASON`",
      rule, cep::format_duration({now.us - since.us}), cep::format_duration(least));
}
}  // namespace

bool only_holds_back(const RulePack& before, const RulePack& after) {
  const std::map<std::string, Rollout> was = before.rollouts();
  const std::map<std::string, Rollout> is = after.rollouts();
  if (after.with_rollouts(was).etag() != before.with_rollouts(was).etag()) return false;
  const auto are_no_more = [&](const std::map<std::string, Rollout>& rollouts) {
    return std::ranges::all_of(rollouts, [&](const auto& one) {
      return lets_out_no_more(rollout_of(was, one.first), rollout_of(is, one.first));
    });
  };
  return are_no_more(was) && are_no_more(is);
}

namespace {
// Whether an analyst edits a rule that is not held back, be it its tests alone.
bool is_beyond(const Author& author, const RuleEdit& edit, const RulePack& before,
               const RulePack& after) {
  if (author.is_operator || !before.rule(edit.rule) || before.etag() == after.etag()) return false;
  return rollout_of(before.rollouts(), edit.rule).stage == RuleStage::kLive;
}

// Of rules that become live, or are live and have another text.
std::string why_not_in_shadow(cep::Duration least, const RulePack& before, const RulePack& after,
                              const GateEvidence& evidence) {
  const std::map<std::string, Rollout> was = before.rollouts();
  const std::map<std::string, Rollout> is = after.rollouts();
  std::map<std::string, std::string> live_before;  // bodies
  for (RuleText& rule : before.rules()) {
    if (is_live(rule, rollout_of(was, rule.id))) live_before[rule.id] = std::move(rule.body);
  }
  const cep::EventTime from{evidence.now.us - least.us};
  ServiceTimes times(evidence.rules);
  for (const RuleText& rule : after.rules()) {
    if (!is_live(rule, rollout_of(is, rule.id))) continue;
    const auto known = live_before.find(rule.id);
    if (known != live_before.end() && known->second == rule.body) continue;
    const cep::EventTime since = times.since(rule.id, rule.body, evidence.now, from);
    if (since <= from) continue;
    return why_too_new(rule.id, since, evidence.now, least);
  }
  return "";
}
}  // namespace

GateVerdict gate_verdict(const GateSettings& settings, const Author& author, const RuleEdit& edit,
                         const RulePack& before, const RulePack& after,
                         const GateEvidence& evidence) {
  GateVerdict verdict;
  if (!author.override_reason.empty()) return verdict;
  if (settings.approvals == 0 && !settings.shadow && !settings.backtest) return verdict;
  const bool is_back = edit.kind == RuleEdit::Kind::kVersion || only_holds_back(before, after);
  const bool may_alone = is_back && author.is_operator && settings.backs_alone;
  if (settings.approvals > 0 && !may_alone &&
      (is_beyond(author, edit, before, after) || before.live_etag() != after.live_etag())) {
    verdict.approvals = settings.approvals;
  }
  if (is_back) return verdict;
  if (settings.shadow) {
    verdict.closed = why_not_in_shadow(*settings.shadow, before, after, evidence);
  }
  if (settings.backtest && verdict.closed.empty()) {
    verdict.closed =
        why_too_many_alerts(*settings.backtest, before, after, evidence.backtests, evidence.now);
  }
  return verdict;
}
}  // namespace tocsin::api
