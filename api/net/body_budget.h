/// Bytes that the bodies of requests hold at once, bounded.
#pragma once
#include <atomic>
#include <cstddef>
#include <string_view>

namespace tocsin::api {
/// Threading: any.
class BodyBudget {
 public:
  explicit BodyBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  std::size_t held() const { return held_; }
  /// One request's share, given back with it.
  class Hold {
   public:
    [[nodiscard]] explicit Hold(BodyBudget& budget) : budget_(budget) {}
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { budget_.held_ -= bytes_; }
    /// False: there is no room for so many more.
    bool add(std::size_t bytes) {
      if (budget_.held_.fetch_add(bytes) + bytes > budget_.bytes_max_) {
        budget_.held_ -= bytes;
        return false;
      }
      bytes_ += bytes;
      return true;
    }
    /// Gives back some of what was added.
    void give_back(std::size_t bytes) {
      budget_.held_ -= bytes;
      bytes_ -= bytes;
    }

   private:
    BodyBudget& budget_;
    std::size_t bytes_ = 0;
  };

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> held_{0};
};
/// What is said where there is no room for a body beside the others: 503.
inline constexpr std::string_view kNoRoomForBody =
    "the bodies of other requests take all the room there is for bodies (http.bodies_bytes_max)";
}  // namespace tocsin::api
