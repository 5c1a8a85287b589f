/// One machine's state to that of a job, and the other way round.
///
///   savepoint ─▶ job_of_savepoint() ─▶ state folder ─▶ a job of stages goes on
///   a job's cut ─▶ state folder ─▶ savepoint_of_job() ─▶ a start `--from` it goes on
///
/// Entries of keys pass through one by one: memory does not depend on how many there are. What
/// waits and ids of `unique` are in memory, as an intake has them.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/value/time.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "runtime/job_state/job_folder.h"
#include "runtime/node/node.h"
#include "runtime/node/node_settings.h"
#include "runtime/node/node_source.h"
#include "runtime/store/state_store.h"

namespace tocsin::runtime {
struct ConversionPorts {
  Files& files;
  StateStores& states;
  Clock& clock;
};
/// How far it is: entries so far.
using ConversionProgress = std::function<void(std::uint64_t entries)>;

struct JobOfSavepoint {
  std::string from;  // a checkpoint's or savepoint's folder
  std::string to;    // the state folder, which must not be there
  std::uint32_t semantics = 0;
  ConversionProgress progress = {};  // may be empty
};
struct ConvertedState {
  std::uint64_t entries = 0;  // of keys
  std::size_t waiting = 0;    // events
  cep::EventTime time;        // that it stands at
  cep::Digest plan{};         // of the rules
  struct Source {
    std::string name;
    std::uint64_t next = 0;  // the number of its next line; of a message: its offset and 1
    bool is_left = false;    // not read any more
  };
  std::vector<Source> sources = {};
};
/// `program` has the rules of the state, by pass. Every byte of the checkpoint is compared before.
/// Fails with kConflict where the state cannot be a job's, kOtherVersion, kCorrupt, kLimit, kIo.
Result<ConvertedState> job_of_savepoint(const ConversionPorts& ports, const cep::Program& program,
                                        const JobOfSavepoint& options);

struct SavepointOfJob {
  std::string from;  // the state folder
  std::string to;    // the savepoint's folder, which must not be there; it has the last part's name
  std::array<std::uint8_t, 16> timeline{};  // random
  NodeSettings settings;                    // of the rules that are kept with it
  std::vector<NamedContents> texts;         // these rules
  /// Where one machine goes on with a source of the job, whose next line has at least this number
  /// (of a message: its offset and 1; 0: nothing was read); nothing: it is not read any more. Fails
  /// where that cannot be said.
  std::function<Result<std::optional<NodeSource>>(const std::string& name, std::uint64_t next)>
      find_source;
  std::size_t batch_bytes = std::size_t{32} << 20;  // of entries in memory
  ConversionProgress progress = {};                 // may be empty
};
/// `program`: of these rules. Every byte of the folder is compared before anything is written.
/// Fails as job_of_savepoint().
Result<ConvertedState> savepoint_of_job(const ConversionPorts& ports, const cep::Program& program,
                                        const SavepointOfJob& options);
}  // namespace tocsin::runtime
