/// Random rules, and lines of partitions for a job over them: with disorder, equal times, repeats, lines
/// that are no events, and options of the intake.
#pragma once
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/value/time.h"
#include "tests/support/line_job.h"
#include "tests/support/random.h"

namespace tocsin::tests {
struct LineCase {
  cep::Plan plan;
  std::vector<LinePartition> partitions;
  LineJobOptions options;
};
LineCase random_line_case(Random& random);
/// An event of a type that nothing uses: it moves time and does no more.
std::string tick_line(cep::EventTime ts);
}  // namespace tocsin::tests
