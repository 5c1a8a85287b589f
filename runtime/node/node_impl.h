/// The inside of a node. Its functions are in node_recovery.cpp (coming up), node_rules.cpp (which
/// rules hold), node_records.cpp (what a record does, replayed or live), node_live.cpp (taking in),
/// node_checkpoints.cpp and node_blobs.cpp (which entries of lists are still needed).
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/node/blob_use.h"
#include "runtime/node/checkpoint_taker.h"
#include "runtime/node/list_changes.h"
#include "runtime/node/node.h"
#include "runtime/node/node_commands.h"
#include "runtime/node/node_effects.h"
#include "runtime/node/node_log.h"
#include "runtime/node/node_state.h"
#include "runtime/node/state_migration.h"

namespace tocsin::runtime {
class Node::Impl {
 public:
  Impl(const NodePorts& ports, DataPaths paths, const cep::Program& program, NodeOptions options)
      : ports_(ports),
        paths_(std::move(paths)),
        program_(program.with_own_data()),
        options_(std::move(options)),
        settings_(options_.settings),
        profile_(options_.settings),
        given_{program, options_.intake},
        effects_(program.plan()),
        splitter_(options_.intake.line_bytes_max) {
    engine_ = make_engine(program_);
    summary_.alerts_by_rule.resize(program.plan().rules.size());
    summary_.first_event = cep::kEventTimeMax;
    summary_.last_event = cep::kEventTimeMin;
    options_.intake.is_saved = true;
  }
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> open(bool is_new);
  Result<void> look();

  Result<void> may_take() const;
  Result<void> check_room() const;
  Result<std::size_t> source(std::string_view name, SourceKind kind);
  Result<void> change_producers(const ProducerCommand& change);
  void refresh(std::size_t source, std::string identity, PrefixDigest prefix);
  Result<std::size_t> arrive(std::size_t source, std::string_view block, MergeOrder* order,
                             const std::vector<TraceRun>& traces);
  Result<void> prepare(NodeProgram program, std::vector<NamedContents> texts);
  bool is_preparing() const { return next_.has_value(); }
  bool is_prepared() const { return next_ && next_->carry && next_->carry->is_nearly_done(); }
  Result<void> journal_prepared();
  Result<cep::RestoreReport> activate();
  void call_off();
  Result<ListChanged> change_list(ListChange& change);
  Result<ListChanged> carry_out(ListChange& change);
  Result<void> decide(const Decision& decision);
  /// Notes a failure, after which there is nothing to be gone on with.
  template <typename T>
  Result<T> noted(Result<T> result) {
    if (!result) has_failed_ = true;
    return result;
  }
  Result<void> settle() { return give_command(kSettleCommand); }
  Result<void> end_time() { return give_command(kEndTimeCommand); }
  Result<AppendedReinjection> reinject(SideOutputKind kind,
                                       const std::vector<cep::ArrivalNumber>& arrivals);
  Result<void> poll();
  void hurry() { log_->hurry(); }
  Result<void> checkpoint();
  std::uint64_t request_checkpoint() { return ++checkpoints_requested_; }
  Result<Manifest> savepoint(const std::string& name);
  void keep_newest(const std::string& name, std::function<void(Result<Manifest>)> done);
  Result<void> close();

  std::uint64_t durable_end() const { return log_->durable_end(); }
  std::uint64_t next_sequence() const { return log_->next_sequence(); }
  std::uint64_t position() const { return log_ ? log_->next_sequence() : position_; }
  CheckpointFigures checkpoints() const;

  const Recovery& recovery() const { return recovery_; }
  const NodeState& state() const { return state_; }
  const ListChanges& lists() const { return lists_; }
  const NodeSettings& settings() const { return settings_; }
  const cep::Program& program() const { return program_; }
  const RunSummary& summary() const { return summary_; }
  cep::Engine& engine() { return *engine_; }
  cep::EngineStats engine_stats() const;
  const Intake& intake() const { return *intake_; }
  EffectStore& effect_store() { return *effect_store_; }
  EffectQueueStatus effect_status() const { return queue_->status(); }
  const Timeline& timeline() const { return timeline_; }

 private:
  // --- coming up
  void open_intake();
  Result<void> find_timeline();
  Result<void> load_recovered();
  Result<void> load_savepoint();
  Result<void> restore_state(const CheckpointMeta& meta);
  Result<void> open_log();
  Result<void> open_effects();
  Result<void> lost_timeline() const;
  Result<void> open_queue();
  Result<void> begin();
  // The records from position_ on.
  Result<void> replay(std::uint64_t end);
  Result<void> load_state(const GoodCheckpoint& good);
  Result<void> replay_record(const JournalEntry& entry);
  Result<void> go_live();
  enum class State : std::uint8_t { kNone, kCarried };
  Result<void> take_settings(std::string_view json, std::vector<CheckpointBlob> blobs,
                             std::string_view what, State state);
  Result<NodeProgram> program_of(const NodeSettings& wanted,
                                 const std::vector<CheckpointBlob>& blobs);
  Result<void> check_end();
  Error other_rules(const SettingsChange& change) const;
  // Rules that are to hold, and how far the state has come to their engine.
  struct Next {
    NodeProgram given;
    NodeProgram program;  // with lists and tables of its own
    NodeSettings settings;
    std::vector<NamedContents> texts;
    std::vector<CheckpointBlob> blobs;
    // Nothing until a checkpoint under way has let go of the engine's changes.
    std::unique_ptr<cep::Engine> engine;
    std::unique_ptr<StateMigration> carry;
    std::optional<Error> failure;
  };
  void use(NodeProgram next, std::unique_ptr<cep::Engine> engine);
  Result<cep::RestoreReport> switch_to(NodeProgram next, std::unique_ptr<cep::Engine> engine,
                                       StateMigration& carry);
  void begin_carrying();
  void drop_carried();
  void chunk();
  void let_go(std::unique_ptr<cep::Engine> engine);
  std::unique_ptr<cep::Engine> make_engine(const cep::Program& program) const;
  Result<std::vector<CheckpointBlob>> keep_texts(const std::vector<NamedContents>& texts);

  // --- records, replayed or live
  Result<std::size_t> take_lines(std::size_t source, std::string_view block, MergeOrder* order,
                                 std::uint64_t& count);
  Result<void> take_value(const ArrivalByValue& record);
  Result<void> take_position(const ArrivalByPosition& record);
  Result<void> take_decision(const Decision& decision);
  Result<void> take_command(const Command& command);
  Result<void> take_again(const Command& command);
  Result<void> take_list(const Command& command);
  Result<void> take_producers(const Command& command);
  Result<void> restore_lists();
  void begin_record(std::uint64_t sequence, cep::EventTime taken_at, bool is_appended);
  Result<void> end_record();
  Result<void> append(const JournalRecord& record);
  Result<void> append_settings(std::string_view name, cep::EventTime given_at);
  Result<void> give_command(std::string_view name);
  Result<void> give_command(const Command& command);
  // Says of the record at hand which requests its first `count` lines came with.
  void note_traces(const std::vector<TraceRun>& traces, std::uint64_t count);
  std::string_view room_for(const NodeSource& source, std::string_view block) const;
  Result<void> advance(cep::Batch& slice, cep::EventTime watermark);
  std::size_t index_of(std::string_view name, SourceKind kind);
  void note_producer(NodeSource& source, std::string_view lines) const;

  // --- checkpoints
  void cut();
  bool is_due();
  bool is_newest() const;
  void answer_requests();
  void abandon_cut();
  Result<void> drain();
  // Blobs that records before position_ name, read by the executor.
  struct PastBlobs {
    struct Named {
      std::uint64_t sequence = 0;
      BlobUse::What what = BlobUse::What::kOther;
      cep::Digest digest{};
    };
    std::mutex mutex;
    bool is_known = false;
    std::vector<Named> named;
  };
  Result<void> find_named_blobs();
  void note_blobs(const Command& command);
  void note_checkpoint_blobs();
  Result<void> push_effects();
  Result<void> commit_here();
  Result<void> store_effects();

  const NodePorts ports_;
  const DataPaths paths_;
  std::string last_segment_;  // of the journal, when it was opened
  // Its last segment of other semantics, and where that ends; 0: none.
  std::string other_semantics_;
  std::uint64_t other_semantics_end_ = 0;
  cep::Program program_;  // with lists and tables of its own
  NodeOptions options_;
  Recovery recovery_;
  NodeState state_;
  ListChanges lists_;
  RunSummary summary_;
  NodeSettings settings_;  // of the timeline, as of the last record
  NodeSettings profile_;   // of program_, which may only show less or more than settings_ say
  NodeProgram given_;      // what this start, or the last deploy, brought
  std::vector<CheckpointBlob> blobs_;
  Timeline timeline_;
  EmittedMark start_;                       // up to where effects were stored when the engine began
  std::uint64_t stored_before_ = 0;         // number of the last alert that was stored by then
  std::optional<EmittedMark> loaded_mark_;  // of the checkpoint
  std::optional<cep::OrderKey> order_before_;  // of a fork
  std::optional<ReplayDifference> difference_;
  std::uint64_t position_ = 1;  // of the next record to replay
  bool must_begin_ = false;     // the timeline is new

  std::unique_ptr<cep::Engine> engine_;
  std::vector<cep::Alert> alerts_;
  NodeEffects effects_;
  LineSplitter splitter_;
  Advance advance_;
  IntakeSinks sinks_;
  std::unique_ptr<Intake> intake_;
  std::optional<BlobStore> blob_store_;
  std::unique_ptr<EffectStore> effect_store_;
  std::unique_ptr<CheckpointWriter> writer_;
  std::unique_ptr<NodeLog> log_;
  std::unique_ptr<EffectQueue> queue_;
  std::unique_ptr<CheckpointTaker> taker_;

  std::string block_;  // a record's lines, with padding
  std::uint64_t sequence_ = 0;
  std::uint32_t index_ = 0;
  cep::EventTime taken_at_;
  bool is_appended_ = false;
  bool is_live_ = false;
  bool is_closed_ = false;
  bool has_failed_ = false;
  BlobUse blob_use_;
  std::shared_ptr<PastBlobs> past_;        // until they are known
  std::vector<CheckpointBlob> cut_blobs_;  // of the last cut
  std::uint64_t checkpoints_noted_ = 0;    // of those made
  cep::EventTime checkpoint_begun_at_;
  std::uint64_t checkpoint_position_ = 0;  // of the last cut
  std::uint64_t checkpoints_requested_ = 0;
  std::uint64_t requested_before_cut_ = 0;  // of the last cut
  std::uint64_t checkpoints_answered_ = 0;
  std::optional<Next> next_;
};
}  // namespace tocsin::runtime
