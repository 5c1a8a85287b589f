/// The rules of a running server: which hold, how they change, and what held before.
///
///   edit ─▶ RulePack ─▶ load, embedded tests ─▶ activate (the node, between two slices)
///             └── in the caller's thread, off the way of events ──┘     ─▶ on disk ─▶ version
///
/// Invariants: one change at a time; a pack that does not check, or fails its own tests, changes
/// nothing; the journal says what holds, versions say who made it so, and when. A version that a
/// crash kept from being written is written at the next start, without its author.
///
/// Versions are files DIR/rules/NUMBER.json beside the journal; their texts are blobs.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "api/rules/rule_history.h"
#include "api/rules/rule_pack.h"
#include "api/rules/rule_sources.h"
#include "api/rules/rule_versions.h"
#include "cep/base/result.h"
#include "cep/engine/engine.h"
#include "cep/value/time.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "runtime/node/node.h"
#include "runtime/replay/earlier_run.h"

namespace tocsin::api {
/// What holds now.
struct CurrentRules {
  std::uint64_t version = 0;
  RulePack pack;
  LoadedRules rules;  // with a program
  runtime::NodeSettings settings;
  std::map<std::string, RuleSource> sources;  // by the rules' names
};
struct RuleChange {
  std::string who = {};
  std::string comment = {};
  std::string commit = {};
  std::vector<std::string> approved_by = {};  // stored with the version
  /// The pack must still have this etag; empty: any.
  std::string if_match = {};
  /// Also where embedded tests fail.
  bool ignores_tests = false;
  /// What would begin with nothing goes on from the events of so long.
  std::optional<cep::Duration> replay = {};
};
/// How far the run over earlier events has come.
struct WarmingUp {
  double progress = 0;  // 0 to 1
  std::uint64_t events = 0;
};
struct Deployed {
  std::uint64_t version = 0;
  std::string etag;
  bool is_changed = true;  // false: it was so already
  cep::RestoreReport report;
  std::vector<std::string> notes = {};  // what was missing of earlier events
};
/// Why rules were not changed. Nothing has changed then.
struct DeployRefusal {
  enum class Why : std::uint8_t {
    kStale,       // others changed them since
    kNotFound,    // what is to be changed is not there
    kBadEdit,     // it makes no sense
    kNotAllowed,  // a stage that cannot follow
    kNoCheck,     // `diagnostics` say why
    kTestsFail,   // `failures` say which
    kNode,        // the node could not
    kTooLarge,    // what the journal would have to say of them
    kNotDurable,  // they hold, but a crash may yet undo them
    kStorage,     // of a version; where it could not be written the rules hold nevertheless
    kWarmingUp,   // not yet: earlier events are read, and whoever asked is to ask again
  };
  Why why = Why::kBadEdit;
  std::string detail;
  std::string diagnostics;            // JSON lines
  std::vector<std::string> failures;  // of tests, as people read them
  WarmingUp warming_up = {};
};

/// What the node says of rules that it goes on with.
struct Activated {
  runtime::NodeSettings settings;  // that hold now
  cep::RestoreReport report;       // what of the state was kept
  std::uint64_t record = 0;        // of the journal, with the change or behind it
};

/// What a change would do.
struct PlannedChange {
  std::uint64_t version = 0;  // that holds now
  RulePack before, after;
  cep::RestoreReport report;  // what of the state would be kept
};

struct RuleServicePorts {
  runtime::Files& files;
  runtime::Clock& clock;
  std::string folder;  // DIR/rules; its parent must be there
  std::string blobs;   // DIR/blobs
  /// What of a node's intake follows from a plan.
  std::function<runtime::IntakeOptions(const cep::Plan&)> intake_of;
  /// Has the node go on with it, from earlier events where they are given. Fails with kLimit where
  /// they are too many for the journal.
  std::function<Result<Activated>(runtime::NodeProgram, std::vector<runtime::NamedContents>,
                                  std::unique_ptr<runtime::EarlierRun>)>
      activate;
  /// What rules, a pack with this etag, make of the last events, or how far that is; another
  /// question about them goes on with it. Fails where it cannot be had.
  std::function<Result<std::variant<WarmingUp, std::unique_ptr<runtime::EarlierRun>>>(
      const std::string& etag, runtime::NodeProgram, cep::Duration)>
      earlier;
  /// Waits until that record is on disk, 0 for none; fails where it is not in time.
  std::function<Result<void>(std::uint64_t record)> wait_durable;
  std::size_t versions_max = kRuleVersionsMax;  // older ones are forgotten
  /// Other rules hold; called in the thread that changed them, before the next change. May be
  /// empty.
  std::function<void(const CurrentRules&)> changed = {};
};

/// Versions that changed one rule.
struct RuleVersionsOf {
  struct One {
    RuleVersion version;
    VersionEdit edit;
  };
  std::vector<One> versions;  // newest first
  /// Others are to be found below this number; 0: there are none.
  std::uint64_t next = 0;
};
/// Who changed a rule last.
struct LastChange {
  std::uint64_t version = 0;
  cep::EventTime at;
  std::string who;  // as RuleVersion::who
};
/// Of versions that do not say what they changed, so many bytes of texts are read for one question.
inline constexpr std::uint64_t kHistoryBytesMax = std::uint64_t{4} << 20U;

/// Threading: any.
class RuleService {
 public:
  /// `current` is what the node works by; `settings` are the node's. Reads the versions, and adds
  /// one where the newest is another. Fails with kCorrupt, naming the file; kIo.
  static Result<std::unique_ptr<RuleService>> open(RuleServicePorts ports, RulePack current,
                                                   LoadedRules rules,
                                                   runtime::NodeSettings settings);
  std::shared_ptr<const CurrentRules> current() const;
  /// Changes the pack that holds to what `edit` makes of it.
  tl::expected<Deployed, DeployRefusal> deploy(
      const RuleChange& change, const std::function<Result<RulePack>(const RulePack&)>& edit);
  /// What deploy() would do, and the same refusals but the node's; nothing is changed, and deploys
  /// need not wait for it.
  tl::expected<PlannedChange, DeployRefusal> plan(
      const RuleChange& change, const std::function<Result<RulePack>(const RulePack&)>& edit) const;
  /// The pack with another stage of one rule; live is where rules are that were never held back.
  /// Fails with kNotFound, and kConflict for a stage that cannot follow and for a share where the
  /// rule has no key: it is live for all or none.
  Result<RulePack> with_stage(const RulePack& pack, const std::string& rule,
                              const Rollout& rollout) const;
  /// Loads the pack into `loaded`, completes it with the zones that it names, and runs its tests,
  /// as deploy() does; nothing is activated. Gives why it would be refused; nothing where it would
  /// not.
  static std::optional<DeployRefusal> check(RulePack& pack, bool ignores_tests,
                                            LoadedRules& loaded);

  /// Newest first.
  std::vector<RuleVersion> versions() const;
  /// Those below `before` that changed this rule, `limit` at most, and fewer where texts have to be
  /// read for more. Fails with kNotFound for a rule that no version has, naming the one that may
  /// have been meant; kCorrupt where a text is damaged.
  Result<RuleVersionsOf> versions_of(const std::string& rule, std::uint64_t before,
                                     std::size_t limit);
  /// Of each rule, by its id, the newest version that is kept and changed it. Rules that only
  /// versions changed which do not say what they changed are left out; no text is read.
  std::map<std::string, LastChange, std::less<>> last_changes() const;
  /// Ids of the rules that hold, drafts too, and of those that a version changed which is kept.
  std::vector<std::string> rule_ids() const;
  /// Fails with kNotFound, or kCorrupt where a text is damaged.
  Result<RulePack> pack_of(std::uint64_t version) const;

 private:
  // A pack that waits for earlier events: whoever asks again need not have it checked again.
  struct Checked {
    std::string given;  // its etag before zones were added
    bool ignores_tests = false;
    RulePack pack;
    LoadedRules rules;
  };

  explicit RuleService(RuleServicePorts ports) : ports_(std::move(ports)) {}
  Result<void> read_versions();
  Result<void> add_version(const RulePack& pack, const std::string& plan, const RuleChange& change,
                           std::uint64_t number, std::optional<std::vector<EditedRule>> edits);
  Result<std::uint64_t> read_history(const std::string& rule, std::uint64_t before,
                                     std::size_t limit);
  Result<std::uint64_t> read_edits(std::uint64_t number);
  std::string unknown_rule_text(const std::string& rule) const;

  const RuleServicePorts ports_;
  std::mutex deploying_;
  std::mutex reading_;              // held while a version is compared with the one before
  std::uint64_t record_ = 0;        // of the last change; with deploying_
  std::optional<Checked> checked_;  // the change asked for last, if it waits; with deploying_
  mutable std::mutex mutex_;
  std::shared_ptr<const CurrentRules> current_;
  std::vector<RuleVersion> versions_;  // oldest first; what they changed is in history_
  RuleHistory history_;
  std::set<std::uint64_t> unread_;  // versions that are not in it yet
};
/// The etag of one rule: of its text, its file's place and its stage; empty where there is none.
std::string rule_etag(const RulePack& pack, std::string_view rule);
/// Those of all rules, by id, in the order of the files.
std::vector<std::pair<std::string, std::string>> rule_etags(const RulePack& pack);
}  // namespace tocsin::api
