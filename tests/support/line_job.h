/// Plays a job of stages over the lines of partitions in one thread: judges and an intake in any
/// number of parts before the passes, whose blocks and watermarks arrive in any order that channels
/// allow; partitions that are idle for a time; cuts at any moment, from which other numbers of
/// parts go on.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/data/alert.h"
#include "cep/stage/outbox.h"
#include "cep/value/time.h"
#include "runtime/event_time/intake_options.h"
#include "tests/support/random.h"
#include "tests/support/stage_entry_map.h"
#include "tests/support/stage_job.h"

namespace tocsin::tests {
struct LinePartition {
  std::string name;
  std::vector<std::string> lines;
};
struct LineReading {
  std::size_t next = 0;  // line
  bool has_ended = false;
};
/// What a job goes on from: entries by stage, judges under pass 1 of the intake.
struct LineJobState {
  std::map<cep::StageEdge, StageEntryMap> entries;
  std::vector<LineReading> readings;  // by partition
};
inline constexpr cep::StageEdge kJudgesOfJob{cep::StageEdge::To::kIntake, 1};
struct LineJobOptions {
  runtime::IntakeOptions intake;
  cep::EventTime clock;  // when all lines are read
  bool may_be_idle = false;
  std::size_t failures = 0;
  const LineJobState* begin = nullptr;   // null: with nothing
  std::size_t stop_after = 0;            // so many cuts; 0: at the end
  std::optional<RuleChange> rules = {};  // that change
  std::optional<DataChange> data = {};
  /// Judges are not told that rules change (runtime::JudgesChange).
  bool judges_stay = false;
};
struct LineJobOutcome {
  std::vector<cep::Alert> alerts;
  // As JSON lines; those of the intake are of partitions that were idle.
  std::vector<std::string> late;
  std::vector<std::string> late_in_intake;
  std::vector<std::string> dead;
  std::string problem;              // what went wrong; empty where nothing did
  std::size_t cuts = 0;             // that were complete
  std::size_t restored = 0;         // failures after a cut
  std::size_t waiting = 0;          // lines that waited in entries that were restored
  std::size_t ids = 0;              // entries of ids that were restored
  std::size_t restored_before = 0;  // parts, while a change of rules waited in their state
  std::size_t restored_after = 0;   // … after a change of rules
  bool is_stopped = false;          // before the end, with `state`
  LineJobState state = {};
};
/// Runs to the end of all partitions and of time. `program` is by pass and can be spread.
LineJobOutcome run_line_job(const cep::Program& program,
                            const std::vector<LinePartition>& partitions,
                            const LineJobOptions& options, Random random);
}  // namespace tocsin::tests
