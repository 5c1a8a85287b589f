#include "cep/data/bound_events.h"

#include <algorithm>

#include "cep/base/assert.h"

namespace tocsin::cep {
void BoundEvents::push_back(BoundEvent event) {
  TOCSIN_ASSERT(shared_.empty(), "a list holds its events or shares them");
  own_.push_back(std::move(event));
}

void BoundEvents::share(std::shared_ptr<const SharedEvent> event) {
  TOCSIN_ASSERT(own_.empty(), "a list holds its events or shares them");
  shared_.push_back(std::move(event));
}

void BoundEvents::reserve(std::size_t count, bool shared) {
  if (shared) {
    shared_.reserve(count);
  } else {
    own_.reserve(count);
  }
}

void BoundEvents::reverse() {
  std::ranges::reverse(own_);
  std::ranges::reverse(shared_);
}
}  // namespace tocsin::cep
