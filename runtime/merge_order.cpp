#include "runtime/merge_order.h"

#include <algorithm>
#include <functional>

namespace tocsin::runtime {
MergeOrder::MergeOrder(std::size_t count) {
  for (std::size_t input = 1; input < count; ++input)
    others_.push_back({cep::kEventTimeMin, input});
  current_.watermark = cep::kEventTimeMin;
  is_open_ = count > 0;
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
