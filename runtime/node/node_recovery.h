/// How a node comes up: its newest good checkpoint, then the journal's records from there on.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "runtime/node/blob_keeper.h"
#include "runtime/node/node_checkpoints.h"
#include "runtime/node/node_lists.h"
#include "runtime/node/node_parts.h"
#include "runtime/node/node_records.h"
#include "runtime/node/node_rules.h"
#include "runtime/node/record_run.h"
#include "runtime/node/replay_difference.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class NodeRecovery {
 public:
  NodeRecovery(NodeParts& parts, RecordRun& record, BlobKeeper& blob_keeper,
               NodeCheckpoints& checkpoints, NodeLists& lists, NodeRules& rules,
               NodeRecords& records)
      : parts_(parts),
        record_(record),
        blob_keeper_(blob_keeper),
        checkpoints_(checkpoints),
        lists_(lists),
        rules_(rules),
        records_(records) {}
  NodeRecovery(const NodeRecovery&) = delete;
  NodeRecovery& operator=(const NodeRecovery&) = delete;

  /// Node::open() and look().
  Result<void> open(bool is_new);
  Result<void> look();
  /// Of the next record to replay.
  std::uint64_t position() const { return position_; }

 private:
  Result<void> find_timeline();
  Result<void> load_recovered();
  Result<void> load_savepoint();
  Result<void> load_state(const GoodCheckpoint& good);
  Result<void> restore_state(const GoodCheckpoint& good);
  Result<void> open_log();
  Result<void> open_effects();
  Result<void> lost_timeline() const;
  Result<void> open_queue();
  Result<void> begin();
  // The records from position_ on.
  Result<void> replay(std::uint64_t end);
  Result<void> go_live();

  NodeParts& parts_;
  RecordRun& record_;
  BlobKeeper& blob_keeper_;
  NodeCheckpoints& checkpoints_;
  NodeLists& lists_;
  NodeRules& rules_;
  NodeRecords& records_;
  std::string last_segment_;  // of the journal, when it was opened
  // Its last segment of other semantics, and where that ends; 0: none.
  std::string other_semantics_;
  std::uint64_t other_semantics_end_ = 0;
  EmittedMark start_;                       // up to where effects were stored when the engine began
  EmittedMark stored_before_;               // of the last alert that was stored by then
  std::optional<EmittedMark> loaded_mark_;  // of the checkpoint
  std::optional<cep::OrderKey> order_before_;  // of a fork
  std::optional<ReplayDifference> difference_;
  std::uint64_t position_ = 1;
  bool must_begin_ = false;  // the timeline is new
};
}  // namespace tocsin::runtime
