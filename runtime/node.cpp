#include "runtime/node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "cep/computed.h"
#include "runtime/carry_over.h"
#include "runtime/checkpoint_taker.h"
#include "runtime/crash_point.h"
#include "runtime/decoder.h"
#include "runtime/emitted_mark.h"
#include "runtime/journal_directory.h"
#include "runtime/journal_reader.h"
#include "runtime/node_commands.h"
#include "runtime/node_effects.h"
#include "runtime/node_log.h"
#include "runtime/node_state.h"
#include "runtime/reinjection.h"
#include "runtime/savepoint.h"

namespace tocsin::runtime {
namespace {
// How many records pass between two words on how far a replay is.
constexpr std::uint64_t kRecordsPerLook = 64;

double seconds_between(cep::EventTime begin, cep::EventTime end) {
  return static_cast<double>(std::max<std::int64_t>(end.us - begin.us, 0)) / 1e6;
}
}  // namespace

class Node::Impl {
 public:
  Impl(const NodePorts& ports, DataPaths paths, const cep::Program& program, NodeOptions options)
      : ports_(ports),
        paths_(std::move(paths)),
        program_(program),
        options_(std::move(options)),
        settings_(options_.settings),
        working_(options_.settings),
        given_{program, options_.intake},
        effects_(program.plan()),
        splitter_(options_.intake.line_bytes_max) {
    begin_engine();
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
  void refresh(std::size_t source, std::string identity, PrefixDigest prefix);
  Result<std::size_t> arrive(std::size_t source, std::string_view block, MergeOrder* order);
  Result<cep::RestoreReport> deploy(NodeProgram program, std::vector<NamedContents> texts);
  Result<void> decide(const Decision& decision);
  /// Notes a failure, after which there is nothing to be gone on with.
  template <typename T>
  Result<T> noted(Result<T> result) {
    if (!result) has_failed_ = true;
    return result;
  }
  Result<void> settle() { return give_command(kSettleCommand); }
  Result<void> end_time() { return give_command(kEndTimeCommand); }
  Result<AppendedReinjection> reinject(AsideKind kind,
                                       const std::vector<cep::ArrivalNumber>& arrivals);
  Result<void> poll();
  Result<void> checkpoint();
  Result<Manifest> savepoint(const std::string& name);
  Result<void> close();

  std::uint64_t durable_end() const { return log_->durable_end(); }
  std::uint64_t next_sequence() const { return log_->next_sequence(); }
  std::uint64_t position() const { return log_ ? log_->next_sequence() : position_; }
  CheckpointFigures checkpoints() const;

  const Recovery& recovery() const { return recovery_; }
  const NodeState& state() const { return state_; }
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
  void begin_engine();
  void open_intake();
  Result<void> find_timeline();
  Result<void> load_recovered();
  Result<void> load_savepoint();
  Result<void> restore_state(const CheckpointMeta& meta);
  Result<void> open_log();
  Result<void> open_effects();
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
  void use(NodeProgram next);
  Result<cep::RestoreReport> switch_to(NodeProgram next);
  Result<std::vector<CheckpointBlob>> keep_texts();

  // --- records, replayed or live
  Result<std::size_t> take_lines(std::size_t source, std::string_view block, MergeOrder* order,
                                 std::uint64_t& count);
  Result<void> take_value(const ArrivalByValue& record);
  Result<void> take_position(const ArrivalByPosition& record);
  Result<void> take_decision(const Decision& decision);
  Result<void> take_command(const Command& command);
  Result<void> take_again(const Command& command);
  void begin_record(std::uint64_t sequence, cep::EventTime taken_at, bool is_appended);
  Result<void> end_record();
  Result<void> append(const JournalRecord& record);
  Result<void> append_settings(std::string_view name, cep::EventTime given_at);
  Result<void> give_command(std::string_view name);
  Result<void> give_command(const Command& command);
  std::string_view room_for(const NodeSource& source, std::string_view block) const;
  Result<void> advance(cep::Batch& slice, cep::EventTime watermark);
  std::size_t index_of(std::string_view name, SourceKind kind);

  // --- checkpoints
  void cut();
  bool is_due();
  Result<void> drain();
  Result<void> push_effects();
  Result<void> commit_here();
  Result<void> store_effects();

  const NodePorts ports_;
  const DataPaths paths_;
  std::string last_segment_;  // of the journal, when it was opened
  // Its last segment of other semantics, and where that ends; 0: none.
  std::string other_semantics_;
  std::uint64_t other_semantics_end_ = 0;
  cep::Program program_;
  NodeOptions options_;
  Recovery recovery_;
  NodeState state_;
  RunSummary summary_;
  NodeSettings settings_;  // of the timeline, as of the last record
  NodeSettings working_;   // of program_, which may only show less or more than settings_ say
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

  std::string block_;          // a record's lines, with padding
  std::string_view producer_;  // whose lines are being taken, where the intake knows it otherwise
  std::uint64_t sequence_ = 0;
  std::uint32_t index_ = 0;
  cep::EventTime taken_at_;
  bool is_appended_ = false;
  bool is_live_ = false;
  bool is_closed_ = false;
  bool has_failed_ = false;
  cep::EventTime checkpoint_begun_at_;
  std::uint64_t checkpoint_position_ = 0;  // of the last cut
};

Node::Impl::~Impl() {
  // Ends the journal's thread, which tells the queue; without threads what was not written is lost,
  // as in a crash.
  if (log_ && ports_.has_threads) static_cast<void>(log_->close());
  if (taker_) taker_->abandon();
  // Nothing of the writer's may be left in the executor.
  if (writer_ && ports_.has_threads) static_cast<void>(drain());
}

// --- coming up ---------------------------------------------------------------------------------

Result<void> Node::Impl::open(bool is_new) {
  const cep::EventTime began = ports_.clock.now();
  recovery_.is_new = is_new;
  Result<BlobStore> blobs = BlobStore::open(ports_.files, paths_.blobs);
  if (!blobs) return tl::unexpected(blobs.error());
  blob_store_ = *std::move(blobs);
  if (auto done = find_timeline(); !done) return done;
  // What stays is in nobody's way, and is tried again by the next start.
  static_cast<void>(clean_savepoints(ports_.files, paths_.savepoints));
  Result<std::unique_ptr<CheckpointWriter>> writer =
      CheckpointWriter::open(ports_.files, ports_.states, ports_.executor,
                             {.checkpoints = paths_.checkpoints,
                              .state = paths_.state,
                              .semantics = options_.semantics,
                              .accept_other_semantics = options_.replay_as_new});
  if (!writer) return tl::unexpected(writer.error());
  writer_ = *std::move(writer);
  open_intake();
  if (writer_->recovered()) {
    if (auto done = load_recovered(); !done) return done;
  } else if (options_.from) {
    if (auto done = load_savepoint(); !done) return done;
  }
  recovery_.load_seconds = seconds_between(began, ports_.clock.now());
  // Before the journal's end is cut: who knows of more must have been asked.
  if (auto done = open_effects(); !done) return done;
  if (auto done = open_log(); !done) return done;
  if (auto done = open_queue(); !done) return done;
  const cep::EventTime loaded = ports_.clock.now();
  // A crash may have come before the first record.
  const std::uint64_t end = log_->durable_end();
  must_begin_ = must_begin_ || (!loaded_mark_ && position_ == 1 && end == 1);
  auto done = must_begin_ ? begin() : replay(end);
  if (!done) return done;
  if (queue_->pushed_mark().number < stored_before_) {
    return fail(
        Errc::kCorrupt,
        fmt::format("{} ends before the records of alerts that {} holds: they do not belong "
                    "together, or {} is damaged at its end, or segments after it are lost; "
                    "restore both from one copy",
                    paths_.journal, paths_.store, last_segment_));
  }
  recovery_.replay_seconds = seconds_between(loaded, ports_.clock.now());
  return go_live();
}

Result<void> Node::Impl::look() {
  blob_store_ =
      BlobStore::look(ports_.files, options_.from ? savepoint_blobs(*options_.from) : paths_.blobs);
  open_intake();
  if (options_.from) {
    const Result<GoodCheckpoint> good = load_checkpoint(ports_.files, *options_.from);
    if (!good) return tl::unexpected(good.error());
    timeline_ = good->meta.timeline;
    return load_state(*good);
  }
  if (auto done = find_timeline(); !done) return done;
  const Result<std::optional<GoodCheckpoint>> good =
      newest_good(ports_.files, paths_.checkpoints, options_.semantics);
  if (!good) return tl::unexpected(good.error());
  if (*good) {
    recovery_.checkpoint = (*good)->meta.number;
    recovery_.checkpoint_taken_at = (*good)->meta.taken_at;
    if (auto done = load_state(**good); !done) return done;
  }
  return must_begin_ ? Result<void>() : replay(JournalReader::kToEnd);
}

void Node::Impl::begin_engine() {
  engine_ = std::make_unique<cep::Engine>(program_, options_.hash_seed);
  engine_->track_changes();
}

void Node::Impl::open_intake() {
  advance_ = [this](cep::Batch& slice, cep::EventTime watermark) {
    return advance(slice, watermark);
  };
  sinks_.late = [this](LateEvent late) {
    if (!producer_.empty()) late.input = producer_;
    effects_.add(late);
    if (options_.aside.late) options_.aside.late(late);
  };
  sinks_.dead_letter = [this](DeadLetter dead_letter) {
    if (!producer_.empty()) dead_letter.input = producer_;
    effects_.add(dead_letter);
    if (options_.aside.dead_letter) options_.aside.dead_letter(dead_letter);
  };
  sinks_.judged = options_.aside.judged;
  intake_ = std::make_unique<Intake>(UsedEvents::of(program_), options_.intake, sinks_, summary_,
                                     advance_);
}

// What the journal says of itself, before anything is opened for writing.
Result<void> Node::Impl::find_timeline() {
  FileResult<std::vector<std::string>> names = ports_.files.list(paths_.journal);
  if (!names && names.error().code != FileErrc::kNotFound) {
    return tl::unexpected(to_error(names.error()));
  }
  JournalDirectory journal;
  if (names) {
    Result<JournalDirectory> found = survey_journal(ports_.files, paths_.journal);
    if (!found) return tl::unexpected(found.error());
    journal = *std::move(found);
  }
  must_begin_ = journal.segments.empty();
  if (must_begin_) {
    timeline_.id = options_.timeline;
    return {};
  }
  if (options_.from) {
    return fail(Errc::kRefused,
                fmt::format("{} holds a run already: a start from a savepoint needs a data "
                            "directory of its own, which does not exist yet",
                            paths_.directory));
  }
  last_segment_ = journal.segments.back().path;
  for (std::size_t i = 0; i < journal.segments.size(); ++i) {
    if (journal.segments[i].header.semantics == options_.semantics) continue;
    other_semantics_ = journal.segments[i].path;
    const bool is_last = i + 1 == journal.segments.size();
    other_semantics_end_ = is_last ? UINT64_MAX : journal.segments[i + 1].header.first_sequence;
  }
  timeline_ = journal.segments.back().header.timeline;
  position_ = journal.segments.front().header.first_sequence;
  return {};
}

Error Node::Impl::other_rules(const SettingsChange& change) const {
  return {Errc::kRefused,
          fmt::format("the data directory {0} was begun otherwise: {1}; go on as it was begun, "
                      "or carry its state over: `tocsin savepoint make --data {0} NAME`, then "
                      "`tocsin run RULES --from {0}/savepoints/NAME --data NEW_FOLDER` (a server: "
                      "`tocsin serve RULES --data-from {0}/savepoints/NAME --data NEW_FOLDER`)",
                      paths_.directory, change.text())};
}

// What holds at the journal's end and what this start has must fit.
Result<void> Node::Impl::check_end() {
  const Result<std::optional<Beginning>> latest = find_beginning(ports_.files, paths_, true);
  if (!latest) return tl::unexpected(latest.error());
  if (!*latest) return {};
  const SettingsChange change = compare_settings((*latest)->settings, options_.settings);
  if (change.may_go_on()) return {};
  return tl::unexpected(other_rules(change));
}

Result<NodeProgram> Node::Impl::program_of(const NodeSettings& wanted,
                                           const std::vector<CheckpointBlob>& blobs) {
  const SettingsChange change = compare_settings(wanted, options_.settings);
  if (change.may_go_on()) return given_;
  if (!options_.compile) return tl::unexpected(other_rules(change));
  if (auto checked = check_end(); !checked) return tl::unexpected(checked.error());
  const Result<std::vector<NamedContents>> texts = read_texts(*blob_store_, blobs);
  if (!texts) return tl::unexpected(texts.error());
  Result<NodeProgram> compiled = options_.compile(wanted, *texts);
  if (!compiled) return compiled;
  const SettingsChange other =
      compare_settings(wanted, settings_of(compiled->program, wanted.options));
  if (other.may_go_on()) return compiled;
  return fail(Errc::kRefused,
              fmt::format("{} holds records of rules that this version of Tocsin reads otherwise: "
                          "{}; use the version that wrote them",
                          paths_.journal, other.text()));
}

// Nothing is remembered of what was before.
void Node::Impl::use(NodeProgram next) {
  program_ = std::move(next.program);
  options_.intake = next.intake;
  options_.intake.is_saved = true;
  begin_engine();
  effects_.use(program_.plan());
  open_intake();
  if (taker_) taker_->use(*engine_, *intake_);
  summary_.alerts_by_rule.assign(program_.plan().rules.size(), 0);
}

// Between two records, when nothing is under way in intake and engine.
Result<cep::RestoreReport> Node::Impl::switch_to(NodeProgram next) {
  if (taker_) taker_->abandon();
  std::string waiting;
  intake_->save(waiting);
  const cep::Program before = program_;
  const std::vector<std::uint64_t> alerts_before = summary_.alerts_by_rule;
  const std::unique_ptr<cep::Engine> engine_before = std::move(engine_);
  use(std::move(next));
  Result<cep::RestoreReport> report = carry_over(*engine_before, *engine_);
  if (!report) return report;
  if (auto restored = intake_->restore(waiting); !restored) {
    return tl::unexpected(restored.error());
  }
  const std::vector<cep::Rule>& rules = program_.plan().rules;
  for (std::size_t i = 0; i < alerts_before.size(); ++i) {
    const auto same = std::ranges::find(rules, before.plan().rules[i].id, &cep::Rule::id);
    if (same == rules.end()) continue;
    summary_.alerts_by_rule[static_cast<std::size_t>(same - rules.begin())] = alerts_before[i];
  }
  return report;
}

// What a record or a checkpoint says of the rules that hold from there on.
Result<void> Node::Impl::take_settings(std::string_view json, std::vector<CheckpointBlob> blobs,
                                       std::string_view what, State state) {
  Result<NodeSettings> wanted = read_settings(json);
  if (!wanted) {
    return fail(wanted.error().code, fmt::format("{}: {}", what, wanted.error().message));
  }
  recovery_.shown_otherwise = compare_settings(*wanted, options_.settings).shown;
  if (!compare_settings(*wanted, working_).may_go_on()) {
    Result<NodeProgram> next = program_of(*wanted, blobs);
    if (!next) return tl::unexpected(next.error());
    if (state == State::kNone) {
      use(*std::move(next));
    } else if (auto switched = switch_to(*std::move(next)); !switched) {
      return tl::unexpected(switched.error());
    }
    working_ = *wanted;
  }
  settings_ = *std::move(wanted);
  blobs_ = std::move(blobs);
  return {};
}

Result<void> Node::Impl::load_recovered() {
  const GoodCheckpoint& good = *writer_->recovered();
  const CheckpointMeta& meta = good.meta;
  recovery_.checkpoint = meta.number;
  recovery_.checkpoint_taken_at = meta.taken_at;
  for (const GoodCheckpoint::Damaged& damaged : good.damaged) {
    recovery_.damaged.push_back(damaged.message);
  }
  if (must_begin_) {
    return fail(Errc::kCorrupt,
                fmt::format("{} holds checkpoints but no journal: restore {} from a copy that was "
                            "made together with it",
                            paths_.directory, paths_.journal));
  }
  if (meta.timeline.id != timeline_.id) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is of another timeline than the journal in {}: they do not belong "
                            "together",
                            good.directory, paths_.journal));
  }
  if (auto taken = take_settings(meta.settings, meta.blobs, good.directory, State::kNone); !taken) {
    return taken;
  }
  Result<cep::RestoreReport> begun = engine_->begin_restore(meta.globals);
  if (!begun) return tl::unexpected(begun.error());
  const auto take = [&](const cep::StateKey& key, std::string_view value) {
    ++recovery_.keys;
    return engine_->restore(key, value);
  };
  const auto progress = [&](std::uint64_t keys) {
    if (options_.recovering) options_.recovering({.keys = keys});
  };
  if (auto read = writer_->read(take, progress); !read) return read;
  recovery_.restored = *std::move(begun);
  if (auto restored = restore_state(meta); !restored) return restored;
  writer_->drop_recovered();
  return {};
}

Result<void> Node::Impl::load_savepoint() {
  const std::string& directory = *options_.from;
  Result<GoodCheckpoint> good = load_checkpoint(ports_.files, directory);
  if (!good) return tl::unexpected(good.error());
  const CheckpointMeta* const meta = &good->meta;
  if (meta->semantics != options_.semantics) {
    return fail(Errc::kRefused,
                fmt::format("{} was made under semantics {}, and this program runs under semantics "
                            "{}: use the version of Tocsin that made it",
                            directory, meta->semantics, options_.semantics));
  }
  if (auto loaded = load_state(*good); !loaded) return loaded;
  if (state_.has_time_ended) {
    return fail(Errc::kRefused,
                fmt::format("{} was made after time had ended (--final-watermark): it can be "
                            "looked at, but takes no more events",
                            directory));
  }
  timeline_.parent = meta->timeline.id;
  timeline_.parent_sequence = meta->position - 1;
  order_before_ = loaded_mark_->order;
  loaded_mark_.reset();
  return {};
}

// From its own files, which are only read.
Result<void> Node::Impl::load_state(const GoodCheckpoint& good) {
  Result<cep::RestoreReport> begun = engine_->begin_restore(good.meta.globals);
  if (!begun) return tl::unexpected(begun.error());
  Result<std::unique_ptr<StateScan>> scan = ports_.states.read(good.directory + "/state");
  if (!scan) return tl::unexpected(scan.error());
  const auto take = [&](const cep::StateKey& key, std::string_view value) {
    ++recovery_.keys;
    return engine_->restore(key, value);
  };
  if (auto read = read_pieces(**scan, take); !read) return read;
  recovery_.restored = *std::move(begun);
  return restore_state(good.meta);
}

Result<void> Node::Impl::restore_state(const CheckpointMeta& meta) {
  if (auto restored = engine_->finish_restore(); !restored) return restored;
  if (auto restored = intake_->restore(meta.intake); !restored) return restored;
  Result<NodeState> state = NodeState::restore(meta.node, program_.plan(), summary_);
  if (!state) return tl::unexpected(state.error());
  state_ = *std::move(state);
  ByteReader reader(meta.mark);
  loaded_mark_ = read_mark(reader);
  if (!reader.is_done()) return fail(Errc::kCorrupt, "the mark of a checkpoint is damaged");
  blobs_ = meta.blobs;
  position_ = meta.position;
  checkpoint_position_ = position_;
  return {};
}

Result<void> Node::Impl::open_log() {
  JournalOptions journal;
  journal.segment_bytes = options_.segment_bytes;
  journal.semantics = options_.semantics;
  journal.accept_other_semantics = options_.replay_as_new;
  journal.timeline = timeline_;
  journal.first_sequence = position_;
  journal.known_end = position_;
  if (effect_store_->mark().timeline == timeline_.id) {
    journal.known_end = std::max(journal.known_end, effect_store_->cause() + 1);
  }
  Result<std::unique_ptr<NodeLog>> log;
  if (ports_.has_threads) {
    // What the queue is told before it is there, it is told again when it is.
    const auto listener = [this](const JournalStatus& status) {
      if (queue_) queue_->durable(status.durable_end);
      if (options_.journal_listener) options_.journal_listener(status);
    };
    log = ThreadedLog::open(ports_.files, ports_.clock, paths_.journal, journal, options_.journal,
                            listener, options_.stop_requested);
  } else {
    log = DirectLog::open(ports_.files, ports_.clock, paths_.journal, journal);
  }
  if (!log) return tl::unexpected(log.error());
  log_ = *std::move(log);
  recovery_.torn_end = log_->torn_end();
  return {};
}

Result<void> Node::Impl::open_effects() {
  Result<std::unique_ptr<EffectStore>> store = EffectStore::open(
      ports_.store, ports_.clock,
      {.semantics = options_.semantics, .accept_other_semantics = options_.replay_as_new});
  if (!store) return tl::unexpected(store.error());
  effect_store_ = *std::move(store);
  if (!effect_store_->has_timeline(timeline_.id)) return {};
  start_ = loaded_mark_.value_or(EmittedMark{});
  if (!loaded_mark_) start_.timeline = timeline_.id;
  if (!options_.replay_as_new) return effect_store_->resume(loaded_mark_);
  // What was stored is compared here, and stays; what is stored next comes behind it.
  const EmittedMark mark = effect_store_->mark();
  difference_.emplace(effect_store_->reader(), start_, mark);
  effects_.compare_past(&*difference_);
  start_ = mark;
  return effect_store_->resume(mark);
}

Result<void> Node::Impl::open_queue() {
  if (!effect_store_->has_timeline(timeline_.id)) {
    auto begun = effect_store_->begin_timeline(timeline_.id, timeline_.parent, order_before_);
    if (!begun) return begun;
    start_ = effect_store_->mark();
  }
  if (options_.endpoints) {
    if (auto set = effect_store_->set_endpoints(*options_.endpoints); !set) return set;
  }
  effect_store_->set_addressees(options_.addressees);
  stored_before_ = effect_store_->mark().number;
  queue_ = std::make_unique<EffectQueue>(*effect_store_, start_, options_.effects,
                                         options_.effects_listener);
  queue_->durable(log_->durable_end());
  if (ports_.has_threads) queue_->start();
  taker_ = std::make_unique<CheckpointTaker>(*engine_, *intake_, *writer_, *log_, *queue_,
                                             options_.bite_bytes);
  return {};
}

Result<std::vector<CheckpointBlob>> Node::Impl::keep_texts() {
  std::vector<CheckpointBlob> blobs;
  for (const NamedContents& text : options_.texts) {
    Result<cep::Digest> digest = blob_store_->put(text.contents);
    if (!digest) return tl::unexpected(digest.error());
    blobs.push_back({text.role, text.contents.size(), *digest});
  }
  return blobs;
}

// The first record of a timeline.
Result<void> Node::Impl::begin() {
  settings_ = options_.settings;
  Result<std::vector<CheckpointBlob>> blobs = keep_texts();
  if (!blobs) return tl::unexpected(blobs.error());
  blobs_ = *std::move(blobs);
  if (auto appended = append_settings(kBeginCommand, ports_.clock.now()); !appended) {
    return appended;
  }
  if (auto durable = log_->wait_durable(); !durable) return durable;
  if (!options_.from) return {};
  // Until there is a checkpoint the new folder cannot be started from.
  taker_->want_all();
  Result<void> taken = checkpoint();
  must_begin_ = false;
  return taken;
}

Result<void> Node::Impl::replay(std::uint64_t end) {
  if (other_semantics_end_ > position_ && !options_.replay_as_new) {
    return fail(Errc::kRefused,
                fmt::format("{} was written under other semantics than {}, those of this program: "
                            "its alerts may differ; use the version of Tocsin that wrote it, or "
                            "go on with --replay-as-new, which tells what differs and does not "
                            "send it",
                            other_semantics_, options_.semantics));
  }
  const bool is_from_begin = !loaded_mark_;
  if (is_from_begin && position_ != 1) {
    return fail(Errc::kCorrupt,
                fmt::format("{} begins with record {}, and there is no checkpoint to begin with: "
                            "{}",
                            paths_.journal, position_,
                            timeline_.parent_sequence + 1 == position_
                                ? "its start from a savepoint did not come to its end; remove the "
                                  "folder and start from the savepoint again"
                                : "restore the folder checkpoints from a copy"));
  }
  Result<JournalReader> reader = JournalReader::open(ports_.files, paths_.journal, position_, end);
  if (!reader) return tl::unexpected(reader.error());
  const std::uint64_t begin = position_;
  const std::uint64_t events_before = summary_.events;
  for (;;) {
    Result<std::optional<JournalEntry>> entry = reader->next();
    if (!entry) return tl::unexpected(entry.error());
    if (!*entry) break;
    if (auto done = replay_record(**entry); !done) return done;
    position_ = (*entry)->sequence + 1;
    if ((position_ - begin) % kRecordsPerLook != 0) continue;
    recovery_.events = summary_.events - events_before;
    if (options_.recovering) {
      options_.recovering({recovery_.keys, position_ - begin, end - begin, recovery_.events});
    }
    if (options_.stop_requested && options_.stop_requested()) {
      return fail(Errc::kRefused, "stopped while recovering; nothing is lost");
    }
  }
  recovery_.records = position_ - begin;
  recovery_.events = summary_.events - events_before;
  return {};
}

Result<void> Node::Impl::replay_record(const JournalEntry& entry) {
  const JournalRecord& record = entry.record;
  if (const auto* command = std::get_if<Command>(&record)) {
    begin_record(entry.sequence, command->given_at, true);
    if (auto taken = take_command(*command); !taken) return taken;
  } else if (const auto* decision = std::get_if<Decision>(&record)) {
    begin_record(entry.sequence, decision->clock, true);
    if (auto taken = take_decision(*decision); !taken) return taken;
  } else if (const auto* value = std::get_if<ArrivalByValue>(&record)) {
    begin_record(entry.sequence, value->taken_at, true);
    if (auto taken = take_value(*value); !taken) return taken;
  } else {
    const auto& position = std::get<ArrivalByPosition>(record);
    begin_record(entry.sequence, position.taken_at, true);
    if (auto taken = take_position(position); !taken) return taken;
  }
  if (auto ended = end_record(); !ended) return ended;
  return commit_here();
}

Result<void> Node::Impl::go_live() {
  is_live_ = true;
  checkpoint_begun_at_ = ports_.clock.now();
  if (difference_) {
    Result<ReplayReport> report = difference_->report();
    if (!report) return tl::unexpected(report.error());
    recovery_.difference = *std::move(report);
    effects_.compare_past(nullptr);
    // From here on nothing is of the semantics before.
    taker_->want_all();
    if (auto taken = checkpoint(); !taken) return taken;
  }
  if (recovery_.restored && !recovery_.restored->is_same_program) taker_->want_all();
  if (settings_.plan == options_.settings.plan) return {};
  // Only what alerts show has changed.
  settings_ = options_.settings;
  Result<std::vector<CheckpointBlob>> blobs = keep_texts();
  if (!blobs) return tl::unexpected(blobs.error());
  blobs_ = *std::move(blobs);
  return append_settings(kPresentCommand, ports_.clock.now());
}

// --- records -----------------------------------------------------------------------------------

void Node::Impl::begin_record(std::uint64_t sequence, cep::EventTime taken_at, bool is_appended) {
  sequence_ = sequence;
  index_ = 0;
  taken_at_ = taken_at;
  is_appended_ = is_appended;
  effects_.begin_record(sequence, taken_at);
}

Result<void> Node::Impl::append(const JournalRecord& record) {
  const std::uint64_t expected = log_->next_sequence();
  const Result<std::uint64_t> sequence = log_->append(record);
  if (!sequence) return tl::unexpected(sequence.error());
  TOCSIN_ASSERT(*sequence == expected, "a node is its journal's only appender");
  is_appended_ = true;
  return {};
}

// What holds from here on: settings_ and blobs_.
Result<void> Node::Impl::append_settings(std::string_view name, cep::EventTime given_at) {
  const std::string arguments = write_settings(settings_);
  Command command{given_at, name, arguments, {}};
  for (const CheckpointBlob& blob : blobs_) {
    command.blobs.push_back({blob.role, blob.bytes, blob.digest});
  }
  return append(command);
}

Result<void> Node::Impl::end_record() {
  TOCSIN_ASSERT(is_appended_, "effects wait for records that are on their way");
  if (auto flushed = intake_->flush(); !flushed) return flushed;
  return push_effects();
}

Result<void> Node::Impl::push_effects() {
  if (queue_ == nullptr) {  // who only looks
    effects_.drop();
    return {};
  }
  if (!ports_.has_threads && !queue_->has_room()) {
    if (auto committed = commit_here(); !committed) return committed;
  }
  if (auto pushed = effects_.push(*queue_); !pushed) return pushed;
  if (queue_->needs_cause()) log_->hurry();
  return {};
}

Result<void> Node::Impl::advance(cep::Batch& slice, cep::EventTime watermark) {
  alerts_.clear();
  state_.values_missing += cep::fill_computed(program_, slice);
  engine_->advance(slice, watermark, alerts_);
  for (const cep::Alert& alert : alerts_) {
    count_alert(program_.plan(), alert, summary_);
    const StoredAlert* const stored = effects_.add(alert);
    if (stored != nullptr && options_.raised) options_.raised(*stored);
  }
  if (is_live_) taker_->bite();
  return is_appended_ ? push_effects() : Result<void>();
}

std::size_t Node::Impl::index_of(std::string_view name, SourceKind kind) {
  const std::size_t index = state_.source(name);
  if (state_.sources[index].next_offset == 0) state_.sources[index].kind = kind;
  return index;
}

Result<std::size_t> Node::Impl::take_lines(std::size_t source, std::string_view block,
                                           MergeOrder* order, std::uint64_t& count) {
  NodeSource& known = state_.sources[source];
  const std::string_view stream =
      known.kind == SourceKind::kByValue ? stream_of(known.name) : std::string_view(known.name);
  const std::size_t in_intake = intake_->source(stream);
  producer_ = stream == known.name ? std::string_view() : std::string_view(known.name);
  const std::size_t place = order == nullptr ? 0 : order->current();
  splitter_.resume(known.lines);
  splitter_.begin(block);
  known.has_ended = false;
  Line line;
  count = 0;
  while (splitter_.next(line)) {
    ++count;
    auto taken = intake_->take(in_intake, line, {sequence_, index_++}, taken_at_);
    if (!taken) return tl::unexpected(taken.error());
    if (order == nullptr) continue;
    order->advance(intake_->watermark_of(in_intake));
    if (order->current() != place) break;
  }
  producer_ = {};
  known.lines = splitter_.place();
  summary_.bytes += splitter_.consumed();
  return splitter_.consumed();
}

Result<void> Node::Impl::take_value(const ArrivalByValue& record) {
  const std::size_t source = index_of(record.source, SourceKind::kByValue);
  block_.assign(record.bytes);
  block_.append(kLinePadding, '\n');
  std::uint64_t count = 0;
  const Result<std::size_t> taken =
      take_lines(source, std::string_view(block_).substr(0, record.bytes.size()), nullptr, count);
  if (!taken) return tl::unexpected(taken.error());
  state_.sources[source].next_offset = record.next_offset;
  return {};
}

Result<void> Node::Impl::take_position(const ArrivalByPosition& record) {
  const std::size_t source = index_of(record.source, SourceKind::kByPosition);
  NodeSource& known = state_.sources[source];
  known.identity = record.identity;
  const auto other_bytes = [&](const std::string& what) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is not what it was: bytes {} to {} {}; put the old contents back, "
                            "or start from a savepoint that was made after them",
                            record.source, record.first_offset, record.next_offset, what));
  };
  if (!known.prefix.is_whole()) {
    const Result<std::string_view> missing =
        ports_.ranges.read(known, known.prefix.missing_from(), known.prefix.bytes());
    if (!missing) return tl::unexpected(missing.error());
    if (!known.prefix.supply(*missing)) return other_bytes("follow on others than before");
  }
  const Result<std::string_view> bytes =
      ports_.ranges.read(known, record.first_offset, record.next_offset);
  if (!bytes) return tl::unexpected(bytes.error());
  if (bytes->size() != record.next_offset - record.first_offset) {
    return other_bytes("are no longer there");
  }
  if (known.prefix.add_range(*bytes) != record.digest) {
    return other_bytes("were others when they were taken");
  }
  std::uint64_t count = 0;
  const Result<std::size_t> taken = take_lines(source, *bytes, nullptr, count);
  if (!taken) return tl::unexpected(taken.error());
  known.next_offset = record.next_offset;
  return {};
}

Result<void> Node::Impl::take_decision(const Decision& decision) {
  if (decision.kind == DecisionKind::kAwake) state_.source(decision.source);
  if (decision.kind == DecisionKind::kEnded) {
    if (const auto source = state_.find(decision.source)) state_.sources[*source].has_ended = true;
  }
  intake_->decide(decision);
  return {};
}

Result<void> Node::Impl::take_command(const Command& command) {
  if (command.name == kBeginCommand || command.name == kPresentCommand ||
      command.name == kDeployCommand) {
    std::vector<CheckpointBlob> blobs;
    for (const BlobReference& blob : command.blobs) {
      blobs.push_back({std::string(blob.role), blob.bytes, blob.digest});
    }
    return take_settings(command.arguments, std::move(blobs), paths_.journal,
                         command.name == kBeginCommand ? State::kNone : State::kCarried);
  }
  if (command.name == kReinjectCommand) return take_again(command);
  if (command.name == kSettleCommand) return intake_->finish(false, std::nullopt);
  if (command.name == kEndTimeCommand) {
    state_.has_time_ended = true;
    return intake_->finish(true, std::nullopt);
  }
  return fail(Errc::kRefused,
              fmt::format("{} has a command `{}` in record {}, which a newer version of Tocsin "
                          "wrote: use that version",
                          paths_.journal, command.name, sequence_));
}

// Late lines come as a source of their own, which takes them now, at W; dead ones as any line.
Result<void> Node::Impl::take_again(const Command& command) {
  const Result<Reinjection> reinjection = read_reinjection(command.arguments);
  if (!reinjection) return tl::unexpected(reinjection.error());
  if (auto may = may_take(); !may) return may;
  if (command.blobs.size() != 1) return fail(Errc::kCorrupt, "a re-injection has no lines");
  Result<std::string> lines = blob_store_->get(command.blobs.front().digest);
  if (!lines) return tl::unexpected(lines.error());
  const std::size_t bytes = lines->size();
  lines->append(kLinePadding, '\n');
  const bool is_late = reinjection->kind == AsideKind::kLate;
  SourcePolicy policy = options_.intake.policy;
  if (is_late) policy.late = LatePolicy::kClamp;
  if (is_late) policy.late_max.reset();
  const std::string name =
      fmt::format("{} put in again by record {}", is_late ? "late events" : "lines", sequence_);
  const std::size_t source = intake_->source(name, policy);
  LineSplitter splitter(options_.intake.line_bytes_max);
  splitter.begin(std::string_view(*lines).substr(0, bytes));
  Line line;
  while (splitter.next(line)) {
    auto taken = intake_->take(source, line, {sequence_, index_++}, taken_at_);
    if (!taken) return taken;
  }
  intake_->decide(DecisionKind::kEnded, source, taken_at_);
  for (const Reinjection::Row& row : reinjection->rows) {
    effects_.add(Reinjected{reinjection->kind, row.timeline, row.arrival, sequence_});
  }
  return {};
}

// --- live --------------------------------------------------------------------------------------

Result<void> Node::Impl::may_take() const {
  if (!state_.has_time_ended) return {};
  return fail(
      Errc::kRefused,
      fmt::format("in {} time has ended (--final-watermark): it can be looked at, but takes "
                  "no more events; begin another data directory",
                  paths_.directory));
}

Result<void> Node::Impl::check_room() const {
  if (auto room = intake_->check_room(); !room || !options_.memory_max) return room;
  const std::uint64_t used = engine_->stats().state_bytes + intake_->waiting_bytes();
  if (used <= *options_.memory_max) return {};
  return fail(Errc::kLimit,
              fmt::format("the state takes {} bytes of memory, and may take {}: no more events are "
                          "taken. Nothing is lost, and all that is kept can be read; go on with a "
                          "larger --memory-max",
                          used, *options_.memory_max));
}

Result<std::size_t> Node::Impl::source(std::string_view name, SourceKind kind) {
  if (const std::optional<std::size_t> known = state_.find(name)) {
    NodeSource& source = state_.sources[*known];
    if (source.next_offset == 0) source.kind = kind;
    if (source.kind != kind) {
      return fail(Errc::kRefused,
                  fmt::format("{} was read otherwise before: as {}", name,
                              kind == SourceKind::kByValue ? "a file" : "a stream of lines"));
    }
    return *known;
  }
  if (auto may = may_take(); !may) return tl::unexpected(may.error());
  const std::string_view stream = kind == SourceKind::kByValue ? stream_of(name) : name;
  if (stream == name || !intake_->find(stream)) {
    const Decision awake{DecisionKind::kAwake, ports_.clock.now(), stream};
    if (auto decided = decide(awake); !decided) return tl::unexpected(decided.error());
  }
  const std::size_t index = state_.source(name);
  state_.sources[index].kind = kind;
  return index;
}

void Node::Impl::refresh(std::size_t source, std::string identity, PrefixDigest prefix) {
  NodeSource& known = state_.sources[source];
  TOCSIN_ASSERT(prefix.is_whole() && prefix.bytes() == known.next_offset,
                "it is of the bytes that were taken");
  known.identity = std::move(identity);
  known.prefix = std::move(prefix);
}

// As many whole lines of the block as a record may carry, and at least one.
std::string_view Node::Impl::room_for(const NodeSource& source, std::string_view block) const {
  const std::size_t most = log_->value_bytes_max();
  if (source.kind == SourceKind::kByPosition || block.size() <= most) return block;
  std::size_t end = block.rfind('\n', most - 1);
  if (end == std::string_view::npos) end = block.find('\n');
  return end == std::string_view::npos ? block : block.substr(0, end + 1);
}

Result<std::size_t> Node::Impl::arrive(std::size_t source, std::string_view block,
                                       MergeOrder* order) {
  if (auto may = may_take(); !may) return tl::unexpected(may.error());
  begin_record(log_->next_sequence(), ports_.clock.now(), false);
  NodeSource& known = state_.sources[source];
  std::uint64_t count = 0;
  Result<std::size_t> taken = take_lines(source, room_for(known, block), order, count);
  if (!taken) return taken;
  const std::string_view bytes = block.substr(0, *taken);
  Result<void> appended;
  if (known.kind == SourceKind::kByValue) {
    appended = append(
        ArrivalByValue{taken_at_, known.name, known.next_offset, known.lines.number, count, bytes});
    known.next_offset = known.lines.number;
  } else {
    const RangeDigest digest = known.prefix.add_range(bytes);
    appended = append(ArrivalByPosition{taken_at_, known.name, known.identity, known.next_offset,
                                        known.next_offset + bytes.size(), count, digest});
    known.next_offset += bytes.size();
  }
  if (!appended) return tl::unexpected(appended.error());
  if (auto ended = end_record(); !ended) return tl::unexpected(ended.error());
  if (auto polled = poll(); !polled) return tl::unexpected(polled.error());
  return taken;
}

Result<void> Node::Impl::decide(const Decision& decision) {
  if (state_.has_time_ended) return {};
  begin_record(log_->next_sequence(), decision.clock, false);
  if (auto appended = append(decision); !appended) return appended;
  if (auto taken = take_decision(decision); !taken) return taken;
  if (auto ended = end_record(); !ended) return ended;
  return poll();
}

Result<cep::RestoreReport> Node::Impl::deploy(NodeProgram program,
                                              std::vector<NamedContents> texts) {
  if (auto may = may_take(); !may) return tl::unexpected(may.error());
  options_.texts = std::move(texts);
  Result<std::vector<CheckpointBlob>> blobs = keep_texts();
  if (!blobs) return tl::unexpected(blobs.error());
  blobs_ = *std::move(blobs);
  settings_ = settings_of(program.program, settings_.options);
  const cep::EventTime given_at = ports_.clock.now();
  begin_record(log_->next_sequence(), given_at, false);
  if (auto appended = append_settings(kDeployCommand, given_at); !appended) {
    return tl::unexpected(appended.error());
  }
  crash_point("node.deployed");
  options_.settings = settings_;
  working_ = settings_;
  given_ = program;
  Result<cep::RestoreReport> report = switch_to(std::move(program));
  if (!report) return report;
  if (auto ended = end_record(); !ended) return tl::unexpected(ended.error());
  if (auto polled = poll(); !polled) return tl::unexpected(polled.error());
  return report;
}

Result<void> Node::Impl::give_command(std::string_view name) {
  if (state_.has_time_ended) return {};
  return give_command({ports_.clock.now(), name, "{}", {}});
}

Result<void> Node::Impl::give_command(const Command& command) {
  begin_record(log_->next_sequence(), command.given_at, false);
  if (auto appended = append(command); !appended) return appended;
  if (auto taken = take_command(command); !taken) return taken;
  if (auto ended = end_record(); !ended) return ended;
  return poll();
}

Result<AppendedReinjection> Node::Impl::reinject(AsideKind kind,
                                                 const std::vector<cep::ArrivalNumber>& arrivals) {
  if (auto may = may_take(); !may) return tl::unexpected(may.error());
  // So that what was put in again a moment ago says so.
  if (auto stored = store_effects(); !stored) return tl::unexpected(stored.error());
  AppendedReinjection done;
  const Result<AsideLines> lines = collect_aside(effect_store_->reader(), kind, arrivals, {}, done);
  if (!lines) return tl::unexpected(lines.error());
  if (done.rows == 0) return done;
  const Result<cep::Digest> digest = blob_store_->put(lines->text);
  if (!digest) return tl::unexpected(digest.error());
  const std::string arguments = write_reinjection(lines->rows);
  const Command command = reinjection_command(ports_.clock.now(), arguments, *lines, *digest);
  if (auto given = give_command(command); !given) return tl::unexpected(given.error());
  return done;
}

// Waits until the effects of all that was processed are stored.
Result<void> Node::Impl::store_effects() {
  if (auto durable = log_->wait_durable(); !durable) return durable;
  return ports_.has_threads ? queue_->wait_committed(queue_->status().pushed) : commit_here();
}

Result<void> Node::Impl::commit_here() {
  if (ports_.has_threads || log_ == nullptr) return {};
  if (auto committed = log_->commit(); !committed) {
    // A full disk is tried again; everything waits meanwhile.
    if (committed.error().code != Errc::kLimit) return committed;
  }
  queue_->durable(log_->durable_end());
  for (;;) {
    const Result<bool> stepped = queue_->step();
    if (!stepped) return tl::unexpected(stepped.error());
    if (!*stepped) return {};
  }
}

Result<void> Node::Impl::poll() {
  if (auto committed = commit_here(); !committed) return committed;
  // Where nothing comes in nothing is appended either, which would hear of it.
  if (auto checked = log_->check(); !checked) return checked;
  if (const EffectQueueStatus status = queue_->status(); status.failure) {
    return tl::unexpected(*status.failure);
  }
  if (!taker_->is_taking() && is_due()) cut();
  taker_->bite();
  taker_->poll();
  return {};
}

bool Node::Impl::is_due() {
  if (!options_.checkpoint_every) return false;
  const cep::EventTime now = ports_.clock.now();
  if (now < checkpoint_begun_at_) checkpoint_begun_at_ = now;  // the clock was set back
  if (now.us - checkpoint_begun_at_.us < options_.checkpoint_every->us) return false;
  return log_->next_sequence() != checkpoint_position_;
}

void Node::Impl::cut() {
  CheckpointMeta meta;
  meta.timeline = timeline_;
  meta.semantics = options_.semantics;
  meta.plan_digest = settings_.plan;
  meta.position = log_->next_sequence();
  meta.trim = meta.position;
  ByteWriter mark(meta.mark);
  write_mark(queue_->pushed_mark(), mark);
  meta.watermark = intake_->watermark();
  meta.taken_at = ports_.clock.now();
  meta.settings = write_settings(settings_);
  meta.blobs = blobs_;
  state_.save(program_.plan(), summary_, meta.node);
  checkpoint_begun_at_ = meta.taken_at;
  checkpoint_position_ = meta.position;
  taker_->cut(std::move(meta));
}

// Waits until all that was posted to the executor so far is done.
Result<void> Node::Impl::drain() {
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_done = false;
  };
  const auto done = std::make_shared<Done>();
  ports_.executor.post([done] {
    {
      const std::lock_guard lock(done->mutex);
      done->is_done = true;
    }
    done->changed.notify_all();
  });
  std::unique_lock lock(done->mutex);
  if (!ports_.has_threads && !done->is_done) {
    return fail(Errc::kInternal, "the executor works in other steps: poll() goes on");
  }
  done->changed.wait(lock, [&] { return done->is_done; });
  return {};
}

Result<void> Node::Impl::checkpoint() {
  if (has_failed_) return fail(Errc::kRefused, "no checkpoint is taken after a failure");
  const std::uint64_t made_before = taker_->made();
  const auto wait = [&]() -> Result<void> {
    while (taker_->is_taking()) {
      taker_->bite();
      if (taker_->is_encoded()) {
        if (auto stored = store_effects(); !stored) return stored;
      }
      taker_->poll();
      if (!taker_->is_taking()) break;
      // The writer's bytes in flight, or its end.
      if (auto drained = drain(); !drained) return drained;
      taker_->poll();
    }
    if (!taker_->failure().empty()) return fail(Errc::kIo, taker_->failure());
    return {};
  };
  if (auto waited = wait(); !waited) return waited;
  const bool is_there = checkpoint_position_ == log_->next_sequence() &&
                        (taker_->made() != made_before || writer_->status().number != 0);
  if (is_there && !must_begin_) return {};
  cut();
  return wait();
}

Result<Manifest> Node::Impl::savepoint(const std::string& name) {
  if (auto checked = check_savepoint_name(name); !checked) return tl::unexpected(checked.error());
  if (auto taken = checkpoint(); !taken) return tl::unexpected(taken.error());
  const FileResult<void> made = make_durable_directory(ports_.files, paths_.savepoints);
  if (!made) return tl::unexpected(to_error(made.error()));
  auto result = std::make_shared<Result<Manifest>>(fail(Errc::kInternal, "not made"));
  writer_->with_newest([&files = ports_.files, blobs = paths_.blobs,
                        to = paths_.savepoints + "/" + name, name,
                        result](const std::string& newest) {
    *result = make_savepoint(files, newest, blobs, to, name);
  });
  if (auto drained = drain(); !drained) return tl::unexpected(drained.error());
  return *result;
}

Result<void> Node::Impl::close() {
  if (is_closed_) return {};
  is_closed_ = true;
  taker_->abandon();
  Result<void> durable = log_->close();
  if (durable) {
    queue_->durable(log_->durable_end());
    durable = queue_->close();
  }
  return durable;
}

cep::EngineStats Node::Impl::engine_stats() const {
  cep::EngineStats stats = engine_->stats();
  stats.values_missing += state_.values_missing;
  return stats;
}

CheckpointFigures Node::Impl::checkpoints() const {
  return {writer_->status().number, taker_->made(), taker_->failure(), taker_->is_taking()};
}

// --- Node --------------------------------------------------------------------------------------

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::open(const NodePorts& ports, const DataDirectory& directory,
                                         const cep::Program& program, NodeOptions options) {
  auto impl = std::make_unique<Impl>(ports, directory.paths(), program, std::move(options));
  if (auto opened = impl->open(directory.is_new()); !opened) {
    return tl::unexpected(opened.error());
  }
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}
Result<std::unique_ptr<Node>> Node::look(const NodePorts& ports, const DataPaths& paths,
                                         const cep::Program& program, NodeOptions options) {
  auto impl = std::make_unique<Impl>(ports, paths, program, std::move(options));
  if (auto looked = impl->look(); !looked) return tl::unexpected(looked.error());
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}
Result<void> Node::may_take() const { return impl_->may_take(); }
Result<void> Node::check_room() const { return impl_->check_room(); }
std::uint64_t Node::position() const { return impl_->position(); }
const Recovery& Node::recovery() const { return impl_->recovery(); }
Result<std::size_t> Node::source(std::string_view name, SourceKind kind) {
  return impl_->source(name, kind);
}
const std::vector<NodeSource>& Node::sources() const { return impl_->state().sources; }
void Node::refresh(std::size_t source, std::string identity, PrefixDigest prefix) {
  impl_->refresh(source, std::move(identity), std::move(prefix));
}
Result<std::size_t> Node::arrive(std::size_t source, std::string_view block, MergeOrder* order) {
  // Before anything of the block is taken or journaled.
  if (auto room = impl_->intake().check_room(); !room) return tl::unexpected(room.error());
  return impl_->noted(impl_->arrive(source, block, order));
}
Result<void> Node::decide(const Decision& decision) {
  return impl_->noted(impl_->decide(decision));
}
Result<cep::RestoreReport> Node::deploy(NodeProgram program, std::vector<NamedContents> texts) {
  return impl_->noted(impl_->deploy(std::move(program), std::move(texts)));
}
const NodeSettings& Node::settings() const { return impl_->settings(); }
const cep::Program& Node::program() const { return impl_->program(); }
Result<void> Node::end_time() { return impl_->noted(impl_->end_time()); }
Result<void> Node::settle() { return impl_->noted(impl_->settle()); }
Result<AppendedReinjection> Node::reinject(AsideKind kind,
                                           const std::vector<cep::ArrivalNumber>& arrivals) {
  return impl_->reinject(kind, arrivals);
}
bool Node::has_time_ended() const { return impl_->state().has_time_ended; }
Result<void> Node::poll() { return impl_->noted(impl_->poll()); }
Result<void> Node::checkpoint() { return impl_->checkpoint(); }
Result<Manifest> Node::savepoint(const std::string& name) { return impl_->savepoint(name); }
Result<void> Node::close() { return impl_->close(); }
std::uint64_t Node::durable_end() const { return impl_->durable_end(); }
std::uint64_t Node::next_sequence() const { return impl_->next_sequence(); }
const RunSummary& Node::summary() const { return impl_->summary(); }
cep::EngineStats Node::engine_stats() const { return impl_->engine_stats(); }
const Intake& Node::intake() const { return impl_->intake(); }
cep::Engine& Node::engine() { return impl_->engine(); }
CheckpointFigures Node::checkpoints() const { return impl_->checkpoints(); }
EffectStore& Node::effect_store() { return impl_->effect_store(); }
EffectQueueStatus Node::effects() const { return impl_->effect_status(); }
const Timeline& Node::timeline() const { return impl_->timeline(); }
}  // namespace tocsin::runtime
