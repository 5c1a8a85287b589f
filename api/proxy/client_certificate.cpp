#include "api/proxy/client_certificate.h"

#include <openssl/asn1.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>

namespace tocsin::api {
namespace {
constexpr std::size_t kNameBytesMax = 200;

struct Free {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(unsigned char* text) const { OPENSSL_free(text); }
};

// By its length: bytes behind a NUL belong to the name too, and make it none.
std::optional<std::string> read_name(const ASN1_STRING* text) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, text);
  if (size < 0) return std::nullopt;
  const std::unique_ptr<unsigned char, Free> owned(bytes);
  std::string name(bytes, bytes + size);
  const auto is_control = [](char letter) {
    return static_cast<unsigned char>(letter) < ' ' || letter == 127;
  };
  if (name.empty() || name.size() > kNameBytesMax || std::ranges::any_of(name, is_control) ||
      name.front() == ' ' || name.back() == ' ')
    return std::nullopt;
  return name;
}

void add(std::vector<std::string>& names, std::optional<std::string> name) {
  if (name && std::ranges::find(names, *name) == names.end()) names.push_back(*std::move(name));
}

// False: the certificate has no such name, readable or not.
bool add_alternatives(const X509& certificate, std::vector<std::string>& names) {
  const std::unique_ptr<GENERAL_NAMES, Free> all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  bool has_any = false;
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    int type = 0;
    const auto* const text = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &type));
    if (type != GEN_DNS && type != GEN_URI && type != GEN_EMAIL) continue;
    has_any = true;
    add(names, read_name(text));
  }
  return has_any;
}

void add_common_name(const X509& certificate, std::vector<std::string>& names) {
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return;
  add(names, read_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
}
}  // namespace

ClientCertificate read_client_certificate(const x509_st& certificate) {
  ClientCertificate read;
  if (!add_alternatives(certificate, read.names)) add_common_name(certificate, read.names);
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &end) == 1)
    read.ends = std::chrono::system_clock::from_time_t(::timegm(&end));
  return read;
}
}  // namespace tocsin::api
