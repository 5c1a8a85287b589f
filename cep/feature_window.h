/// A feature's window for one key, of every kind that the fast rings of cep/feature_state.h do not
/// hold. Taking and reading take constant time in the number of the window's events, amortized;
/// but:
/// - `ewma` over a window that slides is recomputed at a read after an event has left: bounded by
///   WindowSpec::events_max;
/// - `percentile` inserts into a sorted list of at most 2,048 values, and reads a sketch by going
///   through its buckets, 64 for each doubling of the values;
/// - `today in FIELD` goes through the events of the last two days when the zone changes from one
///   row of the key to the next.
///
/// Windows are ordinary objects in a pool of their shard, named by a number in the key's record.
#pragma once
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <vector>

#include "cep/accumulator.h"
#include "cep/plan.h"
#include "cep/time.h"

namespace tocsin::cep {
class WindowState {
 public:
  WindowState() = default;
  WindowState(const WindowState&) = delete;
  WindowState& operator=(const WindowState&) = delete;
  virtual ~WindowState() = default;
  virtual std::size_t object_bytes() const = 0;
  /// Takes an event; times do not descend, here and below. `word` is 0 where the aggregate has no
  /// argument; its holder is the window then.
  virtual void take(EventTime now, Word word) = 0;
  /// The value at `now` over what was taken; `zone` is that of the row, for `today` alone (null:
  /// missing). A text is valid until the next take.
  virtual Value read(EventTime now, const Zone* zone) = 0;
  /// From when on nothing is in it any more: kDead, a time, or kNeverDies.
  virtual std::int64_t expiry(EventTime now) = 0;
  static constexpr std::int64_t kDead = INT64_MIN;
  static constexpr std::int64_t kNeverDies = INT64_MAX;
};
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
  /// Frees all.
  void clear();
  WindowMemory& memory() { return memory_; }
  std::size_t count() const { return windows_.size() - free_.size(); }
  /// Bytes held from the system.
  std::size_t bytes() const;

 private:
  class Counter : public std::pmr::memory_resource {
   public:
    std::size_t bytes() const { return bytes_; }

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override;
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
      return this == &other;
    }
    std::size_t bytes_ = 0;
  };
  Counter counter_;
  std::pmr::unsynchronized_pool_resource pool_;
  WindowMemory memory_;
  std::vector<InMemory<WindowState>> windows_;
  std::vector<std::uint32_t> free_;
};
}  // namespace tocsin::cep
