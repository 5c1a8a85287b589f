#include "runtime/node/node_checkpoints.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "cep/base/byte_codec.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/effects/emitted_mark.h"

namespace tocsin::runtime {
bool NodeCheckpoints::is_due() {
  // A deploy from earlier events goes by a state that was kept after the last checkpoint.
  if (next_.has_past()) return false;
  if (requested_ > requested_before_cut_) {
    if (is_newest()) {
      requested_before_cut_ = requested_;
      return false;
    }
    // What was prepared begins again behind the cut: both go by the keys that change.
    next_.drop_migration();
    return true;
  }
  if (!parts_.options.checkpoint_every || next_.is_set()) return false;
  const cep::EventTime now = parts_.ports.clock.now();
  if (now < begun_at_) begun_at_ = now;  // the clock was set back
  if (now.us - begun_at_.us < parts_.options.checkpoint_every->us) return false;
  return parts_.log->next_sequence() != position_;
}

void NodeCheckpoints::cut() {
  blob_keeper_.note_checkpoint();  // the one before is noted with its own
  CheckpointMeta meta;
  meta.timeline = parts_.timeline;
  meta.semantics = parts_.options.semantics;
  meta.plan_digest = parts_.settings.plan;
  meta.position = parts_.log->next_sequence();
  meta.trim = meta.position;
  ByteWriter mark(meta.mark);
  write_mark(parts_.queue->pushed_mark(), mark);
  meta.watermark = parts_.intake->watermark();
  meta.taken_at = parts_.ports.clock.now();
  meta.settings = write_settings(parts_.settings);
  meta.blobs = parts_.blobs;
  parts_.lists.forget(parts_.program, meta.watermark);
  parts_.state.lists = parts_.lists.save(parts_.program);
  for (CheckpointBlob& blob : parts_.lists.blobs()) meta.blobs.push_back(std::move(blob));
  blob_keeper_.set_cut(meta.blobs);
  parts_.state.save(parts_.program.plan(), parts_.summary, meta.node);
  begun_at_ = meta.taken_at;
  position_ = meta.position;
  requested_before_cut_ = requested_;
  parts_.taker->cut(std::move(meta));
}

// Whether the newest checkpoint has all that was processed.
bool NodeCheckpoints::is_newest() const {
  return position_ == parts_.log->next_sequence() && parts_.writer->status().number != 0 &&
         parts_.taker->failure().empty();
}

// Callers that requested this checkpoint wait for the next one.
void NodeCheckpoints::abandon() {
  const bool was_taking = parts_.taker->is_taking();
  parts_.taker->abandon();
  if (was_taking && !parts_.taker->is_taking()) requested_before_cut_ = answered_;
}

// Those of a cut, once it is a checkpoint or has failed; where nothing has come since the last one,
// that one is meant.
void NodeCheckpoints::answer_requests() {
  if (!parts_.taker->is_taking()) answered_ = requested_before_cut_;
}

// Waits until all that was posted to the executor so far is done.
Result<void> NodeCheckpoints::drain() {
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_done = false;
  };
  const auto done = std::make_shared<Done>();
  parts_.ports.executor.post([done] {
    {
      const std::lock_guard lock(done->mutex);
      done->is_done = true;
    }
    done->changed.notify_all();
  });
  std::unique_lock lock(done->mutex);
  if (!parts_.ports.has_threads && !done->is_done) {
    return fail(Errc::kInternal, "the executor works in other steps: poll() goes on");
  }
  done->changed.wait(lock, [&] { return done->is_done; });
  return {};
}

Result<void> NodeCheckpoints::take() {
  if (parts_.has_failed) return fail(Errc::kConflict, "no checkpoint is taken after a failure");
  if (next_.has_past()) next_.call_off();
  next_.drop_migration();
  const auto wait = [&]() -> Result<void> {
    while (parts_.taker->is_taking()) {
      parts_.taker->chunk();
      if (parts_.taker->is_encoded()) {
        if (auto stored = record_.store_effects(); !stored) return stored;
      }
      parts_.taker->poll();
      if (!parts_.taker->is_taking()) break;
      // The writer's bytes in flight, or its end.
      if (auto drained = drain(); !drained) return drained;
      parts_.taker->poll();
    }
    return {};
  };
  // That one may have failed: this is another.
  if (auto waited = wait(); !waited) return waited;
  if (is_newest()) return {};
  cut();
  if (auto waited = wait(); !waited) return waited;
  if (!parts_.taker->failure().empty()) return fail(Errc::kIo, parts_.taker->failure());
  return {};
}

Result<Manifest> NodeCheckpoints::savepoint(const std::string& name) {
  if (auto checked = check_savepoint_name(name); !checked) return tl::unexpected(checked.error());
  if (auto taken = take(); !taken) return tl::unexpected(taken.error());
  auto result = std::make_shared<Result<Manifest>>(fail(Errc::kInternal, "not made"));
  keep_newest(name, [result](Result<Manifest> made) { *result = std::move(made); });
  if (auto drained = drain(); !drained) return tl::unexpected(drained.error());
  return *result;
}

void NodeCheckpoints::keep_newest(const std::string& name,
                                  std::function<void(Result<Manifest>)> done) {
  parts_.writer->with_newest([&files = parts_.ports.files, folder = parts_.paths.savepoints,
                              blobs = parts_.paths.blobs, name,
                              done = std::move(done)](const std::string& newest) {
    const FileResult<void> made = make_durable_directory(files, folder);
    done(made ? make_savepoint(files, newest, blobs, folder + "/" + name, name)
              : tl::unexpected(to_error(made.error())));
  });
}

CheckpointFigures NodeCheckpoints::figures() const {
  return {parts_.writer->status().number,
          parts_.taker->made(),
          parts_.taker->failure(),
          parts_.taker->is_taking(),
          answered_,
          parts_.archive->status()};
}

void NodeCheckpoints::poll() {
  if (!parts_.taker->is_taking() && is_due()) cut();
  record_.chunk();
  parts_.taker->poll();
  blob_keeper_.note_checkpoint();
  answer_requests();
}
}  // namespace tocsin::runtime
