// Any bytes of a client as requests: heads, bodies by length and in chunks, one behind the other.
// However the bytes are cut they are the same requests; a head that is taken says the same when it
// is written anew; no body is longer than it may be, and what bodies count is given back.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/net/body_reader.h"
#include "api/net/http_head.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
using namespace api;
constexpr std::uint64_t kBodyBytesMax = 300;
constexpr HttpHeadLimits kLimits{1000, 20, 200};

// What a connection was understood to say.
struct Reader {
  // Reads `bytes`, `at_once` at a time; 0: all.
  void read(std::string_view bytes, std::size_t at_once) {
    while (!bytes.empty() && !is_over) {
      const std::string_view piece = bytes.substr(0, at_once == 0 ? bytes.size() : at_once);
      bytes.remove_prefix(piece.size());
      in += piece;
      while (!is_over && step()) {
      }
    }
  }
  bool step() {
    if (body) return step_body();
    const HeadEnd end = find_request_head_end(in, searched);
    searched = in.size();
    const bool is_open = end.is == HeadEnd::Is::kUnknown;
    if ((is_open ? in.size() : end.at) > kLimits.head_bytes_max) return refuse(431);
    if (end.is == HeadEnd::Is::kBareLineFeed) return refuse(400);
    if (is_open) return false;
    const auto head = parse_request_head(std::string_view(in).substr(0, end.at), kLimits);
    in.erase(0, end.at);
    searched = 0;
    if (!head) return refuse(head.error().status);
    write_anew(*head);
    said.push_back(head->method + " " + head->target);
    if (head->content_bytes.value_or(0) > kBodyBytesMax) return refuse(413);
    body.emplace(*head, kBodyBytesMax, &budget);
    return true;
  }
  bool step_body() {
    const auto used = body->read(in);
    if (!used) return refuse(used.error().status);
    in.erase(0, *used);
    if (!body->is_done()) return false;
    std::string whole = body->take();
    require(whole.size() <= kBodyBytesMax, "a body is no longer than it may be");
    said.push_back(std::move(whole));
    body.reset();
    return true;
  }
  bool refuse(int status) {
    body.reset();
    is_over = true;
    said.push_back("refused " + std::to_string(status));
    return false;
  }
  static void write_anew(const RequestHead& head) {
    std::string text =
        head.method + " " + head.target + (head.is_1_1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
    for (const HttpHeader& header : head.headers)
      text += header.name + ": " + header.value + "\r\n";
    HttpHeadLimits wide = kLimits;
    wide.head_bytes_max *= 2;  // of one without blanks
    const auto again = parse_request_head(text + "\r\n", wide);
    require(again.has_value(), "a head that was written anew is one");
    require(again->target == head.target && again->content_bytes == head.content_bytes &&
                again->is_chunked == head.is_chunked && again->keep_alive == head.keep_alive &&
                again->headers.size() == head.headers.size(),
            "a head that was written anew says the same");
  }

  BodyBudget budget{std::size_t{1} << 20};
  std::string in;
  std::size_t searched = 0;
  std::optional<BodyReader> body;
  bool is_over = false;
  std::vector<std::string> said;
};
}  // namespace
}  // namespace tocsin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tocsin::fuzz;
  if (size == 0) return 0;
  const std::string_view bytes = text_of(data + 1, size - 1);
  Reader whole;
  whole.read(bytes, 0);
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{1} + data[0] % 64}) {
    Reader cut;
    cut.read(bytes, at_once);
    require(cut.said == whole.said, "requests do not depend on how their bytes are cut");
    cut.body.reset();
    require(cut.budget.held() == 0, "what bodies take is given back");
  }
  return 0;
}
