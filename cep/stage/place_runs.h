/// What waits for its turn, in the order of its places.
///
/// What comes is put behind the last of a run: of that run with the greatest last place which is
/// not after its own. Where there is none a run begins. So the runs' last places descend, and the
/// run is found by bisection. Senders that keep their order need about a run each. Takes come from
/// a heap of the runs' first places. A put and a take cost the logarithm of the number of runs,
/// whatever the order: patience sorting, as in Chandramouli and Goldstein, "Patience is a Virtue",
/// SIGMOD 2014.
#pragma once
#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/stage/slot_pool.h"

namespace tocsin::cep {
/// The order of places that compare by themselves.
struct ByPlace {
  template <typename Place>
  auto operator()(const Place& a, const Place& b) const {
    return a <=> b;
  }
};
/// Items of equal places stay in the order in which they came. Slots are used again with what their
/// items have allocated. Threading: one caller at a time.
///
/// Invariants: each run ascends. The last places of the runs descend strictly, so that the run that
/// is taken to its end first is the last one. Of equal places, one that came later is in the same
/// run or in one behind.
template <typename Place, typename Item, typename Order = ByPlace>
class PlaceRuns {
 public:
  struct Added {
    Item& item;
    bool is_new;
  };

  /// A new item, behind all that came to its place before; it is as its slot's last one was left.
  Item& add(Place place) {
    const std::uint32_t run = run_for(place);
    return append(run, std::move(place));
  }
  /// The same, but where a run ends at this place its last item is found again.
  Added find_or_add(Place place) {
    const std::uint32_t run = run_for(place);
    if (run < runs_.size()) {
      Slot& last = slots_[runs_[run].last];
      if (order_(last.place, place) == 0) return {last.item, false};
    }
    return {append(run, std::move(place)), true};
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  /// Of the slots: those in use, and what is kept to be used again.
  std::size_t slot_bytes() const { return size_ * sizeof(Slot); }
  std::size_t slots() const { return slots_.size(); }
  std::size_t runs() const { return runs_.size(); }

  /// The first in order; requires one.
  const Place& first() const { return slots_[runs_[heap_.front()].first].place; }
  Item& first_item() { return slots_[runs_[heap_.front()].first].item; }
  /// The last place in order; requires one.
  const Place& last() const { return slots_[runs_.front().last].place; }

  /// Takes out the first; what its item still has stays in its slot.
  void pop() {
    const std::uint32_t slot = runs_[heap_.front()].first;
    if (!move_on(runs_, heap_)) {
      // All runs behind it had ended before.
      TOCSIN_ASSERT(runs_.back().last == slot, "the last run ends first");
      runs_.pop_back();
    }
    slots_.give_back(slot);
    --size_;
  }

  /// Calls each(place, item) for all, in order.
  template <typename Each>
  void each(Each&& each) const {
    std::vector<Run> runs = runs_;
    for (std::vector<std::uint32_t> heap = heap_; !heap.empty(); move_on(runs, heap)) {
      const Slot& slot = slots_[runs[heap.front()].first];
      each(slot.place, slot.item);
    }
  }
  /// The same, run by run, of items that may be changed.
  template <typename Each>
  void each_by_run(Each&& each) {
    for (const Run& run : runs_) {
      for (std::uint32_t at = run.first; at != kNoSlot; at = slots_[at].next) {
        each(std::as_const(slots_[at].place), slots_[at].item);
      }
    }
  }

 private:
  struct Slot {
    Place place = {};
    Item item = {};
    std::uint32_t next = kNoSlot;  // of the run, or of what is free
  };
  struct Run {
    std::uint32_t first = kNoSlot;
    std::uint32_t last = kNoSlot;
  };

  // The first run that does not end after the place; there may be none.
  std::uint32_t run_for(const Place& place) const {
    const auto ends_after = [&](const Run& run) {
      return order_(slots_[run.last].place, place) > 0;
    };
    // What comes in order goes to the first, what comes backwards to a new one.
    if (runs_.empty() || !ends_after(runs_.front())) return 0;
    if (ends_after(runs_.back())) return static_cast<std::uint32_t>(runs_.size());
    return static_cast<std::uint32_t>(std::ranges::partition_point(runs_, ends_after) -
                                      runs_.begin());
  }

  Item& append(std::uint32_t run, Place&& place) {
    const std::uint32_t at = slots_.take();
    Slot& slot = slots_[at];
    slot.place = std::move(place);
    slot.next = kNoSlot;
    ++size_;
    if (run < runs_.size()) {
      slots_[runs_[run].last].next = at;
      runs_[run].last = at;
      return slot.item;
    }
    runs_.push_back({at, at});
    heap_.push_back(run);
    std::ranges::push_heap(
        heap_, [this](std::uint32_t a, std::uint32_t b) { return comes_before(runs_, b, a); });
    return slot.item;
  }

  bool comes_before(const std::vector<Run>& runs, std::uint32_t a, std::uint32_t b) const {
    const auto order = order_(slots_[runs[a].first].place, slots_[runs[b].first].place);
    return order != 0 ? order < 0 : a < b;
  }
  // The heap's first run goes on to its next item; false where it had none, and is out of the heap.
  bool move_on(std::vector<Run>& runs, std::vector<std::uint32_t>& heap) const {
    Run& run = runs[heap.front()];
    run.first = slots_[run.first].next;
    const bool has_more = run.first != kNoSlot;
    if (!has_more) {
      heap.front() = heap.back();
      heap.pop_back();
    }
    const std::size_t size = heap.size();
    for (std::size_t at = 0;;) {
      std::size_t least = 2 * at + 1;
      if (least >= size) break;
      if (least + 1 < size && comes_before(runs, heap[least + 1], heap[least])) ++least;
      if (!comes_before(runs, heap[least], heap[at])) break;
      std::swap(heap[at], heap[least]);
      at = least;
    }
    return has_more;
  }

  SlotPool<Slot> slots_;
  std::vector<Run> runs_;
  std::vector<std::uint32_t> heap_;  // of numbers of runs, by their first places
  std::size_t size_ = 0;
  [[no_unique_address]] Order order_;
};
}  // namespace tocsin::cep
