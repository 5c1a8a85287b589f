#include "api/delivery/delivery_group.h"

#include "api/alerts/alert_line.h"
#include "cep/plan/plan.h"
#include "cep/value/value.h"

namespace tocsin::api {
std::string group_subject(const std::vector<std::string>& by, const runtime::StoredAlert& alert) {
  std::string subject = "{";
  const auto add = [&](const std::string& name, std::string_view value) {
    if (subject.size() > 1) subject += ',';
    cep::append_json_string(subject, name);
    subject += ':';
    subject += value;
  };
  for (const std::string& name : by) {
    std::string own;
    if (name == "rule") cep::append_json_string(own, alert.rule);
    if (name == "severity") cep::append_json_string(own, cep::severity_name(alert.severity));
    if (!own.empty()) {
      add(name, own);
      continue;
    }
    for (const char* const place : {"key", "fields"}) {
      const std::string_view value = json_member(json_member(alert.line, place), name);
      if (value.empty()) continue;
      add(name, value);
      break;
    }
  }
  return subject + "}";
}
}  // namespace tocsin::api
