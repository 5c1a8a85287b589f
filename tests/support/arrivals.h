/// The records of a journal as the oracle takes them: who arrived when, in which engine time, what
/// was set aside. Says plainly what runtime/ does with several sources, and shares nothing with it
/// but the decoding of a line.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/decode/decoder.h"
#include "runtime/journal/journal_record.h"
#include "tests/support/oracle.h"

namespace tocsin::oracle {
struct ArrivalOptions {
  /// Overrides the plan's, for every source.
  std::optional<cep::Duration> bound;
  Late late = Late::kSide;
  std::optional<cep::Duration> late_max;   // later than this is set aside under any policy
  std::optional<cep::Duration> ahead_max;  // further ahead of the clock is a dead letter
  /// What is further ahead of its source's time waits for the next event of the source.
  std::optional<cep::Duration> jump_max;
  bool ignores_unknown = true;           // a type that nobody declares; else it is a dead letter
  std::size_t line_bytes_max = 1 << 20;  // a longer line is a dead letter
};
/// A line that was not taken.
struct SetSideOutput {
  cep::ArrivalNumber arrival;
  std::string source;
  std::uint64_t line = 0;  // in it, from 1, blank ones counted
  std::string text;
  cep::Duration late_by;            // of a late event
  std::string reason;               // of a dead letter that could not be read
  std::uint64_t reinjected_as = 0;  // the record that put it in again
};
/// What became of a line when it came.
struct Judged {
  enum class Fate : std::uint8_t { kBlank, kAccepted, kClamped, kLate, kIgnored, kDead };
  Fate fate = Fate::kBlank;
  cep::Duration late_by;   // of a late event and of one that was clamped
  std::string reason;      // of a dead letter; the type of an event that was ignored
  std::size_t placed = 0;  // of one that was taken: PlacedEvent::arrival
};
class Arrivals {
 public:
  /// The plan must stay.
  Arrivals(const cep::Plan& plan, const ArrivalOptions& options);
  ~Arrivals();
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;

  /// The next line of a source, without its end. Its arrival number orders nothing here: the order
  /// of the calls does. All sources http/… are one for time: http.
  void line(const std::string& source, std::string_view text, cep::ArrivalNumber arrival,
            cep::EventTime taken_at);
  void decide(const runtime::Decision& decision);
  /// Late events of that source are taken at the time already reached, however late.
  void clamp(const std::string& source_name);
  /// The inputs have ended for now: what still waits to be confirmed is taken, and an event before
  /// the newest one is late from then on.
  void settle();
  /// Notes what was set aside before and put in again by `record`: it is there, and for the first
  /// time. False: it is not.
  bool put_in_again(bool is_late, cep::ArrivalNumber arrival, std::uint64_t record);

  /// All that was taken so far, in its place.
  std::vector<PlacedEvent> placed() const;
  /// All lines of each source, in order.
  const std::map<std::string, std::vector<std::string>>& lines() const { return lines_; }
  /// What became of each of them.
  const std::map<std::string, std::vector<Judged>>& judged() const { return judged_; }
  /// How many were taken so far.
  std::size_t taken() const { return placed_.size(); }
  /// How many were taken before each: by PlacedEvent::arrival, which counts what came to be late
  /// too, and in another order where an event that jumped ahead was held.
  const std::map<std::size_t, std::size_t>& taken_before() const { return taken_before_; }
  /// How many jumped ahead, and how many of them no event confirmed.
  std::uint64_t jumps() const { return jumps_; }
  std::uint64_t jumps_rejected() const { return jumps_rejected_; }
  const std::vector<SetSideOutput>& late() const { return late_; }
  const std::vector<SetSideOutput>& dead() const { return dead_; }
  std::uint64_t clamped() const { return clamped_; }
  std::uint64_t ignored() const { return ignored_; }
  /// The engine's: the least of all sources that hold it.
  cep::EventTime watermark() const { return watermark_; }

 private:
  enum class State : std::uint8_t { kActive, kIdle, kEnded };
  // A good line that jumped ahead, with all that is needed to take or to reject it later.
  struct Jumped {
    SetSideOutput line;
    std::size_t number = 0;  // in judged_ of its source's name
    std::size_t place = 0;   // among arrivals
    cep::EventTime ts;
    cep::EventTime taken_at;
    int against = 0;
  };
  struct Source {
    cep::EventTime watermark = cep::kEventTimeMin;
    State state = State::kActive;
    // The greatest time of an event that was not late, and what the clock showed then.
    cep::EventTime newest = cep::kEventTimeMin;
    cep::EventTime newest_at = cep::kEventTimeMin;
    bool clamps = false;
    std::vector<Jumped> jumped;
    bool last_jumped = false;  // the last event of the source waits
  };
  Source& source(const std::string& name);
  void wake(Source& of);
  cep::EventTime time_of(const Source& of) const;
  bool jumps(const Source& of, cep::EventTime ts) const;
  bool weigh(Source& from, const Jumped& event);
  void take(Source& from, const Jumped& event);
  void take_until(Source& from, cep::EventTime time);
  void take_overtaken();
  void take_in_silence(Source& of, cep::EventTime clock);
  void beat(Source& of, cep::EventTime clock) const;
  void heartbeat(const std::string& name, cep::EventTime clock);
  void move_time();

  const cep::Plan& plan_;
  ArrivalOptions options_;
  cep::Duration bound_;
  runtime::Decoder decoder_;
  std::map<std::string, Source> sources_;
  std::map<std::string, std::vector<std::string>> lines_;
  std::map<std::string, std::vector<Judged>> judged_;
  std::vector<PlacedEvent> placed_;
  std::vector<SetSideOutput> late_;
  std::vector<SetSideOutput> dead_;
  std::size_t places_ = 0;
  std::map<std::size_t, std::size_t> taken_before_;
  std::uint64_t jumps_ = 0;
  std::uint64_t jumps_rejected_ = 0;
  std::uint64_t clamped_ = 0;
  std::uint64_t ignored_ = 0;
  cep::EventTime watermark_ = cep::kEventTimeMin;
};
}  // namespace tocsin::oracle
