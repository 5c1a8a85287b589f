/// Rules that are to hold, and how far the state has come to their engine.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "runtime/node/node_parts.h"
#include "runtime/node/state_migration.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class NextRules {
 public:
  struct Rules {
    NodeProgram given;
    NodeProgram program;  // with lists and tables of its own
    NodeSettings settings;
    std::vector<NamedContents> texts;
    std::vector<CheckpointBlob> blobs;
    std::unique_ptr<PastRun> past;  // may be null
    // Null until a checkpoint under way has let go of the engine's changes.
    std::unique_ptr<cep::Engine> engine;
    std::unique_ptr<StateMigration> migration;
    std::optional<Error> failure;
  };
  explicit NextRules(NodeParts& parts) : parts_(parts) {}

  void set(NodeProgram program, NodeSettings settings, std::vector<NamedContents> texts,
           std::vector<CheckpointBlob> blobs, std::unique_ptr<PastRun> past);
  bool is_set() const { return rules_.has_value(); }
  /// They go on from earlier events: no checkpoint may come between.
  bool has_past() const { return rules_ && rules_->past; }
  /// A record that was appended: it is of the past for them.
  void note(std::uint64_t sequence, const JournalRecord& record);
  /// Whether the past can be joined with what the node has. Fails as PastRun::may_join(), having
  /// called them off.
  Result<void> may_join();
  /// Little of the state is left to be given, or it cannot be.
  bool is_nearly_done() const {
    return rules_ &&
           (rules_->failure || (rules_->migration && rules_->migration->is_nearly_done()));
  }
  /// Requires is_set().
  const Rules& rules() const { return *rules_; }
  Rules take();
  void call_off();
  /// Gives a little of the state, where there are rules.
  void chunk();
  /// Begins to give the state, where no checkpoint goes by the engine's changes. Requires is_set().
  void begin_migration();
  /// Begins again when it may.
  void drop_migration();

 private:
  NodeParts& parts_;
  std::optional<Rules> rules_;
};
}  // namespace tocsin::runtime
