/// What random jobs of stages are made of, beside plans and events.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/data/alert.h"
#include "cep/plan/plan.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/shrink.h"
#include "tests/support/stage_job.h"

namespace tocsin::tests {
/// A plan, at times made richer in what crosses passes and is held back by values, with events.
Case random_job(Random& random);
/// More rules have `once` and `at most` in some form, `for each` too.
void hold_back(Random& random, cep::Plan& plan);
/// A feature leaves out the events at which some rule alerts, which need not read it.
void leave_out_alerts(Random& random, cep::Plan& plan);
/// Rules that state may go over to: more of them, fewer, or some that hold back otherwise.
cep::Plan changed_plan(Random& random, const cep::Plan& plan);
/// Entries come to lists and tables, change or leave, some for a while, at the time of some event;
/// nothing where the plan has none.
std::optional<DataChange> random_data_change(Random& random, const Case& c);

/// The lines of an engine whose lists, tables and rules change at their times; `next` is what rules
/// change to at `rules_at`, on one machine. `report`: what became of its state, if that is not
/// null.
struct EngineChanges {
  std::optional<DataChange> data;
  std::optional<cep::Program> next;
  cep::EventTime rules_at;
};
std::vector<std::string> engine_lines(const cep::Program& program,
                                      const std::vector<oracle::PlacedEvent>& events,
                                      const EngineChanges& changes,
                                      std::set<std::string>* report = nullptr);
/// Lines of alerts, of which those from `rules_at` on are of the next plan.
std::vector<std::string> lines_of(const cep::Plan& plan, const cep::Plan* next,
                                  cep::EventTime rules_at, const std::vector<cep::Alert>& alerts);
/// What differs, for people; empty where nothing does.
std::string difference(const std::vector<std::string>& expected,
                       const std::vector<std::string>& got);
}  // namespace tocsin::tests
