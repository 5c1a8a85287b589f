/// The inside of a CheckpointWriter: opening a directory of checkpoints, and the steps of taking
/// one, which run in the executor.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/value/shard.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/checkpoint_options.h"
#include "runtime/io/executor.h"
#include "runtime/io/files.h"
#include "runtime/store/state_buffer.h"
#include "runtime/store/state_store.h"

namespace tocsin::runtime {
/// What the writer, and the tasks that it posts, share. Members are grouped by the thread that uses
/// them.
struct CheckpointWork : std::enable_shared_from_this<CheckpointWork> {
  struct Kept {
    std::uint64_t number = 0;
    std::uint64_t position = 0;
    std::uint64_t trim = 0;
  };

  CheckpointWork(Files& files_port, StateStores& stores_port, Executor& executor_port,
                 const CheckpointOptions& chosen)
      : files(files_port), stores(stores_port), executor(executor_port), options(chosen) {}

  Files& files;
  StateStores& stores;
  Executor& executor;
  const CheckpointOptions options;

  // --- the engine's thread ---
  std::optional<GoodCheckpoint> recovered;
  bool is_open = false;  // between begin() and finish()
  std::uint64_t last_number = 0;
  std::array<StateBuffer, cep::kShardCount> buffers;

  // --- both, under the lock ---
  mutable std::mutex mutex;
  CheckpointStatus status;
  std::size_t in_flight = 0;
  bool wants_all = false;
  int whole_ones = 0;  // that are still to come before changes are looked at again

  // --- the executor's thread, once open() is done ---
  std::unique_ptr<StateStore> store;
  std::vector<Kept> kept;                   // ascending; those whose manifest can be read
  std::map<std::string, FileDigest> known;  // of the store's files that never change
  CheckpointMeta meta;
  std::optional<Error> failure;                  // of the checkpoint that is being taken
  std::map<std::uint32_t, StateBuffer> waiting;  // by shard
  std::size_t waiting_bytes = 0;
  std::map<std::uint64_t, std::unique_ptr<StateRunFile>> runs;  // being written, by table
  bool has_runs = false;                                        // these, or finished ones
  std::uint32_t next_shard = 0;                                 // runs have only those before it
  std::uint64_t entries = 0;
  std::uint64_t entry_bytes = 0;
  CheckpointScope scope = CheckpointScope::kChanges;

  Result<void> open();
  Result<void> clean();
  Result<void> set_side_output(const std::vector<GoodCheckpoint::Damaged>& damaged);
  Result<void> note_kept();
  std::uint64_t needed_from() const;

  void post(std::function<void(CheckpointWork&)> task) {
    executor.post([self = shared_from_this(), task = std::move(task)] { task(*self); });
  }
  // Runs a step of the checkpoint that is being taken, unless one before it failed.
  template <typename Step>
  void attempt(const Step& step) {
    if (failure) return;
    Result<void> done = step();
    if (!done) failure = std::move(done.error());
  }
  void start(CheckpointMeta cut, CheckpointScope chosen);
  Result<void> empty_store();
  void take(std::uint32_t shard, StateBuffer buffer);
  Result<void> write_waiting(bool is_all);
  Result<void> append(std::uint64_t table, StateRun& entries);
  Result<void> finish_runs();
  void complete();
  void end_as_failed();
  void note_failure(const Error& error);
  void clear_up();
  Result<void> make();
  Result<void> describe_state(const std::string& directory, Manifest& manifest);
  Result<void> describe_texts(const std::string& directory, Manifest& manifest);
  void publish(const Manifest& manifest);
  void let_go();
  void weigh(std::uint64_t entries_before);
};
}  // namespace tocsin::runtime
