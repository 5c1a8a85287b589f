/// `tocsin serve --demo`: a server that has alerts, deliveries and a rule in shadow to look at.
#pragma once
#include <cstdint>
#include <memory>

#include "api/base/configuration.h"
#include "api/client/server_client.h"

namespace tocsin::api {
/// Sends a generated stream (docs/generate.md) to the server of this process, receives its
/// webhooks, and puts the rule with the most alerts into shadow when half of the stream is sent.
class ServeDemo {
 public:
  /// Sets what a demo needs and nobody set: a temporary data directory, a clock that does not move
  /// event time, webhooks to this machine. Fails with kUsage for a data directory with something in
  /// it, an address that others can reach, and TLS; with kInputOutput where a folder cannot be
  /// made.
  static Outcome<std::unique_ptr<ServeDemo>> prepare(Configuration& configuration,
                                                     std::uint64_t events);
  /// Ends the thread and removes the temporary directory. The server must have ended.
  ~ServeDemo();
  ServeDemo(const ServeDemo&) = delete;
  ServeDemo& operator=(const ServeDemo&) = delete;
  /// Fills the server once it listens, and tells how far that is and what there is to see. Call it
  /// once, before the server starts.
  void begin();

 private:
  struct Impl;
  explicit ServeDemo(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};
}  // namespace tocsin::api
