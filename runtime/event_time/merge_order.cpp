#include "runtime/event_time/merge_order.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace tocsin::runtime {
namespace {
std::vector<MergeOrder::Place> first_places(std::size_t count) {
  std::vector<MergeOrder::Place> places(count);
  for (std::size_t input = 0; input < count; ++input) places[input].input = input;
  return places;
}
}  // namespace

MergeOrder::MergeOrder(std::size_t count) : MergeOrder(first_places(count)) {}

MergeOrder::MergeOrder(std::vector<Place> inputs) : others_(std::move(inputs)) {
  std::make_heap(others_.begin(), others_.end(), std::greater<>());
  end();
}

void MergeOrder::change() {
  std::pop_heap(others_.begin(), others_.end(), std::greater<>());
  std::swap(current_, others_.back());
  std::push_heap(others_.begin(), others_.end(), std::greater<>());
}

void MergeOrder::end() {
  is_open_ = !others_.empty();
  if (!is_open_) return;
  std::pop_heap(others_.begin(), others_.end(), std::greater<>());
  current_ = others_.back();
  others_.pop_back();
}
}  // namespace tocsin::runtime
