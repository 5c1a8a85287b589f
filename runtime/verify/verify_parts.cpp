#include "runtime/verify/verify_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/value/identity.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/journal/journal_directory.h"

namespace tocsin::runtime {
namespace {
// What is compared, and where what does not fit is listed.
class Comparison {
 public:
  Comparison(Files& files, const DataPaths& paths, const DirectoryParts& parts,
             const JournalExtent& extent, std::vector<VerifyFinding>& found)
      : files_(files), paths_(paths), parts_(parts), extent_(extent), found_(found) {}

  Result<void> run() {
    compare_extent();
    find_missing_blobs();
    return compare_store();
  }

 private:
  // A checkpoint knows how far the journal went, whatever its end looks like.
  void compare_extent() {
    if (extent_.next_sequence < parts_.journal_end) {
      find_damage(fmt::format(
          "{} is damaged: it ends with record {}, and records up to {} were on disk ({})",
          paths_.journal, extent_.next_sequence - 1, parts_.journal_end - 1, paths_.journal_end));
      return;
    }
    if (parts_.checkpoints.empty() && extent_.first_sequence > 1 && !parts_.is_live) {
      find_damage(
          fmt::format("{} is damaged: no checkpoint in it is whole, and {} begins with record {}",
                      paths_.checkpoints, paths_.journal, extent_.first_sequence));
      return;
    }
    for (const CheckpointPosition& one : parts_.checkpoints) {
      if (one.position > extent_.next_sequence) {
        find_damage(
            fmt::format("{} is damaged: it ends with record {}, and {} was taken after record {}",
                        paths_.journal, extent_.next_sequence - 1, one.path, one.position - 1));
        return;
      }
      if (!parts_.is_live && one.trim < extent_.first_sequence && one.trim > 0) {
        find_damage(
            fmt::format("{} is damaged: it begins with record {}, and {} goes on from record {}",
                        paths_.journal, extent_.first_sequence, one.path, one.trim));
        return;
      }
    }
  }

  void find_missing_blobs() {
    for (const auto& [digest, directory] : parts_.wanted_by_checkpoints) {
      if (parts_.blobs.contains(digest) || parts_.is_live) continue;
      find_damage(
          fmt::format("{}/{} is missing: {} needs it", paths_.blobs, cep::hex(digest), directory));
    }
    // Of records that no start processes again, entries of lists may be gone.
    std::uint64_t needed_from = parts_.checkpoints.empty() ? 1 : UINT64_MAX;
    for (const CheckpointPosition& one : parts_.checkpoints)
      needed_from = std::min(needed_from, one.trim);
    for (const auto& [digest, named] : parts_.wanted_by_journal) {
      if (named.may_go && named.record < needed_from) continue;
      if (parts_.blobs.contains(digest) || parts_.wanted_by_checkpoints.contains(digest) ||
          parts_.is_live)
        continue;
      find_damage(fmt::format("{}/{} is missing: record {} of the journal needs it", paths_.blobs,
                              cep::hex(digest), named.record));
    }
  }

  // Journal, checkpoints and store know each other's ends: what a start would refuse.
  Result<void> compare_store() {
    if (!parts_.store) return {};  // it is damaged
    // Of a journal alone, as far as its first record, a start makes the store again.
    const bool has_begun = !parts_.checkpoints.empty();
    if (!parts_.has_effects() && !has_begun) return {};
    const Result<JournalDirectory> journal = survey_journal(files_, paths_.journal);
    if (!journal) {
      if (parts_.is_live) return {};
      return tl::unexpected(journal.error());
    }
    if (journal->segments.empty()) {
      if (parts_.has_effects()) find_mismatch(paths_.journal, "it has no segments");
      return {};
    }
    const std::array<std::uint8_t, 16>& timeline = journal->segments.back().header.timeline.id;
    if (std::ranges::find(parts_.store->timelines, timeline) == parts_.store->timelines.end()) {
      if (has_begun && !parts_.is_live) {
        find_mismatch(paths_.store,
                      fmt::format("it has nothing of the run that {} holds", paths_.journal));
      }
      return {};
    }
    if (parts_.store->mark.timeline == timeline && parts_.store->cause >= extent_.next_sequence) {
      find_mismatch(paths_.journal,
                    fmt::format("it ends with record {}, and {} holds what came of record {}",
                                extent_.next_sequence - 1, paths_.store, parts_.store->cause));
    }
    for (const CheckpointPosition& one : parts_.checkpoints) {
      if (one.timeline != timeline) {
        find_mismatch(one.path, fmt::format("it is of another timeline than {}", paths_.journal));
      } else if (!parts_.is_live && one.mark && one.mark->number > parts_.store->mark.number) {
        find_mismatch(paths_.store,
                      fmt::format("its last alert is number {}, and {} was taken after number {}",
                                  parts_.store->mark.number, one.path, one.mark->number));
        break;
      }
    }
    return {};
  }
  void find_damage(std::string message) {
    found_.push_back({std::move(message), std::string(kNewDirectoryRemedy)});
  }
  void find_mismatch(const std::string& path, const std::string& why) {
    found_.push_back(mismatch(path, why));
  }

  Files& files_;
  const DataPaths& paths_;
  const DirectoryParts& parts_;
  const JournalExtent& extent_;
  std::vector<VerifyFinding>& found_;
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

VerifyFinding mismatch(const std::string& path, const std::string& why) {
  return {
      fmt::format("{} is damaged, or of another moment: {}", path, why),
      "restore the data directory from a copy: journal, checkpoints and store are of one moment"};
}

Result<void> compare_parts(Files& files, const DataPaths& paths, const DirectoryParts& parts,
                           const JournalExtent& extent, std::vector<VerifyFinding>& found) {
  return Comparison(files, paths, parts, extent, found).run();
}
}  // namespace tocsin::runtime
