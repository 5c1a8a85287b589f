/// What whoever owns the process wants to find beside the state of a checkpoint, as a file
/// `witness` that the manifest lists. Programs that know nothing of it compare it as any other
/// file.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "cep/base/result.h"
#include "runtime/io/files.h"

namespace tocsin::runtime {
/// As long as it lives, each checkpoint that this process makes keeps what `text` gives for the
/// position of its cut in the journal; nothing for an empty one. `text` is called in the executor's
/// thread, before the checkpoint counts. A process has one at a time.
class CheckpointWitness {
 public:
  using TextOf = std::function<std::string(std::uint64_t position)>;
  [[nodiscard]] explicit CheckpointWitness(TextOf text);
  /// Waits for a call that is under way.
  ~CheckpointWitness();
  CheckpointWitness(const CheckpointWitness&) = delete;
  CheckpointWitness& operator=(const CheckpointWitness&) = delete;
};
/// What a checkpoint of that position is to keep now; empty: nothing.
std::string witness_at(std::uint64_t position);

inline constexpr const char* kWitnessFile = "witness";
/// The witness of the checkpoint or savepoint in `directory`; empty where it has none. kCorrupt
/// where it is not as the manifest has it; errors of read_manifest().
Result<std::string> read_witness_of(Files& files, const std::string& directory);
}  // namespace tocsin::runtime
