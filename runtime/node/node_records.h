/// What a record does, replayed or live: both come to the same functions.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/journal/journal_reader.h"
#include "runtime/node/blob_keeper.h"
#include "runtime/node/node_lists.h"
#include "runtime/node/node_parts.h"
#include "runtime/node/node_rules.h"
#include "runtime/node/record_run.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class NodeRecords {
 public:
  NodeRecords(NodeParts& parts, RecordRun& record, BlobKeeper& blob_keeper, NodeLists& lists,
              NodeRules& rules)
      : parts_(parts),
        record_(record),
        blob_keeper_(blob_keeper),
        lists_(lists),
        rules_(rules),
        splitter_(parts.options.intake.line_bytes_max) {}

  /// Does what a record of the journal says.
  Result<void> replay(const JournalEntry& entry);
  /// Takes lines as Node::arrive(), and journals them.
  Result<std::size_t> arrive(std::size_t source, std::string_view block, MergeOrder* order,
                             const std::vector<TraceRun>& traces);
  /// Journals that a partition goes on at this offset: a record without lines.
  Result<void> set_place(std::size_t source, std::uint64_t offset);
  /// Journals a decision, a command, and does what it says.
  Result<void> decide(const Decision& decision);
  Result<void> give(const Command& command);
  /// What the last command to erase found.
  const Erased& erased() const { return erased_; }

 private:
  Result<std::size_t> take_lines(std::size_t source, std::string_view block, MergeOrder* order,
                                 std::uint64_t& count);
  Result<void> take_value(const ArrivalByValue& record);
  Result<void> take_position(const ArrivalByPosition& record);
  Result<void> take_decision(const Decision& decision);
  Result<void> take_command(const Command& command);
  Result<void> take_again(const Command& command);
  Result<void> take_producers(const Command& command);
  Result<void> take_file(const Command& command);
  Result<void> take_erasure(const Command& command);
  static void note_file(NodeSource& source, std::string_view lines);
  // Says of the record at hand which requests its first `count` lines came with.
  void note_traces(const std::vector<TraceRun>& traces, std::uint64_t count);
  void note_producer(NodeSource& source, std::string_view lines) const;
  static void note_message(NodeSource& source, std::string_view lines);
  std::string_view room_for(const NodeSource& source, std::string_view block) const;
  std::size_t index_of(std::string_view name, SourceKind kind);
  // How rows of a file are read; null: JSON lines.
  Result<const CsvEvents*> csv_of(const NodeSource& source);

  NodeParts& parts_;
  RecordRun& record_;
  BlobKeeper& blob_keeper_;
  NodeLists& lists_;
  NodeRules& rules_;
  LineSplitter splitter_;
  Erased erased_;
  std::string block_;  // a record's lines, with padding
};
}  // namespace tocsin::runtime
