#include "api/rollout/change_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "cep/value/identity.h"
#include "runtime/journal/file_tree.h"
#include "runtime/journal/kept_files.h"

namespace tocsin::api {
namespace {
using Why = DeployRefusal::Why;
constexpr std::string_view kEnding = ".json";

tl::unexpected<DeployRefusal> refuse(Why why, std::string detail) {
  return tl::unexpected(DeployRefusal{why, std::move(detail), {}, {}});
}

std::string id_of(const WaitingChange& waiting) {
  const std::string all = fmt::format("{}\n{}\n{}", edit_json(waiting.edit).dump(),
                                      waiting.live_before, waiting.live_after);
  return cep::hex(cep::sha256(all)).substr(0, 32);
}

RuleChange with_override(const Author& author, const RuleChange& change) {
  RuleChange noted = change;
  if (author.override_reason.empty()) return noted;
  noted.comment = fmt::format("{}{}without gates: {}", change.comment,
                              change.comment.empty() ? "" : "; ", author.override_reason);
  return noted;
}
}  // namespace

ChangeService::ChangeService(runtime::Files& files, runtime::Clock& clock, std::string folder,
                             RuleService& rules, ChangeSettings settings)
    : files_(files),
      clock_(clock),
      folder_(std::move(folder)),
      rules_(rules),
      settings_(settings) {}

Result<std::unique_ptr<ChangeService>> ChangeService::open(runtime::Files& files,
                                                           runtime::Clock& clock,
                                                           std::string folder, RuleService& rules,
                                                           ChangeSettings settings) {
  std::unique_ptr<ChangeService> service(
      new ChangeService(files, clock, std::move(folder), rules, settings));
  if (auto read = service->read(); !read) return tl::unexpected(read.error());
  return service;
}

Result<void> ChangeService::read() {
  const std::string live = live_now();
  const auto take = [&](const runtime::KeptFile& file) -> Result<void> {
    Result<WaitingChange> waiting = parse_waiting_change(file.text, file.path);
    if (!waiting) return tl::unexpected(waiting.error());
    // It was made, and a crash came before it was forgotten.
    if (waiting->live_after == live && waiting->live_before != live)
      return runtime::remove_tree(files_, file.path);
    waiting_.push_back(*std::move(waiting));
    return {};
  };
  const auto is_change = [](std::string_view name) { return name.ends_with(kEnding); };
  if (auto read = runtime::read_kept_files(files_, folder_, is_change, take); !read) return read;
  std::ranges::sort(waiting_, {}, &WaitingChange::at);
  return {};
}

std::string ChangeService::path_of(const std::string& id) const {
  return fmt::format("{}/{}{}", folder_, id, kEnding);
}

Result<void> ChangeService::write(const WaitingChange& change) {
  return runtime::put_file(files_, path_of(change.id), waiting_change_text(change));
}

Result<void> ChangeService::forget(const std::string& id) {
  if (auto removed = runtime::remove_tree(files_, path_of(id)); !removed) return removed;
  const std::lock_guard lock(mutex_);
  std::erase_if(waiting_, [&](const WaitingChange& one) { return one.id == id; });
  return {};
}

// One whose file cannot be removed stays, and is tried again.
void ChangeService::forget_old() {
  const cep::EventTime now = clock_.now();
  for (const WaitingChange& one : waiting()) {
    if (end_of(one) <= now) static_cast<void>(forget(one.id));
  }
}

GateEvidence ChangeService::evidence() const { return {rules_, backtests_, clock_.now()}; }

// --- asking ------------------------------------------------------------------------------------

tl::expected<ChangeService::Made, DeployRefusal> ChangeService::make(const Author& author,
                                                                     const RuleChange& change,
                                                                     const RuleEdit& edit,
                                                                     const Condition& condition) {
  std::optional<DeployRefusal> refused;
  bool must_wait = false;
  auto outcome =
      rules_.deploy(with_override(author, change), [&](const RulePack& before) -> Result<RulePack> {
        if (condition) refused = condition(before);
        if (refused) return fail(Errc::kConflict, "");
        Result<RulePack> after = edited(rules_, before, edit);
        if (!after) return after;
        const GateVerdict verdict =
            gate_verdict(settings_.gates, author, edit, before, *after, evidence());
        must_wait = verdict.approvals > 0 && verdict.closed.empty();
        if (must_wait || !verdict.closed.empty()) return fail(Errc::kConflict, verdict.closed);
        return after;
      });
  if (refused) return tl::unexpected(*std::move(refused));
  if (must_wait) return have_wait(author, change, edit);
  if (!outcome) return tl::unexpected(std::move(outcome.error()));
  return *std::move(outcome);
}

tl::expected<ChangeService::Foreseen, DeployRefusal> ChangeService::foresee(
    const Author& author, const RuleChange& change, const RuleEdit& edit) const {
  auto plan =
      rules_.plan(change, [&](const RulePack& before) { return edited(rules_, before, edit); });
  if (!plan) return tl::unexpected(std::move(plan.error()));
  GateVerdict verdict =
      gate_verdict(settings_.gates, author, edit, plan->before, plan->after, evidence());
  return Foreseen{*std::move(plan), std::move(verdict)};
}

// What would be refused anyway need not be looked at by others.
tl::expected<ChangeService::Made, DeployRefusal> ChangeService::have_wait(const Author& author,
                                                                          const RuleChange& change,
                                                                          const RuleEdit& edit) {
  const auto foreseen = foresee(author, change, edit);
  if (!foreseen) return tl::unexpected(foreseen.error());
  const std::lock_guard one_at_a_time(changing_);
  forget_old();
  WaitingChange waiting{"",
                        edit,
                        change,
                        clock_.now(),
                        foreseen->plan.before.live_etag(),
                        foreseen->plan.after.live_etag(),
                        {},
                        author.role,
                        author.by};
  waiting.id = id_of(waiting);
  if (std::optional<WaitingChange> known = find(waiting.id)) return *std::move(known);
  if (this->waiting().size() >= settings_.changes_max) {
    return refuse(Why::kNotAllowed,
                  fmt::format("{} changes wait for approval already (rollout.changes_max): approve "
                              "or withdraw some",
                              settings_.changes_max));
  }
  if (auto written = write(waiting); !written) {
    return refuse(Why::kStorage, written.error().message);
  }
  const std::lock_guard lock(mutex_);
  waiting_.push_back(waiting);
  return waiting;
}

// --- approving ---------------------------------------------------------------------------------

tl::expected<ChangeService::Made, DeployRefusal> ChangeService::approve(const std::string& id,
                                                                        Approval approval) {
  approval.at = clock_.now();
  const std::lock_guard one_at_a_time(changing_);
  forget_old();
  std::optional<WaitingChange> waiting = find(id);
  if (!waiting) return refuse(Why::kNotFound, fmt::format("no change {} waits", id));
  if (waiting->change.who == approval.who) {
    return refuse(
        Why::kNotAllowed,
        fmt::format("{} asked for this change: somebody else has to approve it", approval.who));
  }
  if (!standing_(waiting->change.who, waiting->by, waiting->role)) {
    return refuse(
        Why::kNotAllowed,
        fmt::format("{} asked for this change, and no longer has the role {}: withdraw it, "
                    "and have somebody ask for it again",
                    waiting->change.who, role_name(waiting->role)));
  }
  if (waiting->live_before != live_now()) {
    return refuse(Why::kStale,
                  "the live rules have changed since this change was asked for: withdraw it, and "
                  "ask again");
  }
  const std::size_t gone = std::erase_if(waiting->approvals, [&](const Approval& one) {
    return !standing_(one.who, one.by, Role::kApprover);
  });
  const bool is_new = std::ranges::find(waiting->approvals, approval.who, &Approval::who) ==
                      waiting->approvals.end();
  if (is_new || gone > 0) {
    if (is_new) waiting->approvals.push_back(approval);
    if (auto written = write(*waiting); !written) {
      return refuse(Why::kStorage, written.error().message);
    }
    const std::lock_guard lock(mutex_);
    *std::ranges::find(waiting_, id, &WaitingChange::id) = *waiting;
  }
  if (waiting->approvals.size() < settings_.gates.approvals) return *std::move(waiting);
  return make_approved(*waiting);
}

tl::expected<ChangeService::Made, DeployRefusal> ChangeService::make_approved(
    const WaitingChange& waiting) {
  RuleChange change = waiting.change;
  change.if_match.clear();  // what it is of is said by the live rules
  for (const Approval& one : waiting.approvals) change.approved_by.push_back(one.who);
  GateSettings gates = settings_.gates;
  gates.approvals = 0;
  bool is_other = false;
  auto outcome = rules_.deploy(change, [&](const RulePack& before) -> Result<RulePack> {
    Result<RulePack> after = edited(rules_, before, waiting.edit);
    if (!after) return after;
    is_other =
        before.live_etag() != waiting.live_before || after->live_etag() != waiting.live_after;
    if (is_other) return fail(Errc::kConflict, "");
    const GateVerdict verdict = gate_verdict(gates, {}, waiting.edit, before, *after, evidence());
    if (!verdict.closed.empty()) return fail(Errc::kConflict, verdict.closed);
    return after;
  });
  if (is_other) {
    return refuse(Why::kStale,
                  "this change would make other live rules than those that were approved: withdraw "
                  "it, and ask again");
  }
  if (!outcome) return tl::unexpected(std::move(outcome.error()));
  // A start forgets it too.
  static_cast<void>(forget(waiting.id));
  return *std::move(outcome);
}

Result<void> ChangeService::withdraw(const std::string& id) {
  const std::lock_guard one_at_a_time(changing_);
  if (!find(id)) return fail(Errc::kNotFound, fmt::format("no change {} waits", id));
  return forget(id);
}

// --- looking -----------------------------------------------------------------------------------

std::vector<WaitingChange> ChangeService::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

std::map<std::string, std::size_t> ChangeService::approvals() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::size_t> approvals;
  for (const WaitingChange& one : waiting_) approvals.emplace(one.id, one.approvals.size());
  return approvals;
}

std::optional<WaitingChange> ChangeService::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(waiting_, id, &WaitingChange::id);
  return found == waiting_.end() ? std::nullopt : std::optional(*found);
}

cep::EventTime ChangeService::end_of(const WaitingChange& change) const {
  return {change.at.us + settings_.wait_max.us};
}

std::string ChangeService::live_now() const { return rules_.current()->pack.live_etag(); }
}  // namespace tocsin::api
