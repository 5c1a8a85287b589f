/// The events that an alert lists.
#pragma once
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/index.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::cep {
struct BoundEvent {
  std::string as;  // the step's name, else the name of its kind
  EventTypeIndex type;
  std::string identity;  // canonical bytes (cep/value/identity.h)
  std::string id;        // as shown
  EventTime ts;
  std::vector<OwnedValue>
      fields;  // parallel to the rule's Captured fields of this type; missing where missing
};
/// One that several alerts list.
struct SharedEvent {
  BoundEvent event;
  std::string json;  // as the alerts show it, where that is kept; else empty
};
/// A list that holds its events itself, or shares them with the lists of other alerts: alerts of
/// one key that list a thousand events each mostly list the same ones. Invariant: one of the two
/// vectors is empty.
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
  /// The events become the list's own.
  BoundEvents(std::vector<BoundEvent> events) : own_(std::move(events)) {}
  std::size_t size() const { return own_.size() + shared_.size(); }
  bool empty() const { return size() == 0; }
  const BoundEvent& operator[](std::size_t i) const {
    return shared_.empty() ? own_[i] : shared_[i]->event;
  }
  /// The event as the alert shows it, where that is kept; else empty.
  std::string_view json(std::size_t i) const {
    return shared_.empty() ? std::string_view() : shared_[i]->json;
  }
  const BoundEvent& front() const { return (*this)[0]; }
  const BoundEvent& back() const { return (*this)[size() - 1]; }
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }
  /// Appends one that is the list's own; not to a list that shares.
  void push_back(BoundEvent event);
  /// Appends one that other lists may have too; not to a list with events of its own.
  void share(std::shared_ptr<const SharedEvent> event);
  /// Makes room for so many in all.
  void reserve(std::size_t count, bool shared);
  void reverse();

 private:
  std::vector<BoundEvent> own_;
  std::vector<std::shared_ptr<const SharedEvent>> shared_;
};
}  // namespace tocsin::cep
