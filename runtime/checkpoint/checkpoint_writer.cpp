#include "runtime/checkpoint/checkpoint_writer.h"

#include <utility>

#include "cep/base/assert.h"
#include "cep/value/shard.h"
#include "runtime/checkpoint/checkpoint_work.h"

namespace tocsin::runtime {
CheckpointWriter::CheckpointWriter(std::shared_ptr<CheckpointWork> work) : work_(std::move(work)) {}
CheckpointWriter::~CheckpointWriter() = default;

Result<std::unique_ptr<CheckpointWriter>> CheckpointWriter::open(Files& files, StateStores& stores,
                                                                 Executor& executor,
                                                                 const CheckpointOptions& options) {
  auto work = std::make_shared<CheckpointWork>(files, stores, executor, options);
  const Result<void> opened = work->open();
  if (!opened) return tl::unexpected(opened.error());
  return std::unique_ptr<CheckpointWriter>(new CheckpointWriter(std::move(work)));
}

const std::optional<GoodCheckpoint>& CheckpointWriter::recovered() const {
  return work_->recovered;
}

Result<void> CheckpointWriter::read(
    const std::function<Result<void>(const cep::StateKey&, std::string_view)>& take,
    const std::function<void(std::uint64_t)>& progress) {
  const Result<std::unique_ptr<StateScan>> scan = work_->store->scan();
  if (!scan) return tl::unexpected(scan.error());
  return read_pieces(**scan, take, progress);
}

void CheckpointWriter::drop_recovered() { work_->recovered.reset(); }

bool CheckpointWriter::wants_all() const {
  const std::lock_guard lock(work_->mutex);
  return work_->wants_all;
}

std::uint64_t CheckpointWriter::begin(CheckpointMeta meta, CheckpointScope scope) {
  CheckpointWork& work = *work_;
  {
    const std::lock_guard lock(work.mutex);
    TOCSIN_ASSERT(work.status.stage != CheckpointStage::kTaking, "one checkpoint at a time");
    TOCSIN_ASSERT(scope == CheckpointScope::kAll || !work.wants_all,
                  "after a failed checkpoint everything is written");
    work.status.stage = CheckpointStage::kTaking;
    work.wants_all = false;
  }
  work.is_open = true;
  meta.number = ++work.last_number;
  const std::uint64_t number = meta.number;
  work.post([meta = std::move(meta), scope](CheckpointWork& one) mutable {
    one.start(std::move(meta), scope);
  });
  return number;
}

bool CheckpointWriter::prefers_all() const {
  const std::lock_guard lock(work_->mutex);
  return work_->whole_ones > 0;
}

bool CheckpointWriter::has_room() const {
  const std::lock_guard lock(work_->mutex);
  return work_->in_flight < work_->options.in_flight_bytes_max;
}

void CheckpointWriter::put(const cep::StateKey& key, std::string_view value) {
  TOCSIN_ASSERT(work_->is_open, "pieces come between begin() and finish()");
  work_->buffers[cep::shard_of(key.group)].put(key, value);
}

void CheckpointWriter::remove(const cep::StateKey& key) {
  TOCSIN_ASSERT(work_->is_open, "pieces come between begin() and finish()");
  work_->buffers[cep::shard_of(key.group)].remove(key);
}

void CheckpointWriter::shard_done(std::uint32_t shard) {
  TOCSIN_ASSERT(shard < cep::kShardCount, "a shard is one of kShardCount");
  StateBuffer& buffer = work_->buffers[shard];
  if (buffer.empty()) return;
  {
    const std::lock_guard lock(work_->mutex);
    work_->in_flight += buffer.bytes();
  }
  // A function must be copyable, a buffer is not.
  auto handed = std::make_shared<StateBuffer>(std::exchange(buffer, {}));
  work_->post([shard, handed](CheckpointWork& one) { one.take(shard, std::move(*handed)); });
}

void CheckpointWriter::put_intake(std::string bytes) {
  TOCSIN_ASSERT(work_->is_open, "pieces come between begin() and finish()");
  // Not copied with the function.
  auto handed = std::make_shared<std::string>(std::move(bytes));
  work_->post([handed](CheckpointWork& one) { one.meta.intake = std::move(*handed); });
}

void CheckpointWriter::finish() {
  TOCSIN_ASSERT(work_->is_open, "finish() ends what begin() began");
  for (std::uint32_t shard = 0; shard < cep::kShardCount; ++shard) shard_done(shard);
  work_->is_open = false;
  work_->post([](CheckpointWork& one) { one.complete(); });
}

void CheckpointWriter::abandon() {
  if (!work_->is_open) return;
  work_->is_open = false;
  for (StateBuffer& buffer : work_->buffers) buffer = StateBuffer();
  // At once, for another may begin before the executor comes to this one.
  work_->note_failure({Errc::kStopped, "the checkpoint was given up"});
  work_->post([](CheckpointWork& one) { one.clear_up(); });
}

CheckpointStatus CheckpointWriter::status() const {
  const std::lock_guard lock(work_->mutex);
  return work_->status;
}

void CheckpointWriter::with_newest(std::function<void(const std::string& directory)> task) {
  work_->post([task = std::move(task)](CheckpointWork& one) {
    task(one.kept.empty() ? std::string()
                          : checkpoint_path(one.options.checkpoints, one.kept.back().number));
  });
}
}  // namespace tocsin::runtime
