#include "api/net/chunk_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace tocsin::api {
namespace {
constexpr std::size_t kDigitsMax = 16;
constexpr std::size_t kExtensionBytesMax = 1024;
constexpr std::size_t kTrailerBytesMax = std::size_t{8} << 10;
// Sizes and line ends may take as much again as the body, and a little more.
constexpr std::uint64_t kFramingBytes = std::uint64_t{64} << 10;

tl::unexpected<HttpFault> malformed(const char* what) {
  return tl::unexpected<HttpFault>(
      HttpFault{400, fmt::format("the chunks of the body are malformed: {}", what)});
}
int digit_of(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  const char lower = static_cast<char>(letter | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
bool is_text(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}
}  // namespace

tl::expected<ChunkReader::Step, HttpFault> ChunkReader::read(std::string_view bytes) {
  Step step;
  while (step.used < bytes.size() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const std::uint64_t count = std::min<std::uint64_t>(size_, bytes.size() - step.used);
      step.data = bytes.substr(step.used, static_cast<std::size_t>(count));
      step.used += step.data.size();
      size_ -= count;
      if (size_ == 0) state_ = State::kDataEnd1;
      return step;
    }
    if (++framing_ > bytes_max_ + kFramingBytes) {
      return tl::unexpected(HttpFault{413, "what frames the chunks is longer than they may be"});
    }
    if (auto read = read_framing(bytes[step.used]); !read) return tl::unexpected(read.error());
    ++step.used;
  }
  return step;
}

tl::expected<void, HttpFault> ChunkReader::read_framing(char letter) {
  switch (state_) {
    case State::kSize:
      return read_size(letter);
    case State::kExtension:
      if (letter == '\r') {
        state_ = State::kSizeEnd;
      } else if (!is_text(letter)) {
        return malformed("an extension has a control character");
      } else if (++line_ > kExtensionBytesMax) {
        return malformed("an extension is too long");
      }
      return {};
    case State::kSizeEnd:
      if (letter != '\n') return malformed("a size does not end in CR LF");
      return end_size();
    case State::kDataEnd1:
      if (letter != '\r') return malformed("a chunk does not end in CR LF");
      state_ = State::kDataEnd2;
      return {};
    case State::kDataEnd2:
      if (letter != '\n') return malformed("a chunk does not end in CR LF");
      state_ = State::kSize;
      return {};
    case State::kTrailer:
      if (++trailers_ > kTrailerBytesMax) return malformed("the trailers are too long");
      if (letter == '\r') {
        state_ = State::kTrailerEnd;
      } else {
        trailer_ += letter;
      }
      return {};
    case State::kTrailerEnd:
      if (letter != '\n') return malformed("a trailer does not end in CR LF");
      return end_trailer();
    case State::kData:
    case State::kDone:
      break;
  }
  return {};
}

tl::expected<void, HttpFault> ChunkReader::read_size(char letter) {
  if (const int digit = digit_of(letter); digit >= 0) {
    if (++digits_ > kDigitsMax) return malformed("a size has too many digits");
    size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
    return {};
  }
  if (digits_ == 0 || (letter != '\r' && letter != ';')) {
    return malformed("a size is not hexadecimal digits");
  }
  line_ = 0;
  state_ = letter == '\r' ? State::kSizeEnd : State::kExtension;
  return {};
}

tl::expected<void, HttpFault> ChunkReader::end_size() {
  digits_ = 0;
  if (size_ == 0) {
    state_ = State::kTrailer;
    return {};
  }
  if (size_ > bytes_max_ - bytes_) {
    return tl::unexpected(
        HttpFault{413, fmt::format("the body is longer than {} bytes", bytes_max_)});
  }
  bytes_ += size_;
  state_ = State::kData;
  return {};
}

tl::expected<void, HttpFault> ChunkReader::end_trailer() {
  if (trailer_.empty()) {
    state_ = State::kDone;
    return {};
  }
  if (!parse_header_line(trailer_)) return malformed("a trailer is not `Name: value`");
  trailer_.clear();
  state_ = State::kTrailer;
  return {};
}
}  // namespace tocsin::api
