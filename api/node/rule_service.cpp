#include "api/node/rule_service.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/rules/rule_texts.h"
#include "cep/compile/compile.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/identity.h"
#include "library/testing/test_programs.h"
#include "library/testing/test_runner.h"
#include "rules/text/suggest.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/file_tree.h"
#include "runtime/journal/kept_files.h"
#include "runtime/node/state_migration.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kFailuresMax = 20;  // that a refusal shows whole

tl::unexpected<DeployRefusal> refuse(DeployRefusal::Why why, std::string detail) {
  return tl::unexpected(DeployRefusal{why, std::move(detail), {}, {}});
}

// The pack that a change makes of the one that holds.
tl::expected<RulePack, DeployRefusal> edited(
    const CurrentRules& before, const RuleChange& change,
    const std::function<Result<RulePack>(const RulePack&)>& edit) {
  using Why = DeployRefusal::Why;
  if (!change.if_match.empty() && change.if_match != before.pack.etag()) {
    return refuse(Why::kStale,
                  fmt::format("the rules are now at version {}; read them again and repeat the "
                              "change",
                              before.version));
  }
  Result<RulePack> pack = edit(before.pack);
  if (pack) return *std::move(pack);
  switch (pack.error().code) {
    case Errc::kNotFound:
      return refuse(Why::kNotFound, pack.error().message);
    case Errc::kConflict:
      return refuse(Why::kNotAllowed, pack.error().message);
    case Errc::kCorrupt:
    case Errc::kIo:
      return refuse(Why::kStorage, pack.error().message);
    default:
      return refuse(Why::kBadEdit, pack.error().message);
  }
}

// Whether it is divided by key, as far as it runs: a draft is not known.
bool has_key(const CurrentRules& now, const std::string& id) {
  const std::vector<cep::Rule>& rules = now.rules.program->plan().rules;
  const auto rule = std::ranges::find(rules, id, &cep::Rule::id);
  return rule == rules.end() || !rule->key.parts.empty();
}

std::string etag_of(const RuleText& rule, const Rollout& rollout) {
  const std::string stage = rollout.is_live_for_all() ? "" : text_of(rollout);
  return cep::hex(cep::sha256(fmt::format("{}\n{}\n{}", rule.path, stage, rule.text)))
      .substr(0, 32);
}

using Blobs = std::vector<runtime::CheckpointBlob>;

// Of two versions the rule files and stages that differ; all of them where the stages do, which may
// be of a rule in any file.
std::pair<Blobs, Blobs> differing_texts(const Blobs& from, const Blobs& to) {
  const auto digests_of = [](const Blobs& texts) {
    std::map<std::string_view, const runtime::CheckpointBlob*> by_role;
    for (const runtime::CheckpointBlob& text : texts) by_role.emplace(text.role, &text);
    return by_role;
  };
  const auto before = digests_of(from);
  const auto after = digests_of(to);
  const auto is_same = [&](std::string_view role) {
    const auto was = before.find(role);
    const auto is = after.find(role);
    if (was == before.end() || is == after.end()) return was == before.end() && is == after.end();
    return was->second->digest == is->second->digest;
  };
  const bool takes_all = !is_same(kStagesRole);
  const auto taken = [&](const Blobs& texts) {
    Blobs some;
    for (const runtime::CheckpointBlob& text : texts) {
      if (text.role != kStagesRole && !text.role.starts_with(kRuleFileRole)) continue;
      if (takes_all || !is_same(text.role)) some.push_back(text);
    }
    return some;
  };
  return {taken(from), taken(to)};
}

// Tests are of what rules mean, whoever they are let out for.
Result<cep::Program> live_for_all(const cep::Program& program) {
  const auto is_whole = [](const cep::Rule& rule) { return rule.share.is_whole(); };
  if (std::ranges::all_of(program.plan().rules, is_whole)) return program;
  cep::Plan plan = program.plan();
  for (cep::Rule& rule : plan.rules) rule.share = {};
  return cep::compile(std::make_shared<const cep::Plan>(std::move(plan)));
}
}  // namespace

std::string rule_etag(const RulePack& pack, std::string_view rule) {
  const std::optional<RuleText> text = pack.rule(rule);
  return text ? etag_of(*text, rollout_of(pack.rollouts(), text->id)) : "";
}

std::vector<std::pair<std::string, std::string>> rule_etags(const RulePack& pack) {
  const std::map<std::string, Rollout> rollouts = pack.rollouts();
  std::vector<std::pair<std::string, std::string>> etags;
  for (const RuleText& rule : pack.rules()) {
    etags.emplace_back(rule.id, etag_of(rule, rollout_of(rollouts, rule.id)));
  }
  return etags;
}

// --- versions ----------------------------------------------------------------------------------

Result<std::unique_ptr<RuleService>> RuleService::open(RuleServicePorts ports, RulePack current,
                                                       LoadedRules rules,
                                                       runtime::NodeSettings settings) {
  std::unique_ptr<RuleService> service(new RuleService(std::move(ports)));
  if (auto read = service->read_versions(); !read) return tl::unexpected(read.error());
  const std::string plan = cep::hex(settings.plan);
  const std::vector<RuleVersion>& versions = service->versions_;
  const bool is_known = !versions.empty() && versions.back().etag == current.etag();
  const std::uint64_t number = versions.empty() ? 1 : versions.back().number + (is_known ? 0 : 1);
  if (!is_known) {
    RuleChange change;
    change.comment = versions.empty() ? "the first" : "found in the journal";
    std::optional<std::vector<EditedRule>> edits;
    if (versions.empty()) edits = edited_rules({}, current);
    auto added = service->add_version(current, plan, change, number, std::move(edits));
    if (!added) {
      return tl::unexpected(added.error());
    }
  }
  std::map<std::string, RuleSource> sources = rule_sources(rules);
  service->current_ = std::make_shared<const CurrentRules>(CurrentRules{
      number, std::move(current), std::move(rules), std::move(settings), std::move(sources)});
  return service;
}

Result<void> RuleService::read_versions() {
  const auto take = [&](const runtime::KeptFile& file) -> Result<void> {
    Result<RuleVersion> version =
        parse_version(file.text, *number_of_version(file.name), file.path);
    if (!version && version.error().code == Errc::kCorrupt) {
      return fail(Errc::kCorrupt, version.error().message +
                                      "; restore it from a copy, or remove it to forget this "
                                      "version");
    }
    if (!version) return tl::unexpected(version.error());
    if (version->edits) {
      history_.add(version->number, *version->edits);
      version->edits.reset();
    } else {
      unread_.insert(version->number);
    }
    versions_.push_back(*std::move(version));
    return {};
  };
  const auto is_version = [](std::string_view name) { return number_of_version(name).has_value(); };
  if (auto read = runtime::read_kept_files(ports_.files, ports_.folder, is_version, take); !read)
    return read;
  std::ranges::sort(versions_, {}, &RuleVersion::number);
  return {};
}

Result<void> RuleService::add_version(const RulePack& pack, const std::string& plan,
                                      const RuleChange& change, std::uint64_t number,
                                      std::optional<std::vector<EditedRule>> edits) {
  RuleVersion version;
  version.number = number;
  version.at = ports_.clock.now();
  version.who = change.who;
  version.comment = change.comment;
  version.commit = change.commit;
  version.approved_by = change.approved_by;
  version.etag = pack.etag();
  version.plan = plan;
  for (const runtime::NamedContents& text : pack.texts()) {
    version.texts.push_back({text.role, text.contents.size(), cep::sha256(text.contents)});
  }
  version.edits = std::move(edits);
  const std::string path = path_of_version(ports_.folder, version.number);
  if (auto put = runtime::put_file(ports_.files, path, version_text(version)); !put) return put;
  const std::lock_guard lock(mutex_);
  if (version.edits) {
    history_.add(version.number, *version.edits);
    version.edits.reset();
  } else {
    unread_.insert(version.number);
  }
  versions_.push_back(std::move(version));
  while (versions_.size() > ports_.versions_max) {
    const std::string oldest = path_of_version(ports_.folder, versions_.front().number);
    if (auto removed = runtime::remove_tree(ports_.files, oldest); !removed) return removed;
    unread_.erase(versions_.front().number);
    versions_.erase(versions_.begin());
    history_.forget_before(versions_.front().number);
  }
  return {};
}

std::vector<RuleVersion> RuleService::versions() const {
  const std::lock_guard lock(mutex_);
  return {versions_.rbegin(), versions_.rend()};
}

std::map<std::string, LastChange, std::less<>> RuleService::last_changes() const {
  std::map<std::string, LastChange, std::less<>> changes;
  const std::lock_guard lock(mutex_);
  // Of what a version changed that does not say so, nothing is known here.
  const std::uint64_t after = unread_.empty() ? 0 : *unread_.rbegin();
  for (std::string& rule : history_.rules()) {
    const std::vector<VersionEdit> newest = history_.of(rule, UINT64_MAX, after, 1);
    if (newest.empty()) continue;
    const auto version =
        std::ranges::lower_bound(versions_, newest.front().version, {}, &RuleVersion::number);
    if (version == versions_.end() || version->number != newest.front().version) continue;
    changes.emplace(std::move(rule), LastChange{version->number, version->at, version->who});
  }
  return changes;
}

Result<RulePack> RuleService::pack_of(std::uint64_t number) const {
  std::vector<runtime::CheckpointBlob> texts;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(versions_, number, &RuleVersion::number);
    if (found == versions_.end()) {
      return fail(Errc::kNotFound, fmt::format("there is no version {} of the rules", number));
    }
    texts = found->texts;
  }
  const runtime::BlobStore blobs = runtime::BlobStore::look(ports_.files, ports_.blobs);
  Result<std::vector<runtime::NamedContents>> contents = runtime::read_texts(blobs, texts);
  if (!contents) return tl::unexpected(contents.error());
  return RulePack(*std::move(contents));
}

Result<RuleVersionsOf> RuleService::versions_of(const std::string& rule, std::uint64_t before,
                                                std::size_t limit) {
  const Result<std::uint64_t> unread = read_history(rule, before, limit);
  if (!unread) return tl::unexpected(unread.error());
  RuleVersionsOf found;
  {
    const std::lock_guard lock(mutex_);
    std::vector<VersionEdit> edits = history_.of(rule, before, *unread, limit + 1);
    if (edits.size() > limit) {
      edits.pop_back();
      found.next = edits.back().version;
    } else if (*unread != 0) {
      found.next = *unread + 1;
    }
    for (const VersionEdit& edit : edits) {
      const auto version = std::ranges::find(versions_, edit.version, &RuleVersion::number);
      if (version != versions_.end()) found.versions.push_back({*version, edit});
    }
    if (found.next != 0 || history_.knows(rule)) return found;
  }
  // A rule of the oldest version that is kept, which no version has changed since.
  if (!current()->pack.rule(rule)) return fail(Errc::kNotFound, unknown_rule_text(rule));
  return found;
}

// Reads what versions changed that do not say it, the newest first, as far as it is needed for this
// rule. Gives the newest below `before` that is not read; 0: none.
Result<std::uint64_t> RuleService::read_history(const std::string& rule, std::uint64_t before,
                                                std::size_t limit) {
  std::uint64_t bytes = 0;
  while (true) {
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto above = unread_.lower_bound(before);
      if (above == unread_.begin()) return 0;
      number = *std::prev(above);
      if (history_.of(rule, before, number, limit + 1).size() > limit) return number;
    }
    if (bytes >= kHistoryBytesMax) return number;
    Result<std::uint64_t> read = read_edits(number);
    if (!read) return read;
    bytes += *read;
  }
}

// Gives how many bytes of texts it read.
Result<std::uint64_t> RuleService::read_edits(std::uint64_t number) {
  Blobs before;
  Blobs after;
  bool is_forgotten = false;  // what it changed
  const std::lock_guard one_at_a_time(reading_);
  {
    const std::lock_guard lock(mutex_);
    if (!unread_.contains(number)) return 0;  // another thread has read it meanwhile
    const auto version = std::ranges::find(versions_, number, &RuleVersion::number);
    if (version == versions_.end()) return 0;
    after = version->texts;
    is_forgotten = version == versions_.begin() && number != 1;
    if (version != versions_.begin()) before = std::prev(version)->texts;
  }
  if (is_forgotten) before = after;
  const auto [from, to] = differing_texts(before, after);
  const runtime::BlobStore blobs = runtime::BlobStore::look(ports_.files, ports_.blobs);
  Result<std::vector<runtime::NamedContents>> old_texts = runtime::read_texts(blobs, from);
  if (!old_texts) return tl::unexpected(old_texts.error());
  Result<std::vector<runtime::NamedContents>> new_texts = runtime::read_texts(blobs, to);
  if (!new_texts) return tl::unexpected(new_texts.error());
  const std::vector<EditedRule> edits =
      edited_rules(RulePack(*std::move(old_texts)), RulePack(*std::move(new_texts)));
  std::uint64_t bytes = 0;
  for (const Blobs& texts : {from, to}) {
    for (const runtime::CheckpointBlob& text : texts) bytes += text.bytes;
  }
  const std::lock_guard lock(mutex_);
  if (unread_.erase(number) != 0) history_.add(number, edits);  // unless it is forgotten by now
  return bytes;
}

std::vector<std::string> RuleService::rule_ids() const {
  std::vector<std::string> ids;
  for (const RuleText& one : current()->pack.rules()) ids.push_back(one.id);
  const std::lock_guard lock(mutex_);
  for (std::string& id : history_.rules()) ids.push_back(std::move(id));
  return ids;
}

std::string RuleService::unknown_rule_text(const std::string& rule) const {
  const std::optional<std::string> meant = rules::nearest(rule, rule_ids());
  return fmt::format("no version that is kept has a rule with the id {}{}", rule,
                     meant ? fmt::format(": did you mean {}?", *meant) : "");
}

// --- changes -----------------------------------------------------------------------------------

std::shared_ptr<const CurrentRules> RuleService::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::optional<DeployRefusal> RuleService::check(RulePack& pack, bool ignores_tests,
                                                LoadedRules& loaded) {
  loaded = pack.load_with_zones();
  if (!loaded.program) {
    return DeployRefusal{DeployRefusal::Why::kNoCheck,
                         fmt::format("the rules have {} errors and are not used; the earlier ones "
                                     "stay active",
                                     loaded.errors()),
                         render_diagnostics_json(loaded),
                         {}};
  }
  if (ignores_tests) return std::nullopt;
  const Result<cep::Program> tested = live_for_all(*loaded.program);
  if (!tested) return DeployRefusal{DeployRefusal::Why::kNode, tested.error().message, "", {}};
  DeployRefusal failed{DeployRefusal::Why::kTestsFail, "", "", {}};
  std::size_t count = 0;
  library::TestPrograms programs(*tested, nullptr);
  for (const rules::EmbeddedTest& test : loaded.loaded.rules->tests) {
    if (!library::rule_of(loaded.program->plan(), test)) continue;
    const Result<library::TestOutcome> outcome = programs.run(test);
    if (outcome && outcome->passed()) continue;
    if (++count > kFailuresMax) continue;
    failed.failures.push_back(
        fmt::format("{} \"{}\": {}", test.rule, test.title,
                    outcome ? library::describe_failure(loaded.program->plan(), test, *outcome)
                            : outcome.error().message));
  }
  if (count == 0) return std::nullopt;
  failed.detail = fmt::format(
      "{} of the rules' own tests fail; nothing was changed. Correct them, or say "
      "`ignore_tests=true`",
      count);
  return failed;
}

tl::expected<PlannedChange, DeployRefusal> RuleService::plan(
    const RuleChange& change, const std::function<Result<RulePack>(const RulePack&)>& edit) const {
  const std::shared_ptr<const CurrentRules> before = current();
  auto pack = edited(*before, change, edit);
  if (!pack) return tl::unexpected(std::move(pack.error()));
  LoadedRules loaded;
  if (auto refused = check(*pack, change.ignores_tests, loaded)) {
    return tl::unexpected(*std::move(refused));
  }
  Result<cep::RestoreReport> report =
      runtime::planned_migration(*before->rules.program, *loaded.program);
  if (!report) return refuse(DeployRefusal::Why::kNode, report.error().message);
  return PlannedChange{before->version, before->pack, *std::move(pack), *std::move(report)};
}

tl::expected<Deployed, DeployRefusal> RuleService::deploy(
    const RuleChange& change, const std::function<Result<RulePack>(const RulePack&)>& edit) {
  using Why = DeployRefusal::Why;
  const std::lock_guard one_at_a_time(deploying_);
  const std::shared_ptr<const CurrentRules> before = current();
  auto pack = edited(*before, change, edit);
  if (!pack) return tl::unexpected(std::move(pack.error()));
  if (const std::string same = pack->etag(); same == before->pack.etag()) {
    if (const Result<void> durable = ports_.wait_durable(record_); !durable) {
      return refuse(Why::kNotDurable, durable.error().message);
    }
    return Deployed{before->version, same, false, {}};
  }
  const std::string given = pack->etag();
  LoadedRules loaded;
  if (checked_ && checked_->given == given && checked_->ignores_tests == change.ignores_tests) {
    *pack = std::move(checked_->pack);
    loaded = std::move(checked_->rules);
    checked_.reset();
  } else {
    checked_.reset();
    if (auto refused = check(*pack, change.ignores_tests, loaded)) {
      return tl::unexpected(*std::move(refused));
    }
  }
  const std::string etag = pack->etag();  // with zones that it did not have
  const runtime::NodeProgram program{*loaded.program, ports_.intake_of(loaded.program->plan())};
  std::unique_ptr<runtime::EarlierRun> earlier;
  if (change.replay) {
    auto asked = ports_.earlier(etag, program, *change.replay);
    if (!asked) return refuse(Why::kNotAllowed, asked.error().message);
    if (const auto* const far = std::get_if<WarmingUp>(&*asked)) {
      checked_ = Checked{given, change.ignores_tests, *std::move(pack), std::move(loaded)};
      return tl::unexpected(
          DeployRefusal{Why::kWarmingUp, "earlier events are read", "", {}, *far});
    }
    earlier = std::get<std::unique_ptr<runtime::EarlierRun>>(*std::move(asked));
  }
  std::vector<std::string> notes = earlier ? earlier->notes() : std::vector<std::string>();
  auto activated = ports_.activate(program, pack->texts(), std::move(earlier));
  if (!activated) {
    return refuse(activated.error().code == Errc::kLimit ? Why::kTooLarge : Why::kNode,
                  activated.error().message);
  }
  auto now = std::make_shared<CurrentRules>();
  now->version = before->version + 1;
  now->pack = *std::move(pack);
  now->rules = std::move(loaded);
  now->sources = rule_sources(now->rules);
  now->settings = std::move(activated->settings);
  const std::string plan = cep::hex(now->settings.plan);
  {
    const std::lock_guard lock(mutex_);
    current_ = now;
  }
  if (ports_.changed) ports_.changed(*now);
  // What is answered outlives a crash.
  record_ = activated->record;
  const Result<void> durable = ports_.wait_durable(record_);
  auto added =
      add_version(now->pack, plan, change, now->version, edited_rules(before->pack, now->pack));
  if (!added) {
    return refuse(Why::kStorage,
                  fmt::format("the rules are active, but their version could not be stored: {}",
                              added.error().message));
  }
  if (!durable) return refuse(Why::kNotDurable, durable.error().message);
  return Deployed{now->version, etag, true, std::move(activated->report), std::move(notes)};
}

Result<RulePack> RuleService::with_stage(const RulePack& pack, const std::string& rule,
                                         const Rollout& rollout) const {
  if (!pack.rule(rule)) {
    return fail(Errc::kNotFound, pack.no_rule_text(rule));
  }
  const Rollout before = rollout_of(pack.rollouts(), rule);
  if (!may_become(before.stage, rollout.stage)) {
    std::vector<std::string_view> next;
    for (const RuleStage one : next_stages(before.stage)) next.push_back(name_of(one));
    return fail(Errc::kConflict, fmt::format("the rule {} is {}: from there it may become {}", rule,
                                             text_of(before), fmt::join(next, " or ")));
  }
  if (!rollout.share.is_whole() && !has_key(*current(), rule)) {
    return fail(Errc::kConflict,
                fmt::format("the rule {} has no `by`: without keys it is live for all events or "
                            "for none",
                            rule));
  }
  return pack.with_rollout(rule, rollout);
}
}  // namespace tocsin::api
