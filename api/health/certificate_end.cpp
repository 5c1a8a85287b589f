#include "api/health/certificate_end.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>

namespace tocsin::api {
Result<cep::EventTime> certificate_end(const std::string& file) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_file(file.c_str(), "r"), &BIO_free);
  if (!in) return fail(Errc::kIo, "cannot read " + file);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), &X509_free);
  if (!certificate) return fail(Errc::kInvalidArgument, "there is no certificate in " + file);
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &parts) != 1) {
    return fail(Errc::kInvalidArgument, "the certificate has no end that can be read: " + file);
  }
  return cep::EventTime{static_cast<std::int64_t>(::timegm(&parts)) * 1'000'000};
}
}  // namespace tocsin::api
