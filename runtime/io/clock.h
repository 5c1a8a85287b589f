/// The port to the clock.
#pragma once
#include <chrono>

#include "cep/value/time.h"

namespace tocsin::runtime {
/// Processing time. Threading: any.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  /// Microseconds since 1970; may jump, also back.
  virtual cep::EventTime now() = 0;
};
/// The clock of this machine.
class SystemClock : public Clock {
 public:
  cep::EventTime now() override {
    return cep::EventTime{std::chrono::duration_cast<std::chrono::microseconds>(
                              std::chrono::system_clock::now().time_since_epoch())
                              .count()};
  }
};
}  // namespace tocsin::runtime
