#include "api/live/joined_stream.h"

#include <array>
#include <utility>
#include <vector>

namespace tocsin::api {
namespace {
class JoinedStream final : public HttpStream {
 public:
  JoinedStream(std::shared_ptr<HttpStream> first, std::shared_ptr<HttpStream> second)
      : parts_{Part{std::move(first)}, Part{std::move(second)}} {}

  void begin(std::function<void()> wake) override {
    for (const Part& part : parts_) part.stream->begin(wake);
  }
  Next take(std::vector<SharedBytes>& pieces) override {
    bool is_over = false;
    bool is_ready = false;
    bool has_work = false;
    for (Part& part : parts_) {
      std::vector<SharedBytes> own;
      const Next next = part.stream->take(own);
      pieces.insert(pieces.end(), own.begin(), own.end());
      part.has_work = next == Next::kWork;
      is_over = is_over || next == Next::kEnd;
      is_ready = is_ready || next == Next::kReady;
      has_work = has_work || part.has_work;
    }
    if (is_over) return Next::kEnd;
    if (is_ready) return Next::kReady;
    return has_work ? Next::kWork : Next::kWait;
  }
  void work() override {
    for (Part& part : parts_) {
      if (std::exchange(part.has_work, false)) part.stream->work();
    }
  }

 private:
  struct Part {
    std::shared_ptr<HttpStream> stream;
    bool has_work = false;  // asked for by its last take()
  };
  std::array<Part, 2> parts_;
};
}  // namespace

std::shared_ptr<HttpStream> join_streams(std::shared_ptr<HttpStream> first,
                                         std::shared_ptr<HttpStream> second) {
  return std::make_shared<JoinedStream>(std::move(first), std::move(second));
}
}  // namespace tocsin::api
