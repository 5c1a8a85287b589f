// Windows that only grow: ever, tumbling, session, and the calendar in a zone that the rule names.
#include <algorithm>

#include "cep/aggregate/accumulator_factory.h"
#include "cep/aggregate/window_base.h"
#include "cep/plan/calendar.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
namespace {
class GrowingWindow : public WindowBase {
 public:
  GrowingWindow(const WindowSpec& spec, WindowMemory& memory)
      : WindowBase(spec, memory), stretches_(memory.memory) {
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
}  // namespace

InMemory<WindowState> make_growing_window(const WindowSpec& spec, WindowMemory& memory) {
  return make_window_of<GrowingWindow>(spec, memory);
}
}  // namespace tocsin::cep
