/// When a node takes a checkpoint, what it has, and who waits for it.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "runtime/node/blob_keeper.h"
#include "runtime/node/next_rules.h"
#include "runtime/node/node_parts.h"
#include "runtime/node/record_run.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class NodeCheckpoints {
 public:
  NodeCheckpoints(NodeParts& parts, NextRules& next, RecordRun& record, BlobKeeper& blob_keeper)
      : parts_(parts), next_(next), record_(record), blob_keeper_(blob_keeper) {}

  /// The newest checkpoint is of this position.
  void loaded(std::uint64_t position) { position_ = position; }
  /// Of the last cut, or of the checkpoint that a start went on from.
  std::uint64_t position() const { return position_; }
  /// The time until the next one counts from here.
  void begin(cep::EventTime now) { begun_at_ = now; }
  /// Goes on with one, or begins it where it is due.
  void poll();
  /// Node::request_checkpoint().
  std::uint64_t request() { return ++requested_; }
  /// Node::checkpoint().
  Result<void> take();
  /// Gives up one that is being taken; who requested it waits for the next one.
  void abandon();
  /// Node::savepoint() and keep_newest().
  Result<Manifest> savepoint(const std::string& name);
  void keep_newest(const std::string& name, std::function<void(Result<Manifest>)> done);
  CheckpointFigures figures() const;
  /// Waits until all that was posted to the executor so far is done.
  Result<void> drain();

 private:
  bool is_due();
  bool is_newest() const;
  void cut();
  void answer_requests();

  NodeParts& parts_;
  NextRules& next_;
  RecordRun& record_;
  BlobKeeper& blob_keeper_;
  cep::EventTime begun_at_;
  std::uint64_t position_ = 0;  // of the last cut
  std::uint64_t requested_ = 0;
  std::uint64_t requested_before_cut_ = 0;  // of the last cut
  std::uint64_t answered_ = 0;
};
}  // namespace tocsin::runtime
