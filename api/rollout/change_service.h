/// Changes of the rules that pass gates, at once or when others have approved them.
///
///   edit ─▶ gates ─▶ RuleService
///             └─ others must approve ─▶ DIR/changes/ID.json ─▶ approve() … ─▶ gates ─▶ RuleService
///
/// Invariants: what was approved is what is made: a waiting change names the live rules
/// (RulePack::live_etag) that it is of and those that it makes, and is made where both are still
/// so; rules in shadow may change meanwhile. An approval counts once, and never of who asked. A
/// change waits until it is made, withdrawn or too old, over restarts.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "api/node/rule_service.h"
#include "api/rollout/backtest_gate.h"
#include "api/rollout/rollout_gates.h"
#include "api/rollout/rule_edit.h"
#include "api/rollout/waiting_change.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"

namespace tocsin::api {
struct ChangeSettings {
  GateSettings gates;
  cep::Duration wait_max{7 * cep::kDayUs};
  std::size_t changes_max = 100;  // that wait
};

/// Threading: any.
class ChangeService {
 public:
  using Made = std::variant<Deployed, WaitingChange>;
  /// Refuses a change for what the pack is; may be empty.
  using Condition = std::function<std::optional<DeployRefusal>(const RulePack& before)>;

  /// Reads the changes that wait in `folder`, which is made if it is not there; its parent must be.
  /// Fails with kCorrupt and kOtherVersion, naming the file; kIo. All that is given must outlive
  /// it.
  static Result<std::unique_ptr<ChangeService>> open(runtime::Files& files, runtime::Clock& clock,
                                                     std::string folder, RuleService& rules,
                                                     ChangeSettings settings);

  /// Says where the gate on the rate of alerts finds backtests: without it there are none. Before
  /// the first change; what `backtests` uses must outlive the last one.
  void use_backtests(KnownBacktests backtests) { backtests_ = std::move(backtests); }
  /// Whether somebody, known by TokenGrant::name and TokenGrant::by, still has a role, or one that
  /// may do as much.
  using Standing = std::function<bool(const std::string& who, const std::string& by, Role needs)>;
  /// Says who still counts: without it everybody does. Before the first change.
  void use_standing(Standing standing) { standing_ = std::move(standing); }
  /// Makes the change, or has it wait; the same change waits once.
  tl::expected<Made, DeployRefusal> make(const Author& author, const RuleChange& change,
                                         const RuleEdit& edit, const Condition& condition = {});
  /// What make() would do, and what gates would say; nothing is changed.
  struct Foreseen {
    PlannedChange plan;
    GateVerdict verdict;
  };
  tl::expected<Foreseen, DeployRefusal> foresee(const Author& author, const RuleChange& change,
                                                const RuleEdit& edit) const;
  /// Makes the change if these are the last eyes that it needs. Refuses with kNotFound;
  /// kNotAllowed for who asked for it, and where they no longer have the role that they had; kStale
  /// where the live rules are others by now. Approvals of who may no longer approve do not count.
  /// `approval` gets its time here.
  tl::expected<Made, DeployRefusal> approve(const std::string& id, Approval approval);
  /// Fails with kNotFound, kIo.
  Result<void> withdraw(const std::string& id);

  /// Oldest first.
  std::vector<WaitingChange> waiting() const;
  /// How many have approved each that waits, by its id.
  std::map<std::string, std::size_t> approvals() const;
  std::optional<WaitingChange> find(const std::string& id) const;
  /// How many must approve a change that needs it.
  std::size_t approvals_needed() const { return settings_.gates.approvals; }
  /// When it is forgotten.
  cep::EventTime end_of(const WaitingChange& change) const;
  /// RulePack::live_etag() of the rules that are active: another one than a change is of makes the
  /// change stale.
  std::string live_now() const;

 private:
  ChangeService(runtime::Files& files, runtime::Clock& clock, std::string folder,
                RuleService& rules, ChangeSettings settings);
  Result<void> read();
  GateEvidence evidence() const;
  std::string path_of(const std::string& id) const;
  Result<void> write(const WaitingChange& change);
  Result<void> forget(const std::string& id);
  void forget_old();
  tl::expected<Made, DeployRefusal> have_wait(const Author& author, const RuleChange& change,
                                              const RuleEdit& edit);
  tl::expected<Made, DeployRefusal> make_approved(const WaitingChange& waiting);

  runtime::Files& files_;
  runtime::Clock& clock_;
  const std::string folder_;
  RuleService& rules_;
  const ChangeSettings settings_;
  KnownBacktests backtests_;
  Standing standing_ = [](const std::string&, const std::string&, Role) { return true; };
  std::mutex changing_;  // held while one is kept, approved or withdrawn
  mutable std::mutex mutex_;
  std::vector<WaitingChange> waiting_;  // oldest first
};
}  // namespace tocsin::api
