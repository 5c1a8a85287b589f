/// What has left the engine for good: alerts by number, what is owed to each endpoint, late events
/// and dead letters, and the emitted mark, changed together in one synced write.
///
/// After a crash the same slices come again (replay). Alerts up to the mark are then compared with
/// those stored, by order and id, and never stored or owed again; events set aside are put once.
/// Alerts that topics bring (InboxEffects) have numbers among those of the engine, and do not come
/// again: their place is stored with them. docs/decisions/0012-alert-store.md draws keys and
/// values, 0087-alerts-from-topics.md those of topics.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/effects/effects.h"
#include "runtime/effects/emitted_mark.h"
#include "runtime/effects/sink_mark.h"
#include "runtime/io/clock.h"
#include "runtime/store/store.h"

namespace tocsin::runtime {
struct EffectStoreOptions {
  /// Of the engine that runs. A store of another one is refused...
  std::uint32_t semantics = 1;
  /// ...unless this is said.
  bool accept_other_semantics = false;
};
/// What is kept how long; absent: for ever. Alerts that are owed to an endpoint stay.
struct Retention {
  std::optional<cep::Duration> age_max;    // by the time at which it was stored
  std::optional<std::uint64_t> bytes_max;  // of lines and what belongs to them
};
struct RetentionPolicy {
  Retention alerts;
  Retention side_output;  // late events and dead letters, each of them
  /// Alerts with this number and greater ones stay, whatever the rest says.
  std::uint64_t alerts_needed_from = UINT64_MAX;
  /// Traces of events that later alerts may still ask for, the newest; those of alerts stay with
  /// them.
  std::uint64_t traces_max = 1'000'000;
};
/// What a commit or a step of retention did.
struct CommitReport {
  std::uint64_t alerts = 0;       // stored
  std::uint64_t compared = 0;     // at or below the mark: found the same, or gone by retention
  std::uint64_t side_output = 0;  // stored
  std::uint64_t owed = 0;         // outbox rows made
  // Of topics of alerts, among the above too:
  std::uint64_t inbox_alerts = 0;    // stored
  std::uint64_t inbox_repeated = 0;  // passed over: their ids are stored already
  std::uint64_t inbox_dead = 0;      // stored as dead letters
};

/// An endpoint that an alert is for, and why it does not go there by itself, if so: one that is
/// silenced or rate-capped is not owed, one that is grouped is, as a part of a message.
struct Addressee {
  EndpointId endpoint;
  std::optional<WithheldRow> withheld;
};
/// The decisions of one commit. While it lives nothing else is decided.
class Addressing {
 public:
  Addressing() = default;
  Addressing(const Addressing&) = delete;
  Addressing& operator=(const Addressing&) = delete;
  virtual ~Addressing() = default;
  /// Adds those whom an alert is for, each once.
  virtual void add(const StoredAlert& alert, std::vector<Addressee>& to) = 0;
  /// Adds what else changes, to be written together with the alerts.
  virtual void write(StoreBatch& batch) = 0;
  /// It is on disk; without this nothing was decided.
  virtual void written() = 0;
};
/// To whom live alerts are owed, where that depends on the alert. Threading: any.
class Addressees {
 public:
  Addressees() = default;
  Addressees(const Addressees&) = delete;
  Addressees& operator=(const Addressees&) = delete;
  virtual ~Addressees() = default;
  /// `now`: the processing time at which the alerts are stored. Errors: kCorrupt, kIo.
  virtual Result<std::unique_ptr<Addressing>> begin(cep::EventTime now) = 0;
};

/// Threading: one thread at a time commits, begins timelines and retains; any thread owes, settles
/// and reads.
class EffectStore {
 public:
  /// Over a store that was opened with effect_families(), new or old; both ports must outlive this.
  /// Errors: kOtherVersion for another format or other semantics, with the remedy; kCorrupt.
  static Result<std::unique_ptr<EffectStore>> open(Store& store, Clock& clock,
                                                   const EffectStoreOptions& options);

  /// --- timelines and replay ---
  /// Begins a timeline that this store does not know, synced: its first alert gets the next number.
  /// `order_before`: the last alert that it shares with the one it came from, as that checkpoint's
  /// mark says; nothing for the first. Errors: kConflict for one that is already here.
  Result<void> begin_timeline(const std::array<std::uint8_t, 16>& id,
                              const std::array<std::uint8_t, 16>& parent,
                              const std::optional<cep::OrderKey>& order_before);
  /// Goes on with the last timeline from where the engine starts: the mark of the checkpoint that
  /// was loaded, or nothing where the timeline is played from its begin. Errors: kMismatch for a
  /// mark that is ahead of what is stored (the store is older than the checkpoint) or of another
  /// timeline; both are named.
  Result<void> resume(const std::optional<EmittedMark>& start);
  bool has_timeline(const std::array<std::uint8_t, 16>& id) const;
  /// The mark on disk.
  const EmittedMark& mark() const { return mark_; }
  /// The last record of the mark's timeline of which something is stored; 0: none is known of.
  std::uint64_t cause() const { return cause_; }

  /// --- effects ---
  /// Endpoints to which live alerts are owed from the next commit on, synced: until others are set,
  /// later starts owe them too.
  Result<void> set_endpoints(std::vector<EndpointId> endpoints);
  /// Beside these, from the next commit on. Threading: any; when it returns, the ones before are no
  /// longer asked.
  void set_addressees(std::shared_ptr<Addressees> addressees);
  /// Stores the effects of slices, in order, in one synced write; compares those that come again.
  /// What the store gives alerts (StoredAlert) stands in those that are new afterwards.
  /// Requires resume() or begin_timeline(). Errors: kCorrupt where replay gives another alert than
  /// the stored one: both are named, nothing is stored; those of the store.
  Result<CommitReport> commit(std::span<SliceEffects> slices);
  /// Looks at up to `rows_max` rows of each kind, from the oldest on, and removes those beyond what
  /// the policy keeps. True: all is done for the next ten seconds.
  Result<bool> retain(const RetentionPolicy& policy, std::size_t rows_max);
  /// Gives alerts, or rows of a side output, to `change` in order, which may change what is stored
  /// of them, and stores those of which it gives true; synced. At most `rows_max` from `from` on:
  /// a number, or a key ("": the first). Gives where to go on; nothing at the end. What a replay
  /// may compare must not be changed. Threading: any. Errors: kCorrupt, those of the store.
  Result<std::optional<std::uint64_t>> change_alerts(
      std::uint64_t from, std::size_t rows_max, const std::function<bool(StoredAlert&)>& change);
  Result<std::optional<std::string>> change_side_output(
      SideOutputKind kind, const std::string& from, std::size_t rows_max,
      const std::function<bool(SideOutputRow&)>& change);
  /// The next retain() looks at once.
  void end_pause() { retained_at_.reset(); }

  /// --- deliveries ---
  /// Names an endpoint for readers, synced; once for each start is enough.
  Result<void> name_endpoint(EndpointId endpoint, std::string_view shown);
  /// Notes how far a delivery is; not synced, as a lost note means one more attempt.
  Result<void> note_delivery(EndpointId endpoint, const OutboxRow& row);
  /// The delivery has arrived: nothing more is owed. Not synced, like a note.
  Result<void> settle_delivery(EndpointId endpoint, std::uint64_t number);
  /// Owes a message from now on, written together with `also`; not synced, as whoever made it
  /// makes it again.
  Result<void> owe_message(EndpointId endpoint, std::uint64_t number, StoreBatch also);
  /// The message has arrived, and with it the alerts that are a part of it; written together with
  /// `also`, not synced.
  Result<void> settle_message(EndpointId endpoint, std::uint64_t number,
                              std::span<const std::uint64_t> parts, StoreBatch also);
  /// Deliveries owed to the endpoint.
  std::uint64_t owed(EndpointId endpoint) const;
  /// How often deliveries to the endpoint were added, by commits and owe().
  std::uint64_t times_owed(EndpointId endpoint) const;
  /// Owes alerts once more, each by itself, from the first attempt on, whatever withheld them, and
  /// messages that have not arrived; those that are not kept are passed over.
  /// Synced. Gives how many it owes now.
  Result<std::uint64_t> owe(EndpointId endpoint, std::span<const std::uint64_t> numbers);
  /// Nothing is owed to the endpoint any more; written together with `also`, synced.
  Result<void> forget_endpoint(EndpointId endpoint, StoreBatch also);

  /// Rows of traces of events; any thread.
  std::uint64_t event_traces() const { return event_traces_; }

  EffectReader reader() const;

 private:
  EffectStore(Store& store, Clock& clock) : store_(store), clock_(clock) {}
  class Commit;
  Result<void> begin_new(const EffectStoreOptions& options);
  Result<void> load();
  Result<void> count_owed();
  Result<void> write_owed(const StoreBatch& batch, bool sync,
                          const std::map<EndpointId, std::uint64_t>& rows);
  Result<void> check_last_alert() const;
  Result<void> settle(EndpointId endpoint, std::uint64_t number,
                      std::span<const std::uint64_t> parts, StoreBatch batch);
  Result<bool> retain_alerts(const RetentionPolicy& policy, cep::EventTime now,
                             std::size_t rows_max);
  Result<void> count_traces();
  Result<bool> retain_traces(std::uint64_t traces_max, std::size_t rows_max);
  Result<bool> retain_side_output(SideOutputKind kind, const Retention& kept, cep::EventTime now,
                                  std::size_t rows_max);
  Result<std::set<std::uint64_t>> owed_between(std::uint64_t first, std::uint64_t last) const;
  Result<void> write_changed(StoreBatch& batch, const EffectTotals& totals);

  Store& store_;
  Clock& clock_;
  std::vector<TimelineRow> timelines_;
  EmittedMark mark_;
  std::uint32_t semantics_ = 1;
  std::uint64_t inbox_dead_ = 0;  // dead letters of topics of alerts, so far
  bool has_inbox_ = false;        // places of such topics
  std::uint64_t cause_ = 0;  // the last record of which something is stored; 0: none, or unknown
  std::uint64_t next_number_ = 1;            // of the next alert that comes
  std::optional<cep::OrderKey> last_order_;  // of the last alert that came
  bool is_resumed_ = false;
  EffectTotals totals_;
  StoreBatch batch_;                             // empty: memory for the next commit
  std::array<std::string, 2> side_output_gone_;  // by kind: the last key that retention removed
  LastSinkRows sink_rows_;
  std::vector<EndpointId> endpoints_;
  /// Held while rows of the outbox are added, and while stored rows are changed or removed.
  std::mutex owing_;
  std::shared_ptr<Addressees> addressees_;       // with owing_
  std::atomic<std::uint64_t> event_traces_ = 0;  // rows
  bool has_traces_ = false;                      // also of alerts
  // The pass of retention that is under way.
  std::uint64_t retain_from_ = 0;  // 0: none
  std::optional<cep::EventTime> retained_at_;

  mutable std::mutex mutex_;
  std::map<EndpointId, std::uint64_t> owed_;
  std::map<EndpointId, std::uint64_t> times_owed_;
};
}  // namespace tocsin::runtime
