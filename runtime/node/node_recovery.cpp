#include "runtime/node/node_impl.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/byte_codec.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/effects/emitted_mark.h"
#include "runtime/journal/journal_directory.h"

namespace tocsin::runtime {
namespace {
// How many records pass between two words on how far a replay is.
constexpr std::uint64_t kRecordsPerLook = 64;

double seconds_between(cep::EventTime begin, cep::EventTime end) {
  return static_cast<double>(std::max<std::int64_t>(end.us - begin.us, 0)) / 1e6;
}
}  // namespace

Node::Impl::~Impl() {
  // Ends the journal's thread, which tells the queue; without threads what was not written is lost,
  // as in a crash.
  if (log_ && ports_.has_threads) static_cast<void>(log_->close());
  if (taker_) taker_->abandon();
  // Nothing of the writer's may be left in the executor.
  if (writer_ && ports_.has_threads) static_cast<void>(drain());
}

Result<void> Node::Impl::open(bool is_new) {
  const cep::EventTime began = ports_.clock.now();
  recovery_.is_new = is_new;
  Result<BlobStore> blobs = BlobStore::open(ports_.files, paths_.blobs);
  if (!blobs) return tl::unexpected(blobs.error());
  blob_store_ = *std::move(blobs);
  if (auto done = find_timeline(); !done) return done;
  // Leftovers do no harm, and the next start tries again to remove them.
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
  if (auto done = find_named_blobs(); !done) return done;
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

std::unique_ptr<cep::Engine> Node::Impl::make_engine(const cep::Program& program) const {
  const std::optional<std::uint64_t> steps = options_.settings.steps_per_event_max();
  auto engine = std::make_unique<cep::Engine>(
      steps ? program.with_steps_per_event_max(*steps) : program, options_.hash_seed);
  engine->track_changes();
  return engine;
}

void Node::Impl::open_intake() {
  advance_ = [this](cep::Batch& slice, cep::EventTime watermark) {
    return advance(slice, watermark);
  };
  sinks_.late = [this](const LateEvent& late) {
    effects_.add(late);
    if (options_.side_output.late) options_.side_output.late(late);
  };
  sinks_.dead_letter = [this](const DeadLetter& dead_letter) {
    effects_.add(dead_letter);
    if (options_.side_output.dead_letter) options_.side_output.dead_letter(dead_letter);
  };
  sinks_.judged = options_.side_output.judged;
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
    return fail(Errc::kConflict,
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
  if (auto taken =
          take_settings(meta.settings, rule_blobs(meta.blobs), good.directory, State::kNone);
      !taken) {
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
  if (!good && good.error().code == Errc::kNotFound) {
    return fail(Errc::kNotFound,
                fmt::format("there is no savepoint {}: `tocsin savepoint list --data FOLDER` shows "
                            "those of a data directory",
                            directory));
  }
  if (!good) return tl::unexpected(good.error());
  const CheckpointMeta* const meta = &good->meta;
  if (meta->semantics != options_.semantics) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} was made under semantics {}, and this program runs under semantics "
                            "{}: use the version of Tocsin that made it",
                            directory, meta->semantics, options_.semantics));
  }
  // Entries of lists; rules' texts are this start's own.
  const BlobStore kept = BlobStore::look(ports_.files, savepoint_blobs(directory));
  for (const CheckpointBlob& blob : entry_blobs(meta->blobs)) {
    const Result<std::string> contents = kept.get(blob.digest);
    if (!contents) return tl::unexpected(contents.error());
    if (auto put = blob_store_->put(*contents); !put) return tl::unexpected(put.error());
  }
  if (auto loaded = load_state(*good); !loaded) return loaded;
  if (state_.has_time_ended) {
    return fail(Errc::kConflict,
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
  for (NodeSource& source : state_.sources) {
    if (is_producer(source) && source.used_at.us == 0) source.used_at = meta.taken_at;
  }
  if (auto restored = restore_lists(); !restored) return restored;
  ByteReader reader(meta.mark);
  loaded_mark_ = read_mark(reader);
  if (!reader.is_done()) return fail(Errc::kCorrupt, "the mark of a checkpoint is damaged");
  blobs_ = rule_blobs(meta.blobs);
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
  journal.end_mark = paths_.journal_end;
  if (effect_store_->mark().timeline == timeline_.id) {
    journal.known_end = std::max(journal.known_end, effect_store_->cause() + 1);
  }
  Result<std::unique_ptr<NodeLog>> log;
  if (ports_.has_threads) {
    // A status that arrives before the queue exists is repeated once it does.
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
  // A journal's first segment stands before the first timeline of its store.
  if (must_begin_ && effect_store_->mark() != EmittedMark{}) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is missing or has no segments, and {} holds what came of its "
                            "records: restore both from one copy",
                            paths_.journal, paths_.store));
  }
  if (!effect_store_->has_timeline(timeline_.id)) {
    // Without a checkpoint all alerts come again.
    return recovery_.checkpoint == 0 ? Result<void>() : lost_timeline();
  }
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

// The store has the timeline before the journal has its first record.
Result<void> Node::Impl::lost_timeline() const {
  return fail(Errc::kCorrupt,
              fmt::format("{} is damaged: it has nothing of the run that {} holds; restore both "
                          "from one copy",
                          paths_.store, paths_.journal));
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
  EffectQueueOptions effects = options_.effects;
  if (!effects.stop_requested) effects.stop_requested = options_.stop_requested;
  queue_ = std::make_unique<EffectQueue>(*effect_store_, start_, std::move(effects),
                                         options_.effects_listener);
  queue_->durable(log_->durable_end());
  if (ports_.has_threads) queue_->start();
  taker_ = std::make_unique<CheckpointTaker>(*engine_, *intake_, *writer_, *log_, *queue_,
                                             options_.chunk_bytes);
  return {};
}

// The first record of a timeline.
Result<void> Node::Impl::begin() {
  settings_ = options_.settings;
  Result<std::vector<CheckpointBlob>> blobs = keep_texts(options_.texts);
  if (!blobs) return tl::unexpected(blobs.error());
  blobs_ = *std::move(blobs);
  if (auto appended = append_settings(kBeginCommand, ports_.clock.now()); !appended) {
    return appended;
  }
  if (auto durable = log_->wait_durable(); !durable) return durable;
  must_begin_ = false;
  if (!options_.from) return {};
  // Until there is a checkpoint the new folder cannot be started from.
  taker_->want_all();
  return checkpoint();
}

Result<void> Node::Impl::replay(std::uint64_t end) {
  if (other_semantics_end_ > position_ && !options_.replay_as_new) {
    return fail(Errc::kOtherVersion,
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
      return fail(Errc::kStopped, "stopped while recovering; nothing is lost");
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
  Result<std::vector<CheckpointBlob>> blobs = keep_texts(options_.texts);
  if (!blobs) return tl::unexpected(blobs.error());
  blobs_ = *std::move(blobs);
  return append_settings(kPresentCommand, ports_.clock.now());
}
}  // namespace tocsin::runtime
