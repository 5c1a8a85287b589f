/// A TCP or TLS connection to one peer on which every wait has a deadline and can be called off.
#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "api/net/webhook_url.h"
#include "cep/base/result.h"

namespace tocsin::api {
class AddressPolicy;
using Deadline = std::chrono::steady_clock::time_point;

/// A descriptor that becomes readable once, for good: every wait on a connection ends then.
/// Threading: any.
class StopSwitch {
 public:
  StopSwitch();
  ~StopSwitch();
  StopSwitch(const StopSwitch&) = delete;
  StopSwitch& operator=(const StopSwitch&) = delete;
  void set();
  bool is_set() const;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

/// What TLS trusts: the system's certificate authorities, TLS 1.2 and later.
/// Threading: shared by all connections.
class TlsTrust {
 public:
  /// Errors: kIo when the system's trust store cannot be read.
  static Result<std::unique_ptr<TlsTrust>> system();
  ~TlsTrust();
  TlsTrust(const TlsTrust&) = delete;
  TlsTrust& operator=(const TlsTrust&) = delete;
  struct Impl;
  Impl& impl() const { return *impl_; }

 private:
  explicit TlsTrust(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Threading: one thread at a time.
class HttpConnection {
 public:
  /// Looks `url.host` up and connects, trying its addresses in turn, by `connect_by`; with TLS the
  /// handshake is done, and the peer's certificate and name are checked, by `done_by`. `trust` is
  /// needed with TLS only; `stop` must outlive the connection. With `addresses` none is connected
  /// to that they refuse. Errors: kIo, kDenied (by `addresses`, or for the certificate), kStopped,
  /// in words that fit behind "no answer: ".
  static Result<std::unique_ptr<HttpConnection>> open(const WebhookUrl& url, const TlsTrust* trust,
                                                      Deadline connect_by, Deadline done_by,
                                                      const StopSwitch& stop,
                                                      const AddressPolicy* addresses = nullptr);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// Sends all of `bytes`. Errors: kIo (closed, or the deadline passed), kStopped.
  Result<void> send(std::string_view bytes, Deadline by);
  /// Receives some bytes, at least one; 0 when the peer has closed. Errors: as `send`.
  Result<std::size_t> receive(std::span<char> into, Deadline by);
  /// True when the peer has neither closed nor sent anything that nobody asked for: fit for another
  /// request.
  bool is_quiet() const;

 private:
  struct Impl;
  explicit HttpConnection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};
}  // namespace tocsin::api
