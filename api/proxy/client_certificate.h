/// Who a client is by its certificate.
#pragma once
#include <chrono>
#include <string>
#include <vector>

struct x509_st;

namespace tocsin::api {
/// Of a certificate that was checked against its authorities.
struct ClientCertificate {
  std::vector<std::string> names;  // each once
  std::chrono::system_clock::time_point ends;
};
/// What a certificate says of its subject (RFC 5280): the names of the extension subjectAltName,
/// which are of DNS, URIs and mail addresses; without such a name the subject's common name, if it
/// has exactly one. A name that is empty, longer than 200 bytes, or has control characters is left
/// out: two readers could read it differently.
ClientCertificate read_client_certificate(const x509_st& certificate);
}  // namespace tocsin::api
