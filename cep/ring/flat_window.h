/// Small windows of features, as words in the record of their key. Most keys have few events in a
/// window: their times and values take less room than any object that would be ready for many, and
/// the aggregate is found by going through them. FlatForm says which windows have such a form:
///
/// - kEvents: windows that slide by each event. A word: how many events, for how many there is
///   room, and which of them are not aggregated; then the times; then the words, if there is an
///   argument. A window of more than kFlatEventsMax events becomes one of the pool
///   (cep/aggregate/feature_window.h), and stays one.
/// - kTotal: windows that grow for ever, of aggregates that take no more than two words. The number
///   of events, that of those not aggregated, if they count, and the aggregate's words.
///
/// Invariant: what is read, and the bytes that are saved, are those of the pool's window.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "cep/aggregate/window_spec.h"
#include "cep/aggregate/window_state.h"
#include "cep/base/byte_codec.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
class FlatWindow {
 public:
  /// For which a new one has room.
  static constexpr std::uint32_t kEventsLeast = 2;
  /// The window at these words; `memory` has the texts of its words.
  FlatWindow(std::uint64_t* words, const WindowSpec& spec, WindowMemory& memory)
      : words_(words), spec_(spec), memory_(memory) {}
  /// The words of an empty one.
  static std::uint32_t words_of_new(const WindowSpec& spec);
  /// The words of one that has room for so many events; requires kEvents.
  static std::uint32_t words_for(const WindowSpec& spec, std::uint32_t events) {
    return 1 + events * (spec.has_value ? 2U : 1U);
  }
  /// The words of the one that begins with this word.
  static std::uint32_t words_of(const WindowSpec& spec, std::uint64_t first_word) {
    return spec.flat == FlatForm::kEvents ? words_for(spec, capacity_of(first_word))
                                          : words_of_new(spec);
  }
  /// Makes an empty one of memory of words_of_new(), or of words_for() so many events.
  void start(std::uint32_t events = kEventsLeast);

  /// Takes an event, as WindowState::take() or, where it does not `count`, pass(). False where
  /// there is no room: nothing has changed then but that what has left the window is gone.
  bool take(EventTime now, Word word, bool counts);
  /// The events for which there would be room if it grew; 0: it is as large as it may be.
  std::uint32_t larger() const;
  /// Moves its events to memory for words_for() so many.
  FlatWindow move_to(std::uint64_t* words, std::uint32_t events) const;
  /// Gives its events to an empty window of the pool.
  void move_to(WindowState& window) const;
  /// The value at `now`, as WindowState::read().
  Value read(EventTime now);
  /// As WindowState::expiry().
  std::int64_t expiry(EventTime now);
  /// Lets go of the texts that it holds.
  void release() const;
  /// As WindowState::save().
  void save(ByteWriter& to) const;
  /// How many events there are to read, for which restore() needs room; nothing where that is not
  /// for a window of this form.
  static std::optional<std::uint32_t> events_to_restore(const WindowSpec& spec, ByteReader from);
  /// As WindowState::restore(), into an empty one with room for these events.
  bool restore(ByteReader& from);

 private:
  static std::uint32_t capacity_of(std::uint64_t first_word) {
    return static_cast<std::uint32_t>(first_word >> 8 & 0xff);
  }
  // ---- kEvents
  std::uint32_t count() const { return static_cast<std::uint32_t>(words_[0] & 0xff); }
  std::uint32_t capacity() const { return capacity_of(words_[0]); }
  // Bits by event, the oldest first: those that are not aggregated.
  std::uint32_t passed() const { return static_cast<std::uint32_t>(words_[0] >> 16); }
  void set(std::uint32_t count, std::uint32_t passed) {
    words_[0] = std::uint64_t{passed} << 16 | std::uint64_t{capacity()} << 8 | count;
  }
  std::span<std::int64_t> times() const {
    return {reinterpret_cast<std::int64_t*>(words_ + 1), count()};
  }
  std::span<Word> values() const {
    const std::uint32_t values = spec_.has_value ? count() : 0;
    return {reinterpret_cast<Word*>(words_ + 1 + capacity()), values};
  }
  bool counts(std::uint32_t event) const { return (passed() >> event & 1) == 0; }
  const FeatureWindow& window() const { return spec_.feature->window; }
  void push(EventTime time, Word word, bool counts);
  void drop_oldest(std::uint32_t events);
  void trim(EventTime now);
  std::uint32_t entered(EventTime now) const;
  Value value_of_events(std::uint32_t entered, std::uint32_t counted) const;
  Value chosen(std::uint32_t entered) const;
  std::uint32_t different(std::uint32_t entered) const;
  bool restore_events(ByteReader& from);
  // ---- kTotal
  std::uint64_t& passed_total() const { return words_[1]; }
  std::uint64_t* total() const { return words_ + (spec_.takes_all ? 2 : 1); }
  void add_to_total(EventTime now, Word word);
  bool replaces(Word word, Word known) const;
  bool is_one_word() const;
  Value value_of_total() const;
  void save_total(ByteWriter& to) const;
  bool restore_total(ByteReader& from);

  std::uint64_t* words_;
  const WindowSpec& spec_;
  WindowMemory& memory_;
};
}  // namespace tocsin::cep
