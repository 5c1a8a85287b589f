/// The running part of a window's aggregate: what it takes to give the value without looking at the
/// window's events again.
///
/// Values are **words**: 64 bits that are equal where the values are (bools, ints, mantissas,
/// microseconds, days, ordinals, a float's bits, a text's number in the shard's TextTable). Three
/// ways of use: a window that only grows adds; one that slides adds and removes the oldest; one of
/// panes adds to its newest pane, whose own accumulator later says what to remove.
#pragma once
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>

#include "cep/aggregate/text_table.h"
#include "cep/plan/calendar.h"
#include "cep/plan/plan.h"
#include "cep/value/value.h"

namespace tocsin::cep {
class WordReader;
class WordWriter;
using Word = std::int64_t;

/// What all windows of a feature share: made once from the plan.
struct WindowSpec {
  const Feature* feature = nullptr;
  const std::vector<Zone>* zones = nullptr;
  Type value_type;         // of the argument
  bool has_value = false;  // an argument
  bool is_text = false;    // words are texts
  /// Events that are not aggregated, by `where` or a missing value, are in the window too
  /// (WindowState::pass): `last N events` and `needs` count them.
  bool takes_all = false;
  std::uint64_t events_max = 0;
};
WindowSpec make_window_spec(const Plan& plan, const Feature& feature, std::uint64_t events_max);

/// What the windows of one shard share.
struct WindowMemory {
  WindowMemory(std::pmr::memory_resource* resource, std::uint64_t hash_seed)
      : memory(resource), texts(resource, hash_seed), seed(hash_seed) {}
  std::pmr::memory_resource* memory;
  TextTable texts;
  std::uint64_t seed;
  std::uint64_t events_lost = 0;  // to WindowSpec::events_max
  CalendarCache calendar;
};

/// The word of a known value, which holds its text; nothing where a number leaves 64 bits.
std::optional<Word> word_of(const Value& value, const WindowSpec& spec, WindowMemory& memory);
/// The value again; its text is borrowed from the table.
Value value_of(Word word, const WindowSpec& spec, const WindowMemory& memory);
/// One holder more, or fewer, where words are texts.
inline void hold_word(Word word, const WindowSpec& spec, WindowMemory& memory) {
  if (spec.is_text) memory.texts.hold(static_cast<std::uint32_t>(word));
}
inline void drop_word(Word word, const WindowSpec& spec, WindowMemory& memory) {
  if (spec.is_text) memory.texts.drop(static_cast<std::uint32_t>(word));
}
/// The value of the aggregate over no events.
Value value_of_nothing(const WindowSpec& spec);

/// Objects in a memory resource.
struct DestroyInPlace {
  std::pmr::memory_resource* memory = nullptr;
  template <typename T>
  void operator()(T* object) const {
    const std::size_t size = object->object_bytes();
    object->~T();
    memory->deallocate(object, size, alignof(std::max_align_t));
  }
};
template <typename T>
using InMemory = std::unique_ptr<T, DestroyInPlace>;
template <typename T, typename... Args>
InMemory<T> make_in_memory(std::pmr::memory_resource* memory, Args&&... args) {
  void* place = memory->allocate(sizeof(T), alignof(std::max_align_t));
  return {new (place) T(std::forward<Args>(args)...), DestroyInPlace{memory}};
}

/// How an accumulator is used.
enum class AccumulatorUse : std::uint8_t {
  kGrows,
  kSlides,
  kPanes,  // the total of panes
  kPane,   // one of them
};
class Accumulator {
 public:
  Accumulator() = default;
  Accumulator(const Accumulator&) = delete;
  Accumulator& operator=(const Accumulator&) = delete;
  virtual ~Accumulator() = default;
  virtual std::size_t object_bytes() const = 0;
  /// Adds a value. `place` ascends: the number of its event, or of its pane.
  virtual void add(std::uint64_t place, EventTime time, Word word) = 0;
  /// Takes the oldest value away; `left` are in the window then. False where it cannot: the rest is
  /// to be added afresh before the next value().
  virtual bool remove(std::uint64_t place, Word word, std::uint64_t left);
  /// The same for panes, the oldest first.
  virtual void add_pane(std::uint64_t place, const Accumulator& pane);
  virtual bool remove_pane(std::uint64_t place, const Accumulator& pane, std::uint64_t left);
  /// Forgets all.
  virtual void clear() = 0;
  /// Over `count` > 0 values.
  virtual Value value(std::uint64_t count) const = 0;
  /// Words that count against the budget beside the window's events.
  virtual std::uint64_t words_kept() const { return 0; }
  /// Writes what it holds. Only of windows that grow, panes, and totals of panes that `is_saved`:
  /// the others follow from what their window holds.
  virtual void save(WordWriter& to) const = 0;
  /// Reads that into an empty one of the same kind, over `count` > 0 values: it gives the same bits
  /// from then on. False for bytes that save() did not write.
  virtual bool restore(WordReader& from, std::uint64_t count) = 0;
  /// Of a total of panes: whether adding the panes again would not give it.
  virtual bool is_saved() const { return false; }
  /// Whether what was restored can be of panes from `oldest` to `newest`, by place.
  virtual bool is_between(std::uint64_t oldest, std::uint64_t newest) const;
};
/// Null for count, and for `first` and `last` but where the window grows or has panes: those are
/// read from the window's events.
InMemory<Accumulator> make_accumulator(const WindowSpec& spec, WindowMemory& memory,
                                       AccumulatorUse use);
}  // namespace tocsin::cep
