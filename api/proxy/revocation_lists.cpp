#include "api/proxy/revocation_lists.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace tocsin::api {
namespace {
struct FreeFile {
  void operator()(BIO* file) const { BIO_free(file); }
};
using File = std::unique_ptr<BIO, FreeFile>;
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Certificates = std::vector<std::unique_ptr<X509, FreeCertificate>>;

std::string text_of(const X509_NAME* name) {
  std::array<char, 256> text{};
  X509_NAME_oneline(name, text.data(), static_cast<int>(text.size()));
  return text.data();
}
std::string text_of(const std::tm& time) {
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", time.tm_year + 1900, time.tm_mon + 1,
                     time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec);
}

tl::unexpected<Error> bad_lists(const std::string& file, const std::string& what) {
  return fail(Errc::kInvalidArgument, fmt::format("the revocation lists {}: {}", file, what));
}

// Whether the reader stopped because nothing more follows. Takes its errors away.
bool is_at_end() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  return error == 0 ||
         (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE);
}

Certificates read_certificates(const std::string& path) {
  Certificates read;
  const File file(BIO_new_file(path.c_str(), "rb"));
  while (file != nullptr) {
    X509* const next = PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr);
    if (next == nullptr) break;
    read.emplace_back(next);
  }
  ERR_clear_error();
  return read;
}

bool is_signed_by(X509_CRL& list, X509& authority) {
  if (X509_NAME_cmp(X509_CRL_get_issuer(&list), X509_get_subject_name(&authority)) != 0)
    return false;
  EVP_PKEY* const key = X509_get0_pubkey(&authority);
  const bool may_sign = (X509_get_key_usage(&authority) & KU_CRL_SIGN) != 0;
  const bool is_signed = may_sign && key != nullptr && X509_CRL_verify(&list, key) == 1;
  ERR_clear_error();
  return is_signed;
}
}  // namespace

void RevocationLists::Free::operator()(X509_crl_st* list) const { X509_CRL_free(list); }

Result<RevocationLists> RevocationLists::read(const std::string& file,
                                              const std::string& authorities) {
  RevocationLists read;
  if (auto done = read.read_lists(file); !done) return tl::unexpected(done.error());
  const Certificates known = read_certificates(authorities);
  for (const auto& list : read.lists_) {
    const bool is_signed = std::ranges::any_of(
        known, [&](const auto& authority) { return is_signed_by(*list, *authority); });
    if (is_signed) continue;
    return bad_lists(file, fmt::format("no authority of {} has signed the list of {}; remove the "
                                       "list, or add its authority there",
                                       authorities, text_of(X509_CRL_get_issuer(list.get()))));
  }
  for (const auto& authority : known) {
    const bool has_list = std::ranges::any_of(
        read.lists_, [&](const auto& list) { return is_signed_by(*list, *authority); });
    if (has_list) continue;
    return bad_lists(file,
                     fmt::format("there is no list of {}; add the one that it publishes, or "
                                 "remove the authority from {}",
                                 text_of(X509_get_subject_name(authority.get())), authorities));
  }
  return read;
}

Result<void> RevocationLists::read_lists(const std::string& path) {
  errno = 0;
  const File file(BIO_new_file(path.c_str(), "rb"));
  if (file == nullptr) {
    const int error = errno;
    ERR_clear_error();
    return fail(Errc::kIo, fmt::format("the revocation lists {}: {}; http.tls_client_crl names the "
                                       "file with them",
                                       path, std::strerror(error)));
  }
  for (;;) {
    X509_CRL* const next = PEM_read_bio_X509_CRL(file.get(), nullptr, nullptr, nullptr);
    if (next == nullptr) break;
    lists_.emplace_back(next);
  }
  if (!is_at_end() || lists_.empty()) {
    return bad_lists(path,
                     "it is not made of lists in PEM; `openssl crl -inform DER -in LIST` "
                     "converts one in DER");
  }
  for (const auto& list : lists_) {
    const std::string issuer = text_of(X509_CRL_get_issuer(list.get()));
    if (X509_CRL_get_ext_by_NID(list.get(), NID_delta_crl, -1) >= 0)
      return bad_lists(path, fmt::format("the list of {} is a delta; use the whole one", issuer));
    if (X509_cmp_current_time(X509_CRL_get0_lastUpdate(list.get())) > 0)
      return bad_lists(path, fmt::format("the list of {} is of the future; see that the clock is "
                                         "right",
                                         issuer));
    const ASN1_TIME* const end = X509_CRL_get0_nextUpdate(list.get());
    std::tm time{};
    if (end == nullptr || ASN1_TIME_to_tm(end, &time) != 1)
      return bad_lists(path, fmt::format("the list of {} does not say when the next one comes; use "
                                         "one that does",
                                         issuer));
    if (X509_cmp_current_time(end) < 0) {
      return bad_lists(path, fmt::format("the list of {} is out of date since {}; fetch the newest "
                                         "one of that authority",
                                         issuer, text_of(time)));
    }
    const Time ends = std::chrono::system_clock::from_time_t(::timegm(&time));
    if (ends >= ends_) continue;
    ends_ = ends;
    if (ASN1_TIME_to_tm(X509_CRL_get0_lastUpdate(list.get()), &time) == 1)
      begins_ = std::chrono::system_clock::from_time_t(::timegm(&time));
  }
  return {};
}

bool RevocationLists::revokes(const x509_st& certificate) const {
  // A function that only looks; its parameter is not const in OpenSSL.
  auto& looked_up = const_cast<X509&>(certificate);
  return std::ranges::any_of(lists_, [&](const auto& list) {
    X509_REVOKED* entry = nullptr;
    return X509_NAME_cmp(X509_CRL_get_issuer(list.get()), X509_get_issuer_name(&certificate)) ==
               0 &&
           X509_CRL_get0_by_cert(list.get(), &entry, &looked_up) == 1;
  });
}

void RevocationLists::require_in(x509_store_st& store) const {
  for (const auto& list : lists_) X509_STORE_add_crl(&store, list.get());
  X509_STORE_set_flags(&store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}
}  // namespace tocsin::api
