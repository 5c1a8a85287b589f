/// Which entries of lists, kept as blobs (runtime/node/list_changes.h), nothing needs any more: no
/// record that a start may process again, no checkpoint that it may go on from, and not what holds
/// now. Of other blobs, such as the rules' texts, it knows that they are not to be removed.
///
/// What an earlier process wrote is known from its checkpoints and from the journal. Entries that
/// neither names any more, or not yet, when it crashes, or that a change brought which was refused,
/// are not known, and stay.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "cep/value/identity.h"
#include "runtime/checkpoint/checkpoint.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class BlobUse {
 public:
  enum class What : std::uint8_t { kEntries, kOther };
  /// All records from `sequence` on have been reported, or will be. No blob is freed while a
  /// start needs earlier ones.
  void knows_from(std::uint64_t sequence) { known_from_ = sequence; }
  /// Record `sequence` names a blob. In any order.
  void named(std::uint64_t sequence, What what, const cep::Digest& digest);
  /// There is a new checkpoint with these; all but the newest two are gone.
  void checkpoint(const std::vector<CheckpointBlob>& blobs);
  /// What may be removed where every start processes records from `needed_from` on alone, and `now`
  /// are the blobs that hold; in the order of the digests.
  std::vector<cep::Digest> unneeded(std::uint64_t needed_from,
                                    const std::vector<CheckpointBlob>& now) const;
  void removed(const cep::Digest& digest) { entries_.erase(digest); }

 private:
  std::uint64_t known_from_ = 1;
  std::map<cep::Digest, std::uint64_t> entries_;  // the last record that names them; 0: none does
  std::set<cep::Digest> others_;                  // that are something else as well
  std::deque<std::vector<CheckpointBlob>> checkpoints_;  // the newest of them last
};
}  // namespace tocsin::runtime
