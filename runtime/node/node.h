/// A node: what happens from a journal's records to stored effects, durably. What it does is a
/// function of its journal. Live, lines are processed while their record is being made and the
/// record is appended behind them; after a crash the newest good checkpoint is loaded and the
/// journal's records from there on are processed by the same code.
///
///   arrive() ─▶ Intake ─▶ slices ─▶ Engine ─▶ EffectQueue ─(cause durable)─▶ EffectStore
///      └─▶ record ─▶ NodeLog
///   poll(): commits (without threads), chunks of a checkpoint, what follows a checkpoint
///
/// Effects leave only when their record is on disk; a checkpoint counts only when the effects of
/// all before it are stored. Any failure ends the node: drop it and open it again.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/engine/engine.h"
#include "cep/plan/semantics.h"
#include "runtime/checkpoint/checkpoint_writer.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/effects/effect_queue.h"
#include "runtime/effects/effect_store.h"
#include "runtime/event_time/intake.h"
#include "runtime/event_time/merge_order.h"
#include "runtime/io/clock.h"
#include "runtime/io/executor.h"
#include "runtime/io/files.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/journal.h"
#include "runtime/journal/trace_context.h"
#include "runtime/node/archive_keeper.h"
#include "runtime/node/list_changes.h"
#include "runtime/node/node_settings.h"
#include "runtime/node/node_source.h"
#include "runtime/node/past_run.h"
#include "runtime/node/reinjection.h"
#include "runtime/node/replay_difference.h"
#include "runtime/series/series_state.h"
#include "runtime/store/state_store.h"
#include "runtime/store/store.h"

namespace tocsin::runtime {
/// All must outlive the node.
struct NodePorts {
  Files& files;
  Clock& clock;
  Store& store;  // of effects, opened with effect_families()
  StateStores& states;
  Executor& executor;  // for what checkpoints take long for
  RangeReader& ranges;
  /// False: the journal is written and effects are stored in the caller's thread, in poll().
  bool has_threads = true;
};
/// Contents that a command of the journal carries.
struct NamedContents {
  std::string role;  // a path in a rule pack
  std::string contents;
};
struct RecoveryProgress {
  std::uint64_t keys = 0;     // restored from the checkpoint
  std::uint64_t records = 0;  // of the journal, replayed
  std::uint64_t records_total = 0;
  std::uint64_t events = 0;  // in them
};
/// Rules that a node works by, and what of its intake follows from them.
struct NodeProgram {
  cep::Program program;
  IntakeOptions intake;  // is_saved is the node's own business
};
struct NodeOptions {
  NodeSettings settings;             // what a new timeline begins with, and an old one must fit
  std::vector<NamedContents> texts;  // rule texts, lists, tables
  /// Makes rules of the texts that a record or a checkpoint names, for a journal in which other
  /// rules held before. Empty: such a journal is refused.
  std::function<Result<NodeProgram>(const NodeSettings&, const std::vector<NamedContents>&)>
      compile;
  /// Makes what rules make of earlier events from the blobs of a deploy's record
  /// (PastRun::kept()), up to the state that was kept. Empty: a journal with such a deploy is
  /// refused.
  std::function<Result<std::unique_ptr<PastRun>>(const NodeProgram&,
                                                 const std::vector<CheckpointBlob>&)>
      past;
  IntakeOptions intake;                     // is_saved is the node's own business
  std::array<std::uint8_t, 16> timeline{};  // id of a new one: random
  /// A savepoint's folder, for a new data directory: the state to begin with.
  std::optional<std::string> from;
  /// Of the engine that runs; another number is for tests.
  std::uint32_t semantics = cep::kSemantics;
  /// Goes on with what was written under other semantics: what the replay gives otherwise than is
  /// stored is reported (Recovery::difference), and a checkpoint is taken at once.
  bool replay_as_new = false;
  /// How often a checkpoint is begun; nothing: only when asked.
  std::optional<cep::Duration> checkpoint_every;
  std::size_t list_entries_max = 1'000'000;          // of a list or table, by changes
  std::size_t chunk_bytes = std::size_t{128} << 10;  // of a checkpoint, at a slice's end
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  JournalLimits journal;
  /// Nothing: what the journal lets go of is gone.
  std::optional<ArchiveOptions> archive;
  EffectQueueOptions effects;
  /// To which alerts are owed; nothing: to those of the last start.
  std::optional<std::vector<EndpointId>> endpoints;
  /// The endpoints, if they depend on the alert; a replay calls it for alerts not stored yet.
  std::shared_ptr<Addressees> addressees;
  std::uint64_t hash_seed = 0x9e3779b97f4a7c15;
  /// Threads for the engine, which outlive the node. Null: the node's alone.
  cep::Workers* workers = nullptr;
  /// Asked while the node waits for the disk, and now and then in a replay. May be empty.
  std::function<bool()> stop_requested;
  std::function<void(const RecoveryProgress&)> recovering;
  /// Memory of state and of waiting events, beyond which check_room() fails. Nothing: no limit.
  std::optional<std::uint64_t> memory_max;
  /// Called on other threads where there are some: the journal's, the effect queue's.
  JournalListener journal_listener;
  EffectQueue::Listener effects_listener;
  /// What is set aside as it is processed, replayed or not. May be empty.
  IntakeSinks side_output;
  /// Alerts of live and shadow rules as they are raised, replayed or not. May be empty.
  std::function<void(const StoredAlert&)> raised;
};
/// How a node came up.
struct Recovery {
  bool is_new = false;           // the data directory was empty
  std::uint64_t checkpoint = 0;  // number of the one loaded; 0: none
  cep::EventTime checkpoint_taken_at;
  std::vector<std::string> damaged;  // newer ones that are, with what is wrong
  std::optional<cep::RestoreReport> restored;
  std::optional<TornEnd> torn_end;
  std::uint64_t keys = 0;
  std::uint64_t records = 0;  // replayed
  std::uint64_t events = 0;   // in them
  double load_seconds = 0;
  double replay_seconds = 0;
  std::optional<ReplayReport> difference;    // with replay_as_new
  std::vector<std::string> shown_otherwise;  // rules of which only the presentation changed
};
struct CheckpointFigures {
  std::uint64_t number = 0;  // of the newest
  std::uint64_t made = 0;    // by this node
  std::string failure;       // of the last one; empty when it went well
  bool is_under_way = false;
  std::uint64_t answered = 0;  // the newest of request_checkpoint() that is no longer waited for
  ArchiveStatus archive;       // of what the journal lets go of after one
};

/// Threading: one caller at a time.
///
/// Its parts stay behind a pointer (runtime/node/node_impl.h), so that a change of them compiles
/// this folder alone, and not everything that works with a node.
class Node {
 public:
  /// Opens what is in `directory`, which must outlive the node, or begins it, and replays. Fails
  /// with kMismatch, with what to do, for a timeline begun with other settings; kConflict for a
  /// start from a savepoint where a run was begun; kOtherVersion for other semantics; kCorrupt for
  /// damage, which is named; as its parts do.
  static Result<std::unique_ptr<Node>> open(const NodePorts& ports, const DataDirectory& directory,
                                            const cep::Program& program, NodeOptions options);
  /// What `paths` hold up to now, also beside an owner: nothing is changed, stored or sent, and the
  /// node can only be asked. With `options.from` it is the savepoint's state. `ports` are asked for
  /// files, clock, states and ranges. Fails as open() does.
  static Result<std::unique_ptr<Node>> look(const NodePorts& ports, const DataPaths& paths,
                                            const cep::Program& program, NodeOptions options);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  const Recovery& recovery() const;

  /// A source, known or new, by the name that it has in the journal; a new one is journaled, and
  /// begins where time is. A producer (stream_of()) is there with its first lines. `begin`: by
  /// value, it goes on with another file (runtime/series/file_series.h), which is journaled; how
  /// far that was read follows from its lines. Fails with kMismatch where it is known as one of
  /// another kind.
  Result<std::size_t> source(std::string_view name, SourceKind kind,
                             const SeriesBegin* begin = nullptr);
  const std::vector<NodeSource>& sources() const;
  /// Journals that producers belong to a token, or are no more: those removed are forgotten with
  /// their sequences, and sources() no longer has them where it had them. Those to own are there
  /// from then on. Fails with kConflict once time has ended.
  Result<void> change_producers(const ProducerCommand& change);
  /// What is now known of a file: `identity` goes into its next records; requires that `prefix`
  /// is whole and of the bytes taken so far.
  void refresh(std::size_t source, std::string identity, PrefixDigest prefix);

  /// Journals that a partition (runtime/io/topic_partition.h) goes on with the message at `offset`,
  /// whatever was taken of it: where it is begun, and where messages are missing. Fails with
  /// kConflict once time has ended.
  Result<void> set_place(std::size_t source, std::uint64_t offset);
  /// Takes lines of `block` (as LineSplitter has it; whole lines by value), stopping early where a
  /// record is full and where `order` says that another source comes first, and journals what it
  /// took. `source_of` is the place in `order`. Gives the bytes taken. Fails with kConflict once
  /// time has ended, and with kLimit, taking nothing, where as many events wait to be put in order
  /// as may: the node is as good as before.
  /// `traces`: which requests the lines by value came with; where the record has no room for them
  /// beside its lines they are left out.
  /// `has_room`: check_room() was asked for the whole that this is a part of, which is taken
  /// whatever it comes to.
  Result<std::size_t> arrive(std::size_t source, std::string_view block, MergeOrder* order,
                             const std::vector<TraceRun>& traces = {}, bool has_room = false);
  /// Journals and carries out a decision: idle, awake, heartbeat, ended.
  Result<void> decide(const Decision& decision);
  /// Journals that all inputs have ended: events that wait for others are taken now. Nothing, as
  /// every decision, where time has ended.
  Result<void> settle();
  /// Journals a move of time past every deadline: nothing is taken after it.
  Result<void> end_time();
  /// Takes the rows that collect_side_output() gives. Waits until all effects are stored.
  Result<AppendedReinjection> reinject(SideOutputKind kind, const std::vector<WantedRow>& wanted);
  /// Begins to give the state to an engine of other rules, made of `texts`, in chunks at the ends
  /// of slices and in poll(); those that hold go on meanwhile, and no checkpoint is begun by
  /// itself. Nothing is journaled: what was prepared before, or not activated, is as if it had
  /// never been. With `past`, which ran these rules over earlier records, what would begin with
  /// nothing goes on from that: it is given what comes from here on too, and no checkpoint is taken
  /// until it is activated or called off. Fails with kConflict once time has ended, and where
  /// the state that was kept of `past` is older than the last checkpoint: `past` then stays with
  /// the caller.
  Result<void> prepare(NodeProgram program, std::vector<NamedContents> texts,
                       std::unique_ptr<PastRun>&& past = nullptr);
  /// Between prepare() and activate().
  bool is_preparing() const;
  /// Little of the state is left to be given: activate() takes milliseconds.
  bool is_prepared() const;
  /// Journals that the prepared rules hold from here on, and goes on with them: what fits of the
  /// state is kept, as the report says; the settings' options stay. Requires prepare(); before
  /// is_prepared() nothing is taken in meanwhile, for a time by the number of keys. Fails with
  /// kLimit, calling off what was prepared, where the settings are larger than a record may be;
  /// the same with kConflict where the past cannot be had up to here (PastRun::may_join()).
  Result<cep::RestoreReport> activate();
  /// Journals that a list or table holds other entries from here on: the next event is judged by
  /// them. Takes time by the entries that change; a whole (prepare_list_change()) is just put in
  /// its place, and what was there is given back in `change` to be let go of elsewhere. Fails with
  /// kConflict where the rules have changed since it was prepared, or time has ended; with kLimit,
  /// changing nothing, where there would be more entries than may be.
  Result<ListChanged> change_list(ListChange& change);
  /// What was changed of lists and tables; they themselves are program().data().
  const ListChanges& lists() const;
  /// What holds now.
  const NodeSettings& settings() const;
  const cep::Program& program() const;
  /// Fails with kConflict, saying so, once time has ended; with nothing else.
  Result<void> may_take() const;
  /// Fails with kLimit, saying the remedy, where more should not be taken: too many events wait to
  /// be put in order, or memory is beyond its limit. For whoever reads, now and then; a replay is
  /// not held to it, so that a later start comes up with whatever was taken.
  Result<void> check_room() const;

  /// Goes on with what is under way; often, and while waiting for input.
  Result<void> poll();
  /// No more is at hand for now: what was taken in goes to the disk, instead of waiting for more to
  /// share its sync.
  void hurry();
  /// Takes a checkpoint of all that was processed, waiting for it, unless there is one already.
  Result<void> checkpoint();
  /// The same beside what comes in: poll() goes on with it. It is there, or has failed, when
  /// checkpoints().answered is at least the number given.
  std::uint64_t request_checkpoint();
  /// As checkpoint(), then keeps it as a savepoint in DIR/savepoints/NAME.
  Result<Manifest> savepoint(const std::string& name);
  /// Keeps the newest checkpoint as one, and tells `done` on the executor's thread.
  void keep_newest(const std::string& name, std::function<void(Result<Manifest>)> done);
  /// Waits until all that was taken in is on disk and all effects are stored. The node takes
  /// nothing more.
  Result<void> close();

  /// Up to where the journal is on disk.
  std::uint64_t durable_end() const;
  /// The record that comes next; of a node that only looks, behind those that it has read.
  std::uint64_t next_sequence() const;
  const RunSummary& summary() const;
  cep::EngineStats engine_stats() const;
  const Intake& intake() const;
  cep::Engine& engine();
  CheckpointFigures checkpoints() const;
  EffectStore& effect_store();
  EffectQueueStatus effects() const;
  const Timeline& timeline() const;

 private:
  friend class AlertInbox;
  friend class NodeErasure;
  struct Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The way of alerts that other engines raised into a node's alert store, past its journal and
/// engine. Borrows the node. Threading: that of the node.
class AlertInbox {
 public:
  explicit AlertInbox(Node& node) : node_(node) {}
  /// Up to where partitions were taken by earlier starts. Fails as the store does.
  Result<std::vector<InboxPlace>> places() const;
  /// Passes what topics brought to the store, where it is stored in one write. May wait for the
  /// disk. Gives a number for is_stored(). Fails as the node's effects do.
  Result<std::uint64_t> store(InboxEffects inbox);
  /// Whether what store() gave the number for, and all before it, is on disk.
  bool is_stored(std::uint64_t number) const;

 private:
  Node& node_;
};

/// What was erased of a node's state.
struct Erased {
  std::uint64_t record = 0;   // of the journal
  std::uint64_t keys = 0;     // of all tables
  std::uint64_t waiting = 0;  // events that waited to be put in order
};
/// What erases a person of a node: its state by commands, and what checkpoints and journal hold of
/// earlier states by having them written anew. Borrows the node. Threading: that of the node.
class NodeErasure {
 public:
  explicit NodeErasure(Node& node) : node_(node) {}
  /// Journals that all is erased that is remembered of keys with a value (write_erased_value()),
  /// and does it. Fails with kConflict while other rules are prepared, and once time has ended.
  Result<Erased> erase(const std::string& what);
  /// Journals a command without an effect, so that the next checkpoint is of something new. Gives
  /// its record.
  Result<std::uint64_t> note();
  /// The next record begins a new segment of the journal, and the next checkpoint writes all of the
  /// state. Requires that all that was journaled is on disk.
  void begin_anew();

 private:
  Node& node_;
};

/// What a data directory was begun with.
struct Beginning {
  NodeSettings settings;
  std::vector<CheckpointBlob> blobs;
};
/// From its newest readable checkpoint, or the first record of its journal; nothing where nothing
/// was begun. With `is_latest` it is what holds at the journal's end, which is read for that.
/// Without the directory's lock. Fails with kCorrupt, kOtherVersion.
Result<std::optional<Beginning>> find_beginning(Files& files, const DataPaths& paths,
                                                bool is_latest);
/// The settings and blobs of a checkpoint or savepoint.
Result<Beginning> beginning_of(const CheckpointMeta& meta, const std::string& directory);
/// The contents of blobs.
Result<std::vector<NamedContents>> read_texts(const BlobStore& blobs,
                                              const std::vector<CheckpointBlob>& references);
}  // namespace tocsin::runtime
