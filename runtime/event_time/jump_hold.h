/// Events of one source that jumped ahead of its time, held until it is known whether time moved or
/// a clock was wrong. A function of the source's events: no clock is read here.
///
/// An event that jumped is confirmed by the event that follows it directly, if that one is at the
/// new time too: on time behind it, or ahead of the source's time as well and close to it. An event
/// at the old time speaks against it; after kAgainstMax of them it is rejected. Once one has spoken
/// against it, it takes two events at the new time, one after the other, to move time: a device
/// with a wrong clock among others never sends two in a row for long.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/value/order.h"
#include "cep/value/time.h"

namespace tocsin::runtime {
struct HeldLine {
  std::string text;
  std::uint64_t number = 0;  // of the line
  std::string producer;      // as messages name it, where that is not the source's name
  cep::ArrivalNumber arrival;
  cep::EventTime taken_at;
  cep::EventTime ts;
  cep::EventTime jumped_from;  // the source's time before it
  std::uint32_t against = 0;   // events at the old time since
};
/// Threading: one caller at a time.
class JumpHold {
 public:
  /// So many events at the old time reject one that jumped.
  static constexpr std::uint32_t kAgainstMax = 3;

  bool empty() const { return held_.empty(); }
  std::size_t size() const { return held_.size(); }
  /// Holds an event; it was given to next() before.
  void add(HeldLine line);
  struct Decided {
    std::vector<HeldLine> confirmed;  // in the order of arrival
    std::vector<HeldLine> rejected;   // likewise
    bool empty() const { return confirmed.empty() && rejected.empty(); }
  };
  /// Each event of the source: what it decides about those held. `is_jump`: it is ahead of the
  /// source's time by more than `jump_max` itself. What was confirmed is taken before it, and the
  /// event is then looked at again.
  Decided next(cep::EventTime ts, bool is_jump, cep::Duration bound, cep::Duration jump_max);
  /// Gives up those at or before `time`, the earliest first.
  std::vector<HeldLine> take_until(cep::EventTime time);

  void save(ByteWriter& writer) const;
  /// Reads what save() wrote, in place of all that is here; false for other bytes.
  bool restore(ByteReader& reader);

 private:
  std::vector<HeldLine> held_;  // in the order of arrival
  bool is_last_held_ = false;   // the source's last event is held_.back()
};
}  // namespace tocsin::runtime
