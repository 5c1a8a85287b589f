#include "runtime/node/next_rules.h"

#include <utility>

namespace tocsin::runtime {
void NextRules::set(NodeProgram program, NodeSettings settings, std::vector<NamedContents> texts,
                    std::vector<CheckpointBlob> blobs, std::unique_ptr<PastRun> past) {
  NodeProgram own{program.program.with_own_data(), program.intake};
  rules_.emplace(Rules{std::move(program), std::move(own), std::move(settings), std::move(texts),
                       std::move(blobs), std::move(past), nullptr, nullptr, std::nullopt});
}

void NextRules::note(std::uint64_t sequence, const JournalRecord& record) {
  if (!has_past() || rules_->failure) return;
  if (auto taken = rules_->past->take(sequence, record); !taken) {
    rules_->failure = taken.error();
    drop_migration();
  }
}

Result<void> NextRules::may_join() {
  if (!has_past()) return {};
  Result<void> may = rules_->failure ? tl::unexpected(*rules_->failure) : Result<void>();
  if (may) may = rules_->past->may_join(*parts_.intake);
  if (!may) call_off();
  return may;
}

// Only one of a checkpoint and what is prepared may go by the engine's changes.
void NextRules::begin_migration() {
  if (rules_->migration || rules_->failure ||
      (parts_.taker->is_taking() && !parts_.taker->is_encoded()))
    return;
  rules_->engine = parts_.make_engine(rules_->program.program);
  rules_->migration = std::make_unique<StateMigration>(
      *parts_.engine, rules_->past ? &rules_->past->engine() : nullptr, *rules_->engine);
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
  if (rules_) parts_.release(std::move(rules_->past));
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
