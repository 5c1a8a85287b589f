#include "api/doctor/certificate_doctor.h"

#include <fmt/format.h>

#include <chrono>

#include "api/health/certificate_end.h"
#include "api/health/health.h"
#include "api/health/server_health.h"
#include "api/net/tls_identity.h"
#include "api/server/serve_front.h"

namespace tocsin::api {
namespace {
cep::EventTime event_time(RevocationLists::Time time) {
  using std::chrono::microseconds;
  return cep::EventTime{std::chrono::duration_cast<microseconds>(time.time_since_epoch()).count()};
}
}  // namespace

DoctorReport examine_certificates(const Configuration& configuration, cep::EventTime now) {
  DoctorReport report;
  const auto identity = read_tls_identity(configuration);
  if (!identity) {
    report.findings.push_back({identity.error().message,
                               "repair it first: a server does not start with it, and one that "
                               "runs keeps what it has read before"});
    return report;
  }
  if (*identity == nullptr) {
    report.facts.emplace_back("certificate  none: the server speaks HTTP");
    return report;
  }
  report.facts.push_back(fmt::format("certificate  {}", (*identity)->description()));
  HealthFacts facts;
  facts.certificate = configuration.text("http.tls_certificate");
  if (const auto end = certificate_end(facts.certificate)) facts.certificate_left = *end - now;
  if (const RevocationLists* const lists = (*identity)->revoked(); lists != nullptr) {
    facts.revocations = configuration.text("http.tls_client_crl");
    facts.revocations_left = event_time(lists->ends()) - now;
    facts.revocations_period = event_time(lists->ends()) - event_time(lists->begins());
    report.facts.push_back(fmt::format("revocations  {}, valid until {}", facts.revocations,
                                       cep::format_time(event_time(lists->ends()))));
  } else if (!configuration.text("http.tls_clients").empty()) {
    report.facts.emplace_back(
        "revocations  none: http.tls_client_crl names no list, so a certificate of a client counts "
        "until it ends");
  }
  for (const HealthCause& cause : health_causes(facts, health_limits(configuration))) {
    report.findings.push_back(
        {fmt::format("{}: {}", cause.subject, cause.detail), std::string(remedy_of(cause.code))});
  }
  return report;
}
}  // namespace tocsin::api
