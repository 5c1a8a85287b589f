/// Random rules, and lines of partitions for them: what jobs and runs over lines are compared on.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/plan/plan.h"
#include "cep/value/time.h"
#include "runtime/io/clock.h"
#include "tests/support/line_job.h"
#include "tests/support/line_reference.h"
#include "tests/support/random.h"

namespace tocsin::tests {
using Lines = std::vector<std::string>;

class FixedClock : public runtime::Clock {
 public:
  explicit FixedClock(cep::EventTime time) : time_(time) {}
  cep::EventTime now() override { return time_; }

 private:
  cep::EventTime time_;
};

struct LineCase {
  cep::Plan plan;
  std::optional<cep::Plan> next = {};  // that rules change to
  cep::EventTime at;                   // … from then on
  std::vector<LinePartition> partitions;
  LineJobOptions options;
};
struct LineCaseShape {
  std::size_t partitions_max = 4;
  bool may_be_idle = true;
  /// No two partitions have events of one time.
  bool has_times_apart = false;
};
/// No rules change.
LineCase random_line_case(Random& random, const LineCaseShape& shape = {});
/// Of one run over the partitions, by position.
LinesGiven run_line_case(const cep::Program& program, const LineCase& c);
/// Empty where they are equal, in order or as sets.
std::string difference(const char* what, Lines expected, Lines got, bool in_order);
std::string text_of(const LineCase& c);
}  // namespace tocsin::tests
