#include "cep/value/short_text.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace tocsin::cep {
TEST_CASE("short texts: the word has the bytes in order, then zeros, then the size") {
  std::set<std::uint64_t> words;
  std::string text;
  for (std::size_t size = 0; size <= kShortTextMax; ++size) {
    CAPTURE(size);
    std::uint64_t expected = std::uint64_t{size} << 56;
    for (std::size_t i = 0; i < size; ++i) {
      expected |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
    }
    CHECK(short_text_word(text) == expected);
    CHECK(words.insert(short_text_word(text)).second);
    if (size > 0) CHECK(words.insert(short_text_word(std::string(size, '\0'))).second);
    text += static_cast<char>('\xf0' + size);
  }
}
}  // namespace tocsin::cep
