/// What can be said of the certificates and revocation lists that a server's settings name.
#pragma once
#include "api/base/configuration.h"
#include "api/doctor/data_doctor.h"
#include "cep/value/time.h"

namespace tocsin::api {
/// Whether a server would start with the certificate, key, authorities and revocation lists of
/// `http.tls_…`, and what of them ends soon, judged as GET /v1/health does. Nothing is changed.
DoctorReport examine_certificates(const Configuration& configuration, cep::EventTime now);
}  // namespace tocsin::api
