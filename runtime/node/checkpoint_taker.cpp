#include "runtime/node/checkpoint_taker.h"

#include <utility>

#include "cep/base/assert.h"
#include "runtime/io/crash_point.h"

namespace tocsin::runtime {
CheckpointTaker::CheckpointTaker(cep::Engine& engine, Intake& intake, CheckpointWriter& writer,
                                 NodeLog& log, ArchiveKeeper& archive, EffectQueue& queue,
                                 std::size_t chunk_bytes)
    : engine_(&engine),
      intake_(&intake),
      writer_(writer),
      log_(log),
      archive_(archive),
      queue_(queue),
      chunk_bytes_(chunk_bytes) {}

void CheckpointTaker::use(cep::Engine& engine, Intake& intake) {
  TOCSIN_ASSERT(stage_ == Stage::kNone || stage_ == Stage::kWriting,
                "a cut of what was before is given up first");
  engine_ = &engine;
  intake_ = &intake;
  wants_all_ = true;
}

void CheckpointTaker::cut(CheckpointMeta meta) {
  TOCSIN_ASSERT(!is_taking(), "one checkpoint at a time");
  const bool is_all = wants_all_ || writer_.wants_all() || writer_.prefers_all();
  if (is_all) engine_->mark_all_changed();
  wants_all_ = false;
  position_ = meta.position;
  pushes_ = queue_.status().pushed;
  meta.globals = engine_->begin_snapshot();
  intake_->begin_save();
  intake_bytes_ = {};
  writer_.begin(std::move(meta), is_all ? CheckpointScope::kAll : CheckpointScope::kChanges);
  stage_ = Stage::kEncoding;
  crash_point("node.cut");
}

void CheckpointTaker::chunk() {
  if (stage_ == Stage::kEncoding) {
    if (writer_.has_room() && engine_->write_snapshot(writer_, chunk_bytes_))
      stage_ = Stage::kIntake;
    return;
  }
  if (stage_ != Stage::kIntake || !intake_->write_save(intake_bytes_, chunk_bytes_)) return;
  writer_.put_intake(std::move(intake_bytes_));
  stage_ = Stage::kWaiting;
}

void CheckpointTaker::poll() {
  if (stage_ == Stage::kWaiting && log_.durable_end() >= position_ &&
      queue_.status().committed >= pushes_) {
    crash_point("node.encoded");
    writer_.finish();
    stage_ = Stage::kWriting;
  }
  if (stage_ != Stage::kWriting) return;
  const CheckpointStatus status = writer_.status();
  if (status.stage == CheckpointStage::kTaking) return;
  stage_ = Stage::kNone;
  failure_ = status.stage == CheckpointStage::kFailed ? status.error.message : std::string();
  if (!failure_.empty()) return;
  ++made_;
  if (status.journal_needed_from != 0) archive_.release_before(status.journal_needed_from);
}

void CheckpointTaker::abandon() {
  if (is_taking() && stage_ != Stage::kWriting) {
    intake_->end_save();
    writer_.abandon();
    stage_ = Stage::kNone;
  }
}
}  // namespace tocsin::runtime
