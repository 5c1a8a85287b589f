/// What a running server says on standard error of what happens beside its answers.
#pragma once
#include <string>

#include "api/base/configuration.h"
#include "api/net/http_server.h"
#include "api/node/node_service.h"
#include "api/server/alert_services.h"

namespace tocsin::api {
/// That a delivery was given up, or could not be noted.
void tell_delivery(const DeliveryEvent& event);
/// That the disk is full (`reason`), or has space again (empty).
void tell_space(const std::string& reason);
/// That the archive cannot be written or is damaged (`reason`), or is good again (empty).
void tell_archive(const std::string& reason);
/// What a node's service is set to, with what it tells. `privacy` outlives it.
NodeServiceOptions told_service_options(const Configuration& configuration, const Privacy& privacy);
/// What is wrong with the audit log (`finding`), or that it is good again (empty).
void tell_audit(const std::string& finding);
/// That a request was answered with an internal problem.
void tell_failed_request(const RequestHead& head, const HttpResponse& response);
}  // namespace tocsin::api
