/// What rules did with each event of one key: a run over events whose alerts nobody gets.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/alerts/silence.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/diagnose/rule_trace.h"
#include "cep/engine/key_report.h"
#include "runtime/event_time/run_options.h"
#include "runtime/replay/archived_arrivals.h"

namespace tocsin::api {
struct TraceRequest {
  /// Names and values, as people write them: card, c1. None: rules that have no key.
  std::vector<std::pair<std::string, std::string>> key;
  std::vector<std::string> rules;    // names or ids; none: all that are by this key
  std::optional<cep::EventTime> at;  // nothing later is taken, and time ends there
  std::size_t entries_max = 1000;    // the newest are kept
  /// Of an archive: whether events of a key are found without reading all of them; whether all
  /// changes of lists and tables are known, so that a replay begins with them as declared.
  bool has_key_index = true, lists_change = false;
};
/// An event, or a deadline, and what the rules did then.
struct TraceEntry {
  cep::Moment moment;
  /// Absent at a deadline.
  std::optional<cep::SeenEvent> event;
  std::vector<std::pair<std::string, cep::OwnedValue>> fields;  // that the rules name
  std::vector<cep::TraceNote> notes;
};
/// An event of the key that came behind the watermark: no rule saw it.
struct LateEntry {
  std::string input;
  std::uint64_t line = 0;
  cep::SeenEvent event;
  cep::Duration late_by;
};
struct UntracedRule {
  cep::RuleIndex rule;
  std::string reason;  // "is by merchant"
};
/// An alert that was stored and delivered to nobody.
struct SilencedAlert {
  std::string id;                          // of the silence
  std::shared_ptr<const Silence> silence;  // null: it is no longer known
};
struct KeyTrace {
  std::deque<TraceEntry> entries;  // in the order in which the engine took them
  std::uint64_t older = 0;         // events before them, which are not kept
  std::vector<LateEntry> late;
  std::uint64_t late_more = 0;  // that are not kept
  std::uint64_t events = 0;     // of the key
  std::uint64_t alerts = 0;
  /// Where time stood at the end: at `at`, or at the newest event of any key. kEventTimeMin: no
  /// event was read.
  cep::EventTime end = cep::kEventTimeMin;
  std::vector<cep::KeyReport> state;  // of the key, then; of the traced rules and all features
  runtime::RunSummary summary;        // of the reading
  std::vector<std::string> missing;   // what could not be read; each with its line end
  std::map<std::string, SilencedAlert> silenced;  // by the alert's id, as far as it is known
};

/// Lists and tables become what another program of the same ones has.
void take_data(const cep::Program& from, const cep::Program& to);

/// Threading: one caller at a time.
class KeyTracer {
 public:
  /// `program` has the rules, and what their lists and tables hold now; nobody changes it
  /// meanwhile. Fails with kNotFound where no such rule or key is, with
  /// kInvalidArgument for a value that a key cannot have, with kLimit for too many rules.
  static Result<KeyTracer> prepare(const cep::Program& program, TraceRequest request);

  const TraceRequest& request() const { return request_; }
  /// Where names are to be looked up; what a trace says points into it.
  const cep::Plan& plan() const { return program_.plan(); }
  const cep::Program& program() const { return program_; }
  /// The rules alone.
  const std::shared_ptr<const cep::Plan>& rules_plan() const { return rules_plan_; }
  const std::vector<cep::RuleIndex>& rules() const { return rules_; }
  const std::vector<UntracedRule>& untraced() const { return untraced_; }
  /// Whether a rule has more stages than are looked at.
  bool cut() const { return tracer_.cut(); }
  /// The key, for program(); of an archive nothing else need be read, where no other key's events
  /// make a difference.
  const std::vector<cep::KeyQuery>& keys() const { return keys_; }
  bool needs_other_keys() const { return needs_other_keys_; }
  /// Whether an archive is read whole, and so as it came.
  bool is_replayed() const { return needs_other_keys_ || !request_.has_key_index; }

  /// Runs over the inputs. Fails as runtime::run(). Once.
  Result<KeyTrace> run(const std::vector<runtime::Input>& inputs, runtime::RunOptions options,
                       const runtime::Sinks& sinks);
  /// The same over an archive that is replayed whole. Fails as it, too.
  Result<KeyTrace> run(runtime::ArchivedArrivals& arrivals, runtime::RunOptions options,
                       const runtime::Sinks& sinks);

 private:
  class TraceRun;
  using Reading = std::function<Result<void>(TraceRun&, const runtime::RunOptions&,
                                             const runtime::Sinks&, runtime::RunSummary&)>;
  Result<KeyTrace> run(runtime::RunOptions options, const runtime::Sinks& sinks,
                       const Reading& read);
  KeyTracer(TraceRequest request, cep::RuleTracer tracer, cep::Program program)
      : request_(std::move(request)), tracer_(std::move(tracer)), program_(std::move(program)) {}

  TraceRequest request_;
  cep::RuleTracer tracer_;
  cep::Program program_;  // of tracer_
  std::shared_ptr<const cep::Plan> rules_plan_;
  std::vector<cep::RuleIndex> rules_;
  std::vector<UntracedRule> untraced_;
  std::vector<cep::KeyQuery> keys_;
  bool needs_other_keys_ = false;
};
}  // namespace tocsin::api
