/// The state of one engine becomes that of another, as if it had been stored and read back: for
/// rules that change while a node runs.
///
///   begin ─▶ round 1: every key ─▶ round 2: what changed meanwhile ─▶ … ─▶ finish: the rest
///
/// Between two chunks the first engine goes on. Each round is one cut of it; an entry that comes
/// again takes the place of the one before. The other engine in the end has what a cut at finish()
/// has, whatever the chunks were.
///
/// With an engine of the past, which runs the other rules over earlier events, what would begin
/// with nothing goes on from that (Engine::begin_past()).
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "cep/base/result.h"
#include "cep/engine/engine.h"

namespace tocsin::runtime {
/// Threading: one caller at a time, the engines' own.
class StateMigration {
 public:
  /// From `from`, of which no cut is open and none may be begun by others until this is over, to
  /// `to`, a fresh engine of any program. Both track changes, and outlive this. The next cut of
  /// either writes everything (Engine::mark_all_changed()).
  /// `past` may be null, and else is as `from`, and of the same program as `to`.
  StateMigration(cep::Engine& from, cep::Engine* past, cep::Engine& to);
  ~StateMigration();
  StateMigration(const StateMigration&) = delete;
  StateMigration& operator=(const StateMigration&) = delete;

  /// Carries some entries, with `bytes` of keys and values or a little more, after some rounds up
  /// to four times as many, so that rounds get shorter. The first call marks every key, which
  /// takes time by their number. Fails as Engine::restore() does.
  Result<void> chunk(std::size_t bytes);
  /// What is left for finish() is little: a round had few entries, or rounds no longer get shorter.
  bool is_nearly_done() const { return is_nearly_done_; }
  /// Entries carried so far.
  std::uint64_t entries() const;
  /// Carries the rest; `from` and `past` must not be advanced afterwards. Says what was kept.
  Result<cep::RestoreReport> finish();

 private:
  class Carrier;
  Result<void> begin_round();
  Result<bool> go_on(std::size_t bytes);

  cep::Engine& from_;
  cep::Engine* past_;
  cep::Engine& to_;
  std::unique_ptr<Carrier> carrier_;
  cep::RestoreReport report_;
  std::uint32_t rounds_ = 0;
  std::uint64_t entries_before_ = 0;  // of this round
  bool is_in_round_ = false;
  bool is_at_past_ = false;  // the round has all of `from`
  bool is_nearly_done_ = false;
};

/// All at once. Takes time, and for a moment memory, by the number of keys.
Result<cep::RestoreReport> state_migration(cep::Engine& from, cep::Engine& to);
/// What a migration from one set of rules to another would say; it follows from the rules alone.
Result<cep::RestoreReport> planned_migration(const cep::Program& from, const cep::Program& to);
}  // namespace tocsin::runtime
