/// Bytes that the bodies of requests hold at once, bounded, of all and of each who asks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace tocsin::api {
/// Threading: any.
class BodyBudget {
 public:
  /// `each_max`: of one asker.
  explicit BodyBudget(std::size_t bytes_max, std::size_t each_max = SIZE_MAX)
      : bytes_max_(bytes_max), each_max_(each_max) {}
  std::size_t held() const {
    const std::lock_guard lock(mutex_);
    return held_;
  }
  /// One request's share, given back with it.
  class Hold {
   public:
    /// `asker`: whose it is; empty: nobody's, who may have all.
    [[nodiscard]] explicit Hold(BodyBudget& budget, std::string asker = {})
        : budget_(budget), asker_(std::move(asker)) {}
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { give_back(bytes_); }
    /// False: there is no room for so many more.
    bool add(std::size_t bytes) {
      if (!budget_.take(asker_, bytes)) return false;
      bytes_ += bytes;
      return true;
    }
    /// Gives back some of what was added.
    void give_back(std::size_t bytes) {
      budget_.give_back(asker_, bytes);
      bytes_ -= bytes;
    }

   private:
    BodyBudget& budget_;
    const std::string asker_;
    std::size_t bytes_ = 0;
  };

 private:
  bool take(const std::string& asker, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (bytes > bytes_max_ - held_) return false;
    if (!asker.empty()) {
      std::size_t& own = by_asker_[asker];
      if (bytes > each_max_ || own > each_max_ - bytes) {
        if (own == 0) by_asker_.erase(asker);
        return false;
      }
      own += bytes;
      if (own == 0) by_asker_.erase(asker);
    }
    held_ += bytes;
    return true;
  }
  void give_back(const std::string& asker, std::size_t bytes) {
    if (bytes == 0) return;
    const std::lock_guard lock(mutex_);
    held_ -= bytes;
    const auto own = by_asker_.find(asker);
    if (own == by_asker_.end()) return;
    own->second -= bytes;
    if (own->second == 0) by_asker_.erase(own);
  }

  const std::size_t bytes_max_;
  const std::size_t each_max_;
  mutable std::mutex mutex_;
  std::size_t held_ = 0;
  std::map<std::string, std::size_t> by_asker_;  // those who hold some
};
/// What is said where there is no room for a body beside the others: 503.
inline constexpr std::string_view kNoRoomForBody =
    "the bodies of other requests take all the room there is for bodies, or yours take your share "
    "of it (http.bodies_bytes_max, http.share_max)";
}  // namespace tocsin::api
