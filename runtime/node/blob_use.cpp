#include "runtime/node/blob_use.h"

#include <algorithm>
#include <utility>

#include "runtime/node/list_changes.h"

namespace tocsin::runtime {
void BlobUse::named(std::uint64_t sequence, What what, const cep::Digest& digest) {
  if (what == What::kOther) {
    others_.insert(digest);
    return;
  }
  std::uint64_t& last = entries_[digest];
  last = std::max(last, sequence);
}

void BlobUse::checkpoint(const std::vector<CheckpointBlob>& blobs) {
  std::vector<CheckpointBlob> entries = entry_blobs(blobs);
  for (const CheckpointBlob& blob : entries) named(0, What::kEntries, blob.digest);
  for (const CheckpointBlob& blob : rule_blobs(blobs)) named(0, What::kOther, blob.digest);
  checkpoints_.push_back(std::move(entries));
  if (checkpoints_.size() > kCheckpointsKept) checkpoints_.pop_front();
}

std::vector<cep::Digest> BlobUse::unneeded(std::uint64_t needed_from,
                                           const std::vector<CheckpointBlob>& now) const {
  if (needed_from < known_from_) return {};
  std::set<cep::Digest> needed;
  for (const CheckpointBlob& blob : now) needed.insert(blob.digest);
  for (const std::vector<CheckpointBlob>& blobs : checkpoints_)
    for (const CheckpointBlob& blob : blobs) needed.insert(blob.digest);
  std::vector<cep::Digest> digests;
  for (const auto& [digest, last] : entries_) {
    if (last < needed_from && !others_.contains(digest) && !needed.contains(digest))
      digests.push_back(digest);
  }
  return digests;
}
}  // namespace tocsin::runtime
