/// Event time of several sources: the watermark of each, and the engine's, which is the least of
/// those that hold it. A function of what was observed and decided: no clock is read here.
///
/// The engine's watermark W never moves back. A source is *active* and holds W, *idle* and does
/// not, or has *ended*. One that is opened, wakes or comes again begins at W, or at its own
/// watermark where that is later. Where nobody holds W it stands still, but for heartbeats.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/value/time.h"
#include "runtime/event_time/source_policy.h"
#include "runtime/event_time/watermark.h"

namespace tocsin::runtime {
enum class SourceState : std::uint8_t { kActive = 0, kIdle = 1, kEnded = 2 };

/// Threading: one caller at a time.
class Watermarks {
 public:
  /// One source's time.
  struct Source {
    WatermarkTracker tracker;
    SourceState state = SourceState::kActive;
    /// The greatest time of its events that were not late, and what the clock showed when it came;
    /// kEventTimeMin until there was one. What a heartbeat goes on from.
    cep::EventTime newest = cep::kEventTimeMin;
    cep::EventTime newest_at = cep::kEventTimeMin;
  };
  /// A new source, active. Gives its index: 0, 1, 2, …
  std::size_t open(cep::Duration bound);
  std::size_t count() const { return sources_.size(); }
  const Source& source(std::size_t index) const { return sources_[index]; }
  /// True when an event of this time is behind the source's watermark. Asked of active sources.
  bool is_late(std::size_t index, cep::EventTime time) const {
    return sources_[index].tracker.is_late(time);
  }
  /// An event of an active source that is not late, taken when the clock showed `taken_at`; true
  /// when the source's watermark moved.
  bool observe(std::size_t index, cep::EventTime time, cep::EventTime taken_at) {
    Source& source = sources_[index];
    if (time > source.newest) {
      source.newest = time;
      source.newest_at = taken_at;
    }
    return source.tracker.observe(time);
  }
  /// From here on the source has this bound. Its watermark stays, or moves on to what the new bound
  /// promises.
  void change_bound(std::size_t index, cep::Duration bound);

  /// The source no longer holds W. One that has ended stays so.
  void idle(std::size_t index);
  /// It is active, from W on.
  void wake(std::size_t index);
  void end(std::size_t index);
  /// There was nothing to read of the source (all sources, where none is named) until the clock
  /// showed `clock`: its time moves on as far as the clock did since its newest event, though not
  /// beyond the clock, less the bound. Where nobody holds W, it follows the one that is furthest. A
  /// source that never had an event goes along with the others when all are named.
  void heartbeat(std::optional<std::size_t> index, cep::EventTime clock);
  /// The time that the source has reached: of its newest event, of a clock in its silence, or W
  /// when it woke. kEventTimeMin until it had an event.
  cep::EventTime reached(std::size_t index) const;
  /// The time that the source reaches when it says nothing until the clock shows `clock`, which is
  /// what heartbeat() promises; kEventTimeMin until it had an event.
  cep::EventTime reached_in_silence(std::size_t index, cep::EventTime clock) const;
  /// W and the watermarks of all sources are at least this: the end of time, or of a test.
  void move_to(cep::EventTime time);

  /// W: no event is taken before it; kEventTimeMin until all who hold it have one.
  cep::EventTime engine() const;
  /// The first source that holds W where it is; nothing where it moves freely.
  std::optional<std::size_t> holder() const;

  void save(ByteWriter& writer) const;
  /// Takes the place of all that is here. False for what save() does not write. `bounds` is each
  /// source's, in order.
  bool restore(ByteReader& reader, std::span<const cep::Duration> bounds);

 private:
  // W as of now, kept before who holds it changes.
  void keep_engine() { engine_ = engine(); }

  std::vector<Source> sources_;
  cep::EventTime engine_ = cep::kEventTimeMin;  // W is at least this
};
}  // namespace tocsin::runtime
