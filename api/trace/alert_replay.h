/// The key of one alert, replayed from the archive up to the alert: what stood in the conditions of
/// its rule when its events were taken.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/backtest/archive_input.h"
#include "api/trace/archived_keys.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/diagnose/match_conditions.h"
#include "cep/engine/key_report.h"
#include "cep/value/time.h"
#include "runtime/event_time/run_options.h"

namespace tocsin::api {
/// What an alert says of itself, in format 1.
struct ListedMatch {
  struct Event {
    std::string as, type, id;
    cep::EventTime ts;
  };
  std::string id, rule;
  std::vector<std::pair<std::string, std::string>> key;  // names and values, as in the alert
  cep::EventTime end;                                    // of the engine, when it was raised
  std::vector<Event> events;
  std::uint64_t events_more = 0;  // that it does not list
};
ListedMatch match_of(std::string_view line);

struct ReplayRequest {
  ListedMatch match;
  /// Of an archive, as TraceRequest has them.
  bool has_key_index = true, lists_change = false;
};
/// The key as cep::find_keys() takes it. Fails with kNotFound where the rule is by other parts.
Result<std::vector<std::pair<std::string, std::string>>> key_parts_of(const cep::Rule& rule,
                                                                      const ListedMatch& match);
/// As GET /v1/trace is given it; empty where the rule has no key.
std::string key_text(const ListedMatch& match);
/// Whether what a rule decides depends on what lists or tables hold, by itself, by its features or
/// by computed fields.
bool reads_lists(const cep::Plan& plan, const cep::Rule& rule);

/// Threading: one caller at a time.
class AlertReplay {
 public:
  /// `program` has the rules, and what their lists and tables hold where these are not replayed;
  /// nobody changes it meanwhile. Fails with kNotFound where it has no such rule, or that has
  /// another key.
  static Result<AlertReplay> prepare(const cep::Program& program, ReplayRequest request);
  const cep::Plan& plan() const { return program_.plan(); }
  const cep::Rule& rule() const { return conditions_.rule(); }
  const cep::MatchConditions& conditions() const { return conditions_; }
  /// Whether all events are read as they came, and lists and tables change as they did.
  bool is_replayed() const { return needs_other_keys_ || !request_.has_key_index; }
  bool lists_change() const { return is_replayed() && request_.lists_change; }
  /// Once. What is missing is put into `notes`. Fails with kStopped where
  /// `options.stop_requested` says so before the alert's time was reached, and as runtime::run().
  Result<void> run(const ArchivedKeys& archive, runtime::RunOptions options, ArchiveNotes& notes);

 private:
  class Run;
  AlertReplay(ReplayRequest request, cep::MatchConditions conditions, cep::Program program)
      : request_(std::move(request)),
        conditions_(std::move(conditions)),
        program_(std::move(program)) {}

  ReplayRequest request_;
  cep::MatchConditions conditions_;
  cep::Program program_;
  std::vector<cep::KeyQuery> keys_;
  bool needs_other_keys_ = false;
};
}  // namespace tocsin::api
