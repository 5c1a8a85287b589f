#include "api/alerts/triage_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "api/alerts/triage_machine.h"
#include "cep/value/time.h"

namespace tocsin::api {
nlohmann::ordered_json triage_json(const TriageRecord& record) {
  nlohmann::ordered_json document = {{"state", name_of(record.state)}};
  if (!record.assignee.empty()) document["assignee"] = record.assignee;
  if (record.label) document["label"] = name_of(*record.label);
  document["version"] = record.version;
  document["allowed"] = nlohmann::ordered_json::array();
  for (const TriageAction action : triage_actions_of(record.state))
    document["allowed"].push_back(name_of(action));
  document["history"] = nlohmann::ordered_json::array();
  for (const TriageEntry& entry : record.history) {
    nlohmann::ordered_json row = {{"at", cep::format_time(entry.at)}, {"who", entry.who}};
    row["action"] = entry.action ? name_of(*entry.action) : "comment";
    if (entry.action) {
      row["from"] = name_of(entry.from);
      row["to"] = name_of(entry.to);
    }
    if (!entry.assignee.empty()) row["assignee"] = entry.assignee;
    if (!entry.comment.empty()) row["comment"] = entry.comment;
    document["history"].push_back(std::move(row));
  }
  return document;
}
}  // namespace tocsin::api
