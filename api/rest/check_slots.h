/// Sets of rules that are checked at once: each may take a processor for seconds.
#pragma once
#include <atomic>

#include "api/net/http_server.h"

namespace tocsin::api {
/// Threading: any.
class CheckSlots {
 public:
  /// Holds one of them, if there was one.
  class Slot {
   public:
    explicit Slot(CheckSlots& slots) : taken_(slots.taken_), is_one_(++taken_ <= kMost) {}
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() { --taken_; }
    explicit operator bool() const { return is_one_; }

   private:
    std::atomic<int>& taken_;
    const bool is_one_;
  };
  /// The answer where there was none.
  static HttpResponse full();

 private:
  static constexpr int kMost = 2;
  std::atomic<int> taken_{0};
};
}  // namespace tocsin::api
