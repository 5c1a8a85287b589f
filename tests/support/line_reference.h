/// What one machine gives of the lines of partitions, by position, where its rules and lists change
/// at a time: the measure of jobs that tests/support/line_job.h plays.
#pragma once
#include <string>
#include <vector>

#include "cep/compile/compile.h"
#include "tests/support/line_job.h"

namespace tocsin::tests {
struct LinesGiven {
  std::vector<std::string> alerts;
  // As JSON lines, in no order.
  std::vector<std::string> late;
  std::vector<std::string> dead;
  std::string problem;
};
/// An intake of the program judges and orders all lines, and an engine takes the events before the
/// first change; then another intake does so by the next program, and an engine that goes on from
/// the state of the first takes those from the change on, to before the one behind it. All programs
/// declare the same event types, whose fields may differ. Changes are in the order of their times.
LinesGiven run_lines(const cep::Program& program, const std::vector<LinePartition>& partitions,
                     const LineJobOptions& options, const std::vector<RuleChange>& changes);
}  // namespace tocsin::tests
