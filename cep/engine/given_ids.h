/// How often each id was given to an alert of one time.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "cep/value/identity.h"

namespace tocsin::cep {
/// Counts by digest. Forgetting all of them costs nothing, or gives much memory back.
class GivenIds {
 public:
  void clear() {
    if (places_.size() > kKeptMax) places_ = {};
    ++round_;
    used_ = 0;
  }
  /// The count of this digest, 0 at first, to be changed before the next call.
  std::uint32_t& count(const AlertDigest& digest) {
    if (2 * (used_ + 1) > places_.size()) grow();
    Place& place = place_of(digest);
    if (place.round != round_) {
      place = {digest, 0, round_};
      ++used_;
    }
    return place.count;
  }
  /// Calls `visit(digest, count)` for each, in no order.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const Place& place : places_) {
      if (place.round == round_) visit(place.digest, place.count);
    }
  }

 private:
  static constexpr std::size_t kKeptMax = 16'384;
  struct Place {
    AlertDigest digest{};
    std::uint32_t count = 0;
    std::uint64_t round = 0;  // taken if it is that of now
  };
  // Open addressing: half of the places are free, and a digest is its own hash.
  Place& place_of(const AlertDigest& digest) {
    std::uint64_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    const std::size_t mask = places_.size() - 1;
    std::size_t at = hash & mask;
    while (places_[at].round == round_ && places_[at].digest != digest) at = (at + 1) & mask;
    return places_[at];
  }
  void grow() {
    std::vector<Place> before(std::max<std::size_t>(16, 2 * places_.size()));
    before.swap(places_);
    for (const Place& place : before) {
      if (place.round == round_) place_of(place.digest) = place;
    }
  }

  std::vector<Place> places_;
  std::size_t used_ = 0;
  std::uint64_t round_ = 1;
};
}  // namespace tocsin::cep
