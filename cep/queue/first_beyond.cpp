#include "cep/queue/first_beyond.h"

namespace tocsin::cep {
void FirstBeyond::Better::operator()(Value& best, const Value& other) const {
  if (other.is_missing()) return;
  const Ordering better = greater ? Ordering::kGreater : Ordering::kLess;
  if (best.is_missing() || compare(other, best) == better) best = other;
}

void FirstBeyond::push(Value value) {
  value.text = {};
  blocks_.push(value);
}

std::uint64_t FirstBeyond::first(std::uint64_t from, std::uint64_t to, const Value& bound) const {
  return blocks_.first(from, to, [&](const Value& value) {
    const Ordering order = compare(value, bound);
    return order == (greater_ ? Ordering::kGreater : Ordering::kLess) ||
           (or_equal_ && order == Ordering::kEqual);
  });
}
}  // namespace tocsin::cep
