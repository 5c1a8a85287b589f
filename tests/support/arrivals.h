/// The records of a journal as the oracle takes them: who arrived when, in which engine time, what
/// was set aside. Says plainly what runtime/ does with several sources, and shares nothing with it
/// but the decoding of a line.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/order.h"
#include "cep/plan.h"
#include "cep/time.h"
#include "runtime/decoder.h"
#include "runtime/journal_record.h"
#include "tests/support/oracle.h"

namespace tocsin::oracle {
struct ArrivalOptions {
  /// Overrides the plan's, for every source.
  std::optional<cep::Duration> bound;
  Late late = Late::kSide;
  std::optional<cep::Duration> late_max;   // later than this is set aside under any policy
  std::optional<cep::Duration> ahead_max;  // further ahead of the clock is a dead letter
  std::size_t line_bytes_max = 1 << 20;    // a longer line is a dead letter
};
class Arrivals {
 public:
  /// The plan must stay.
  Arrivals(const cep::Plan& plan, const ArrivalOptions& options);
  ~Arrivals();
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;

  /// The next line of a source, without its end. Its arrival number orders nothing here: the order
  /// of the calls does.
  void line(const std::string& source, std::string_view text, cep::ArrivalNumber arrival,
            cep::EventTime taken_at);
  void decide(const runtime::Decision& decision);

  /// All that was taken so far, in its place.
  std::vector<PlacedEvent> placed() const { return settle_events(plan_, placed_); }
  /// All lines of each source, in order.
  const std::map<std::string, std::vector<std::string>>& lines() const { return lines_; }
  const std::vector<cep::ArrivalNumber>& late() const { return late_; }
  const std::vector<cep::ArrivalNumber>& dead() const { return dead_; }
  std::uint64_t clamped() const { return clamped_; }
  std::uint64_t ignored() const { return ignored_; }
  /// The engine's: the least of all sources that hold it.
  cep::EventTime watermark() const { return watermark_; }

 private:
  enum class State : std::uint8_t { kActive, kIdle, kEnded };
  struct Source {
    cep::EventTime watermark = cep::kEventTimeMin;
    State state = State::kActive;
    // The greatest time of an event that was not late, and what the clock showed then.
    cep::EventTime newest = cep::kEventTimeMin;
    cep::EventTime newest_at = cep::kEventTimeMin;
  };
  Source& source(const std::string& name);
  void wake(Source& of);
  void beat(Source& of, cep::EventTime clock) const;
  void heartbeat(const std::string& name, cep::EventTime clock);
  void move_time();

  const cep::Plan& plan_;
  ArrivalOptions options_;
  cep::Duration bound_;
  runtime::Decoder decoder_;
  std::map<std::string, Source> sources_;
  std::map<std::string, std::vector<std::string>> lines_;
  std::vector<PlacedEvent> placed_;
  std::vector<cep::ArrivalNumber> late_;
  std::vector<cep::ArrivalNumber> dead_;
  std::uint64_t clamped_ = 0;
  std::uint64_t ignored_ = 0;
  cep::EventTime watermark_ = cep::kEventTimeMin;
};
}  // namespace tocsin::oracle
