#include "api/server/server_messages.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/base/command.h"
#include "api/server/serve_settings.h"

namespace tocsin::api {
void tell_delivery(const DeliveryEvent& event) {
  switch (event.kind) {
    case DeliveryEvent::Kind::kExhausted:
      return tell(fmt::format("tocsin: alert {} was given up for subscription {}: {}\n",
                              event.alert_id, event.subscription, event.error));
    case DeliveryEvent::Kind::kGone:
      return tell(fmt::format("tocsin: subscription {} is disabled: its endpoint answered 410\n",
                              event.subscription));
    case DeliveryEvent::Kind::kStore:
      return tell(fmt::format("tocsin: a delivery to subscription {} could not be recorded: {}\n",
                              event.subscription, event.error));
  }
}

void tell_space(const std::string& reason) {
  tell(reason.empty() ? "tocsin: there is space on the disk again, and events are accepted\n"
                      : fmt::format("tocsin: waiting for space on the disk: {}\n", reason));
}

void tell_archive(const std::string& reason) {
  tell(reason.empty() ? "tocsin: the archive is good again\n"
                      : fmt::format("tocsin: the archive has a fault, and the journal keeps what "
                                    "cannot be archived, up to archive.backlog_max: {}\n",
                                    reason));
}

NodeServiceOptions told_service_options(const Configuration& configuration,
                                        const Privacy& privacy) {
  NodeServiceOptions options;
  options.limits = node_service_limits(configuration);
  options.heartbeat = configuration.duration_limit("time.heartbeat");
  options.producers_expire = configuration.duration_limit("events.producers_expire");
  options.space_changed = tell_space;
  options.archive_changed = tell_archive;
  options.budget_exceeded = [&privacy](std::string_view alert) {
    tell_budget_exceeded(privacy.masked_line(alert));
  };
  return options;
}
void tell_audit(const std::string& finding) {
  tell(finding.empty()
           ? "tocsin: the audit log is good again\n"
           : fmt::format("tocsin: {}; `tocsin audit verify` shows all findings\n", finding));
}

void tell_failed_request(const RequestHead& head, const HttpResponse& response) {
  const auto id = std::ranges::find(response.headers, "X-Request-Id", &HttpHeader::name);
  tell(fmt::format("tocsin: the request {} failed: {} {}: {}\n",
                   id == response.headers.end() ? "" : id->value, head.method, head.target,
                   response.body));
}
}  // namespace tocsin::api
