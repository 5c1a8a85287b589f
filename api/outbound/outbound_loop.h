/// The I/O thread of this program's requests to other servers, apart from those of its own server:
/// what an endpoint answers, or not, holds up no request here.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "api/net/http_loop.h"
#include "api/net/worker_pool.h"
#include "cep/base/result.h"

struct addrinfo;

namespace tocsin::api {
/// Threading: any.
class OutboundLoop {
 public:
  struct Free {
    void operator()(addrinfo* list) const;
  };
  using Addresses = std::unique_ptr<addrinfo, Free>;
  using Found = std::function<void(Result<Addresses>)>;
  /// That of the process. It is made by the first who needs it and lives as long as the process:
  /// requests under way may outlive those who began them.
  static OutboundLoop& of_process();

  HttpLoop& loop() { return loop_; }
  /// Looks a host up and calls `found` on the loop's thread, in words that fit behind "no answer: "
  /// where it fails. The system's look-up waits, so that each has a thread while it does; a numeric
  /// address has none.
  void look_up(const std::string& host, int port, Found found);

 private:
  OutboundLoop();
  HttpLoop loop_;
  WorkerPool look_ups_;
};
}  // namespace tocsin::api
