/// Plays a job of stages in one thread: any number of parts of each stage, whose blocks and
/// watermarks arrive in any order that channels allow, which is cut at any moment and goes on from
/// what was cut, perhaps with other numbers of parts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/data/alert.h"
#include "cep/data/reference_data.h"
#include "cep/engine/restore_report.h"
#include "cep/value/time.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// The numbers of parts of its stages.
struct JobShape {
  std::uint32_t sources = 1;
  std::vector<std::uint32_t> passes;  // parts, by pass
  std::vector<std::uint32_t> holds;
};
JobShape random_shape(Random& random, std::uint32_t passes);

/// A change of lists and tables that holds from an engine time on.
struct DataChange {
  cep::EventTime at;
  std::function<void(cep::ReferenceData&)> apply;
  bool is_of_tables = false;  // alone
};

/// A change of rules from an engine time on, to a program that can take over the state
/// (cep::check_change()).
struct RuleChange {
  cep::EventTime at;
  cep::Program next;
};
struct JobChanges {
  std::optional<DataChange> data;
  std::optional<RuleChange> rules;
};

class StageJobImpl;
class StageJob {
 public:
  /// `program` is by pass and can be spread. Events are in their places, and are divided among the
  /// sources at random. So many times the job fails and goes on from its last cut.
  StageJob(const cep::Program& program, const std::vector<oracle::PlacedEvent>& events,
           std::size_t failures, const JobChanges& changes, Random random);
  ~StageJob();
  StageJob(const StageJob&) = delete;
  StageJob& operator=(const StageJob&) = delete;
  /// Runs to the end of time. Alerts in the order in which they are given.
  std::vector<cep::Alert> run();
  /// What went wrong; empty where nothing did.
  const std::string& problem() const;
  struct Counts {
    std::size_t exchanged = 0;        // blocks between passes and holds
    std::size_t cuts = 0;             // that were complete
    std::size_t restored = 0;         // failures after a cut
    std::size_t waiting = 0;          // rows and matches that waited in entries that were restored
    std::size_t waiting_next = 0;     // … for a change of rules
    std::size_t restored_before = 0;  // parts, while a change of rules waited in their state
    std::size_t restored_after = 0;   // … after a change of rules
  };
  const Counts& counts() const;
  /// What parts reported of the change of rules, as report_lines() has it.
  const std::set<std::string>& report() const;

 private:
  std::unique_ptr<StageJobImpl> impl_;
};
}  // namespace tocsin::tests
