/// A request's body as it arrives, within limits on it and on all bodies together.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "api/net/body_budget.h"
#include "api/net/chunk_reader.h"
#include "api/net/http_head.h"

namespace tocsin::api {
/// Threading: one thread at a time.
class BodyReader {
 public:
  /// `budget` may be null; `asker` is whose share of it the body is.
  BodyReader(const RequestHead& head, std::uint64_t bytes_max, BodyBudget* budget,
             const std::string& asker = {});
  /// Reads on; gives how many bytes belong to the body. Fails with 413, 400, or 503 where there is
  /// no room beside other bodies.
  tl::expected<std::size_t, HttpFault> read(std::string_view bytes);
  bool is_done() const { return chunks_ ? chunks_->is_done() : bytes_left_ == 0; }
  /// Of what was read and not taken.
  std::size_t size() const { return body_.size(); }
  /// What was read; it stays counted as long as this lives.
  std::string take() { return std::move(body_); }

  static HttpFault too_long(std::uint64_t bytes_max);

 private:
  tl::expected<void, HttpFault> append(std::string_view bytes);

  std::uint64_t bytes_left_ = 0;  // without chunks
  std::uint64_t bytes_most_ = 0;  // that the body may come to
  std::optional<ChunkReader> chunks_;
  std::optional<BodyBudget::Hold> hold_;
  std::size_t counted_ = 0;  // of the place that the body has
  std::string body_;
};
}  // namespace tocsin::api
