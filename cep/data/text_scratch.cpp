#include "cep/data/text_scratch.h"

#include <atomic>

namespace tocsin::cep {
namespace {
struct ThreadTexts {
  TextArena texts;
  std::uint64_t slice = 0;
};
ThreadTexts& this_threads_texts() {
  thread_local ThreadTexts texts;
  return texts;
}
}  // namespace

TextArena& text_scratch() { return this_threads_texts().texts; }

std::uint64_t begin_text_scratch() {
  static std::atomic<std::uint64_t> last{0};
  const std::uint64_t slice = last.fetch_add(1, std::memory_order_relaxed) + 1;
  join_text_scratch(slice);
  return slice;
}

void join_text_scratch(std::uint64_t slice) {
  ThreadTexts& of_thread = this_threads_texts();
  if (of_thread.slice == slice) return;
  of_thread.slice = slice;
  of_thread.texts.clear();
}
}  // namespace tocsin::cep
