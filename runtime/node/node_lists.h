/// Lists and tables whose entries change between two records.
#pragma once
#include "runtime/node/blob_keeper.h"
#include "runtime/node/node_parts.h"
#include "runtime/node/record_run.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class NodeLists {
 public:
  NodeLists(NodeParts& parts, RecordRun& record, BlobKeeper& blob_keeper)
      : parts_(parts), record_(record), blob_keeper_(blob_keeper) {}
  /// Whether the change may be made: Node::change_list().
  Result<void> check(const ListChange& change) const;
  /// Journals the change and makes it.
  Result<ListChanged> carry_out(ListChange& change);
  /// Makes the change of a command of the journal.
  Result<void> take(const Command& command);
  /// What a checkpoint has of them, for the rules that hold.
  Result<void> restore();

 private:
  NodeParts& parts_;
  RecordRun& record_;
  BlobKeeper& blob_keeper_;
};
}  // namespace tocsin::runtime
