/// One commit of the effect store: what slices change, collected and then written at once.
///
///   take() ─▶ effect_commit.cpp   traces, side output, marks on it
///          ─▶ effect_alerts.cpp   alerts of the engine: compared in a replay, else stored and owed
///          ─▶ effect_inbox.cpp    alerts of topics
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_store.h"

namespace tocsin::runtime {
/// The store changes only with write(). Threading: that of EffectStore::commit(), which holds
/// `owing_`.
class EffectStore::Commit {
 public:
  /// `batch`: empty, memory to write to.
  Commit(EffectStore& to, StoreBatch batch);
  Commit(const Commit&) = delete;
  Commit& operator=(const Commit&) = delete;
  ~Commit() = default;
  /// What is stored of it has its numbers afterwards. It must outlive the commit. Fails as
  /// EffectStore::commit() does.
  Result<void> take(SliceEffects& slice);
  /// Writes what was taken, synced, and has the store go on from it. Ends this commit.
  Result<CommitReport> write();

 private:
  struct NextOwn;
  Result<void> take(StoredAlert& alert);
  Result<NextOwn> next_own() const;
  Result<bool> compare(const StoredAlert& alert);
  Result<void> put(StoredAlert& alert);
  Result<void> address(const StoredAlert& alert);
  Result<void> take(InboxEffects& inbox);
  Result<void> take_from_topic(StoredAlert& alert);
  Result<std::optional<std::uint64_t>> number_of(AlertId id, const std::string& text);
  Result<void> take(const SideOutputRow& row);
  void put_row(SideOutputRow row);
  Result<void> take(const Reinjected& mark);
  void take(const TraceRow& row, std::uint64_t record);
  Result<std::string> find_trace(cep::ArrivalNumber arrival) const;
  void write_collected();
  void adopt(std::uint64_t cause);

  EffectStore& to_;
  StoreBatch batch_;
  std::vector<std::pair<AlertId, std::uint64_t>> alert_ids_;  // and numbers
  std::optional<std::map<AlertId, std::uint64_t>> ids_;       // the same, once they are looked for
  std::map<std::pair<SideOutputKind, std::string>, SideOutputRow> side_output_;  // by key
  std::map<cep::ArrivalNumber, std::string> traces_;                             // of events, new
  EmittedMark mark_;
  std::uint64_t next_number_ = 0;
  const cep::OrderKey* last_order_ = nullptr;         // of the last alert that came, or none
  const cep::OrderKey* last_stored_order_ = nullptr;  // of those that are new
  EffectTotals totals_;
  cep::EventTime now_;
  CommitReport report_;
  LastSinkRows sink_rows_;
  std::uint64_t cause_ = 0;                   // the greatest of what was stored, or is by this
  std::uint64_t inbox_dead_ = 0;              // dead letters of topics of alerts, so far
  bool has_inbox_ = false;                    // places of such topics
  std::map<EndpointId, std::uint64_t> owed_;  // rows made
  std::unique_ptr<Addressing> addressing_;    // of the first alert that is new
};
}  // namespace tocsin::runtime
