#include "runtime/io/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "cep/base/assert.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kPackedBufferBytes = std::size_t{256} << 10;

std::string reason_of(int error) { return std::generic_category().message(error); }

class DescriptorSource final : public ByteSource {
 public:
  DescriptorSource(int descriptor, bool owned, std::string name, StopRequested stop)
      : descriptor_(descriptor), owned_(owned), name_(std::move(name)), stop_(std::move(stop)) {
    struct stat status {};
    if (::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) {
      regular_ = true;
      bytes_total_ = static_cast<std::uint64_t>(status.st_size);
    }
  }
  ~DescriptorSource() override {
    if (owned_) ::close(descriptor_);
  }

  Result<std::size_t> read(char* to, std::size_t capacity) override {
    for (;;) {
      if (!regular_) {
        if (auto waited = wait(); !waited) return tl::unexpected(waited.error());
      }
      const ssize_t got = ::read(descriptor_, to, capacity);
      // Whoever asked to stop may have closed the input as well: that is no end of the events.
      if (got == 0 && stopped()) return stop_error();
      if (got >= 0) {
        bytes_read_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
      }
      if (errno == EINTR || errno == EAGAIN) {
        if (stopped()) return stop_error();
        continue;
      }
      const int error = errno;
      return fail(Errc::kIo, fmt::format("cannot read {}: {}", name_, reason_of(error)));
    }
  }
  bool wait_ready(std::chrono::milliseconds at_most) const override {
    if (regular_) return true;
    struct pollfd wanted {
      descriptor_, POLLIN, 0
    };
    return ::poll(&wanted, 1, static_cast<int>(at_most.count())) > 0;
  }
  Result<std::uint64_t> skip(std::uint64_t bytes) override {
    if (!regular_) return ByteSource::skip(bytes);
    const off_t here = ::lseek(descriptor_, 0, SEEK_CUR);
    struct stat status {};
    if (here < 0 || ::fstat(descriptor_, &status) != 0) return ByteSource::skip(bytes);
    const auto left = static_cast<std::uint64_t>(std::max<off_t>(status.st_size - here, 0));
    const std::uint64_t passed = std::min(bytes, left);
    if (::lseek(descriptor_, static_cast<off_t>(passed), SEEK_CUR) < 0) {
      return fail(Errc::kIo, fmt::format("cannot read {}: {}", name_, reason_of(errno)));
    }
    bytes_read_ += passed;
    return passed;
  }
  std::uint64_t bytes_read() const override { return bytes_read_; }
  std::optional<std::uint64_t> bytes_total() const override { return bytes_total_; }

 private:
  bool stopped() const { return stop_ && stop_(); }
  static tl::unexpected<Error> stop_error() { return fail(Errc::kStopped, "stopped"); }

  // Waits until there is something to read, asking now and then whether to stop: a signal may come
  // just before the wait begins.
  Result<void> wait() const {
    constexpr int kStopQuestionMs = 200;
    struct pollfd wanted {
      descriptor_, POLLIN, 0
    };
    while (::poll(&wanted, 1, kStopQuestionMs) <= 0) {
      if (stopped()) return stop_error();
    }
    return {};
  }

  int descriptor_;
  bool owned_;
  bool regular_ = false;
  std::string name_;
  StopRequested stop_;
  std::uint64_t bytes_read_ = 0;
  std::optional<std::uint64_t> bytes_total_;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string contents) : contents_(std::move(contents)) {}
  Result<std::size_t> read(char* to, std::size_t capacity) override {
    const std::size_t size = std::min(capacity, contents_.size() - at_);
    std::memcpy(to, contents_.data() + at_, size);
    at_ += size;
    return size;
  }
  std::uint64_t bytes_read() const override { return at_; }
  std::optional<std::uint64_t> bytes_total() const override { return contents_.size(); }

 private:
  std::string contents_;
  std::size_t at_ = 0;
};

// What both unpackers share: a buffer of packed bytes.
class UnpackingSource : public ByteSource {
 public:
  UnpackingSource(std::unique_ptr<ByteSource> packed, std::string name)
      : packed_(std::move(packed)), name_(std::move(name)), buffer_(kPackedBufferBytes) {}
  // Packed bytes in hand may be all that a full read needs, or not: waiting is then the reader's.
  bool wait_ready(std::chrono::milliseconds at_most) const override {
    return begin_ != end_ || packed_->wait_ready(at_most);
  }
  std::uint64_t bytes_read() const override { return packed_->bytes_read(); }
  std::optional<std::uint64_t> bytes_total() const override { return packed_->bytes_total(); }

 protected:
  // Fetches packed bytes where none are left; false at their end.
  Result<bool> refill() {
    if (begin_ != end_) return true;
    const Result<std::size_t> got = packed_->read(buffer_.data(), buffer_.size());
    if (!got) return tl::unexpected(got.error());
    begin_ = 0;
    end_ = *got;
    any_ = any_ || end_ != 0;
    return end_ != 0;
  }
  tl::unexpected<Error> corrupt(const std::string& what) const {
    return fail(Errc::kCorrupt, fmt::format("cannot read {}: {}", name_, what));
  }

  std::unique_ptr<ByteSource> packed_;
  std::string name_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of the packed bytes not used yet
  std::size_t end_ = 0;
  bool any_ = false;
};

class GzipSource final : public UnpackingSource {
 public:
  using UnpackingSource::UnpackingSource;
  ~GzipSource() override {
    if (ready_) ::inflateEnd(&stream_);
  }

  Result<std::size_t> read(char* to, std::size_t capacity) override {
    if (!ready_) {
      constexpr int kGzipOnly = 16 + MAX_WBITS;
      const int status = ::inflateInit2(&stream_, kGzipOnly);
      TOCSIN_ASSERT(status == Z_OK, "zlib has memory and our version");
      ready_ = true;
    }
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(capacity, UINT32_MAX));
    const std::size_t wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      const Result<bool> more = refill();
      if (!more) return tl::unexpected(more.error());
      if (!*more && between_members_) {
        if (any_) return 0;
        return corrupt("empty, not gzip data");
      }
      if (between_members_ && any_member_) {
        // tar and tapes pad with zeros after the last member.
        while (begin_ != end_ && buffer_[begin_] == '\0') ++begin_;
        if (begin_ == end_) continue;
        ::inflateReset(&stream_);
      }
      stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data() + begin_);
      stream_.avail_in = static_cast<uInt>(end_ - begin_);
      // Without more packed bytes zlib may still hold unpacked ones.
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      begin_ = end_ - stream_.avail_in;
      if (status == Z_STREAM_END) {
        between_members_ = true;
        any_member_ = true;
      } else if (status == Z_OK || status == Z_BUF_ERROR) {
        between_members_ = false;
        if (!*more && stream_.avail_out == wanted) return corrupt("the gzip data is cut off");
      } else {
        // What was unpacked before the damage comes first; the next read meets it again.
        if (stream_.avail_out != wanted) break;
        if (!between_members_) return corrupt("damaged gzip data");
        return corrupt(any_member_ ? "more data after the gzip data" : "not gzip data");
      }
    }
    return wanted - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool between_members_ = true;
  bool any_member_ = false;
};

class ZstdSource final : public UnpackingSource {
 public:
  ZstdSource(std::unique_ptr<ByteSource> packed, std::string name, int window_log_max)
      : UnpackingSource(std::move(packed), std::move(name)), window_log_max_(window_log_max) {
    if (stream_ == nullptr || window_log_max == 0) return;
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, window_log_max);
  }
  std::size_t memory() const override {
    return buffer_.size() + ZSTD_sizeof_DStream(stream_.get());
  }

  Result<std::size_t> read(char* to, std::size_t capacity) override {
    TOCSIN_ASSERT(stream_ != nullptr, "zstd has memory");
    ZSTD_outBuffer out{to, capacity, 0};
    while (out.pos == 0) {
      // Unpacked bytes may wait in the decoder though no packed ones are left.
      const Result<bool> more = flushing_ ? Result<bool>(true) : refill();
      if (!more) return tl::unexpected(more.error());
      if (!*more) {
        if (between_frames_ && any_) return 0;
        return corrupt(any_ ? "the zstd data is cut off" : "empty, not zstd data");
      }
      ZSTD_inBuffer in{buffer_.data() + begin_, end_ - begin_, 0};
      const std::size_t status = ZSTD_decompressStream(stream_.get(), &out, &in);
      begin_ += in.pos;
      if (ZSTD_isError(status) != 0) {
        if (out.pos != 0) break;
        if (ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge &&
            window_log_max_ != 0) {
          return corrupt(
              fmt::format("the zstd data needs a window of more than {} bytes: pack it "
                          "with a smaller one",
                          std::size_t{1} << window_log_max_));
        }
        return corrupt(fmt::format("damaged zstd data ({})", ZSTD_getErrorName(status)));
      }
      between_frames_ = status == 0;
      flushing_ = !between_frames_ && out.pos == out.size;
    }
    return out.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_{ZSTD_createDStream()};
  int window_log_max_;
  bool between_frames_ = true;
  bool flushing_ = false;
};
}  // namespace

Result<std::uint64_t> ByteSource::skip(std::uint64_t bytes) {
  std::vector<char> passed(kPackedBufferBytes);
  std::uint64_t done = 0;
  while (done < bytes) {
    const Result<std::size_t> got =
        read(passed.data(),
             static_cast<std::size_t>(std::min<std::uint64_t>(bytes - done, passed.size())));
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) break;
    done += *got;
  }
  return done;
}

std::unique_ptr<ByteSource> read_descriptor(int descriptor, bool owned, std::string name,
                                            StopRequested stop) {
  return std::make_unique<DescriptorSource>(descriptor, owned, std::move(name), std::move(stop));
}

std::unique_ptr<ByteSource> read_memory(std::string contents) {
  return std::make_unique<MemorySource>(std::move(contents));
}

std::unique_ptr<ByteSource> read_gzip(std::unique_ptr<ByteSource> packed, std::string name) {
  return std::make_unique<GzipSource>(std::move(packed), std::move(name));
}

std::unique_ptr<ByteSource> read_zstd(std::unique_ptr<ByteSource> packed, std::string name,
                                      int window_log_max) {
  return std::make_unique<ZstdSource>(std::move(packed), std::move(name), window_log_max);
}

bool is_packed(std::string_view path) { return path.ends_with(".gz") || path.ends_with(".zst"); }

std::unique_ptr<ByteSource> unpack(const std::string& path, std::unique_ptr<ByteSource> stored) {
  if (path.ends_with(".gz")) return read_gzip(std::move(stored), path);
  if (path.ends_with(".zst")) return read_zstd(std::move(stored), path);
  return stored;
}

Result<std::unique_ptr<ByteSource>> open_source(const std::string& path, StopRequested stop) {
  Result<std::unique_ptr<ByteSource>> stored = open_stored(path, std::move(stop));
  if (!stored) return stored;
  return unpack(path, *std::move(stored));
}

Result<std::unique_ptr<ByteSource>> open_stored(const std::string& path, StopRequested stop) {
  if (path == "-") return read_descriptor(STDIN_FILENO, false, "standard input", std::move(stop));
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  } while (descriptor < 0 && errno == EINTR && !(stop && stop()));
  if (descriptor < 0) {
    const int error = errno;
    if (error == EINTR) return fail(Errc::kStopped, "stopped");
    return fail(error == ENOENT ? Errc::kNotFound : Errc::kIo,
                fmt::format("cannot read {}: {}", path, reason_of(error)));
  }
  auto file = read_descriptor(descriptor, true, path, std::move(stop));
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    return fail(Errc::kIo, fmt::format("cannot read {}: {}", path, reason_of(EISDIR)));
  }
  return file;
}
}  // namespace tocsin::runtime
