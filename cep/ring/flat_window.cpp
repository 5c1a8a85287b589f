#include "cep/ring/flat_window.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "cep/aggregate/accumulator_base.h"
#include "cep/aggregate/accumulator_factory.h"
#include "cep/aggregate/ewma.h"
#include "cep/aggregate/window_base.h"
#include "cep/aggregate/window_bytes.h"

namespace tocsin::cep {
namespace {
constexpr std::uint64_t kCountMost = std::uint64_t{1} << 61;

// Words of a total.
std::uint32_t total_words(const WindowSpec& spec) {
  switch (spec.feature->aggregate) {
    case Aggregate::kCount:
      return 0;
    case Aggregate::kSum:
    case Aggregate::kAvg:
    case Aggregate::kEwma:
      return 2;
    default:
      return 1;
  }
}
Int128 sum_at(const std::uint64_t* words) {
  return static_cast<Int128>(static_cast<unsigned __int128>(words[1]) << 64 | words[0]);
}
void put_sum(std::uint64_t* words, Int128 sum) {
  words[0] = static_cast<std::uint64_t>(sum);
  words[1] = static_cast<std::uint64_t>(sum >> 64);
}
}  // namespace

std::uint32_t FlatWindow::words_of_new(const WindowSpec& spec) {
  if (spec.flat == FlatForm::kEvents) return words_for(spec, kEventsLeast);
  return 1 + (spec.takes_all ? 1 : 0) + total_words(spec);
}

void FlatWindow::start(std::uint32_t events) {
  if (spec_.flat == FlatForm::kEvents) {
    words_[0] = std::uint64_t{events} << 8;
  } else {
    std::fill_n(words_, words_of_new(spec_), 0);
  }
}

// ---- events

void FlatWindow::push(EventTime time, Word word, bool counts) {
  const std::uint32_t event = count();
  set(event + 1, passed() | (counts ? 0U : 1U << event));
  times()[event] = time.us;
  if (spec_.has_value) values()[event] = word;
}

void FlatWindow::drop_oldest(std::uint32_t events) {
  if (events == 0) return;
  const std::span<std::int64_t> all = times();
  std::copy(all.begin() + events, all.end(), all.begin());
  if (spec_.has_value) {
    const std::span<Word> words = values();
    for (std::uint32_t i = 0; spec_.is_text && i < events; ++i) {
      if (counts(i)) drop_word(words[i], spec_, memory_);
    }
    std::copy(words.begin() + events, words.end(), words.begin());
  }
  set(count() - events, passed() >> events);
}

void FlatWindow::trim(EventTime now) {
  if (!window().duration()) return;
  const std::int64_t edge = (now - *window().duration()).us;
  const std::span<const std::int64_t> all = times();
  std::uint32_t gone = 0;
  while (gone < all.size() && all[gone] <= edge) ++gone;
  drop_oldest(gone);
}

bool FlatWindow::take(EventTime now, Word word, bool counts) {
  if (spec_.flat == FlatForm::kTotal) {
    if (counts) {
      add_to_total(now, word);
    } else {
      ++passed_total();
    }
    return true;
  }
  trim(now);
  if (const auto most = window().events(); most && count() == *most) drop_oldest(1);
  if (count() == capacity()) return false;
  push(now, word, counts);
  return true;
}

std::uint32_t FlatWindow::larger() const {
  return capacity() < kFlatEventsMax ? std::min(capacity() * 2, kFlatEventsMax) : 0;
}

FlatWindow FlatWindow::move_to(std::uint64_t* words, std::uint32_t events) const {
  FlatWindow to(words, spec_, memory_);
  words[0] = (words_[0] & ~std::uint64_t{0xff00}) | std::uint64_t{events} << 8;
  std::ranges::copy(times(), to.times().begin());
  std::ranges::copy(values(), to.values().begin());
  return to;
}

void FlatWindow::move_to(WindowState& window) const {
  for (std::uint32_t i = 0; i < count(); ++i) {
    const EventTime time{times()[i]};
    if (counts(i)) {
      window.take(time, spec_.has_value ? values()[i] : 0);
    } else {
      window.pass(time);
    }
  }
}

// Those that are in the window; the others wait.
std::uint32_t FlatWindow::entered(EventTime now) const {
  if (!window().excluding()) return count();
  const std::int64_t near = (now - *window().excluding()).us;
  const std::span<const std::int64_t> all = times();
  return static_cast<std::uint32_t>(std::ranges::upper_bound(all, near) - all.begin());
}

Value FlatWindow::read(EventTime now) {
  std::uint64_t counted = words_[0];
  std::uint64_t not_counted = spec_.takes_all && spec_.flat == FlatForm::kTotal ? words_[1] : 0;
  std::uint32_t in_window = 0;
  if (spec_.flat == FlatForm::kEvents) {
    trim(now);
    in_window = entered(now);
    not_counted = static_cast<std::uint64_t>(std::popcount(passed() & ((1U << in_window) - 1)));
    counted = in_window - not_counted;
  }
  if (window().needs && counted + not_counted < *window().needs) return Value::missing();
  if (spec_.feature->aggregate == Aggregate::kCount) {
    return Value::integer(static_cast<Int128>(counted));
  }
  if (counted == 0) return value_of_nothing(spec_);
  return spec_.flat == FlatForm::kTotal
             ? value_of_total()
             : value_of_events(in_window, static_cast<std::uint32_t>(counted));
}

// Of several that are equal the latest, as of a window that slides.
Value FlatWindow::chosen(std::uint32_t entered) const {
  const std::span<const Word> words = values();
  const bool is_first = spec_.feature->aggregate == Aggregate::kFirst;
  const bool is_last = spec_.feature->aggregate == Aggregate::kLast;
  std::uint32_t best = entered;
  for (std::uint32_t i = 0; i < entered; ++i) {
    if (!counts(i)) continue;
    if (best == entered || is_last || (!is_first && !replaces(words[best], words[i]))) best = i;
  }
  return value_of(words[best], spec_, memory_);
}

std::uint32_t FlatWindow::different(std::uint32_t entered) const {
  const std::span<const Word> words = values();
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < entered; ++i) {
    if (!counts(i)) continue;
    bool is_new = true;
    for (std::uint32_t j = 0; j < i && is_new; ++j) is_new = words[j] != words[i] || !counts(j);
    found += is_new ? 1 : 0;
  }
  return found;
}

// Requires one that is aggregated.
Value FlatWindow::value_of_events(std::uint32_t entered, std::uint32_t counted) const {
  const std::span<const Word> words = values();
  switch (spec_.feature->aggregate) {
    case Aggregate::kFirst:
    case Aggregate::kLast:
    case Aggregate::kMin:
    case Aggregate::kMax:
      return chosen(entered);
    case Aggregate::kDistinct:
      return Value::integer(different(entered));
    case Aggregate::kSum:
    case Aggregate::kAvg: {
      if (spec_.value_type.kind == TypeKind::kFloat) break;
      Int128 sum = 0;
      for (std::uint32_t i = 0; i < entered; ++i) sum += counts(i) ? words[i] : 0;
      return value_of_sum(spec_, sum, counted);
    }
    default:
      break;
  }
  const InMemory<Accumulator> all = make_accumulator(spec_, memory_, AccumulatorUse::kSlides);
  for (std::uint32_t i = 0; i < entered; ++i) {
    if (counts(i)) all->add(i, EventTime{times()[i]}, words[i]);
  }
  return all->value(counted);
}

// ---- totals

bool FlatWindow::is_one_word() const { return total_words(spec_) == 1; }

// Whether a later value takes the place of what was known.
bool FlatWindow::replaces(Word word, Word known) const {
  switch (spec_.feature->aggregate) {
    case Aggregate::kFirst:
      return false;
    case Aggregate::kLast:
      return true;
    case Aggregate::kMin:
      return order_of_words(word, known, spec_, memory_) == Ordering::kLess;
    default:
      return order_of_words(word, known, spec_, memory_) == Ordering::kGreater;
  }
}

void FlatWindow::add_to_total(EventTime now, Word word) {
  std::uint64_t* const to = total();
  const bool is_first = words_[0]++ == 0;
  if (is_one_word()) {
    const auto known = static_cast<Word>(to[0]);
    const bool is_kept = is_first || replaces(word, known);
    if (is_kept) to[0] = static_cast<std::uint64_t>(word);
    if (!is_kept || !is_first) drop_word(is_kept ? known : word, spec_, memory_);
  } else if (spec_.feature->aggregate == Aggregate::kEwma) {
    const double average =
        is_first ? real_of_word(word, spec_)
                 : ewma_after(std::bit_cast<double>(to[0]),
                              EventTime{static_cast<std::int64_t>(to[1])}, now, word, spec_);
    to[0] = std::bit_cast<std::uint64_t>(average);
    to[1] = static_cast<std::uint64_t>(now.us);
  } else if (spec_.has_value) {
    put_sum(to, sum_at(to) + word);
  }
}

Value FlatWindow::value_of_total() const {
  if (is_one_word()) return value_of(static_cast<Word>(total()[0]), spec_, memory_);
  if (spec_.feature->aggregate == Aggregate::kEwma) {
    return Value::floating(std::bit_cast<double>(total()[0]));
  }
  return value_of_sum(spec_, sum_at(total()), words_[0]);
}

// ---- both

std::int64_t FlatWindow::expiry(EventTime now) {
  if (spec_.flat == FlatForm::kTotal) {
    const bool is_empty = words_[0] == 0 && (!spec_.takes_all || passed_total() == 0);
    return is_empty ? WindowState::kDead : WindowState::kNeverDies;
  }
  trim(now);
  if (count() == 0) return WindowState::kDead;
  if (!window().duration()) return WindowState::kNeverDies;
  return times().back() + window().duration()->us;
}

void FlatWindow::release() const {
  if (!spec_.is_text) return;
  if (spec_.flat == FlatForm::kTotal) {
    if (is_one_word() && words_[0] > 0) {
      drop_word(static_cast<Word>(total()[0]), spec_, memory_);
    }
    return;
  }
  for (std::uint32_t i = 0; i < count(); ++i) {
    if (counts(i)) drop_word(values()[i], spec_, memory_);
  }
}

void FlatWindow::save(ByteWriter& to) const {
  if (spec_.flat == FlatForm::kTotal) {
    save_total(to);
    return;
  }
  EventRing ring(memory_.memory, spec_.has_value, spec_.takes_all);
  for (std::uint32_t i = 0; i < count(); ++i) {
    ring.push(EventTime{times()[i]}, spec_.has_value ? values()[i] : 0, counts(i));
  }
  WordWriter(to, spec_, memory_).events(ring);
}

// As a window that grows has one stretch, of number 0.
void FlatWindow::save_total(ByteWriter& to) const {
  const bool is_there = words_[0] > 0 || (spec_.takes_all && passed_total() > 0);
  to.varint(is_there ? 1 : 0);
  if (!is_there) return;
  to.signed_varint(0);
  to.varint(words_[0]);
  if (spec_.takes_all) to.varint(passed_total());
  if (words_[0] == 0) return;
  if (is_one_word()) {
    WordWriter(to, spec_, memory_).word(static_cast<Word>(total()[0]));
  } else if (spec_.feature->aggregate == Aggregate::kEwma) {
    to.u64(total()[0]);
    save_time(to, EventTime{static_cast<std::int64_t>(total()[1])});
  } else if (spec_.has_value) {
    save_number(to, sum_at(total()));
  }
}

std::optional<std::uint32_t> FlatWindow::events_to_restore(const WindowSpec& spec,
                                                           ByteReader from) {
  if (spec.flat == FlatForm::kTotal) return 0;
  const std::uint64_t events = from.varint_up_to(kFlatEventsMax);
  if (spec.flat == FlatForm::kNone || !from.ok()) return std::nullopt;
  return std::max(std::bit_ceil(static_cast<std::uint32_t>(events)), kEventsLeast);
}

bool FlatWindow::restore(ByteReader& from) {
  return spec_.flat == FlatForm::kTotal ? restore_total(from) : restore_events(from);
}

bool FlatWindow::restore_events(ByteReader& from) {
  EventRing ring(memory_.memory, spec_.has_value, spec_.takes_all);
  const bool is_well = WordReader(from, spec_, memory_).events(ring);
  const bool fits =
      ring.size() <= capacity() && (!window().events() || ring.size() <= *window().events());
  if (!is_well || !fits) {
    drop_words(ring, spec_, memory_);
    return false;
  }
  for (std::uint64_t i = 0; i < ring.size(); ++i) push(ring.time(i), ring.word(i), ring.counts(i));
  return true;
}

bool FlatWindow::restore_total(ByteReader& from) {
  if (from.varint_up_to(1) == 0) return from.ok();
  if (from.signed_varint() != 0) return false;
  const std::uint64_t count = from.varint_up_to(kCountMost);
  if (spec_.takes_all) passed_total() = from.varint_up_to(kCountMost);
  if (!from.ok() || count + (spec_.takes_all ? passed_total() : 0) == 0) return false;
  words_[0] = count;
  if (count == 0 || !spec_.has_value) return true;
  std::uint64_t* const to = total();
  if (is_one_word()) {
    Word word = 0;
    words_[0] = 0;
    if (!WordReader(from, spec_, memory_).word(word)) return false;
    words_[0] = count;
    to[0] = static_cast<std::uint64_t>(word);
    return true;
  }
  if (spec_.feature->aggregate == Aggregate::kEwma) {
    EventTime newest;
    to[0] = from.u64();
    if (!restore_time(from, newest)) return false;
    to[1] = static_cast<std::uint64_t>(newest.us);
    return true;
  }
  const Int128 sum = restore_number(from);
  const Int128 most = (Int128{1} << 63) * static_cast<Int128>(count);
  put_sum(to, sum);
  return from.ok() && sum >= -most && sum <= most;
}
}  // namespace tocsin::cep
