/// A test in the rule language that raises an alert again: `GET /v1/alerts/{id}/test`.
///
///   alert ─▶ its events, events before them ─▶ the fewest that raise it ─▶ text ─▶ run in its file
///
/// Which events are needed is found by running the rule on more and more of them. What the test
/// expects is what its own events give; a value that a mark stands for has no part in that.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/rules/rule_pack.h"
#include "api/trace/alert_events.h"
#include "api/trace/alert_replay.h"
#include "api/trace/key_events.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/plan/plan_part.h"
#include "rules/context/rules.h"

namespace tocsin::api {
/// The most bytes of a test; events before the alert's are left out for it.
inline constexpr std::size_t kAlertTestBytesMax = std::size_t{256} << 10U;

/// Of what an alert was raised, in terms of rules.
struct TestedAlert {
  const ListedMatch& match;
  std::string_view line;   // as it was stored
  std::string_view shown;  // as the reader is shown it
  FieldMask mask;          // empty: they are shown everything
};
struct AlertTest {
  rules::EmbeddedTest test;
  std::string text;
  std::size_t own = 0, others = 0;  // events: of the alert, beside it
  bool is_raised = false;           // by these events, with the values of the alert
  bool is_masked = false;           // a mark stands for a value
  std::vector<std::string> notes;
};
/// Which values differ between what these events raised and the alert; of no alert at its time,
/// nothing.
struct RaisedAlert {
  std::size_t place = 0;  // among the alerts of the run
  std::vector<std::string> differing;
};

/// Threading: one caller at a time.
class AlertTestWriter {
 public:
  /// `rules` have the rule under the alert's id. Fails as cep::compile(), and as
  /// AlertReplay::prepare() where the key is not the rule's.
  static Result<AlertTestWriter> prepare(const LoadedRules& rules, const TestedAlert& alert);
  const cep::Program& program() const { return program_; }  // the rule and what it reads
  const std::vector<cep::KeyQuery>& keys() const { return keys_; }
  /// Whether what it decides depends on events of other keys.
  bool needs_other_keys() const { return needs_other_keys_; }
  /// The fewest of the events that raise the alert. Where none do, with `is_last`, the alert's with
  /// a few before them; else nothing. Fails as runtime::run(), and with kLimit where the alert's
  /// own events are too many.
  Result<std::optional<AlertTest>> write(const AlertEvents& events, bool is_last) const;
  /// Puts the notes, and more, into the text.
  void add_notes(AlertTest& made, const std::vector<std::string>& more) const;

 private:
  AlertTestWriter(const TestedAlert& alert, std::string rule, cep::Program program,
                  cep::RuleIndex index)
      : alert_(alert), rule_(std::move(rule)), program_(std::move(program)), index_(index) {}
  const cep::Rule& rule() const;
  // An alert does not list its key among the fields of its events, unless the rule names it.
  void fill_key(ValuedEvent& event) const;
  rules::EmbeddedTest test_of(const AlertEvents& events, std::size_t others) const;
  std::optional<RaisedAlert> raised(const std::vector<cep::Alert>& alerts, bool is_exact) const;
  Result<AlertTest> written(rules::EmbeddedTest test, const AlertEvents& events,
                            std::size_t others) const;
  bool mask(rules::EmbeddedTest& test) const;
  void expect(const std::vector<cep::Alert>& alerts, const std::optional<RaisedAlert>& raised,
              rules::EmbeddedTest& test) const;
  void expect_listed(rules::EmbeddedTest& test) const;

  TestedAlert alert_;
  std::string rule_;  // its name
  cep::Program program_;
  cep::RuleIndex index_;
  std::vector<cep::KeyQuery> keys_;
  bool needs_other_keys_ = false;
};
}  // namespace tocsin::api
