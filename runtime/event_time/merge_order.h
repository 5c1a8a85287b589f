/// From which of several inputs the next line is read: always the one whose own watermark is least,
/// ties by position. So the order of arrival is a function of the inputs' contents alone.
#pragma once
#include <compare>
#include <cstddef>
#include <vector>

#include "cep/base/assert.h"
#include "cep/value/time.h"

namespace tocsin::runtime {
/// A heap of inputs with the one being read beside it, so that reading on costs one comparison.
class MergeOrder {
 public:
  /// One input that may be read, and its watermark.
  struct Place {
    cep::EventTime watermark = cep::kEventTimeMin;
    std::size_t input = 0;
    friend constexpr auto operator<=>(const Place&, const Place&) = default;
  };
  /// Inputs 0 … count - 1, all with the watermark kEventTimeMin.
  explicit MergeOrder(std::size_t count);
  /// Inputs that are on their way.
  explicit MergeOrder(std::vector<Place> inputs);
  /// False when all have ended.
  bool is_open() const { return is_open_; }
  /// The input to read; requires is_open().
  std::size_t current() const { return current_.input; }
  /// The current input's watermark is now `watermark`, at or after the one before.
  void advance(cep::EventTime watermark) {
    TOCSIN_ASSERT(is_open_ && watermark >= current_.watermark,
                  "an input is read, and watermarks only advance");
    current_.watermark = watermark;
    if (!others_.empty() && others_.front() < current_) change();
  }
  /// The greatest watermark with which the current input is still the one to read.
  cep::EventTime stay_until() const {
    if (others_.empty()) return cep::kEventTimeMax;
    const Place& next = others_.front();
    return next.input > current_.input ? next.watermark : cep::EventTime{next.watermark.us - 1};
  }
  /// The current input has ended.
  void end();

 private:
  // Goes on with the least of the others.
  void change();

  std::vector<Place> others_;  // a heap, the least first
  Place current_;
  bool is_open_ = false;  // there is a current one
};
}  // namespace tocsin::runtime
