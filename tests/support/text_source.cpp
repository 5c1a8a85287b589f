#include "tests/support/text_source.h"

#include <algorithm>
#include <utility>

namespace tocsin::tests {
TextSource::TextSource(std::string text) : text_(std::move(text)) {}

std::size_t TextSource::give(char* to, std::size_t capacity, std::size_t end) {
  const std::size_t size = text_.copy(to, std::min(capacity, end - at_), at_);
  at_ += size;
  return size;
}

PiecesSource::PiecesSource(std::string text, std::size_t most, std::uint64_t seed)
    : TextSource(std::move(text)), most_(most), random_(seed) {}

Result<std::size_t> PiecesSource::read(char* to, std::size_t capacity) {
  return give(to, capacity, std::min(text().size(), at() + 1 + random_.below(most_)));
}
}  // namespace tocsin::tests
