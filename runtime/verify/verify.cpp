#include "runtime/verify/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "cep/base/byte_codec.h"
#include "cep/value/identity.h"
#include "runtime/archive/archive_directory.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/end_mark.h"
#include "runtime/journal/file_tree.h"
#include "runtime/journal/journal_directory.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/node/list_changes.h"
#include "runtime/verify/verify_parts.h"

namespace tocsin::runtime {
namespace {
constexpr int kTriesMax = 5;        // where another process changes what is read
constexpr int kGoneTriesMax = 200;  // where it let go of it, which is soon seen

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
    if (done) done = verify_archive();
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
      parts_.is_live = true;
      report_.notes.push_back(lock.error().message +
                              ": what it changed or removed meanwhile was left out");
    }
    return {};
  }

  Result<void> read_journal_end() {
    const Result<KnownEnd> known = read_end_mark(files_, paths_.journal_end);
    if (!known) return tl::unexpected(known.error());
    parts_.journal_end = known->end;
    for (const std::string& path : {paths_.journal_end, paths_.store_end}) {
      const Result<KnownEnd> mark = read_end_mark(files_, path);
      if (!mark) return tl::unexpected(mark.error());
      if (mark->state != EndMarkState::kDamaged || parts_.is_live) continue;
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
    if (parts_.is_live && is_gone(directory)) return false;
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
    for (const CheckpointBlob& blob : manifest.meta.blobs)
      parts_.wanted_by_checkpoints.emplace(blob.digest, directory);
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
    CheckpointPosition one{path, meta.position, meta.trim, meta.timeline.id, std::nullopt};
    ByteReader reader(meta.mark);
    EmittedMark mark = read_mark(reader);
    if (reader.is_done()) one.mark = std::move(mark);
    parts_.checkpoints.push_back(std::move(one));
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

  // --- archive, blobs, effects, journal ---

  Result<void> verify_archive() {
    const Result<ArchiveDirectory> archive = survey_archive(files_, paths_.archive);
    if (!archive) {
      if (archive.error().code != Errc::kOtherVersion) return tl::unexpected(archive.error());
      find(archive.error(), "use that version");
      return {};
    }
    for (const Error& damage : archive->damaged) find(damage, kArchiveRemedy);
    for (const ArchiveFile& file : archive->files) {
      watch(short_name(file.path));
      Result<void> whole = verify_archive_file(file);
      if (!whole && whole.error().code == Errc::kCorrupt) {
        find(whole.error(), kArchiveRemedy);
      } else if (!whole && !(parts_.is_live && whole.error().code == Errc::kNotFound)) {
        return whole;
      }
      if (!whole) continue;
      ++report_.archive_files;
      report_.archive_events += file.footer.events;
    }
    return {};
  }

  Result<void> verify_archive_file(const ArchiveFile& file) {
    const Result<ArchiveFileReader> reader = ArchiveFileReader::open(files_, file.path);
    if (!reader) return tl::unexpected(reader.error());
    for (const ArchiveBlock& block : reader->index().blocks) {
      if (const auto records = reader->read(block); !records) {
        return tl::unexpected(records.error());
      }
      report_.bytes += block.bytes;
    }
    return {};
  }

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
        if (parts_.is_live && contents.error().code == FileErrc::kNotFound) continue;
        return failed(contents.error());
      }
      report_.bytes += contents->size();
      parts_.blobs.insert(*digest);
      if (cep::sha256(*contents) == *digest) {
        ++report_.blobs;
        continue;
      }
      find({Errc::kCorrupt, fmt::format("{} is damaged: the digest of its {} bytes is {}", path,
                                        contents->size(), cep::hex(cep::sha256(*contents)))},
           kNewDirectoryRemedy);
    }
    return {};
  }

  Result<void> verify_effects() {
    const Result<bool> found = exists(files_, paths_.store);
    if (!found) return tl::unexpected(found.error());
    if (!*found) {
      parts_.store.emplace();
      const Result<KnownEnd> known = read_end_mark(files_, paths_.store_end);
      if (!known) return tl::unexpected(known.error());
      if (known->end > 1) {
        report_.damaged.push_back(mismatch(
            paths_.store, fmt::format("it is missing, and {} knows it", paths_.store_end)));
      }
      return {};
    }
    watch("store");
    Result<StoreExtent> whole = ports_.verify_store(paths_);
    // Its files come and go under a reader's hands.
    for (int i = 1; i < kTriesMax && !whole && parts_.is_live; ++i)
      whole = ports_.verify_store(paths_);
    if (whole) {
      parts_.store = *std::move(whole);
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
        parts_.store.emplace();
        return {};
      default:
        return tl::unexpected(whole.error());
    }
  }

  Result<void> verify_records() {
    const Result<bool> found = exists(files_, paths_.journal);
    if (!found) return tl::unexpected(found.error());
    if (!*found) {
      if (parts_.checkpoints.empty() && parts_.journal_end <= 1 && !parts_.has_effects()) return {};
      find({Errc::kCorrupt, fmt::format("{} is damaged: it is missing", paths_.journal)},
           kNewDirectoryRemedy);
      return {};
    }
    Result<JournalExtent> extent = read_records();
    // A segment may go between the look at the folder and its turn.
    for (int i = 1; !extent && parts_.is_live; ++i) {
      const bool has_gone = extent.error().code == Errc::kNotFound;
      if (i >= (has_gone ? kGoneTriesMax : kTriesMax)) break;
      extent = read_records();
    }
    if (!extent) {
      const Errc code = extent.error().code;
      if (code != Errc::kCorrupt && code != Errc::kOtherVersion && code != Errc::kNotFound) {
        return tl::unexpected(extent.error());
      }
      find(extent.error(), code == Errc::kOtherVersion ? "use the version of tocsin that wrote it"
                                                       : kNewDirectoryRemedy);
      return {};
    }
    report_.journal_segments = extent->segments;
    if (extent->torn_end && !parts_.is_live) report_.notes.push_back(describe(*extent->torn_end));
    return compare_parts(files_, paths_, parts_, *extent, report_.damaged);
  }

  Result<JournalExtent> read_records() {
    report_.journal_records = 0;
    parts_.wanted_by_journal.clear();
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
            DirectoryParts::JournalBlob& named = parts_.wanted_by_journal[blob.digest];
            named.record = entry.sequence;
            named.may_go = named.may_go && may_go(*command, blob);
          }
        });
    if (!extent) report_.bytes = before;
    return extent;
  }

  const VerifyPorts& ports_;
  Files& files_;
  const DataPaths paths_;
  std::unique_ptr<FileLock> lock_;
  DirectoryParts parts_;  // is_live: another process works here
  VerifyReport report_;
  std::map<FileIdentity, FileDigest> known_;
};
}  // namespace

Result<VerifyReport> verify_directory(const VerifyPorts& ports, const std::string& directory) {
  return Verifier(ports, directory).run();
}
}  // namespace tocsin::runtime
