#include "api/net/http_stream.h"

#include <utility>

namespace tocsin::api {
namespace {
class PageStream final : public HttpStream {
 public:
  explicit PageStream(std::function<std::optional<std::string>()> page) : page_(std::move(page)) {}
  Next take(std::vector<SharedBytes>& pieces) override {
    if (is_over_) return Next::kEnd;
    if (!made_) return Next::kWork;
    pieces.push_back(std::make_shared<const std::string>(*std::move(made_)));
    made_.reset();
    return Next::kReady;
  }
  void work() override {
    made_ = page_();
    is_over_ = !made_;
  }

 private:
  std::function<std::optional<std::string>()> page_;
  std::optional<std::string> made_;
  bool is_over_ = false;
};
}  // namespace

std::shared_ptr<HttpStream> page_stream(std::function<std::optional<std::string>()> page) {
  return std::make_shared<PageStream>(std::move(page));
}
}  // namespace tocsin::api
