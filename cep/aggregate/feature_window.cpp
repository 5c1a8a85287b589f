#include "cep/aggregate/feature_window.h"

#include <algorithm>
#include <string>

#include "cep/aggregate/accumulator_factory.h"
#include "cep/aggregate/event_ring.h"
#include "cep/aggregate/window_bytes.h"
#include "cep/base/assert.h"
#include "cep/plan/calendar.h"
#include "cep/plan/feature.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
namespace {
// How many zones' units of a key are kept beside one another where each row names its zone.
constexpr std::size_t kReadingsMax = 64;

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a >= 0 ? a / b : -((-(a + 1)) / b) - 1;
}

class Scoped : public WindowState {
 public:
  Scoped(const WindowSpec& spec, WindowMemory& memory)
      : spec_(spec), window_(spec.feature->window), memory_(memory) {}
  const WindowSpec& spec() const override { return spec_; }

 protected:
  // What is read of `count` events, of whose aggregate `value` gives the value, in a window that
  // has `passed` others.
  template <typename ValueOf>
  Value finish(std::uint64_t count, std::uint64_t passed, ValueOf&& value) const {
    if (window_.needs && count + passed < *window_.needs) return Value::missing();
    if (spec_.feature->aggregate == Aggregate::kCount) {
      return Value::integer(static_cast<Int128>(count));
    }
    return count == 0 ? value_of_nothing(spec_) : value();
  }

  // How many events a stretch or a pane has; their sum over a window stays below 2^63.
  static std::uint64_t restore_count(ByteReader& from) {
    return from.varint_up_to(std::uint64_t{1} << 61);
  }

  const WindowSpec& spec_;
  const FeatureWindow& window_;
  WindowMemory& memory_;
};

// ---- windows that only grow: ever, tumbling, session, calendar in a zone that the rule names
class GrowingWindow : public Scoped {
 public:
  GrowingWindow(const WindowSpec& spec, WindowMemory& memory)
      : Scoped(spec, memory), stretches_(memory.memory) {
    if (window_.kind() == WindowKind::kCalendar) {
      zone_ = find_zone(*spec.zones, literal_of(*window_.zone()).text);
    }
  }
  std::size_t object_bytes() const override { return sizeof(*this); }

  void take(EventTime now, Word word) override {
    Stretch* stretch = stretch_at(now);
    if (stretch->accumulator) stretch->accumulator->add(stretch->count, now, word);
    ++stretch->count;
    newest_ = now;
    drop_word(word, spec_, memory_);  // accumulators hold what they keep
  }
  void pass(EventTime now) override {
    if (window_.kind() == WindowKind::kSession) {
      // Only what is aggregated begins a session or keeps it going.
      if (Stretch* stretch = move_to(now)) ++stretch->passed;
      return;
    }
    ++stretch_at(now)->passed;
    newest_ = now;
  }

  Value read(EventTime now, const Zone*) override {
    if (window_.kind() == WindowKind::kCalendar && zone_ == nullptr) return Value::missing();
    const Stretch* stretch = move_to(now);
    if (stretch == nullptr) return finish(0, 0, [] { return Value::missing(); });
    return finish(stretch->count, stretch->passed,
                  [&] { return stretch->accumulator->value(stretch->count); });
  }

  std::int64_t expiry(EventTime now) override {
    move_to(now);
    if (stretches_.empty()) return kDead;
    switch (window_.kind()) {
      case WindowKind::kTumbling:
        return (at_ + 1) * window_.duration()->us;
      case WindowKind::kSession:
        return (newest_ + *window_.duration()).us;
      case WindowKind::kCalendar: {
        std::int64_t over = kDead;
        for (const Stretch& stretch : stretches_) {
          over = std::max(over, over_everywhere(window_.unit(), stretch.number).us);
        }
        return over;
      }
      default:
        return kNeverDies;
    }
  }

  void save(ByteWriter& to) const override {
    std::vector<const Stretch*> stretches;
    for (const Stretch& stretch : stretches_) stretches.push_back(&stretch);
    std::ranges::sort(stretches, {}, &Stretch::number);
    WordWriter words(to, spec_, memory_);
    to.varint(stretches.size());
    for (const Stretch* stretch : stretches) {
      to.signed_varint(stretch->number);
      to.varint(stretch->count);
      if (spec_.takes_all) to.varint(stretch->passed);
      if (stretch->accumulator && stretch->count > 0) stretch->accumulator->save(words);
    }
    if (has_newest() && !stretches.empty()) save_time(to, newest_);
  }
  bool restore(ByteReader& from) override {
    WordReader words(from, spec_, memory_);
    constexpr std::uint64_t kUnits = 3;  // the one in hand, that before and, set back, that after
    const std::uint64_t count =
        from.varint_up_to(window_.kind() == WindowKind::kCalendar ? kUnits : 1);
    for (std::uint64_t i = 0; i < count; ++i) {
      Stretch stretch{from.signed_varint(), restore_count(from), 0,
                      make_accumulator(spec_, memory_, AccumulatorUse::kGrows)};
      if (spec_.takes_all) stretch.passed = restore_count(from);
      if (stretch.count + stretch.passed == 0 || !is_number(stretch.number)) return false;
      if (window_.kind() == WindowKind::kSession && stretch.count == 0) return false;
      if (i > 0 && stretches_.back().number >= stretch.number) return false;
      if (stretch.accumulator && stretch.count > 0 &&
          !stretch.accumulator->restore(words, stretch.count)) {
        return false;
      }
      stretches_.push_back(std::move(stretch));
    }
    if (has_newest() && count > 0 && !restore_time(from, newest_)) return false;
    return from.ok();
  }

 private:
  // A tumble, a unit of the calendar, a session: what has been taken in it.
  struct Stretch {
    std::int64_t number = 0;
    std::uint64_t count = 0;
    std::uint64_t passed = 0;
    InMemory<Accumulator> accumulator;
  };
  // The stretch of `now`, made where there is none.
  Stretch* stretch_at(EventTime now) {
    if (Stretch* stretch = move_to(now)) return stretch;
    stretches_.push_back({at_, 0, 0, make_accumulator(spec_, memory_, AccumulatorUse::kGrows)});
    return &stretches_.back();
  }
  bool has_newest() const {
    return window_.kind() == WindowKind::kSession || window_.kind() == WindowKind::kCalendar;
  }
  bool is_number(std::int64_t number) const {
    if (window_.kind() == WindowKind::kCalendar) return is_unit_number(window_.unit(), number);
    if (window_.kind() != WindowKind::kTumbling) return number == 0;
    const std::int64_t length = window_.duration()->us;
    return number >= floor_divide(kEventTimeMin.us, length) - 1 &&
           number <= floor_divide(kEventTimeMax.us, length) + 1;
  }
  // Goes to the stretch of `now` and forgets those that cannot come again; null where nothing has
  // been taken in it.
  Stretch* move_to(EventTime now) {
    switch (window_.kind()) {
      case WindowKind::kTumbling:
        at_ = floor_divide(now.us, window_.duration()->us);
        break;
      case WindowKind::kCalendar:
        at_ = zone_ == nullptr ? 0 : memory_.calendar.unit_at(*zone_, window_.unit(), now);
        break;
      case WindowKind::kSession:
        if (!stretches_.empty() && now - newest_ >= *window_.duration()) stretches_.clear();
        break;
      default:
        break;
    }
    // A clock that is set back over midnight shows the unit before again.
    const bool is_calendar = window_.kind() == WindowKind::kCalendar;
    const std::int64_t oldest = is_calendar ? at_ - 1 : at_;
    std::erase_if(stretches_, [&](const Stretch& stretch) {
      return stretch.number < oldest ||
             (is_calendar && over_everywhere(window_.unit(), stretch.number) <= now);
    });
    const auto found = std::ranges::find(stretches_, at_, &Stretch::number);
    return found == stretches_.end() ? nullptr : &*found;
  }

  std::pmr::vector<Stretch> stretches_;
  std::int64_t at_ = 0;
  EventTime newest_;
  const Zone* zone_ = nullptr;
};

void drop_words(const EventRing& ring, const WindowSpec& spec, WindowMemory& memory) {
  for (std::uint64_t i = 0; i < ring.size(); ++i) {
    if (ring.counts(i)) drop_word(ring.word(i), spec, memory);
  }
}

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
class SlidingWindow : public Scoped {
 public:
  SlidingWindow(const WindowSpec& spec, WindowMemory& memory)
      : Scoped(spec, memory), events_(spec, memory) {}
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

// ---- calendar, in a zone that each row names
class CalendarInField : public Scoped {
 public:
  CalendarInField(const WindowSpec& spec, WindowMemory& memory)
      : Scoped(spec, memory),
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

// ---- last D [excluding last E] every P, previous D every P
class PaneWindow : public Scoped {
 public:
  PaneWindow(const WindowSpec& spec, WindowMemory& memory)
      : Scoped(spec, memory),
        waiting_(memory.memory, spec.has_value, spec.takes_all),
        panes_(memory.memory),
        total_(make_accumulator(spec, memory, AccumulatorUse::kPanes)) {}
  ~PaneWindow() override { drop_words(waiting_, spec_, memory_); }
  std::size_t object_bytes() const override { return sizeof(*this); }

  void take(EventTime now, Word word) override { take(now, word, true); }
  void pass(EventTime now) override { take(now, 0, false); }
  void take(EventTime now, Word word, bool counts) {
    move_to(now);
    if (window_.excluding()) {
      waiting_.push(now, word, counts);
      while (waiting_.size() > spec_.events_max) enter_oldest();
    } else {
      enter(now, word, counts);
    }
    newest_ = now;
    // What the panes keep is bounded too; the one that is being filled stays.
    while (panes_.size() - begin_ > 1 && (panes_.size() - begin_ > spec_.events_max ||
                                          (total_ && total_->words_kept() > spec_.events_max))) {
      memory_.events_lost += panes_[begin_].count + panes_[begin_].passed;
      leave();
    }
  }
  Value read(EventTime now, const Zone*) override {
    move_to(now);
    return finish(count_, passed_, [&] {
      if (!total_) {
        const bool is_first = spec_.feature->aggregate == Aggregate::kFirst;
        return panes_[is_first ? first_counted() : last_counted_].accumulator->value(1);
      }
      if (stale_) {
        total_->clear();
        for (std::size_t i = begin_; i < panes_.size(); ++i) {
          if (panes_[i].count == 0) continue;
          total_->add_pane(place(panes_[i].number), *panes_[i].accumulator);
        }
        stale_ = false;
      }
      return total_->value(count_);
    });
  }
  std::int64_t expiry(EventTime now) override {
    move_to(now);
    if (is_empty()) return kDead;
    return (newest_ + *window_.duration() + *window_.every()).us;
  }

  void save(ByteWriter& to) const override {
    WordWriter words(to, spec_, memory_);
    if (window_.excluding()) words.events(waiting_);
    to.varint(panes_.size() - begin_);
    for (std::size_t i = begin_; i < panes_.size(); ++i) {
      const Pane& pane = panes_[i];
      to.signed_varint(i == begin_ ? pane.number : pane.number - panes_[i - 1].number);
      to.varint(pane.count);
      if (spec_.takes_all) to.varint(pane.passed);
      if (pane.accumulator && pane.count > 0) pane.accumulator->save(words);
    }
    if (total_ && total_->is_saved() && count_ > 0) total_->save(words);
    if (!is_empty()) save_time(to, newest_);
  }
  bool restore(ByteReader& from) override {
    WordReader words(from, spec_, memory_);
    if (window_.excluding() && !words.events(waiting_)) return false;
    const std::uint64_t panes = from.varint_up_to(from.left());
    for (std::uint64_t i = 0; i < panes; ++i) {
      if (!restore_pane(words)) return false;
    }
    if (total_ && count_ > 0 && !restore_total(words)) return false;
    if (!is_empty()) {
      if (!restore_time(from, newest_) || newest_ < newest_held()) return false;
    }
    return from.ok();
  }

 private:
  struct Pane {
    std::int64_t number = 0;  // times after number * P, up to and with the next multiple
    std::uint64_t count = 0;
    std::uint64_t passed = 0;
    InMemory<Accumulator> accumulator;
  };
  bool is_empty() const { return panes_.size() == begin_ && waiting_.size() == 0; }
  // The first pane with something to aggregate; requires one. Only ever moves on.
  std::size_t first_counted() {
    first_counted_ = std::max(first_counted_, begin_);
    while (panes_[first_counted_].count == 0) ++first_counted_;
    return first_counted_;
  }
  static std::uint64_t place(std::int64_t number) {
    return static_cast<std::uint64_t>(number) ^ std::uint64_t{1} << 63;  // ascends like the number
  }
  void enter(EventTime time, Word word, bool counts) {
    const std::int64_t number = floor_divide(time.us - 1, window_.every()->us);
    if (panes_.size() == begin_ || panes_.back().number != number) {
      panes_.push_back({number, 0, 0, make_accumulator(spec_, memory_, AccumulatorUse::kPane)});
    }
    Pane& pane = panes_.back();
    if (!counts) {
      ++pane.passed;
      ++passed_;
      return;
    }
    last_counted_ = panes_.size() - 1;
    // In how many panes a value is: only its first time in this one counts.
    const std::uint64_t kept = pane.accumulator ? pane.accumulator->words_kept() : 0;
    if (pane.accumulator) pane.accumulator->add(place(number), time, word);
    const bool is_known =
        spec_.feature->aggregate == Aggregate::kDistinct && pane.accumulator->words_kept() == kept;
    if (total_ && !stale_ && !is_known) total_->add(place(number), time, word);
    ++pane.count;
    ++count_;
    drop_word(word, spec_, memory_);
  }
  bool restore_pane(WordReader& words) {
    ByteReader& from = words.bytes();
    const std::int64_t number = from.signed_varint();
    const std::uint64_t count = restore_count(from);
    const std::uint64_t passed = spec_.takes_all ? restore_count(from) : 0;
    // The last event may have come at the end of time.
    const std::int64_t first = floor_divide(kEventTimeMin.us - 1, window_.every()->us);
    const std::int64_t last = floor_divide(kEventTimeMax.us, window_.every()->us);
    const std::int64_t before = panes_.empty() ? first - 1 : panes_.back().number;
    const std::int64_t base = panes_.empty() ? 0 : before;
    constexpr std::uint64_t kCountMax = std::uint64_t{1} << 62;
    if (!from.ok() || count + passed == 0 || count > kCountMax - count_ ||
        passed > kCountMax - passed_ || number > last - base || number <= before - base) {
      return false;
    }
    Pane pane{base + number, count, passed,
              make_accumulator(spec_, memory_, AccumulatorUse::kPane)};
    if (pane.accumulator && count > 0 && !pane.accumulator->restore(words, count)) return false;
    if (count > 0) last_counted_ = panes_.size();
    panes_.push_back(std::move(pane));
    count_ += count;
    passed_ += passed;
    return true;
  }
  bool restore_total(WordReader& words) {
    const std::uint64_t oldest = place(panes_.front().number);
    const std::uint64_t newest = place(panes_[last_counted_].number);
    if (total_->is_saved()) {
      return total_->restore(words, count_) && total_->is_between(oldest, newest);
    }
    for (const Pane& pane : panes_) {
      if (pane.count > 0) total_->add_pane(place(pane.number), *pane.accumulator);
    }
    return true;
  }
  // No event of what was restored is later.
  EventTime newest_held() const {
    if (waiting_.size() > 0) return waiting_.time(waiting_.size() - 1);
    return {panes_.back().number * window_.every()->us};
  }
  void enter_oldest() {
    const EventTime time = waiting_.time(0);
    const Word word = waiting_.word(0);
    const bool counts = waiting_.counts(0);
    waiting_.pop();
    enter(time, word, counts);
  }
  void leave() {
    const Pane& pane = panes_[begin_];
    count_ -= pane.count;
    passed_ -= pane.passed;
    if (total_ && !stale_ && pane.count > 0) {
      stale_ = !total_->remove_pane(place(pane.number), *pane.accumulator, count_);
    }
    panes_[begin_].accumulator.reset();
    ++begin_;
    if (begin_ == panes_.size() || (begin_ > 8 && begin_ * 2 > panes_.size())) {
      panes_.erase(panes_.begin(), panes_.begin() + static_cast<std::ptrdiff_t>(begin_));
      first_counted_ -= std::min(first_counted_, begin_);
      last_counted_ -= std::min(last_counted_, begin_);
      begin_ = 0;
    }
  }
  void move_to(EventTime now) {
    if (window_.excluding()) {
      const EventTime near = now - *window_.excluding();
      while (waiting_.size() > 0 && waiting_.time(0) <= near) enter_oldest();
    }
    const std::int64_t oldest = floor_divide((now - *window_.duration()).us, window_.every()->us);
    while (begin_ < panes_.size() && panes_[begin_].number < oldest) leave();
  }

  EventRing waiting_;             // younger than `excluding`
  std::pmr::vector<Pane> panes_;  // from begin_ on, ascending
  std::size_t begin_ = 0;
  std::size_t first_counted_ = 0;  // places of panes with something to aggregate
  std::size_t last_counted_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t passed_ = 0;
  InMemory<Accumulator> total_;
  bool stale_ = false;
  EventTime newest_;
};
}  // namespace

InMemory<WindowState> make_window(const WindowSpec& spec, WindowMemory& memory) {
  const auto make = [&]<typename T>(std::type_identity<T>) {
    return InMemory<WindowState>(make_in_memory<T>(memory.memory, spec, memory));
  };
  const FeatureWindow& window = spec.feature->window;
  switch (window.kind()) {
    case WindowKind::kLast:
    case WindowKind::kPrevious:
      if (window.every()) return make(std::type_identity<PaneWindow>{});
      break;
    case WindowKind::kLastEvents:
    case WindowKind::kPreviousEvents:
      break;
    case WindowKind::kCalendar:
      if (window.zone()->op != Op::kLiteral) return make(std::type_identity<CalendarInField>{});
      return make(std::type_identity<GrowingWindow>{});
    case WindowKind::kTumbling:
    case WindowKind::kSession:
    case WindowKind::kEver:
    case WindowKind::kPreviousEver:
      return make(std::type_identity<GrowingWindow>{});
  }
  return make(std::type_identity<SlidingWindow>{});
}

Value value_without_window(const WindowSpec& spec) {
  return spec.feature->window.needs.value_or(0) > 0 ? Value::missing() : value_of_nothing(spec);
}

std::optional<Duration> longest_look_back(const FeatureWindow& window) {
  if (window.kind() == WindowKind::kCalendar) return longest_unit(window.unit());
  if (!window.duration()) return std::nullopt;
  return window.every() ? *window.duration() + *window.every() : *window.duration();
}

WindowPool::WindowPool(std::uint64_t hash_seed)
    : seed_(hash_seed), memory_(std::make_unique<Memory>(hash_seed)) {}
WindowPool::~WindowPool() = default;

std::uint32_t WindowPool::make(const WindowSpec& spec) {
  std::uint32_t number = 0;
  if (free_.empty()) {
    windows_.emplace_back(nullptr, DestroyInPlace{&memory_->used});
    number = static_cast<std::uint32_t>(windows_.size());
  } else {
    number = free_.back();
    free_.pop_back();
  }
  windows_[number - 1] = make_window(spec, memory_->windows);
  return number;
}

void WindowPool::free(std::uint32_t number) {
  TOCSIN_ASSERT(windows_[number - 1] != nullptr, "a window is freed once");
  windows_[number - 1].reset();
  free_.push_back(number);
  if (count() == 0) forget_all();
}

void WindowPool::clear() { forget_all(); }

void WindowPool::forget_all() {
  std::vector<InMemory<WindowState>>().swap(windows_);
  std::vector<std::uint32_t>().swap(free_);
  memory_ = std::make_unique<Memory>(seed_);
}

std::size_t WindowPool::bytes() const {
  return memory_->held.bytes() + windows_.capacity() * sizeof(InMemory<WindowState>) +
         free_.capacity() * sizeof(std::uint32_t);
}

void WindowPool::compact_if_sparse() {
  constexpr std::size_t kWorthwhile = std::size_t{256} << 10;
  if (memory_->held.bytes() < kWorthwhile || memory_->used.bytes() * 4 > memory_->held.bytes()) {
    return;
  }
  auto fresh = std::make_unique<Memory>(seed_);
  std::string bytes;
  for (InMemory<WindowState>& window : windows_) {
    if (window == nullptr) continue;
    bytes.clear();
    ByteWriter to(bytes);
    window->save(to);
    InMemory<WindowState> moved = make_window(window->spec(), fresh->windows);
    ByteReader from(bytes);
    const bool is_well = moved->restore(from);
    TOCSIN_ASSERT(is_well && from.is_done(), "a window reads what it wrote");
    window = std::move(moved);
  }
  memory_ = std::move(fresh);
}
}  // namespace tocsin::cep
