// Units of the calendar in a zone that each row names.
#include <algorithm>

#include "cep/aggregate/accumulator_factory.h"
#include "cep/aggregate/window_base.h"
#include "cep/plan/calendar.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
namespace {
// How many zones' units of a key are kept beside one another.
constexpr std::size_t kReadingsMax = 64;

class CalendarInField : public WindowBase {
 public:
  CalendarInField(const WindowSpec& spec, WindowMemory& memory)
      : WindowBase(spec, memory),
        ring_(memory.memory, spec.has_value, spec.takes_all),
        readings_(memory.memory) {}
  ~CalendarInField() override { drop_words(ring_, spec_, memory_); }
  std::size_t object_bytes() const override { return sizeof(*this); }

  void take(EventTime now, Word word) override { take(now, word, true); }
  void pass(EventTime now) override { take(now, 0, false); }
  void take(EventTime now, Word word, bool counts) {
    forget(now);
    ring_.push(now, word, counts);
    if (ring_.size() <= spec_.events_max) return;
    // Readings begin again then, so that this is not done at each event.
    const std::uint64_t least = spec_.events_max - spec_.events_max / 16;
    while (ring_.size() > least) {
      pop();
      ++memory_.events_lost;
    }
    readings_.clear();
  }
  Value read(EventTime now, const Zone* zone) override {
    if (zone == nullptr) return Value::missing();
    Reading& reading = reading_of(*zone, memory_.calendar.unit_at(*zone, window_.unit(), now));
    // What was taken since this unit was read last.
    for (std::uint64_t next = std::max(reading.next, ring_.first()) - ring_.first();
         next < ring_.size(); ++next) {
      const EventTime time = ring_.time(next);
      if (memory_.calendar.unit_at(*zone, window_.unit(), time) == reading.number)
        add(reading, next);
    }
    reading.next = ring_.first() + ring_.size();
    return finish(reading.count, reading.passed,
                  [&] { return reading.accumulator->value(reading.count); });
  }
  std::int64_t expiry(EventTime now) override {
    forget(now);
    if (ring_.size() == 0) return kDead;
    return (ring_.time(ring_.size() - 1) + longest_unit(window_.unit())).us;
  }
  void save(ByteWriter& to) const override { WordWriter(to, spec_, memory_).events(ring_); }
  bool restore(ByteReader& from) override { return WordReader(from, spec_, memory_).events(ring_); }

 private:
  // What the events of a zone's unit add up to.
  struct Reading {
    const Zone* zone = nullptr;
    std::int64_t number = 0;
    std::uint64_t next = 0;  // the event, counted as the ring does, that has not been looked at
    std::uint64_t count = 0;
    std::uint64_t passed = 0;
    InMemory<Accumulator> accumulator;
  };
  // The reading, in front of all others; made where there is none.
  Reading& reading_of(const Zone& zone, std::int64_t number) {
    auto found = std::ranges::find_if(readings_, [&](const Reading& reading) {
      return reading.zone == &zone && reading.number == number;
    });
    if (found == readings_.end()) {
      // A zone has one, for the unit that it is in; the one that was read longest ago goes first.
      std::erase_if(readings_, [&](const Reading& reading) { return reading.zone == &zone; });
      if (readings_.size() >= kReadingsMax) readings_.pop_back();
      readings_.push_back(
          {&zone, number, 0, 0, 0, make_accumulator(spec_, memory_, AccumulatorUse::kGrows)});
      found = readings_.end() - 1;
    }
    std::rotate(readings_.begin(), found, found + 1);
    return readings_.front();
  }
  void forget(EventTime now) {
    const EventTime edge = now - longest_unit(window_.unit());
    while (ring_.size() > 0 && ring_.time(0) <= edge) pop();
    if (ring_.size() == 0) readings_.clear();
  }
  void pop() {
    if (ring_.counts(0)) drop_word(ring_.word(0), spec_, memory_);
    ring_.pop();
  }
  void add(Reading& reading, std::uint64_t index) {
    if (!ring_.counts(index)) {
      ++reading.passed;
      return;
    }
    if (reading.accumulator) {
      reading.accumulator->add(ring_.first() + index, ring_.time(index), ring_.word(index));
    }
    ++reading.count;
  }
  EventRing ring_;
  std::pmr::vector<Reading> readings_;
};
}  // namespace

InMemory<WindowState> make_calendar_window(const WindowSpec& spec, WindowMemory& memory) {
  return make_window_of<CalendarInField>(spec, memory);
}
}  // namespace tocsin::cep
