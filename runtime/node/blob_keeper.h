/// Removes the entries of lists that no checkpoint and no record needs any more.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/node/blob_use.h"
#include "runtime/node/node_parts.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class BlobKeeper {
 public:
  explicit BlobKeeper(NodeParts& parts) : parts_(parts) {}
  /// Finds what checkpoints name, and the records before `position`: these are read beside the
  /// work, as a start needs them only if the newest checkpoint is damaged.
  Result<void> find_named(std::uint64_t position);
  /// The blobs of a record.
  void note(std::uint64_t sequence, const Command& command);
  /// The blobs of the last cut.
  void set_cut(std::vector<CheckpointBlob> blobs) { cut_blobs_ = std::move(blobs); }
  /// Removes what is needed no more, once there is a new checkpoint. What fails here is tried again
  /// with the next one.
  void note_checkpoint();

 private:
  // Blobs that records before the first position name, read by the executor.
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
  NodeParts& parts_;
  BlobUse blob_use_;
  std::shared_ptr<PastBlobs> past_;        // until they are known
  std::vector<CheckpointBlob> cut_blobs_;  // of the last cut
  std::uint64_t checkpoints_noted_ = 0;    // of those made
};
}  // namespace tocsin::runtime
