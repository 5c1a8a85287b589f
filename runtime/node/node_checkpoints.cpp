#include "runtime/node/node_impl.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "cep/base/byte_codec.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/effects/emitted_mark.h"

namespace tocsin::runtime {
// Waits until the effects of all that was processed are stored.
Result<void> Node::Impl::store_effects() {
  if (auto durable = log_->wait_durable(); !durable) return durable;
  return ports_.has_threads ? queue_->wait_committed(queue_->status().pushed) : commit_here();
}

Result<void> Node::Impl::commit_here() {
  if (ports_.has_threads || log_ == nullptr) return {};
  if (auto committed = log_->commit(); !committed) {
    // A full disk is tried again; everything else waits until then.
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
  if (checkpoints_requested_ > requested_before_cut_) {
    if (is_newest()) {
      requested_before_cut_ = checkpoints_requested_;
      return false;
    }
    // What was prepared begins again behind the cut: both go by the keys that change.
    drop_carried();
    return true;
  }
  if (!options_.checkpoint_every || next_) return false;
  const cep::EventTime now = ports_.clock.now();
  if (now < checkpoint_begun_at_) checkpoint_begun_at_ = now;  // the clock was set back
  if (now.us - checkpoint_begun_at_.us < options_.checkpoint_every->us) return false;
  return log_->next_sequence() != checkpoint_position_;
}

void Node::Impl::cut() {
  note_checkpoint_blobs();  // the one before is noted with its own
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
  cut_blobs_ = meta.blobs;
  state_.save(program_.plan(), summary_, meta.node);
  checkpoint_begun_at_ = meta.taken_at;
  checkpoint_position_ = meta.position;
  requested_before_cut_ = checkpoints_requested_;
  taker_->cut(std::move(meta));
}

// Whether the newest checkpoint has all that was processed.
bool Node::Impl::is_newest() const {
  return checkpoint_position_ == log_->next_sequence() && writer_->status().number != 0 &&
         taker_->failure().empty();
}

// Callers that requested this checkpoint wait for the next one.
void Node::Impl::abandon_cut() {
  const bool was_taking = taker_->is_taking();
  taker_->abandon();
  if (was_taking && !taker_->is_taking()) requested_before_cut_ = checkpoints_answered_;
}

// Those of a cut, once it is a checkpoint or has failed; where nothing has come since the last one,
// that one is meant.
void Node::Impl::answer_requests() {
  if (!taker_->is_taking()) checkpoints_answered_ = requested_before_cut_;
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
  if (has_failed_) return fail(Errc::kConflict, "no checkpoint is taken after a failure");
  drop_carried();
  const auto wait = [&]() -> Result<void> {
    while (taker_->is_taking()) {
      taker_->chunk();
      if (taker_->is_encoded()) {
        if (auto stored = store_effects(); !stored) return stored;
      }
      taker_->poll();
      if (!taker_->is_taking()) break;
      // The writer's bytes in flight, or its end.
      if (auto drained = drain(); !drained) return drained;
      taker_->poll();
    }
    return {};
  };
  // That one may have failed: this is another.
  if (auto waited = wait(); !waited) return waited;
  if (is_newest()) return {};
  cut();
  if (auto waited = wait(); !waited) return waited;
  if (!taker_->failure().empty()) return fail(Errc::kIo, taker_->failure());
  return {};
}

Result<Manifest> Node::Impl::savepoint(const std::string& name) {
  if (auto checked = check_savepoint_name(name); !checked) return tl::unexpected(checked.error());
  if (auto taken = checkpoint(); !taken) return tl::unexpected(taken.error());
  auto result = std::make_shared<Result<Manifest>>(fail(Errc::kInternal, "not made"));
  keep_newest(name, [result](Result<Manifest> made) { *result = std::move(made); });
  if (auto drained = drain(); !drained) return tl::unexpected(drained.error());
  return *result;
}

void Node::Impl::keep_newest(const std::string& name, std::function<void(Result<Manifest>)> done) {
  writer_->with_newest([&files = ports_.files, folder = paths_.savepoints, blobs = paths_.blobs,
                        name, done = std::move(done)](const std::string& newest) {
    const FileResult<void> made = make_durable_directory(files, folder);
    done(made ? make_savepoint(files, newest, blobs, folder + "/" + name, name)
              : tl::unexpected(to_error(made.error())));
  });
}

CheckpointFigures Node::Impl::checkpoints() const {
  return {writer_->status().number, taker_->made(), taker_->failure(), taker_->is_taking(),
          checkpoints_answered_};
}
}  // namespace tocsin::runtime
