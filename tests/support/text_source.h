/// Inputs for tests whose bytes are at hand.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "runtime/io/byte_source.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// A text; who inherits says how much of it a read gives.
class TextSource : public runtime::ByteSource {
 public:
  explicit TextSource(std::string text);
  std::uint64_t bytes_read() const override { return at_; }
  std::optional<std::uint64_t> bytes_total() const override { return text_.size(); }

 protected:
  const std::string& text() const { return text_; }
  std::size_t at() const { return at_; }
  /// Gives what follows, to before `end` at most; how many bytes.
  std::size_t give(char* to, std::size_t capacity, std::size_t end);

 private:
  std::string text_;
  std::size_t at_ = 0;
};

/// Gives its text in pieces of random sizes, of `most` bytes at most.
class PiecesSource : public TextSource {
 public:
  PiecesSource(std::string text, std::size_t most, std::uint64_t seed);
  Result<std::size_t> read(char* to, std::size_t capacity) override;

 private:
  std::size_t most_;
  Random random_;
};
}  // namespace tocsin::tests
