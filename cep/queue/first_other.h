/// Which value of a queue is the first that is another one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "cep/queue/best_blocks.h"
#include "cep/queue/ring.h"

namespace tocsin::cep {
/// Values as bytes, with the places of a Ring's elements. Costs as BestBlocks: of a block, one
/// value and one that differs from it say which others it has.
class FirstOther {
 public:
  /// Null for a missing value, which is no other one.
  void push(const std::string* value);
  void pop();
  /// The first place of [from, to) with another value than this one; `to` where there is none.
  std::uint64_t first(std::uint64_t from, std::uint64_t to, const std::string* value) const;
  std::size_t bytes() const;

 private:
  using Number = std::uint64_t;  // of a value; 0: none
  struct Known {
    Number number = 0;
    std::uint64_t count = 0;
  };
  using Entry = std::pair<const std::string, Known>;
  struct Two {
    Number one = 0;
    Number other = 0;  // not `one`
    bool has_but(Number number) const {
      return (one != 0 && one != number) || (other != 0 && other != number);
    }
  };
  struct Join {
    void operator()(Two& two, const Two& more) const;
  };

  std::unordered_map<std::string, Known> known_;
  Ring<Entry*> entries_;  // of known_; null for missing values
  BestBlocks<Two, Join> blocks_{Join{}};
  Number numbered_ = 0;
  std::size_t text_bytes_ = 0;
};
}  // namespace tocsin::cep
