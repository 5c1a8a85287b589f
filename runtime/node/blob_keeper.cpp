#include "runtime/node/blob_keeper.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "runtime/journal/journal_reader.h"
#include "runtime/node/node_commands.h"

namespace tocsin::runtime {
namespace {
// Removed after one checkpoint: each may hold up the engine's thread for a moment.
constexpr std::size_t kRemovedAtOnce = 256;

BlobUse::What what_of(const Command& command, const BlobReference& blob) {
  return may_go(command, blob) ? BlobUse::What::kEntries : BlobUse::What::kOther;
}
}  // namespace

// Of the checkpoints that are there, and of the records before those that this start processes,
// which it may need if the newest checkpoint is damaged: these are read beside the work.
Result<void> BlobKeeper::find_named(std::uint64_t position) {
  const Result<std::vector<std::uint64_t>> numbers =
      list_checkpoints(parts_.ports.files, parts_.paths.checkpoints);
  if (!numbers) return tl::unexpected(numbers.error());
  for (const std::uint64_t number : *numbers) {
    const Result<Manifest> manifest =
        read_manifest(parts_.ports.files, checkpoint_path(parts_.paths.checkpoints, number));
    // One that cannot be read is none to go on from.
    if (manifest) blob_use_.checkpoint(manifest->meta.blobs);
  }
  blob_use_.knows_from(position);
  const std::uint64_t first =
      std::max(parts_.log->first_sequence(), parts_.writer->status().journal_needed_from);
  if (first >= position) return {};
  past_ = std::make_shared<PastBlobs>();
  parts_.ports.executor.post([past = past_, &files = parts_.ports.files,
                              journal = parts_.paths.journal, first, until = position] {
    std::vector<PastBlobs::Named> named;
    Result<JournalReader> reader = JournalReader::open(files, journal, first, until);
    // A segment may have been let go of meanwhile: then these are not known, and stay.
    if (!reader) return;
    for (;;) {
      const Result<std::optional<JournalEntry>> entry = reader->next();
      if (!entry) return;
      if (!*entry) break;
      const auto* const command = std::get_if<Command>(&(*entry)->record);
      if (command == nullptr) continue;
      for (const BlobReference& blob : command->blobs)
        named.push_back({(*entry)->sequence, what_of(*command, blob), blob.digest});
    }
    const std::lock_guard lock(past->mutex);
    past->is_known = true;
    past->named = std::move(named);
  });
  return {};
}

void BlobKeeper::note(std::uint64_t sequence, const Command& command) {
  for (const BlobReference& blob : command.blobs)
    blob_use_.named(sequence, what_of(command, blob), blob.digest);
}

// Once there is a new checkpoint: lets go of entries that are needed no more. What fails here is
// tried again with the next one.
void BlobKeeper::note_checkpoint() {
  if (parts_.taker->made() == checkpoints_noted_) return;
  checkpoints_noted_ = parts_.taker->made();
  blob_use_.checkpoint(cut_blobs_);
  if (past_) {
    const std::lock_guard lock(past_->mutex);
    for (const PastBlobs::Named& one : past_->named)
      blob_use_.named(one.sequence, one.what, one.digest);
    past_->named.clear();
    if (past_->is_known) blob_use_.knows_from(1);
  }
  std::vector<cep::Digest> digests =
      blob_use_.unneeded(parts_.writer->status().journal_needed_from, parts_.lists.blobs());
  if (digests.size() > kRemovedAtOnce) digests.resize(kRemovedAtOnce);
  for (const cep::Digest& digest : digests)
    if (parts_.blob_store->remove(digest)) blob_use_.removed(digest);
}
}  // namespace tocsin::runtime
