/// The bytes of a file that is appended to: at its end they wait, until the series has a later
/// file.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "runtime/io/byte_source.h"
#include "runtime/series/input_files.h"
#include "runtime/series/series_digest.h"
#include "runtime/series/series_options.h"

namespace tocsin::runtime {
/// What a followed file belongs to: it knows which files come behind it.
class FollowedSeries {
 public:
  FollowedSeries() = default;
  FollowedSeries(const FollowedSeries&) = delete;
  FollowedSeries& operator=(const FollowedSeries&) = delete;
  virtual ~FollowedSeries() = default;
  /// Whether a later file is there, so that the one at hand, with this status and nothing new since
  /// then, is over. Null: none is at hand.
  virtual Result<bool> has_next(const InputStatus* status,
                                std::chrono::steady_clock::time_point quiet_since) = 0;
  /// The file at hand, of which nothing was read, was changed: whether others came first.
  virtual Result<bool> has_missed() { return false; }
  /// The file at hand was truncated: gives what else holds its rest, from behind `read` on, or
  /// nothing, which is noted.
  virtual Result<std::unique_ptr<ByteSource>> truncated(const SeriesDigest& read) = 0;
  /// The file at hand is over.
  virtual void left(const InputStatus& status, const SeriesDigest& read) = 0;
};
/// Threading: one caller at a time.
class FollowedBytes final : public ByteSource {
 public:
  /// `file`: from behind `read` on, which ends with `last` (keep_last()); null: nothing is there
  /// yet. The series and what the options name must outlive the bytes.
  FollowedBytes(FollowedSeries& series, const FileSeriesOptions& options,
                std::unique_ptr<InputFile> file, SeriesDigest read, std::string last);
  /// Keeps in `last` what is compared before more is read, once `bytes` were read too.
  static void keep_last(std::string& last, std::string_view bytes);
  Result<std::size_t> read(char* to, std::size_t capacity) override;
  bool wait_ready(std::chrono::milliseconds at_most) const override;
  Result<std::uint64_t> skip(std::uint64_t bytes) override;
  std::uint64_t bytes_read() const override { return read_.bytes(); }
  std::optional<std::uint64_t> bytes_total() const override { return std::nullopt; }

 private:
  // What there is to do, once looked at.
  enum class Found : std::uint8_t { kNothing, kBytes, kRest, kEnd, kFailure };
  Found look() const;
  Found look_at_file() const;
  Found rest_of_truncated() const;
  Found failed(const Error& error) const;
  bool is_same_before() const;
  void note(std::string_view bytes);

  // A look changes what is known, and is also made by whoever only asks.
  FollowedSeries& series_;
  const FileSeriesOptions& options_;
  std::unique_ptr<InputFile> file_;
  SeriesDigest read_;
  std::string last_;                              // the last bytes that were read
  mutable std::optional<std::int64_t> empty_at_;  // when the file was changed last that is empty
  mutable Found found_;
  mutable std::unique_ptr<ByteSource> rest_;  // of a file that was truncated
  mutable std::optional<Error> failure_;
  mutable std::chrono::steady_clock::time_point next_look_{};
  mutable std::chrono::steady_clock::time_point quiet_since_;
};
}  // namespace tocsin::runtime
