#include "runtime/node_impl.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "cep/base/byte_codec.h"
#include "runtime/emitted_mark.h"
#include "runtime/savepoint.h"

namespace tocsin::runtime {
// Waits until the effects of all that was processed are stored.
Result<void> Node::Impl::store_effects() {
  if (auto durable = log_->wait_durable(); !durable) return durable;
  return ports_.has_threads ? queue_->wait_committed(queue_->status().pushed) : commit_here();
}

Result<void> Node::Impl::commit_here() {
  if (ports_.has_threads || log_ == nullptr) return {};
  if (auto committed = log_->commit(); !committed) {
    // A full disk is tried again; everything waits meanwhile.
    if (committed.error().code != Errc::kLimit) return committed;
  }
  queue_->durable(log_->durable_end());
  for (;;) {
    const Result<bool> stepped = queue_->step();
    if (!stepped) return tl::unexpected(stepped.error());
    if (!*stepped) return {};
  }
}

bool Node::Impl::is_due() {
  if (!options_.checkpoint_every) return false;
  const cep::EventTime now = ports_.clock.now();
  if (now < checkpoint_begun_at_) checkpoint_begun_at_ = now;  // the clock was set back
  if (now.us - checkpoint_begun_at_.us < options_.checkpoint_every->us) return false;
  return log_->next_sequence() != checkpoint_position_;
}

void Node::Impl::cut() {
  CheckpointMeta meta;
  meta.timeline = timeline_;
  meta.semantics = options_.semantics;
  meta.plan_digest = settings_.plan;
  meta.position = log_->next_sequence();
  meta.trim = meta.position;
  ByteWriter mark(meta.mark);
  write_mark(queue_->pushed_mark(), mark);
  meta.watermark = intake_->watermark();
  meta.taken_at = ports_.clock.now();
  meta.settings = write_settings(settings_);
  meta.blobs = blobs_;
  lists_.forget(program_, meta.watermark);
  state_.lists = lists_.save(program_);
  for (CheckpointBlob& blob : lists_.blobs()) meta.blobs.push_back(std::move(blob));
  state_.save(program_.plan(), summary_, meta.node);
  checkpoint_begun_at_ = meta.taken_at;
  checkpoint_position_ = meta.position;
  taker_->cut(std::move(meta));
}

// Waits until all that was posted to the executor so far is done.
Result<void> Node::Impl::drain() {
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_done = false;
  };
  const auto done = std::make_shared<Done>();
  ports_.executor.post([done] {
    {
      const std::lock_guard lock(done->mutex);
      done->is_done = true;
    }
    done->changed.notify_all();
  });
  std::unique_lock lock(done->mutex);
  if (!ports_.has_threads && !done->is_done) {
    return fail(Errc::kInternal, "the executor works in other steps: poll() goes on");
  }
  done->changed.wait(lock, [&] { return done->is_done; });
  return {};
}

Result<void> Node::Impl::checkpoint() {
  if (has_failed_) return fail(Errc::kRefused, "no checkpoint is taken after a failure");
  const std::uint64_t made_before = taker_->made();
  const auto wait = [&]() -> Result<void> {
    while (taker_->is_taking()) {
      taker_->bite();
      if (taker_->is_encoded()) {
        if (auto stored = store_effects(); !stored) return stored;
      }
      taker_->poll();
      if (!taker_->is_taking()) break;
      // The writer's bytes in flight, or its end.
      if (auto drained = drain(); !drained) return drained;
      taker_->poll();
    }
    if (!taker_->failure().empty()) return fail(Errc::kIo, taker_->failure());
    return {};
  };
  if (auto waited = wait(); !waited) return waited;
  const bool is_there = checkpoint_position_ == log_->next_sequence() &&
                        (taker_->made() != made_before || writer_->status().number != 0);
  if (is_there && !must_begin_) return {};
  cut();
  return wait();
}

Result<Manifest> Node::Impl::savepoint(const std::string& name) {
  if (auto checked = check_savepoint_name(name); !checked) return tl::unexpected(checked.error());
  if (auto taken = checkpoint(); !taken) return tl::unexpected(taken.error());
  const FileResult<void> made = make_durable_directory(ports_.files, paths_.savepoints);
  if (!made) return tl::unexpected(to_error(made.error()));
  auto result = std::make_shared<Result<Manifest>>(fail(Errc::kInternal, "not made"));
  writer_->with_newest([&files = ports_.files, blobs = paths_.blobs,
                        to = paths_.savepoints + "/" + name, name,
                        result](const std::string& newest) {
    *result = make_savepoint(files, newest, blobs, to, name);
  });
  if (auto drained = drain(); !drained) return tl::unexpected(drained.error());
  return *result;
}

CheckpointFigures Node::Impl::checkpoints() const {
  return {writer_->status().number, taker_->made(), taker_->failure(), taker_->is_taking()};
}
}  // namespace tocsin::runtime
