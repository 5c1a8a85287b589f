/// A checkpoint or savepoint as it was written, with the rules that it was made under, and the same
/// state written again by this program.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "api/node/kept_rules.h"
#include "cep/base/result.h"
#include "cep/record/state_layout.h"
#include "runtime/checkpoint/checkpoint.h"

namespace tocsin::tests {
/// What is compared byte for byte.
struct StateBytes {
  std::string engine;  // the globals
  std::string intake;
  std::string node;
  std::map<std::string, std::string> entries;  // by the store's key
};
struct StateFile {
  std::string directory;
  std::string blobs;         // the folder with its texts
  std::uint32_t format = 0;  // of the manifest
  runtime::CheckpointMeta meta;
  StateBytes bytes;
  cep::StateLayout layout;  // of the engine's globals
  api::KeptRules rules;
};
/// Of a checkpoint in a data directory, or of a savepoint.
Result<StateFile> read_state(const std::string& directory);
/// Restores engine, intake and node from the state, and writes all of them again.
Result<StateBytes> write_again(const StateFile& state);
}  // namespace tocsin::tests
