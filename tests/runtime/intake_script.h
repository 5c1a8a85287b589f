/// Random histories of an intake, step by step, and what it gives for them as text.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/event_time/intake.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// A line as it comes: its text, its time, and how an Outcome shows its row.
struct ScriptLine {
  std::size_t source = 0;
  std::string text;
  bool is_event = true;  // else a dead letter
  cep::EventTime ts;
  std::string row;        // type and fields
  bool is_login = false;  // has no id: is numbered among its equals
  std::int64_t id = 0;    // a ping's, which is `unique`
};
/// One step is one record of a journal: lines, or a decision, or a source with a policy.
struct Step {
  std::vector<ScriptLine> lines;
  std::optional<runtime::DecisionKind> decision;
  std::optional<runtime::SourcePolicy> policy;
  std::optional<std::size_t> source;  // of the decision or policy; none: all
  cep::EventTime clock;
};
struct Script {
  runtime::IntakeOptions options;
  std::optional<cep::Duration> unique_within;
  std::vector<Step> steps;
};
/// Several sources with disorder, duplicates, silence, wrong clocks, clamping, changed policies.
Script random_script(Random& random, std::size_t steps);
std::string source_name(std::size_t source);
/// event_plan() with `ping` unique.
cep::Plan script_plan(const Script& script);

/// All that came out, as text.
struct ScriptOutcome {
  std::vector<std::string> rows;         // "engine time/ts/arrival TYPE fields #equal number"
  std::vector<std::string> late;         // "source:line arrival ts by lateness"
  std::vector<std::string> dead;         // "source:line arrival reason"
  std::vector<std::int64_t> watermarks;  // W after each step
};
/// An intake, what came out of it so far, and the checks that the engine relies on.
class ScriptRun {
 public:
  ScriptRun(const Script& script, const cep::Plan& plan);
  /// Step `index` of the script, and a flush.
  void take(std::size_t index);
  void finish();
  runtime::Intake& intake() { return intake_; }
  const runtime::RunSummary& summary() const { return summary_; }
  const ScriptOutcome& outcome() const { return outcome_; }
  const std::vector<runtime::JudgedLine>& judged() const { return judged_; }

 private:
  Result<void> advance(cep::Batch& slice, cep::EventTime watermark);

  const Script& script_;
  const cep::Plan& plan_;
  std::vector<std::vector<bool>> fields_;
  std::vector<bool> types_;
  runtime::RunSummary summary_;
  ScriptOutcome outcome_;
  std::vector<runtime::JudgedLine> judged_;
  cep::EventTime last_ = cep::kEventTimeMin;
  cep::ArrivalNumber last_arrival_;
  runtime::Intake intake_;
};
}  // namespace tocsin::tests
