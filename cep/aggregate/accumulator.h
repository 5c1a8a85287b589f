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

#include "cep/aggregate/window_spec.h"

namespace tocsin::cep {
class WordReader;
class WordWriter;
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
}  // namespace tocsin::cep
