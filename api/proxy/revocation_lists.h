/// Which certificates of clients their authorities have revoked (RFC 5280, section 5).
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cep/base/result.h"

struct x509_st;
struct x509_store_st;
struct X509_crl_st;

namespace tocsin::api {
/// Lists that were signed by authorities of clients and are valid when they are read.
/// Invariant: every authority has one. Threading: any; it does not change.
class RevocationLists {
 public:
  using Time = std::chrono::system_clock::time_point;
  /// Reads the lists of `file` and the authorities of the file `authorities`, both in PEM. Errors
  /// name the file and what to do: kIo if it cannot be read; kInvalidArgument for a list that
  /// cannot be parsed, has no signature of an authority, or is out of date, and for an authority
  /// without a list.
  static Result<RevocationLists> read(const std::string& file, const std::string& authorities);
  /// Whether the issuer of `certificate` has revoked it, also if its list is out of date by now.
  bool revokes(const x509_st& certificate) const;
  /// Makes checks with `store` refuse what is revoked, and every certificate whose authority has no
  /// list or one that is out of date.
  void require_in(x509_store_st& store) const;
  /// From when to when the one is valid that is out of date first.
  Time begins() const { return begins_; }
  Time ends() const { return ends_; }

 private:
  struct Free {
    void operator()(X509_crl_st* list) const;
  };
  Result<void> read_lists(const std::string& file);

  std::vector<std::unique_ptr<X509_crl_st, Free>> lists_;
  Time begins_ = Time::min();
  Time ends_ = Time::max();
};
}  // namespace tocsin::api
