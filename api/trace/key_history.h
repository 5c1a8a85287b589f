/// The values that the features of one key had at each of its events, and how many partial matches
/// there were: the events run through the engine again.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/backtest/archive_input.h"
#include "api/trace/archived_keys.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/diagnose/near_miss_report.h"
#include "cep/engine/key_report.h"
#include "cep/value/time.h"
#include "cep/value/value.h"
#include "runtime/event_time/run_options.h"

namespace tocsin::api {
/// How much a history may do and hold.
struct HistoryLimits {
  std::uint64_t events_max = 1'000'000;  // that are replayed
  std::size_t values_max = 200'000;      // that are kept, of all points together
  /// For reading the whole archive for what lists held then.
  std::chrono::microseconds lists_time = std::chrono::seconds(20);
  std::uint64_t keys_max = 100'000;  // that a page of keys examines
};
struct HistoryRequest {
  /// Names and values, as people write them: card, c1.
  std::vector<std::pair<std::string, std::string>> key;
  /// Events before it are replayed, and are no points.
  cep::EventTime from = cep::kEventTimeMin;
  std::size_t points_max = 500;  // the newest are kept
  HistoryLimits limits;
  /// Of an archive, as TraceRequest has them.
  bool has_key_index = true, lists_change = false;
};
/// An event of the key, with what was so directly after it.
struct HistoryPoint {
  cep::EventTime time;  // of the engine
  cep::SeenEvent event;
  std::vector<cep::OwnedValue> values;  // by KeyHistory::features
  std::vector<std::uint64_t> matches;   // by KeyHistory::rules
};
struct KeyHistory {
  std::vector<cep::FeatureIndex> features;  // that have a name, in the plan's order
  std::vector<cep::RuleIndex> rules;        // that keep partial matches, in the plan's order
  std::deque<HistoryPoint> points;          // in the order in which the engine took them
  std::uint64_t older = 0;                  // points before them, which are not kept
  std::size_t points_max = 0;               // that were kept at most
  std::uint64_t replayed = 0;               // events of any key
  bool is_complete = true;                  // false: it was stopped, or took too many events
  std::optional<cep::EventTime> ended_at;   // where, if it is not
};

/// Threading: one caller at a time.
class KeyReplay {
 public:
  /// `program` has the rules, and what their lists and tables hold now; nobody changes it
  /// meanwhile. Fails with kNotFound where no rule or feature is by such a key, with
  /// kInvalidArgument for a value that a key cannot have.
  static Result<KeyReplay> prepare(const cep::Program& program, HistoryRequest request);
  const cep::Plan& plan() const { return program_.plan(); }
  const HistoryRequest& request() const { return request_; }
  /// Once. What is missing is put into `notes`. Where `options.stop_requested` says so it ends, and
  /// has what was found until then. Fails as runtime::run().
  Result<KeyHistory> run(const ArchivedKeys& archive, runtime::RunOptions options,
                         ArchiveNotes& notes);

 private:
  class Run;
  KeyReplay(HistoryRequest request, cep::Program program)
      : request_(std::move(request)), program_(std::move(program)) {}

  HistoryRequest request_;
  cep::Program program_;
  std::vector<cep::KeyQuery> keys_;
  std::vector<cep::FeatureIndex> features_;
  std::vector<cep::RuleIndex> rules_;
  bool needs_other_keys_ = false;
};
/// One object on one line, without its end; decimals have all their digits.
std::string history_json(const KeyReplay& replay, const KeyHistory& history,
                         const std::vector<std::string>& missing);
}  // namespace tocsin::api
