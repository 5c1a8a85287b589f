/// When lines are not compared with known forms.
#pragma once
#include <algorithm>
#include <cstddef>

namespace tocsin::runtime {
/// Where few of the lines have a known form, none is looked for in so many bytes of lines that
/// follow; up to 1 MiB where that goes on. Threading: one caller at a time.
class FormPause {
 public:
  bool is_on() const { return left_ > 0; }
  /// A line of so many bytes for which no form was looked for.
  void pass_over(std::size_t bytes) { left_ -= std::min(left_, bytes); }
  /// A line of a known form.
  void found(std::size_t bytes) { known_bytes_ += bytes; }
  /// A line that has no form that is known.
  void missed(std::size_t bytes) {
    other_bytes_ += bytes;
    if (other_bytes_ < kBytesPerLook) return;
    next_ = std::clamp(2 * next_, kBytesPerLook, kBytesMax);
    // A line in vain takes about as long as two of known forms gain.
    if (known_bytes_ >= 2 * other_bytes_) next_ = 0;
    left_ = next_;
    known_bytes_ = 0;
    other_bytes_ = 0;
  }

 private:
  static constexpr std::size_t kBytesPerLook = std::size_t{16} << 10;
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;

  std::size_t left_ = 0;
  std::size_t next_ = 0;
  std::size_t known_bytes_ = 0;  // since the last look
  std::size_t other_bytes_ = 0;
};
}  // namespace tocsin::runtime
