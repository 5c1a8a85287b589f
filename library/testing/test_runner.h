/// Embedded tests: a test's events run as NDJSON through the same code as any other input, its
/// rule's alerts compared with what was expected.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan_fwd.h"
#include "rules/context/rules.h"

namespace tocsin::library {
/// An event of a test that came behind the time already reached, and was dropped.
struct LateTestEvent {
  std::size_t event = 0;  // among the test's
  cep::Duration late_by;
};
/// What one test came to.
struct TestOutcome {
  std::vector<cep::Alert> alerts;        // of the test's rule, in order
  std::vector<std::string> differences;  // from what was expected; none: passed
  std::vector<LateTestEvent> late;
  std::uint64_t repeats = 0;  // events that `unique` left out
  bool passed() const { return differences.empty(); }
};
/// Runs one test. All its events are one source that waits for the greatest `up to D late` of their
/// types. Time ends at `until`, or without it at the newest event's time; what is due by then is
/// decided. Requires that the plan has the test's rule. Errors: those of runtime::run.
Result<TestOutcome> run_embedded_test(const cep::Program& program, const rules::EmbeddedTest& test);

/// The same events through another program, up to the end of time: the alerts of all rules. Errors:
/// those of runtime::run.
Result<std::vector<cep::Alert>> replay_test(const cep::Program& program,
                                            const rules::EmbeddedTest& test);
/// An offset as the test writes it, `60s`; one that it does not write as anybody would, `1m`.
std::string offset_text(const rules::EmbeddedTest& test, cep::Duration offset);
/// When a test ends: at its `until`, else at its newest event.
cep::EventTime end_of(const rules::EmbeddedTest& test);

/// The rule that a test is about, by NAME; nothing when the plan has none, as for a draft.
std::optional<cep::RuleIndex> rule_of(const cep::Plan& plan, const rules::EmbeddedTest& test);
/// The events as input lines, in the order of arrival.
std::string events_as_ndjson(const cep::Plan& plan, const rules::EmbeddedTest& test);
/// How the alerts differ from the expected ones, one sentence each; empty when they agree.
std::vector<std::string> compare_alerts(const cep::Plan& plan, const rules::EmbeddedTest& test,
                                        const std::vector<cep::Alert>& alerts);
/// True when an alert's value is what a test says: numbers by value (a quotient as it is shown,
/// with nine digits), a float rounded to the digits written, anything else equal.
bool agrees(const cep::Value& expected, const cep::Value& got);
/// What stands under that name in an alert: a field of its own, a part of its key, or `severity`,
/// `score`, `message`; missing where it has none. The value borrows from the alert and the plan.
cep::Value alert_value(const cep::Plan& plan, const cep::Alert& alert, const std::string& name);
/// A failed test as its author reads it: the differences, the events, what was expected, what came.
std::string describe_failure(const cep::Plan& plan, const rules::EmbeddedTest& test,
                             const TestOutcome& outcome);
}  // namespace tocsin::library
