/// What an intake is given when it is made.
#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/batch.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/source_policy.h"

namespace tocsin::runtime {
/// Takes one slice: its rows in order, then time moves to `watermark`, at or after the last row.
/// Rows of later slices stand at or after it. An error ends the work. Where slices stay
/// (IntakeOptions::slices_stay) it may take the slice's contents and leave an empty one, and go on
/// with them after its return.
using Advance = std::function<Result<void>(cep::Batch& slice, cep::EventTime watermark)>;

/// Returns when nothing is under way of slices that stay; an error as of Advance.
using Settle = std::function<Result<void>()>;

/// What is decoded: a plan, and which of its fields and types anything uses. All must outlive what
/// is made of it.
struct UsedEvents {
  const cep::Plan& plan;
  const std::vector<std::vector<bool>>& fields;  // by event type and field
  const std::vector<bool>& types;                // by event type
  static UsedEvents of(const cep::Program& program) {
    return {program.plan(), program.used_fields(), program.used_types()};
  }
};
struct IntakeOptions {
  /// Of sources that are opened without one.
  SourcePolicy policy;
  /// An event further ahead of `taken_at` is a dead letter. Nothing: none is (files).
  std::optional<cep::Duration> ahead_max;
  /// An event further ahead of its source's time is held until the source's next event confirms it
  /// (runtime/event_time/jump_hold.h); it is taken when the source ends, or when a clock reaches
  /// its time in silence. Not of a source's first event, nor of a source that clamps: there no
  /// event is lost by a jump. Nothing: none is held.
  std::optional<cep::Duration> jump_max;
  UnknownTypes unknown_types = UnknownTypes::kIgnore;
  /// kPosition gives the lines of blocks their arrival numbers by source and line
  /// (cep/value/read_position.h); lines that come one by one have such numbers from their caller.
  /// No more than ReadPosition::kInputs sources are opened then.
  EqualTimeOrder order = EqualTimeOrder::kMerged;
  /// A source whose watermark is further ahead of W should not be read on (may_read()), by readers
  /// that read sources ahead of the one that holds W. Nothing: all may be.
  std::optional<cep::Duration> drift_max;
  std::size_t slice_rows_max = 2048;
  std::size_t line_bytes_max = 1 << 20;  // a longer line is a dead letter
  /// Memory of events that wait to be put in order. From half of it on only who holds W may be read
  /// (may_read()), and beyond it nobody (check_room()).
  std::size_t waiting_bytes_max = 1u << 30;
  std::size_t unique_ids_max = 10'000'000;       // ids known of each `unique` type, the newest
  std::uint64_t hash_seed = 0x9e3779b97f4a7c15;  // only chooses the layout of memory
  /// Keep the lines of waiting events, which save() needs.
  bool is_saved = false;
  /// What a slice borrows stays until `advance` has returned from the next one. Whoever makes the
  /// intake sees to it that no slice is in use any more at its end.
  bool slices_stay = false;
};
}  // namespace tocsin::runtime
