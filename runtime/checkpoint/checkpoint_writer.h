/// Takes checkpoints and keeps the newest two: the engine's thread appends bytes, an executor does
/// the rest (sorting, files, ingestion, hard links, digests, syncs). A crash at any moment leaves
/// those that were finished.
///
///   begin(meta) → put/remove/shard_done … from Engine::write_snapshot(), in chunks → finish()
///   … poll status() until it is kDone or kFailed; only then the next begin().
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cep/base/result.h"
#include "cep/data/state_entry.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/checkpoint_options.h"
#include "runtime/io/executor.h"
#include "runtime/io/files.h"
#include "runtime/store/state_store.h"

namespace tocsin::runtime {
struct CheckpointWork;
/// Threading: one caller, the engine's thread; the executor's thread inside.
class CheckpointWriter : public cep::StateSink {
 public:
  /// Removes what a crash left, finds the newest good checkpoint, sets newer damaged ones aside and
  /// makes the working state of it. `files`, `stores` and `executor` must outlive the writer, which
  /// must be destroyed only when nothing of its is queued in `executor`. Fails as newest_good().
  static Result<std::unique_ptr<CheckpointWriter>> open(Files& files, StateStores& stores,
                                                        Executor& executor,
                                                        const CheckpointOptions& options);
  ~CheckpointWriter() override;

  /// What open() found; its globals, intake and node stay until drop_recovered().
  const std::optional<GoodCheckpoint>& recovered() const;
  /// Every piece of the recovered state in order, read with `take`, which may fail. Before the
  /// first begin(). `progress` is called now and then with the pieces so far; may be empty.
  Result<void> read(const std::function<Result<void>(const cep::StateKey&, std::string_view)>& take,
                    const std::function<void(std::uint64_t)>& progress = {});
  void drop_recovered();

  /// The next begin() must be kAll: a checkpoint failed, so that changes are lost, or the working
  /// state is empty though the engine's is not.
  bool wants_all() const;
  /// The next begin() had better be kAll: so much of the state changes between checkpoints that
  /// writing it anew costs less than writing over it and clearing up behind.
  bool prefers_all() const;
  /// Requires a stage other than kTaking. `meta` is that of the cut, without a number; gives the
  /// number that it gets.
  std::uint64_t begin(CheckpointMeta meta, CheckpointScope scope);
  /// Less is in flight than there may be: another chunk may be written.
  bool has_room() const;
  /// Between begin() and finish(), engine's thread. Of several for one key the last counts.
  void put(const cep::StateKey& key, std::string_view value) override;
  void remove(const cep::StateKey& key) override;
  void shard_done(std::uint32_t shard) override;
  /// CheckpointMeta::intake, where begin() was given none. Between begin() and finish().
  void put_intake(std::string bytes);
  /// All was given. The rest happens in the executor.
  void finish();
  /// Gives up what begin() began, which is kFailed then; wants_all() from then on. For a node that
  /// ends, fails or gets other rules between begin() and finish(). Another may begin at once.
  void abandon();
  CheckpointStatus status() const;

  /// Runs `task` in the executor, after what is queued, with the directory of the newest checkpoint
  /// ("" where there is none), which stays whole meanwhile: to make a savepoint of it
  /// (runtime/checkpoint/savepoint.h).
  void with_newest(std::function<void(const std::string& directory)> task);

 private:
  explicit CheckpointWriter(std::shared_ptr<CheckpointWork> work);
  std::shared_ptr<CheckpointWork> work_;
};
}  // namespace tocsin::runtime
