#include "runtime/node/node_recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/byte_codec.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/effects/emitted_mark.h"
#include "runtime/journal/journal_directory.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/node/node_commands.h"

namespace tocsin::runtime {
namespace {
// How many records pass between two words on how far a replay is.
constexpr std::uint64_t kRecordsPerLook = 64;

double seconds_between(cep::EventTime begin, cep::EventTime end) {
  return static_cast<double>(std::max<std::int64_t>(end.us - begin.us, 0)) / 1e6;
}

// The error with its place: a file of a checkpoint or savepoint.
tl::unexpected<Error> in_file(const std::string& directory, const char* name, const Error& error) {
  return fail(error.code, fmt::format("{}/{}: {}", directory, name, error.message));
}
}  // namespace

Result<void> NodeRecovery::open(bool is_new) {
  const cep::EventTime began = parts_.ports.clock.now();
  parts_.recovery.is_new = is_new;
  Result<BlobStore> blobs = BlobStore::open(parts_.ports.files, parts_.paths.blobs);
  if (!blobs) return tl::unexpected(blobs.error());
  parts_.blob_store = *std::move(blobs);
  if (auto done = find_timeline(); !done) return done;
  // Leftovers do no harm, and the next start tries again to remove them.
  static_cast<void>(clean_savepoints(parts_.ports.files, parts_.paths.savepoints));
  Result<std::unique_ptr<CheckpointWriter>> writer =
      CheckpointWriter::open(parts_.ports.files, parts_.ports.states, parts_.ports.executor,
                             {.checkpoints = parts_.paths.checkpoints,
                              .state = parts_.paths.state,
                              .semantics = parts_.options.semantics,
                              .accept_other_semantics = parts_.options.replay_as_new});
  if (!writer) return tl::unexpected(writer.error());
  parts_.writer = *std::move(writer);
  record_.open_intake();
  if (parts_.writer->recovered()) {
    if (auto done = load_recovered(); !done) return done;
  } else if (parts_.options.from) {
    if (auto done = load_savepoint(); !done) return done;
  }
  parts_.recovery.load_seconds = seconds_between(began, parts_.ports.clock.now());
  // Before the journal's end is cut: who knows of more must have been asked.
  if (auto done = open_effects(); !done) return done;
  if (auto done = open_log(); !done) return done;
  if (auto done = open_queue(); !done) return done;
  if (auto done = blob_keeper_.find_named(position_); !done) return done;
  const cep::EventTime loaded = parts_.ports.clock.now();
  // A crash may have come before the first record.
  const std::uint64_t end = parts_.log->durable_end();
  must_begin_ = must_begin_ || (!loaded_mark_ && position_ == 1 && end == 1);
  auto done = must_begin_ ? begin() : replay(end);
  if (!done) return done;
  // Of alerts that topics brought there is nothing in the journal.
  const EmittedMark pushed = parts_.queue->pushed_mark();
  const bool is_behind =
      stored_before_.order && (!pushed.order || *pushed.order < *stored_before_.order);
  if (is_behind && pushed.number < stored_before_.number) {
    return fail(
        Errc::kCorrupt,
        fmt::format("{} ends before the records of alerts that {} holds: they do not belong "
                    "together, or {} is damaged at its end, or segments after it are lost; "
                    "restore both from one copy",
                    parts_.paths.journal, parts_.paths.store, last_segment_));
  }
  parts_.recovery.replay_seconds = seconds_between(loaded, parts_.ports.clock.now());
  return go_live();
}

Result<void> NodeRecovery::look() {
  parts_.blob_store = BlobStore::look(
      parts_.ports.files,
      parts_.options.from ? savepoint_blobs(*parts_.options.from) : parts_.paths.blobs);
  record_.open_intake();
  if (parts_.options.from) {
    const Result<GoodCheckpoint> good = load_checkpoint(parts_.ports.files, *parts_.options.from);
    if (!good) return tl::unexpected(good.error());
    parts_.timeline = good->meta.timeline;
    return load_state(*good);
  }
  if (auto done = find_timeline(); !done) return done;
  const Result<std::optional<GoodCheckpoint>> good =
      newest_good(parts_.ports.files, parts_.paths.checkpoints, parts_.options.semantics);
  if (!good) return tl::unexpected(good.error());
  if (*good) {
    parts_.recovery.checkpoint = (*good)->meta.number;
    parts_.recovery.checkpoint_taken_at = (*good)->meta.taken_at;
    if (auto done = load_state(**good); !done) return done;
  }
  return must_begin_ ? Result<void>() : replay(JournalReader::kToEnd);
}

// What the journal says of itself, before anything is opened for writing.
Result<void> NodeRecovery::find_timeline() {
  FileResult<std::vector<std::string>> names = parts_.ports.files.list(parts_.paths.journal);
  if (!names && names.error().code != FileErrc::kNotFound) {
    return tl::unexpected(to_error(names.error()));
  }
  JournalDirectory journal;
  if (names) {
    Result<JournalDirectory> found = survey_journal(parts_.ports.files, parts_.paths.journal);
    if (!found) return tl::unexpected(found.error());
    journal = *std::move(found);
  }
  must_begin_ = journal.segments.empty();
  if (must_begin_) {
    parts_.timeline.id = parts_.options.timeline;
    return {};
  }
  if (parts_.options.from) {
    return fail(Errc::kConflict,
                fmt::format("{} holds a run already: a start from a savepoint needs a data "
                            "directory of its own, which does not exist yet",
                            parts_.paths.directory));
  }
  last_segment_ = journal.segments.back().path;
  for (std::size_t i = 0; i < journal.segments.size(); ++i) {
    if (journal.segments[i].header.semantics == parts_.options.semantics) continue;
    other_semantics_ = journal.segments[i].path;
    const bool is_last = i + 1 == journal.segments.size();
    other_semantics_end_ = is_last ? UINT64_MAX : journal.segments[i + 1].header.first_sequence;
  }
  parts_.timeline = journal.segments.back().header.timeline;
  position_ = journal.segments.front().header.first_sequence;
  return {};
}

Result<void> NodeRecovery::load_recovered() {
  const GoodCheckpoint& good = *parts_.writer->recovered();
  const CheckpointMeta& meta = good.meta;
  parts_.recovery.checkpoint = meta.number;
  parts_.recovery.checkpoint_taken_at = meta.taken_at;
  for (const GoodCheckpoint::Damaged& damaged : good.damaged) {
    parts_.recovery.damaged.push_back(damaged.message);
  }
  if (must_begin_) {
    return fail(Errc::kCorrupt,
                fmt::format("{} holds checkpoints but no journal: restore {} from a copy that was "
                            "made together with it",
                            parts_.paths.directory, parts_.paths.journal));
  }
  if (meta.timeline.id != parts_.timeline.id) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is of another timeline than the journal in {}: they do not belong "
                            "together",
                            good.directory, parts_.paths.journal));
  }
  if (auto taken = rules_.take_settings(meta.settings, rule_blobs(meta.blobs), good.directory,
                                        NodeRules::State::kNone);
      !taken) {
    return taken;
  }
  Result<cep::RestoreReport> begun = parts_.engine->begin_restore(meta.globals);
  if (!begun) return in_file(good.directory, "engine", begun.error());
  const auto take = [&](const cep::StateKey& key, std::string_view value) {
    ++parts_.recovery.keys;
    return parts_.engine->restore(key, value);
  };
  const auto progress = [&](std::uint64_t keys) {
    if (parts_.options.recovering) parts_.options.recovering({.keys = keys});
  };
  if (auto read = parts_.writer->read(take, progress); !read) return read;
  parts_.recovery.restored = *std::move(begun);
  if (auto restored = restore_state(good); !restored) return restored;
  parts_.writer->drop_recovered();
  return {};
}

Result<void> NodeRecovery::load_savepoint() {
  const std::string& directory = *parts_.options.from;
  Result<GoodCheckpoint> good = load_checkpoint(parts_.ports.files, directory);
  if (!good && good.error().code == Errc::kNotFound) {
    return fail(Errc::kNotFound,
                fmt::format("there is no savepoint {}: `tocsin savepoint list --data FOLDER` shows "
                            "those of a data directory",
                            directory));
  }
  if (!good) return tl::unexpected(good.error());
  const CheckpointMeta* const meta = &good->meta;
  if (meta->semantics != parts_.options.semantics) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} was made under semantics {}, and this program runs under semantics "
                            "{}: use the version of Tocsin that made it",
                            directory, meta->semantics, parts_.options.semantics));
  }
  // Entries of lists; rules' texts are this start's own.
  const BlobStore kept = BlobStore::look(parts_.ports.files, savepoint_blobs(directory));
  for (const CheckpointBlob& blob : entry_blobs(meta->blobs)) {
    const Result<std::string> contents = kept.get(blob.digest);
    if (!contents) return tl::unexpected(contents.error());
    if (auto put = parts_.blob_store->put(*contents); !put) return tl::unexpected(put.error());
  }
  if (auto loaded = load_state(*good); !loaded) return loaded;
  if (parts_.state.has_time_ended) {
    return fail(Errc::kConflict,
                fmt::format("{} was made after time had ended (--final-watermark): it can be "
                            "looked at, but takes no more events",
                            directory));
  }
  parts_.timeline.parent = meta->timeline.id;
  parts_.timeline.parent_sequence = meta->position - 1;
  order_before_ = loaded_mark_->order;
  loaded_mark_.reset();
  return {};
}

// From its own files, which are only read.
Result<void> NodeRecovery::load_state(const GoodCheckpoint& good) {
  Result<cep::RestoreReport> begun = parts_.engine->begin_restore(good.meta.globals);
  if (!begun) return in_file(good.directory, "engine", begun.error());
  Result<std::unique_ptr<StateScan>> scan = parts_.ports.states.read(good.directory + "/state");
  if (!scan) return tl::unexpected(scan.error());
  const auto take = [&](const cep::StateKey& key, std::string_view value) {
    ++parts_.recovery.keys;
    return parts_.engine->restore(key, value);
  };
  if (auto read = read_pieces(**scan, take); !read) return read;
  parts_.recovery.restored = *std::move(begun);
  return restore_state(good);
}

Result<void> NodeRecovery::restore_state(const GoodCheckpoint& good) {
  const CheckpointMeta& meta = good.meta;
  if (auto restored = parts_.engine->finish_restore(); !restored) return restored;
  if (auto restored = parts_.intake->restore(meta.intake); !restored) {
    return in_file(good.directory, "intake", restored.error());
  }
  Result<NodeState> state = NodeState::restore(meta.node, parts_.program.plan(), parts_.summary);
  if (!state) return in_file(good.directory, "node", state.error());
  parts_.state = *std::move(state);
  for (NodeSource& source : parts_.state.sources) {
    if (is_producer(source) && source.used_at.us == 0) source.used_at = meta.taken_at;
  }
  if (auto restored = lists_.restore(); !restored) {
    if (restored.error().code != Errc::kOtherVersion) return restored;  // a blob is named already
    return in_file(good.directory, "node", restored.error());
  }
  ByteReader reader(meta.mark);
  loaded_mark_ = read_mark(reader);
  if (!reader.is_done()) {
    return fail(Errc::kCorrupt, manifest_path(good.directory) + ": its emitted mark is damaged");
  }
  parts_.blobs = rule_blobs(meta.blobs);
  position_ = meta.position;
  checkpoints_.loaded(position_);
  return {};
}

Result<void> NodeRecovery::open_log() {
  JournalOptions journal;
  journal.segment_bytes = parts_.options.segment_bytes;
  journal.semantics = parts_.options.semantics;
  journal.accept_other_semantics = parts_.options.replay_as_new;
  journal.timeline = parts_.timeline;
  journal.first_sequence = position_;
  journal.known_end = position_;
  journal.end_mark = parts_.paths.journal_end;
  if (parts_.effect_store->mark().timeline == parts_.timeline.id) {
    journal.known_end = std::max(journal.known_end, parts_.effect_store->cause() + 1);
  }
  Result<std::unique_ptr<NodeLog>> log;
  if (parts_.ports.has_threads) {
    // A status that arrives before the queue exists is repeated once it does.
    const auto listener = [this](const JournalStatus& status) {
      if (parts_.queue) parts_.queue->durable(status.durable_end);
      if (parts_.options.journal_listener) parts_.options.journal_listener(status);
    };
    log = ThreadedLog::open(parts_.ports.files, parts_.ports.clock, parts_.paths.journal, journal,
                            parts_.options.journal, listener, parts_.options.stop_requested);
  } else {
    log = DirectLog::open(parts_.ports.files, parts_.ports.clock, parts_.paths.journal, journal);
  }
  if (!log) return tl::unexpected(log.error());
  parts_.log = *std::move(log);
  parts_.recovery.torn_end = parts_.log->torn_end();
  return {};
}

Result<void> NodeRecovery::open_effects() {
  Result<std::unique_ptr<EffectStore>> store =
      EffectStore::open(parts_.ports.store, parts_.ports.clock,
                        {.semantics = parts_.options.semantics,
                         .accept_other_semantics = parts_.options.replay_as_new});
  if (!store && store.error().code == Errc::kOtherVersion) {
    return fail(Errc::kOtherVersion, parts_.paths.store + ": " + store.error().message);
  }
  if (!store) return tl::unexpected(store.error());
  parts_.effect_store = *std::move(store);
  // A journal's first segment stands before the first timeline of its store.
  if (must_begin_ && parts_.effect_store->mark() != EmittedMark{}) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is missing or has no segments, and {} holds what came of its "
                            "records: restore both from one copy",
                            parts_.paths.journal, parts_.paths.store));
  }
  if (!parts_.effect_store->has_timeline(parts_.timeline.id)) {
    // Without a checkpoint all alerts come again.
    return parts_.recovery.checkpoint == 0 ? Result<void>() : lost_timeline();
  }
  start_ = loaded_mark_.value_or(EmittedMark{});
  if (!loaded_mark_) start_.timeline = parts_.timeline.id;
  if (!parts_.options.replay_as_new) return parts_.effect_store->resume(loaded_mark_);
  // What was stored is compared here, and stays; what is stored next comes behind it.
  const EmittedMark mark = parts_.effect_store->mark();
  difference_.emplace(parts_.effect_store->reader(), start_, mark);
  parts_.effects.compare_past(&*difference_);
  start_ = mark;
  return parts_.effect_store->resume(mark);
}

// The store has the timeline before the journal has its first record.
Result<void> NodeRecovery::lost_timeline() const {
  return fail(Errc::kCorrupt,
              fmt::format("{} is damaged: it has nothing of the run that {} holds; restore both "
                          "from one copy",
                          parts_.paths.store, parts_.paths.journal));
}

Result<void> NodeRecovery::open_queue() {
  if (!parts_.effect_store->has_timeline(parts_.timeline.id)) {
    auto begun = parts_.effect_store->begin_timeline(parts_.timeline.id, parts_.timeline.parent,
                                                     order_before_);
    if (!begun) return begun;
    start_ = parts_.effect_store->mark();
  }
  if (parts_.options.endpoints) {
    if (auto set = parts_.effect_store->set_endpoints(*parts_.options.endpoints); !set) return set;
  }
  parts_.effect_store->set_addressees(parts_.options.addressees);
  stored_before_ = parts_.effect_store->mark();
  EffectQueueOptions effects = parts_.options.effects;
  if (!effects.stop_requested) effects.stop_requested = parts_.options.stop_requested;
  parts_.queue = std::make_unique<EffectQueue>(*parts_.effect_store, start_, std::move(effects),
                                               parts_.options.effects_listener);
  parts_.queue->durable(parts_.log->durable_end());
  if (parts_.ports.has_threads) parts_.queue->start();
  parts_.archive = std::make_unique<ArchiveKeeper>(
      parts_.ports.files, parts_.ports.clock, parts_.ports.executor, parts_.paths, parts_.program,
      *parts_.log, parts_.options.segment_bytes, parts_.options.archive);
  if (auto opened = parts_.archive->open(); !opened) return opened;
  parts_.taker =
      std::make_unique<CheckpointTaker>(*parts_.engine, *parts_.intake, *parts_.writer, *parts_.log,
                                        *parts_.archive, *parts_.queue, parts_.options.chunk_bytes);
  return {};
}

// The first record of a timeline.
Result<void> NodeRecovery::begin() {
  parts_.settings = parts_.options.settings;
  Result<std::vector<CheckpointBlob>> blobs = rules_.keep_texts(parts_.options.texts);
  if (!blobs) return tl::unexpected(blobs.error());
  parts_.blobs = *std::move(blobs);
  if (auto appended = rules_.append_settings(kBeginCommand, parts_.ports.clock.now()); !appended) {
    return appended;
  }
  if (auto durable = parts_.log->wait_durable(); !durable) return durable;
  must_begin_ = false;
  if (!parts_.options.from) return {};
  // Until there is a checkpoint the new folder cannot be started from.
  parts_.taker->want_all();
  return checkpoints_.take();
}

Result<void> NodeRecovery::replay(std::uint64_t end) {
  if (other_semantics_end_ > position_ && !parts_.options.replay_as_new) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} was written under other semantics than {}, those of this program: "
                            "its alerts may differ; use the version of Tocsin that wrote it, or "
                            "go on with --replay-as-new, which tells what differs and does not "
                            "send it",
                            other_semantics_, parts_.options.semantics));
  }
  const bool is_from_begin = !loaded_mark_;
  if (is_from_begin && position_ != 1) {
    return fail(Errc::kCorrupt,
                fmt::format("{} begins with record {}, and there is no checkpoint to begin with: "
                            "{}",
                            parts_.paths.journal, position_,
                            parts_.timeline.parent_sequence + 1 == position_
                                ? "its start from a savepoint did not come to its end; remove the "
                                  "folder and start from the savepoint again"
                                : "restore the folder checkpoints from a copy"));
  }
  Result<JournalReader> reader =
      JournalReader::open(parts_.ports.files, parts_.paths.journal, position_, end);
  if (!reader) return tl::unexpected(reader.error());
  const std::uint64_t begin = position_;
  const std::uint64_t events_before = parts_.summary.events;
  for (;;) {
    Result<std::optional<JournalEntry>> entry = reader->next();
    if (!entry) return tl::unexpected(entry.error());
    if (!*entry) break;
    if (auto done = records_.replay(**entry); !done) return done;
    position_ = (*entry)->sequence + 1;
    if ((position_ - begin) % kRecordsPerLook != 0) continue;
    parts_.recovery.events = parts_.summary.events - events_before;
    if (parts_.options.recovering) {
      parts_.options.recovering(
          {parts_.recovery.keys, position_ - begin, end - begin, parts_.recovery.events});
    }
    if (parts_.options.stop_requested && parts_.options.stop_requested()) {
      return fail(Errc::kStopped, "stopped while recovering; nothing is lost");
    }
  }
  parts_.recovery.records = position_ - begin;
  parts_.recovery.events = parts_.summary.events - events_before;
  return {};
}

Result<void> NodeRecovery::go_live() {
  parts_.is_live = true;
  checkpoints_.begin(parts_.ports.clock.now());
  if (difference_) {
    Result<ReplayReport> report = difference_->report();
    if (!report) return tl::unexpected(report.error());
    parts_.recovery.difference = *std::move(report);
    parts_.effects.compare_past(nullptr);
    // From here on nothing is of the semantics before.
    parts_.taker->want_all();
    if (auto taken = checkpoints_.take(); !taken) return taken;
  }
  if (parts_.recovery.restored && !parts_.recovery.restored->is_same_program)
    parts_.taker->want_all();
  if (parts_.settings.plan == parts_.options.settings.plan) return {};
  // Only what alerts show has changed.
  parts_.settings = parts_.options.settings;
  Result<std::vector<CheckpointBlob>> blobs = rules_.keep_texts(parts_.options.texts);
  if (!blobs) return tl::unexpected(blobs.error());
  parts_.blobs = *std::move(blobs);
  return rules_.append_settings(kPresentCommand, parts_.ports.clock.now());
}
}  // namespace tocsin::runtime
