// Windows that slide by panes: last D or previous D, every P.
#include <algorithm>

#include "cep/aggregate/accumulator_factory.h"
#include "cep/aggregate/window_base.h"
#include "cep/plan/calendar.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
namespace {
class PaneWindow : public WindowBase {
 public:
  PaneWindow(const WindowSpec& spec, WindowMemory& memory)
      : WindowBase(spec, memory),
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

InMemory<WindowState> make_pane_window(const WindowSpec& spec, WindowMemory& memory) {
  return make_window_of<PaneWindow>(spec, memory);
}
}  // namespace tocsin::cep
