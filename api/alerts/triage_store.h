/// What people made of alerts, kept in the alert store's family `triage`: a record for each alert
/// that somebody has touched, an index by state, and the labels counted by rule.
///
///   'a' u8[16] alert id            JSON: the record
///   's' u8 state | u64 number      the alert's id: alerts in any state but open
///   'p' rule                       JSON: its labels, counted
///
/// Keys of other letters are those of notes of entries (api/lists/entry_notes.h).
/// Each change is one synced write; changes of several alerts share one.
#pragma once
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/alerts/triage_machine.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/effects/effects.h"
#include "runtime/store/store.h"

namespace tocsin::api {
/// One thing that somebody did.
struct TriageEntry {
  cep::EventTime at;
  std::string who;
  std::optional<TriageAction> action;  // nothing: only a comment
  TriageState from = TriageState::kOpen;
  TriageState to = TriageState::kOpen;
  std::string assignee;  // of an assignment
  std::string comment;   // may be empty
};
struct TriageRecord {
  TriageState state = TriageState::kOpen;
  std::string assignee;              // empty: nobody
  std::optional<TriageState> label;  // confirmed or dismissed; what closes an alert keeps it
  std::uint64_t version = 0;         // 0: nobody has touched it
  std::uint64_t number = 0;          // under which it stands in the index
  std::vector<TriageEntry> history;  // oldest first
};
/// Alerts of a rule by what people said of them.
struct RuleLabels {
  std::uint64_t confirmed = 0;
  std::uint64_t dismissed = 0;
};
/// What somebody wants.
struct TriageChange {
  std::string who;
  std::optional<TriageAction> action;  // nothing: only to comment
  std::string assignee;                // needed to assign, else empty
  std::string comment;
};
/// One of several alerts that are changed alike.
struct TriageTarget {
  runtime::StoredAlert alert;            // its line may be left out
  std::optional<std::uint64_t> version;  // that its triage must have; nothing: any
};
struct TriageOutcome {
  TriageRecord record;  // after the change; of one that was refused, as it is, where it was read
  std::optional<Error> refusal;
};
struct TriageLimits {
  std::size_t entries_max = 1000;  // of one alert
};

/// Threading: any; changes are made one after the other.
class TriageStore {
 public:
  /// Over a store that was opened with runtime::effect_families(), which must outlive this.
  explicit TriageStore(runtime::Store& store, TriageLimits limits = {})
      : store_(store), limits_(limits) {}

  /// That of an alert which nobody has touched is open, of version 0. Errors of all here: kCorrupt,
  /// kIo.
  Result<TriageRecord> get(std::string_view alert_id) const;
  /// Decides by the record whether the change may be made: an error ends it.
  using Condition = std::function<Result<void>(const TriageRecord&)>;
  /// Makes a change, durable when this returns; gives the record after it. Errors: kConflict for an
  /// action that the state does not allow, naming those it does; or when the alert has as many
  /// entries as it may have; what the condition says.
  Result<TriageRecord> change(const runtime::StoredAlert& alert, const TriageChange& change,
                              cep::EventTime now, const Condition& condition = {});
  using OutcomeVisitor = std::function<void(std::size_t place, const TriageOutcome& outcome)>;
  /// Makes one change to several alerts, each by itself: `visit` is given what came of each, by its
  /// place among the targets, in any order and once it is durable. It must not call this store.
  /// Refusals: those of change(), and kMismatch for one whose triage has another version. Requires
  /// that no alert is there twice.
  void change_all(std::span<const TriageTarget> targets, const TriageChange& change,
                  cep::EventTime now, const OutcomeVisitor& visit);
  /// Erases what people wrote to an alert; durable when this returns. False: nobody had.
  Result<bool> erase_comments(std::string_view alert_id);
  /// Numbers of the alerts in a state but open, from `from` on upwards or downwards; false ends it.
  Result<void> numbers(TriageState state, std::uint64_t from, bool is_descending,
                       const std::function<bool(std::uint64_t)>& visit) const;
  Result<RuleLabels> labels(std::string_view rule) const;
  /// Those of all rules that have any, in the order of their ids; false ends it.
  Result<void> all_labels(
      const std::function<bool(std::string_view rule, const RuleLabels&)>& visit) const;

 private:
  struct Writes;
  /// Changes the record, and adds what is written of that; an error leaves both as they were.
  Result<void> add(const runtime::StoredAlert& alert, const TriageChange& change,
                   cep::EventTime now, TriageRecord& record, Writes& writes) const;
  Result<void> write(Writes& writes);
  /// As change_all() from the target `first` on, as many as one write has; gives the next one.
  std::size_t change_some(std::span<const TriageTarget> targets, std::size_t first,
                          const TriageChange& change, cep::EventTime now,
                          const OutcomeVisitor& visit);

  runtime::Store& store_;
  TriageLimits limits_;
  inline static std::mutex changing;  // held by one change at a time, over all that work on a store
};
}  // namespace tocsin::api
