/// The chunks of a body (RFC 9112, 7.1), read strictly: bytes in, bytes out.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "api/net/http_head.h"

namespace tocsin::api {
/// Lines end in CR LF and nothing else, sizes are hexadecimal digits and nothing else. Extensions
/// and trailers are passed over, within limits; a trailer is never a header.
class ChunkReader {
 public:
  explicit ChunkReader(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}
  struct Step {
    std::size_t used = 0;   // bytes that it took; all, where neither data nor the end comes
    std::string_view data;  // of the body
  };
  /// Reads on, up to the next piece of the body or to the end. `bytes` go on where those before
  /// ended, however they are cut. Fails with 413 where the body or what frames it is too long, with
  /// 400 for what is not chunks; then it is not called again.
  tl::expected<Step, HttpFault> read(std::string_view bytes);
  bool is_done() const { return state_ == State::kDone; }

 private:
  enum class State : std::uint8_t {
    kSize,
    kExtension,
    kSizeEnd,
    kData,
    kDataEnd1,
    kDataEnd2,
    kTrailer,
    kTrailerEnd,
    kDone
  };
  tl::expected<void, HttpFault> read_framing(char letter);
  tl::expected<void, HttpFault> read_size(char letter);
  tl::expected<void, HttpFault> end_size();
  tl::expected<void, HttpFault> end_trailer();

  std::uint64_t bytes_max_;
  State state_ = State::kSize;
  std::uint64_t size_ = 0;     // of the chunk; what is left of it in kData
  std::size_t digits_ = 0;     // of the size
  std::uint64_t bytes_ = 0;    // of the body, by the sizes that were read
  std::uint64_t framing_ = 0;  // bytes beside the body
  std::size_t line_ = 0;       // bytes of the extension
  std::string trailer_;        // the line that is read
  std::size_t trailers_ = 0;   // bytes of all
};
}  // namespace tocsin::api
