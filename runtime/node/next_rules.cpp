#include "runtime/node/next_rules.h"

#include <utility>

namespace tocsin::runtime {
void NextRules::set(NodeProgram program, NodeSettings settings, std::vector<NamedContents> texts,
                    std::vector<CheckpointBlob> blobs) {
  NodeProgram own{program.program.with_own_data(), program.intake};
  rules_.emplace(Rules{std::move(program), std::move(own), std::move(settings), std::move(texts),
                       std::move(blobs), nullptr, nullptr, std::nullopt});
}

// Only one of a checkpoint and what is prepared may go by the engine's changes.
void NextRules::begin_migration() {
  if (rules_->migration || rules_->failure ||
      (parts_.taker->is_taking() && !parts_.taker->is_encoded()))
    return;
  rules_->engine = parts_.make_engine(rules_->program.program);
  rules_->migration = std::make_unique<StateMigration>(*parts_.engine, *rules_->engine);
}

// Begins again when it may. The changes since the last checkpoint were taken from the next one.
void NextRules::drop_migration() {
  if (!rules_ || !rules_->migration) return;
  rules_->migration.reset();
  parts_.release(std::move(rules_->engine));
  parts_.taker->want_all();
}

void NextRules::call_off() {
  drop_migration();
  rules_.reset();
}

void NextRules::chunk() {
  if (!rules_) return;
  begin_migration();
  if (!rules_->migration || rules_->migration->is_nearly_done()) return;
  if (auto done = rules_->migration->chunk(parts_.options.chunk_bytes); !done) {
    rules_->failure = done.error();
    drop_migration();
  }
}

NextRules::Rules NextRules::take() {
  Rules rules = *std::move(rules_);
  rules_.reset();
  return rules;
}
}  // namespace tocsin::runtime
