/// A feature's window for one key, of every kind that the fast rings of
/// cep/ring/feature_state.h do not hold. Taking and reading take constant time in the number
/// of the window's events, amortized; but:
/// - `ewma` over a window that slides is recomputed at a read after an event has left: bounded by
///   WindowSpec::events_max;
/// - `percentile` inserts into a sorted list of at most 2,048 values, and reads a sketch by going
///   through its buckets, 64 for each doubling of the values;
/// - a unit of the calendar in a zone that each row names is added up once for each zone; where a
///   key's rows name more than 64 zones in turn, reads go through the events of the unit.
///
/// Windows are ordinary objects in a pool of their shard, named by a number in the key's record.
/// While a window is small, the record holds it itself (cep/ring/flat_window.h).
#pragma once
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <vector>

#include "cep/aggregate/accumulator.h"
#include "cep/aggregate/window_state.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// An empty window; `spec` and `memory` outlive it.
InMemory<WindowState> make_window(const WindowSpec& spec, WindowMemory& memory);
/// What a window in which nothing was taken gives.
Value value_without_window(const WindowSpec& spec);
/// The longest that a window of this feature looks back; nothing where that has no bound.
std::optional<Duration> longest_look_back(const FeatureWindow& window);

/// The windows of one shard.
class WindowPool {
 public:
  explicit WindowPool(std::uint64_t hash_seed);
  ~WindowPool();
  WindowPool(const WindowPool&) = delete;
  WindowPool& operator=(const WindowPool&) = delete;
  /// Makes an empty window; its number is not 0.
  std::uint32_t make(const WindowSpec& spec);
  WindowState& at(std::uint32_t number) const { return *windows_[number - 1]; }
  void free(std::uint32_t number);
  /// Frees all, and the texts too.
  void clear();
  /// Of the shard's windows, those in records included.
  WindowMemory& memory() { return memory_->windows; }
  std::size_t count() const { return windows_.size() - free_.size(); }
  /// Bytes held from the system.
  std::size_t bytes() const;
  /// Moves all windows, and all texts, to new memory where most of the old one is free. Texts that
  /// were read are no longer valid then.
  void compact_if_sparse();

 private:
  // Counts what goes through it.
  class Counter : public std::pmr::memory_resource {
   public:
    explicit Counter(std::pmr::memory_resource* from) : from_(from) {}
    std::size_t bytes() const { return bytes_; }

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      bytes_ += bytes;
      return from_->allocate(bytes, alignment);
    }
    void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
      bytes_ -= bytes;
      from_->deallocate(block, bytes, alignment);
    }
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
      return this == &other;
    }
    std::pmr::memory_resource* from_;
    std::size_t bytes_ = 0;
  };
  // A pool keeps what was ever asked of it, so that it is given back as a whole.
  struct Counted {
    Counter held{std::pmr::new_delete_resource()};
    std::pmr::unsynchronized_pool_resource pool{&held};
    Counter used{&pool};
    std::size_t held_at_first = held.bytes();  // the pool's own
    bool is_sparse() const;
  };
  struct Memory : Counted {
    Memory(TextTable& texts, std::uint64_t seed) : windows(&used, texts, seed) {}
    WindowMemory windows;
  };
  void forget_windows();
  void forget_texts();

  std::uint64_t seed_;
  std::unique_ptr<Counted> text_memory_;
  TextTable texts_;
  std::unique_ptr<Memory> memory_;
  std::vector<InMemory<WindowState>> windows_;
  std::vector<std::uint32_t> free_;
};
}  // namespace tocsin::cep
