// Windows that slide by each event: last D, previous D, last N events, previous N events.
#include <algorithm>

#include "cep/aggregate/accumulator_factory.h"
#include "cep/aggregate/window_base.h"
#include "cep/plan/calendar.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
namespace {
// ---- events of a sliding window, and what they add up to
class SlidingEvents {
 public:
  SlidingEvents(const WindowSpec& spec, WindowMemory& memory)
      : spec_(spec),
        memory_(memory),
        ring_(memory.memory, spec.has_value, spec.takes_all),
        accumulator_(make_accumulator(spec, memory, AccumulatorUse::kSlides)) {}
  SlidingEvents(const SlidingEvents&) = delete;
  SlidingEvents& operator=(const SlidingEvents&) = delete;
  ~SlidingEvents() { drop_words(ring_, spec_, memory_); }

  // Events, of which the first `entered()` are in the window; the others wait. `counted()` of those
  // in the window are aggregated.
  const EventRing& ring() const { return ring_; }
  std::uint64_t entered() const { return entered_; }
  std::uint64_t counted() const { return counted_; }
  void push(EventTime time, Word word, bool counts) {
    ring_.push(time, word, counts);
    while (ring_.size() > spec_.events_max) {
      if (entered_ == 0) enter();
      leave();
      ++memory_.events_lost;
    }
  }
  void save(ByteWriter& to) const { WordWriter(to, spec_, memory_).events(ring_); }
  bool restore(ByteReader& from) { return WordReader(from, spec_, memory_).events(ring_); }
  void enter() {
    if (ring_.counts(entered_)) {
      last_counted_ = ring_.first() + entered_;
      ++counted_;
      if (accumulator_ && !stale_) {
        accumulator_->add(ring_.first() + entered_, ring_.time(entered_), ring_.word(entered_));
      }
    }
    ++entered_;
  }
  void leave() {
    const Word word = ring_.word(0);
    const bool counts = ring_.counts(0);
    if (counts) {
      --counted_;
      if (accumulator_ && !stale_) {
        stale_ = !accumulator_->remove(ring_.first(), word, counted_);
      }
    }
    ring_.pop();
    --entered_;
    if (counts) drop_word(word, spec_, memory_);
  }
  // Requires one that is aggregated.
  Value value() {
    if (!accumulator_) {
      const bool is_first = spec_.feature->aggregate == Aggregate::kFirst;
      const std::uint64_t number = is_first ? first_counted() : last_counted_;
      return value_of(ring_.word(number - ring_.first()), spec_, memory_);
    }
    if (stale_) {
      accumulator_->clear();
      for (std::uint64_t i = 0; i < entered_; ++i) {
        if (ring_.counts(i)) accumulator_->add(ring_.first() + i, ring_.time(i), ring_.word(i));
      }
      stale_ = false;
    }
    return accumulator_->value(counted_);
  }

 private:
  // Only ever moves on: events before it that are not aggregated stay so.
  std::uint64_t first_counted() {
    first_counted_ = std::max(first_counted_, ring_.first());
    while (!ring_.counts(first_counted_ - ring_.first())) ++first_counted_;
    return first_counted_;
  }

  const WindowSpec& spec_;
  WindowMemory& memory_;
  EventRing ring_;
  std::uint64_t entered_ = 0;
  std::uint64_t counted_ = 0;
  // Numbers of events as EventRing::first() counts them, of those that are aggregated.
  std::uint64_t first_counted_ = 0;
  std::uint64_t last_counted_ = 0;
  InMemory<Accumulator> accumulator_;
  bool stale_ = false;  // the accumulator is to be made afresh
};

// ---- last D [excluding last E], previous D, last N events, previous N events [within D]
class SlidingWindow : public WindowBase {
 public:
  SlidingWindow(const WindowSpec& spec, WindowMemory& memory)
      : WindowBase(spec, memory), events_(spec, memory) {}
  std::size_t object_bytes() const override { return sizeof(*this); }

  void take(EventTime now, Word word) override { add(now, word, true); }
  void pass(EventTime now) override { add(now, 0, false); }
  Value read(EventTime now, const Zone*) override {
    move_to(now);
    return finish(events_.counted(), events_.entered() - events_.counted(),
                  [&] { return events_.value(); });
  }
  std::int64_t expiry(EventTime now) override {
    move_to(now);
    const EventRing& ring = events_.ring();
    if (ring.size() == 0) return kDead;
    if (!window_.duration()) return kNeverDies;
    return (ring.time(ring.size() - 1) + *window_.duration()).us;
  }
  // Which events are in the window follows from the time.
  void save(ByteWriter& to) const override { events_.save(to); }
  bool restore(ByteReader& from) override {
    if (!events_.restore(from)) return false;
    const std::uint64_t count = events_.ring().size();
    if (window_.events() && count > *window_.events()) return false;
    if (!window_.excluding()) {
      while (events_.entered() < count) events_.enter();
    }
    return true;
  }

 private:
  void add(EventTime now, Word word, bool counts) {
    move_to(now);
    events_.push(now, word, counts);
    if (!window_.excluding()) events_.enter();
    if (window_.events() && events_.entered() > *window_.events()) events_.leave();
  }
  void move_to(EventTime now) {
    const EventRing& ring = events_.ring();
    if (window_.excluding()) {
      const EventTime near = now - *window_.excluding();
      while (events_.entered() < ring.size() && ring.time(events_.entered()) <= near) {
        events_.enter();
      }
    }
    if (!window_.duration()) return;
    const EventTime edge = now - *window_.duration();
    while (ring.size() > 0 && ring.time(0) <= edge) {
      if (events_.entered() == 0) events_.enter();
      events_.leave();
    }
  }
  SlidingEvents events_;
};
}  // namespace

InMemory<WindowState> make_sliding_window(const WindowSpec& spec, WindowMemory& memory) {
  return make_window_of<SlidingWindow>(spec, memory);
}
}  // namespace tocsin::cep
