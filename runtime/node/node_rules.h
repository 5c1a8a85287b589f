/// Which rules a node works by: those that a record or a checkpoint names, and others that take
/// their place while it runs.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/node/blob_keeper.h"
#include "runtime/node/next_rules.h"
#include "runtime/node/node_checkpoints.h"
#include "runtime/node/node_parts.h"
#include "runtime/node/record_run.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class NodeRules {
 public:
  NodeRules(NodeParts& parts, NextRules& next, RecordRun& record, BlobKeeper& blob_keeper,
            NodeCheckpoints& checkpoints, const cep::Program& given)
      : parts_(parts),
        next_(next),
        record_(record),
        blob_keeper_(blob_keeper),
        checkpoints_(checkpoints),
        profile_(parts.settings),
        given_{given, parts.options.intake} {}

  enum class State : std::uint8_t { kNone, kCarried };
  /// Works by the rules that `what`, a record or a checkpoint, names from there on.
  Result<void> take_settings(std::string_view json, const std::vector<CheckpointBlob>& blobs,
                             std::string_view what, State state);
  /// Stores texts as blobs.
  Result<std::vector<CheckpointBlob>> keep_texts(const std::vector<NamedContents>& texts);
  /// Journals the settings and blobs that hold from here on.
  Result<void> append_settings(std::string_view name, cep::EventTime given_at) {
    return append_settings(name, given_at, nullptr);
  }
  /// Node::prepare().
  Result<void> prepare(NodeProgram program, std::vector<NamedContents> texts,
                       std::unique_ptr<PastRun>&& past);
  /// Before journal_prepared(): whether what the prepared rules made of earlier events can be had.
  Result<void> may_join() { return next_.may_join(); }
  /// Journals that what is prepared holds from here on; where that fails it is called off.
  Result<void> journal_prepared();
  /// After journal_prepared(): works by what was prepared.
  Result<cep::RestoreReport> activate();

 private:
  Result<void> append_settings(std::string_view name, cep::EventTime given_at, const PastRun* past);
  Result<void> give_past(PastRun& past, std::uint64_t end) const;
  Result<std::unique_ptr<PastRun>> past_of(const NodeProgram& program,
                                           const std::vector<CheckpointBlob>& blobs) const;
  Error other_rules(const SettingsChange& change) const;
  Result<bool> hold_at_end(const NodeSettings& wanted);
  Result<NodeProgram> program_of(const NodeSettings& wanted,
                                 const std::vector<CheckpointBlob>& blobs);
  void use(NodeProgram next, std::unique_ptr<cep::Engine> engine);
  Result<cep::RestoreReport> switch_to(NodeProgram next, std::unique_ptr<cep::Engine> engine,
                                       StateMigration& migration, PastRun* past);

  NodeParts& parts_;
  NextRules& next_;
  RecordRun& record_;
  BlobKeeper& blob_keeper_;
  NodeCheckpoints& checkpoints_;
  NodeSettings
      profile_;        // of the program, which may only show less or more than the timeline's say
  NodeProgram given_;  // what this start, or the last deploy, brought
  std::optional<NodeSettings>
      at_end_;  // of the journal that a start found, once they were looked for
};
}  // namespace tocsin::runtime
