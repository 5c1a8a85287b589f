/// The ids of alerts.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/base/workers.h"
#include "cep/compile/program.h"
#include "cep/data/alert.h"
#include "cep/engine/given_ids.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// Alerts that are equal in rule, key, time and events are told apart by their number; equal ones
/// have one time.
class AlertIds {
 public:
  explicit AlertIds(const ProgramImpl& program) : program_(program), ids_(program.pass_count) {}
  /// Gives the alert its id. Alerts of a rule come in their order.
  void give(Alert& alert) { give(alert, digest_of(alert, digester_), digester_); }
  /// Gives all of them their ids, with several threads where they are many; `workers` may be null.
  void give(std::span<Alert> alerts, Workers* workers);
  /// Writes those given at `time`, the last: only then may alerts come that are equal to earlier
  /// ones.
  void save(EventTime time, ByteWriter& to) const;
  /// Forgets all, and takes those of save(), of the same time. False for bytes that are none.
  bool restore(EventTime time, ByteReader& from);
  /// Forgets all; from now on these are the ids at `time` that note() says. An id is of one rule,
  /// and that of one pass: the others never ask for it.
  void begin_at(EventTime time);
  void note(const AlertDigest& digest, std::uint32_t count);

 private:
  struct OfPass {
    EventTime time = kEventTimeMin;
    GivenIds given;
  };
  AlertDigest digest_of(const Alert& alert, AlertDigester& digester) const;
  void begin(const Alert& alert, AlertDigester& digester) const;
  void give(Alert& alert, AlertDigest digest, AlertDigester& digester);

  const ProgramImpl& program_;
  std::vector<OfPass> ids_;  // by pass
  AlertDigester digester_;
  std::vector<AlertDigest> digests_;      // of several alerts
  std::vector<AlertDigester> digesters_;  // by part
};
}  // namespace tocsin::cep
