#include "cep/record/range_least.h"

namespace tocsin::cep {
void RangeLeast::Better::operator()(Number& best, const Number& other) const {
  if (!other.is_there) return;
  const bool is_better = greatest ? other.number > best.number : other.number < best.number;
  if (!best.is_there || is_better) best = other;
}

void RangeLeast::push(std::optional<Int128> number) {
  blocks_.push(number ? Number{*number, true} : Number{});
}

std::uint64_t RangeLeast::next(std::uint64_t from, std::uint64_t to, Int128 best) const {
  return blocks_.first(
      from, to, [&](const Number& number) { return number.is_there && number.number == best; });
}

std::optional<Int128> RangeLeast::of(std::uint64_t from, std::uint64_t to) const {
  const Number best = blocks_.best(from, to);
  return best.is_there ? std::optional(best.number) : std::nullopt;
}
}  // namespace tocsin::cep
