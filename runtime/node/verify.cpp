#include "runtime/node/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "cep/base/byte_codec.h"
#include "cep/value/identity.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/end_mark.h"
#include "runtime/journal/file_tree.h"
#include "runtime/journal/journal_directory.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/node/node_commands.h"

namespace tocsin::runtime {
namespace {
constexpr int kTriesMax = 5;        // where another process changes what is read
constexpr int kGoneTriesMax = 200;  // where it let go of it, which is soon seen
constexpr std::string_view kNewDirectory =
    "put a copy of it back, or begin a new data directory from a savepoint (tocsin run --from)";

tl::unexpected<Error> failed(const FileError& error) { return tl::unexpected(to_error(error)); }

class Verifier {
 public:
  Verifier(const VerifyPorts& ports, const std::string& directory)
      : ports_(ports), files_(ports.files), paths_(directory) {}

  Result<VerifyReport> run() {
    const Result<bool> is_savepoint = exists(files_, manifest_path(paths_.directory));
    if (!is_savepoint) return tl::unexpected(is_savepoint.error());
    Result<void> done = *is_savepoint ? verify_savepoint() : verify_data();
    if (!done) return tl::unexpected(done.error());
    return std::move(report_);
  }

 private:
  void find(const Error& error, std::string_view remedy) {
    report_.damaged.push_back({error.message, std::string(remedy)});
  }
  void watch(const std::string& what) const {
    if (ports_.watch) ports_.watch(what, report_.bytes);
  }
  // "checkpoints/000000000007"
  std::string short_name(const std::string& path) const {
    return path.substr(std::min(path.size(), paths_.directory.size() + 1));
  }

  Result<void> verify_savepoint() {
    report_.is_savepoint = true;
    const Result<bool> whole =
        verify_one(paths_.directory, "put a copy of the folder back, or make another savepoint");
    if (!whole) return tl::unexpected(whole.error());
    return {};
  }

  Result<void> verify_data() {
    Result<void> done = begin();
    // First: a process that works here goes on meanwhile.
    if (done) done = read_journal_end();
    if (done) done = verify_blobs();
    if (done) done = verify_checkpoints();
    if (done) done = verify_savepoints();
    if (done) done = verify_effects();
    // Last: the journal of a process that works here has then what its checkpoints ask for.
    if (done) done = verify_records();
    return done;
  }

  Result<void> begin() {
    const Result<bool> found = exists(files_, paths_.directory);
    if (!found) return tl::unexpected(found.error());
    if (!*found) return fail(Errc::kNotFound, fmt::format("there is no {}", paths_.directory));
    const Result<bool> marked = exists(files_, paths_.format);
    if (!marked) return tl::unexpected(marked.error());
    const Result<bool> has_journal = exists(files_, paths_.journal);
    if (!has_journal) return tl::unexpected(has_journal.error());
    if (!*marked && !*has_journal) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("{} is neither a data directory nor a savepoint: there is no {}, and "
                              "no {}",
                              paths_.directory, paths_.format, manifest_path(paths_.directory)));
    }
    Result<void> mark = check_data_directory(files_, paths_.directory);
    if (!mark) {
      if (mark.error().code != Errc::kCorrupt) return mark;
      find(mark.error(), "put a copy of it back, or write it");
    }
    // Without a lock file, or where none can be taken (a copy that may only be read), nobody works
    // here.
    const Result<bool> lockable = exists(files_, paths_.lock);
    if (!lockable) return tl::unexpected(lockable.error());
    if (!*lockable) return {};
    FileResult<std::unique_ptr<FileLock>> lock = files_.lock(paths_.lock);
    if (lock) {
      lock_ = *std::move(lock);
    } else if (lock.error().code == FileErrc::kInUse) {
      is_live_ = true;
      report_.notes.push_back(lock.error().message +
                              ": what it changed or removed meanwhile was left out");
    }
    return {};
  }

  Result<void> read_journal_end() {
    const Result<KnownEnd> known = read_end_mark(files_, paths_.journal_end);
    if (!known) return tl::unexpected(known.error());
    journal_end_ = known->end;
    for (const std::string& path : {paths_.journal_end, paths_.store_end}) {
      const Result<KnownEnd> mark = read_end_mark(files_, path);
      if (!mark) return tl::unexpected(mark.error());
      if (mark->state != EndMarkState::kDamaged || is_live_) continue;
      find({Errc::kCorrupt, path + " is damaged: it is not an end mark"},
           "put a copy of it back, or remove it: the next start writes another one");
    }
    return {};
  }

  // --- checkpoints and savepoints ---

  // Whether all of it is as it was written; false too where it went away meanwhile.
  Result<bool> verify_one(const std::string& directory, std::string_view remedy) {
    const std::string name = is_savepoint_path(directory) ? directory : short_name(directory);
    std::vector<Error> all;
    CheckpointCheck check;
    check.all = &all;
    check.known = &known_;
    check.read = [&](std::uint64_t bytes) {
      report_.bytes += bytes;
      watch(name);
    };
    watch(name);
    const Result<Manifest> manifest = verify_checkpoint(files_, directory, check);
    if (manifest) {
      note_blobs(*manifest, directory);
      return true;
    }
    const Errc code = manifest.error().code;
    if (is_live_ && is_gone(directory)) return false;
    if (code == Errc::kOtherVersion) {
      find(manifest.error(), "use that version");
      return false;
    }
    if (code != Errc::kCorrupt && code != Errc::kNotFound) return tl::unexpected(manifest.error());
    for (const Error& one : all) find(one, remedy);
    return false;
  }
  bool is_savepoint_path(const std::string& directory) const {
    return directory == paths_.directory;
  }
  bool is_gone(const std::string& directory) {
    const Result<bool> found = exists(files_, directory);
    return found && !*found;
  }
  void note_blobs(const Manifest& manifest, const std::string& directory) {
    if (!manifest.savepoint.empty()) return;  // it has its own
    for (const CheckpointBlob& blob : manifest.meta.blobs) wanted_.emplace(blob.digest, directory);
  }

  Result<void> verify_checkpoints() {
    const Result<std::vector<std::uint64_t>> numbers = list_checkpoints(files_, paths_.checkpoints);
    if (!numbers) return tl::unexpected(numbers.error());
    for (auto number = numbers->rbegin(); number != numbers->rend(); ++number) {
      const std::string path = checkpoint_path(paths_.checkpoints, *number);
      if (report_.checkpoints == kCheckpointsKept) {
        report_.notes.push_back(
            fmt::format("{} is older than the {} that count; it goes with the next checkpoint",
                        path, kCheckpointsKept));
        continue;
      }
      const Result<bool> whole =
          verify_one(path,
                     "the next start goes on from another checkpoint, where one is whole; "
                     "else put a copy of it back, or use a savepoint (tocsin run --from)");
      if (!whole) return tl::unexpected(whole.error());
      if (!*whole) continue;
      ++report_.checkpoints;
      const Result<Manifest> manifest = read_manifest(files_, path);
      if (manifest) note_position(path, manifest->meta);
    }
    const FileResult<std::vector<std::string>> names = files_.list(paths_.checkpoints);
    if (!names) return {};
    for (const std::string& name : *names) {
      if (!name.ends_with(".damaged")) continue;
      report_.notes.push_back(fmt::format(
          "{}/{} was found damaged at a start and set aside; it goes with the next checkpoints",
          paths_.checkpoints, name));
    }
    return {};
  }

  void note_position(const std::string& path, const CheckpointMeta& meta) {
    Position one{path, meta.position, meta.trim, meta.timeline.id, std::nullopt};
    ByteReader reader(meta.mark);
    EmittedMark mark = read_mark(reader);
    if (reader.is_done()) one.mark = std::move(mark);
    positions_.push_back(std::move(one));
  }

  Result<void> verify_savepoints() {
    const Result<std::vector<SavepointEntry>> entries = list_savepoints(files_, paths_.savepoints);
    if (!entries) return tl::unexpected(entries.error());
    for (const SavepointEntry& entry : *entries) {
      const Result<bool> whole = verify_one(
          entry.directory,
          fmt::format("put a copy of it back, or remove it (tocsin savepoint delete {} --data {})",
                      entry.name, paths_.directory));
      if (!whole) return tl::unexpected(whole.error());
      report_.savepoints += *whole ? 1 : 0;
    }
    return {};
  }

  // --- blobs, effects, journal ---

  Result<void> verify_blobs() {
    const FileResult<std::vector<std::string>> names = files_.list(paths_.blobs);
    if (!names) {
      if (names.error().code == FileErrc::kNotFound) return {};
      return failed(names.error());
    }
    for (const std::string& name : *names) {
      const std::optional<cep::Digest> digest = digest_of_blob_name(name);
      if (!digest) continue;
      const std::string path = paths_.blobs + "/" + name;
      watch(short_name(path));
      const FileResult<std::string> contents = read_whole(files_, path);
      if (!contents) {
        if (is_live_ && contents.error().code == FileErrc::kNotFound) continue;
        return failed(contents.error());
      }
      report_.bytes += contents->size();
      present_.insert(*digest);
      if (cep::sha256(*contents) == *digest) {
        ++report_.blobs;
        continue;
      }
      find({Errc::kCorrupt, fmt::format("{} is damaged: the digest of its {} bytes is {}", path,
                                        contents->size(), cep::hex(cep::sha256(*contents)))},
           kNewDirectory);
    }
    return {};
  }

  Result<void> verify_effects() {
    const Result<bool> found = exists(files_, paths_.store);
    if (!found) return tl::unexpected(found.error());
    if (!*found) {
      store_.emplace();
      const Result<KnownEnd> known = read_end_mark(files_, paths_.store_end);
      if (!known) return tl::unexpected(known.error());
      if (known->end > 1) {
        find_mismatch(paths_.store,
                      fmt::format("it is missing, and {} knows it", paths_.store_end));
      }
      return {};
    }
    watch("store");
    Result<StoreExtent> whole = ports_.verify_store(paths_);
    // Its files come and go under a reader's hands.
    for (int i = 1; i < kTriesMax && !whole && is_live_; ++i) whole = ports_.verify_store(paths_);
    if (whole) {
      store_ = *std::move(whole);
      return {};
    }
    switch (whole.error().code) {
      case Errc::kCorrupt:
        find(whole.error(),
             "restore the data directory from a copy: journal, checkpoints and store "
             "are of one moment");
        return {};
      case Errc::kOtherVersion:
        find(whole.error(), "use the version of tocsin that wrote it");
        return {};
      case Errc::kNotFound:
        report_.notes.push_back(fmt::format("{} holds nothing yet", paths_.store));
        store_.emplace();
        return {};
      default:
        return tl::unexpected(whole.error());
    }
  }

  Result<void> verify_records() {
    const Result<bool> found = exists(files_, paths_.journal);
    if (!found) return tl::unexpected(found.error());
    if (!*found) {
      if (positions_.empty() && journal_end_ <= 1 && !has_effects()) return {};
      find({Errc::kCorrupt, fmt::format("{} is damaged: it is missing", paths_.journal)},
           kNewDirectory);
      return {};
    }
    Result<JournalExtent> extent = read_records();
    // A segment may go between the look at the folder and its turn.
    for (int i = 1; !extent && is_live_; ++i) {
      const bool has_gone = extent.error().code == Errc::kNotFound;
      if (i >= (has_gone ? kGoneTriesMax : kTriesMax)) break;
      extent = read_records();
    }
    if (!extent) {
      const Errc code = extent.error().code;
      if (code != Errc::kCorrupt && code != Errc::kOtherVersion && code != Errc::kNotFound) {
        return tl::unexpected(extent.error());
      }
      find(extent.error(),
           code == Errc::kOtherVersion ? "use the version of tocsin that wrote it" : kNewDirectory);
      return {};
    }
    report_.journal_segments = extent->segments;
    if (extent->torn_end && !is_live_) report_.notes.push_back(describe(*extent->torn_end));
    compare_extent(*extent);
    find_missing_blobs();
    return compare_store(*extent);
  }

  // Whether somebody began a run with the store.
  bool has_effects() const { return store_ && !store_->timelines.empty(); }

  // Journal, checkpoints and store know each other's ends: what a start would refuse.
  Result<void> compare_store(const JournalExtent& extent) {
    if (!store_) return {};  // it is damaged
    // Of a journal alone, as far as its first record, a start makes the store again.
    const bool has_begun = !positions_.empty();
    if (!has_effects() && !has_begun) return {};
    const Result<JournalDirectory> journal = survey_journal(files_, paths_.journal);
    if (!journal) {
      if (is_live_) return {};
      return tl::unexpected(journal.error());
    }
    if (journal->segments.empty()) {
      if (has_effects()) find_mismatch(paths_.journal, "it has no segments");
      return {};
    }
    const std::array<std::uint8_t, 16>& timeline = journal->segments.back().header.timeline.id;
    if (std::ranges::find(store_->timelines, timeline) == store_->timelines.end()) {
      if (has_begun && !is_live_) {
        find_mismatch(paths_.store,
                      fmt::format("it has nothing of the run that {} holds", paths_.journal));
      }
      return {};
    }
    if (store_->mark.timeline == timeline && store_->cause >= extent.next_sequence) {
      find_mismatch(paths_.journal,
                    fmt::format("it ends with record {}, and {} holds what came of record {}",
                                extent.next_sequence - 1, paths_.store, store_->cause));
    }
    for (const Position& one : positions_) {
      if (one.timeline != timeline) {
        find_mismatch(one.path, fmt::format("it is of another timeline than {}", paths_.journal));
      } else if (!is_live_ && one.mark && one.mark->number > store_->mark.number) {
        find_mismatch(paths_.store,
                      fmt::format("its last alert is number {}, and {} was taken after number {}",
                                  store_->mark.number, one.path, one.mark->number));
        break;
      }
    }
    return {};
  }
  void find_mismatch(const std::string& path, const std::string& why) {
    find(
        {Errc::kCorrupt, fmt::format("{} is damaged, or of another moment: {}", path, why)},
        "restore the data directory from a copy: journal, checkpoints and store are of one moment");
  }

  Result<JournalExtent> read_records() {
    report_.journal_records = 0;
    wanted_by_journal_.clear();
    constexpr std::uint64_t kWatchEvery = 1 << 12;
    std::uint64_t bytes = 0;
    const std::uint64_t before = report_.bytes;
    Result<JournalExtent> extent =
        verify_journal(files_, paths_.journal, [&](const JournalEntry& entry) {
          if (report_.journal_records++ % kWatchEvery == 0) {
            watch(fmt::format("journal, record {}", entry.sequence));
          }
          if (const auto* arrival = std::get_if<ArrivalByValue>(&entry.record)) {
            bytes += arrival->bytes.size();
            report_.bytes = before + bytes;
          }
          const auto* command = std::get_if<Command>(&entry.record);
          if (command == nullptr) return;
          for (const BlobReference& blob : command->blobs) {
            Named& named = wanted_by_journal_[blob.digest];
            named.record = entry.sequence;
            named.may_go = named.may_go && command->name == kListCommand;
          }
        });
    if (!extent) report_.bytes = before;
    return extent;
  }

  // A checkpoint knows how far the journal went, whatever its end looks like.
  void compare_extent(const JournalExtent& extent) {
    if (extent.next_sequence < journal_end_) {
      find({Errc::kCorrupt,
            fmt::format("{} is damaged: it ends with record {}, and records up to {} were on disk "
                        "({})",
                        paths_.journal, extent.next_sequence - 1, journal_end_ - 1,
                        paths_.journal_end)},
           kNewDirectory);
      return;
    }
    if (positions_.empty() && extent.first_sequence > 1 && !is_live_) {
      find({Errc::kCorrupt,
            fmt::format("{} is damaged: no checkpoint in it is whole, and {} begins with record {}",
                        paths_.checkpoints, paths_.journal, extent.first_sequence)},
           kNewDirectory);
      return;
    }
    for (const Position& one : positions_) {
      if (one.position > extent.next_sequence) {
        find({Errc::kCorrupt,
              fmt::format("{} is damaged: it ends with record {}, and {} was taken after record {}",
                          paths_.journal, extent.next_sequence - 1, one.path, one.position - 1)},
             kNewDirectory);
        return;
      }
      if (!is_live_ && one.trim < extent.first_sequence && one.trim > 0) {
        find({Errc::kCorrupt,
              fmt::format("{} is damaged: it begins with record {}, and {} goes on from record {}",
                          paths_.journal, extent.first_sequence, one.path, one.trim)},
             kNewDirectory);
        return;
      }
    }
  }

  void find_missing_blobs() {
    for (const auto& [digest, directory] : wanted_) {
      if (present_.contains(digest) || is_live_) continue;
      find({Errc::kCorrupt, fmt::format("{}/{} is missing: {} needs it", paths_.blobs,
                                        cep::hex(digest), directory)},
           kNewDirectory);
    }
    // Of records that no start processes again, entries of lists may be gone.
    std::uint64_t needed_from = positions_.empty() ? 1 : UINT64_MAX;
    for (const Position& one : positions_) needed_from = std::min(needed_from, one.trim);
    for (const auto& [digest, named] : wanted_by_journal_) {
      if (named.may_go && named.record < needed_from) continue;
      if (present_.contains(digest) || wanted_.contains(digest) || is_live_) continue;
      find({Errc::kCorrupt, fmt::format("{}/{} is missing: record {} of the journal needs it",
                                        paths_.blobs, cep::hex(digest), named.record)},
           kNewDirectory);
    }
  }

  struct Position {
    std::string path;
    std::uint64_t position = 0;
    std::uint64_t trim = 0;
    std::array<std::uint8_t, 16> timeline{};
    std::optional<EmittedMark> mark;  // of the alerts before it
  };

  const VerifyPorts& ports_;
  Files& files_;
  const DataPaths paths_;
  std::unique_ptr<FileLock> lock_;
  bool is_live_ = false;  // another process works here
  VerifyReport report_;
  std::map<FileIdentity, FileDigest> known_;
  std::set<cep::Digest> present_;
  std::map<cep::Digest, std::string> wanted_;  // and by which checkpoint
  // By which record, the last one; and whether they are entries of lists alone, which go.
  struct Named {
    std::uint64_t record = 0;
    bool may_go = true;
  };
  std::map<cep::Digest, Named> wanted_by_journal_;
  std::vector<Position> positions_;
  std::uint64_t journal_end_ = 0;     // every record before it was on disk, as the end mark knows
  std::optional<StoreExtent> store_;  // absent: damaged
};
}  // namespace

Result<StoreExtent> extent_of(const StoreReader& store) {
  const Result<EffectReader> reader = EffectReader::open(store);
  if (!reader) return tl::unexpected(reader.error());
  StoreExtent extent;
  const Result<std::vector<TimelineRow>> timelines = reader->timelines();
  if (!timelines) return tl::unexpected(timelines.error());
  for (const TimelineRow& row : *timelines) extent.timelines.push_back(row.id);
  Result<EmittedMark> mark = reader->mark();
  if (!mark) return tl::unexpected(mark.error());
  extent.mark = *std::move(mark);
  const Result<std::uint64_t> cause = reader->cause();
  if (!cause) return tl::unexpected(cause.error());
  extent.cause = *cause;
  return extent;
}

Result<VerifyReport> verify_directory(const VerifyPorts& ports, const std::string& directory) {
  return Verifier(ports, directory).run();
}
}  // namespace tocsin::runtime
