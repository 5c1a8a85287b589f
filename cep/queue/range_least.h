/// The least or the greatest number of a range of a queue.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>

#include "cep/queue/best_blocks.h"
#include "cep/value/int128.h"

namespace tocsin::cep {
/// Numbers with the places of a Ring's elements, some of them absent; costs as BestBlocks.
class RangeLeast {
 public:
  /// With `greatest`, the greatest instead of the least.
  explicit RangeLeast(bool greatest) : blocks_(Better{greatest}) {}
  void push(std::optional<Int128> number) {
    blocks_.push(number ? Number{*number, true} : Number{});
  }
  void pop() { blocks_.pop(); }
  void pop_back() { blocks_.pop_back(); }
  /// Of places [from, to), all of which are there; absent where none of them has a number.
  std::optional<Int128> of(std::uint64_t from, std::uint64_t to) const {
    const Number best = blocks_.best(from, to);
    return best.is_there ? std::optional(best.number) : std::nullopt;
  }
  /// The first place of [from, to) with this number, which is the best of all from there on up to
  /// `to`, or absent; `to` where there is none.
  std::uint64_t next(std::uint64_t from, std::uint64_t to, Int128 best) const {
    return blocks_.first(
        from, to, [&](const Number& number) { return number.is_there && number.number == best; });
  }
  std::size_t bytes() const { return blocks_.bytes(); }

 private:
  struct Number {
    Int128 number = 0;
    bool is_there = false;
  };
  struct Better {
    bool greatest;
    void operator()(Number& best, const Number& other) const {
      if (!other.is_there) return;
      const bool is_better = greatest ? other.number > best.number : other.number < best.number;
      if (!best.is_there || is_better) best = other;
    }
  };
  BestBlocks<Number, Better> blocks_;
};
}  // namespace tocsin::cep
