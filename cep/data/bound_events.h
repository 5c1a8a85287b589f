/// The events that an alert lists.
#pragma once
#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/index.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// An event as an alert lists it. Texts and values are borrowed; those of a list's events, from the
/// list.
struct BoundEvent {
  std::string_view as;  // the step's name, else the name of its kind
  EventTypeIndex type;
  std::string_view identity;  // canonical bytes (cep/value/identity.h)
  std::string_view id;        // as shown
  EventTime ts;
  std::span<const Value> fields = {};  // parallel to the rule's Captured fields of this type;
                                       // missing where missing
};
/// Copies of events and of all that they borrow, in one block of memory.
class PackedEvents {
 public:
  PackedEvents() = default;
  explicit PackedEvents(std::span<const BoundEvent> events);
  PackedEvents(const PackedEvents& other) : PackedEvents(other.events()) {}
  PackedEvents(PackedEvents&& other) noexcept
      : memory_(std::move(other.memory_)), events_(std::exchange(other.events_, {})) {}
  PackedEvents& operator=(PackedEvents other) noexcept {
    memory_ = std::move(other.memory_);
    events_ = other.events_;
    return *this;
  }
  ~PackedEvents() = default;
  std::span<const BoundEvent> events() const { return events_; }
  /// Memory held.
  std::size_t bytes() const { return bytes_of(events_); }

 private:
  static std::size_t bytes_of(std::span<const BoundEvent> events);

  // Values, events, texts.
  std::unique_ptr<std::byte[]> memory_;
  std::span<const BoundEvent> events_;
};
/// One that several alerts list.
struct SharedEvent {
  PackedEvents packed;  // one event
  std::string json;     // as the alerts show it, where that is kept; else empty

  const BoundEvent& event() const { return packed.events().front(); }
};
/// A list that holds its events itself, or shares them with the lists of other alerts: alerts of
/// one key that list a thousand events each mostly list the same ones. Invariant: one of the two
/// is empty.
class BoundEvents {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = BoundEvent;
    using difference_type = std::ptrdiff_t;
    using pointer = const BoundEvent*;
    using reference = const BoundEvent&;
    Iterator() = default;
    Iterator(const BoundEvents& events, std::size_t at) : events_(&events), at_(at) {}
    reference operator*() const { return (*events_)[at_]; }
    pointer operator->() const { return &**this; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++at_;
      return before;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const BoundEvents* events_ = nullptr;
    std::size_t at_ = 0;
  };

  BoundEvents() = default;
  BoundEvents(PackedEvents events) : own_(std::move(events)) {}
  explicit BoundEvents(std::vector<std::shared_ptr<const SharedEvent>> events)
      : shared_(std::move(events)) {}
  std::size_t size() const { return own_.events().size() + shared_.size(); }
  bool empty() const { return size() == 0; }
  const BoundEvent& operator[](std::size_t i) const {
    return shared_.empty() ? own_.events()[i] : shared_[i]->event();
  }
  /// The event as the alert shows it, where that is kept; else empty.
  std::string_view json(std::size_t i) const {
    return shared_.empty() ? std::string_view() : shared_[i]->json;
  }
  const BoundEvent& front() const { return (*this)[0]; }
  const BoundEvent& back() const { return (*this)[size() - 1]; }
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

 private:
  PackedEvents own_;
  std::vector<std::shared_ptr<const SharedEvent>> shared_;
};
}  // namespace tocsin::cep
