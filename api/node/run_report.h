/// What a run says at its end, for someone who sees it for the first time.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/outbox/webhook_outbox.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/event_time/run.h"

namespace tocsin::api {
/// Rejected lines by their reason, each with its first place. A reason's part from the first ": "
/// on is the offending value and left out. Bounded: reasons beyond the hundredth are counted as
/// "other reasons".
class RejectedTally {
 public:
  struct Reason {
    std::uint64_t count = 0;
    std::string first;  // "FILE:LINE"
  };
  void add(const runtime::DeadLetter& dead_letter);
  /// Most frequent first, then by text.
  std::vector<std::pair<std::string, Reason>> by_count() const;

 private:
  std::map<std::string, Reason, std::less<>> reasons_;
};
/// Events set aside as late: the first, how late they were at most, and why.
struct LateTally {
  std::string first;  // "FILE:LINE"; empty: none
  cep::Duration late_by_max;
  /// Of the one that was latest: the line that had moved time, "FILE:LINE", and where to. Empty: a
  /// clock or another input had.
  std::string moved_by;
  cep::EventTime moved_to;
  void add(const runtime::LateEvent& late);
};
/// All that the summary is made of.
struct RunReport {
  const cep::Plan* plan = nullptr;
  runtime::RunSummary summary;
  RejectedTally rejected;
  LateTally late;
  std::vector<std::string> inputs;
  /// As `--out-of-orderness` said; absent: the schemas' own.
  std::optional<cep::Duration> out_of_orderness;
  std::string alerts_path, late_path,
      dead_letter_path;                       // empty: not kept; alerts: "-" for standard output
  std::optional<DeliverySummary> deliveries;  // absent: no webhook
  std::string webhook_url, undelivered_path;
  /// Of a run that keeps what it does; empty otherwise. The summary is then of all starts, `before`
  /// that of earlier ones, and the tallies are of this one.
  std::string data_path;
  runtime::RunSummary before;
  bool is_complete = true;  // false: the run ended before its inputs did
};
/// What was read, what of it was left out, and which limits were reached: lines, each with its end.
std::string format_input_report(const RunReport& report);
/// The whole summary: the same, and alerts and deliveries.
std::string format_report(const RunReport& report);
/// Why a run has failed that took lines and could not use one of them: all were rejected, or are of
/// types that no rule file declares. Nothing for all other runs.
std::optional<std::string> nothing_usable(const RunReport& report);
/// What each rule and feature kept of a state; one line for all that kept everything.
std::string format_restored(const cep::RestoreReport& report);
}  // namespace tocsin::api
