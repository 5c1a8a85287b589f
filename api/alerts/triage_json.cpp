#include "api/alerts/triage_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "api/alerts/triage_machine.h"
#include "api/rest/problem.h"
#include "cep/value/time.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

ordered_json place_json(const TriageRecord& record) {
  ordered_json document = {{"state", name_of(record.state)}};
  if (!record.assignee.empty()) document["assignee"] = record.assignee;
  if (record.label) document["label"] = name_of(*record.label);
  document["version"] = record.version;
  return document;
}
ordered_json entry_json(const TriageEntry& entry) {
  ordered_json row = {{"at", cep::format_time(entry.at)}, {"who", entry.who}};
  row["action"] = entry.action ? name_of(*entry.action) : "comment";
  if (entry.action) {
    row["from"] = name_of(entry.from);
    row["to"] = name_of(entry.to);
  }
  if (!entry.assignee.empty()) row["assignee"] = entry.assignee;
  return row;
}
}  // namespace

ordered_json triage_json(const TriageRecord& record) {
  ordered_json document = place_json(record);
  document["allowed"] = ordered_json::array();
  for (const TriageAction action : triage_actions_of(record.state))
    document["allowed"].push_back(name_of(action));
  document["history"] = ordered_json::array();
  for (const TriageEntry& entry : record.history) {
    ordered_json row = entry_json(entry);
    if (!entry.comment.empty()) row["comment"] = entry.comment;
    document["history"].push_back(std::move(row));
  }
  return document;
}

ordered_json outcome_json(const TriageOutcome& outcome) {
  ordered_json document = {{"status", 200}};
  if (outcome.refusal) {
    const Errc code = outcome.refusal->code;
    const bool is_read = code == Errc::kConflict || code == Errc::kMismatch;
    document["status"] = code == Errc::kMismatch ? problem_type(ProblemKind::kStale).status
                                                 : problem_of_error(*outcome.refusal).status;
    document["detail"] = outcome.refusal->message;
    if (!is_read) return document;
  }
  document.update(place_json(outcome.record));
  if (outcome.refusal && !outcome.record.history.empty())
    document["last"] = entry_json(outcome.record.history.back());
  return document;
}
}  // namespace tocsin::api
