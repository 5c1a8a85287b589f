/// Text before memory that cannot be read.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>

namespace tocsin::tests {
/// A copy of some text whose last byte is followed by a page that ends the program when it is read.
class GuardedText {
 public:
  explicit GuardedText(std::string_view text) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t pages = (text.size() + page - 1) / page;
    bytes_ = (pages + 1) * page;
    memory_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    char* const guard = static_cast<char*>(memory_) + pages * page;
    if (::mprotect(guard, page, PROT_NONE) != 0) throw std::bad_alloc();
    text_ = {guard - text.size(), text.size()};
    std::memcpy(guard - text.size(), text.data(), text.size());
  }
  ~GuardedText() { ::munmap(memory_, bytes_); }
  GuardedText(const GuardedText&) = delete;
  GuardedText& operator=(const GuardedText&) = delete;
  std::string_view text() const { return text_; }

 private:
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  std::string_view text_;
};
}  // namespace tocsin::tests
