#include "api/net/chunk_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/support/random.h"

namespace tocsin::api {
namespace {
struct Outcome {
  int status = 0;  // 0: not at its end; 200: at its end
  std::string body;
  std::size_t used = 0;
  bool operator==(const Outcome&) const = default;
};
// Reads `bytes` in pieces of at most `piece`.
Outcome read(std::string_view bytes, std::size_t piece, std::uint64_t bytes_max = 1000) {
  ChunkReader reader(bytes_max);
  Outcome outcome;
  while (outcome.used < bytes.size() && !reader.is_done()) {
    const auto step = reader.read(bytes.substr(outcome.used, piece));
    if (!step) {
      outcome.status = step.error().status;
      return {outcome.status, outcome.body, 0};
    }
    CHECK(step->used > 0);
    outcome.used += step->used;
    outcome.body += step->data;
  }
  if (reader.is_done()) outcome.status = 200;
  return outcome;
}

TEST_CASE("chunks: what they hold, and where they end") {
  const struct {
    const char* what;
    std::string bytes;
    int status;
    const char* body;
  } cases[] = {
      {"nothing", "0\r\n\r\n", 200, ""},
      {"two", "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", 200, "abc0123456789"},
      {"zeros before a size", "0003\r\nabc\r\n000\r\n\r\n", 200, "abc"},
      {"an extension", "3;a=\"b;\\\"c\" ; d\r\nabc\r\n0;x\r\n\r\n", 200, "abc"},
      {"trailers", "0\r\nA: b\r\nContent-Length: 5\r\n\r\n", 200, ""},
      {"not at its end", "3\r\nabc\r\n0\r\n", 0, "abc"},
      {"a trailer that is none", "0\r\nA\r\n\r\n", 400, ""},
      {"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", 400, ""},
      {"a size with a sign", "+3\r\nabc\r\n", 400, ""},
      {"a size with a prefix", "0x3\r\nabc\r\n", 400, ""},
      {"no size", "\r\nabc\r\n", 400, ""},
      {"an extension without a size", ";a\r\n", 400, ""},
      {"a bare line feed behind a size", "3\nabc\r\n", 400, ""},
      {"a bare line feed behind a chunk", "3\r\nabc\n0\r\n\r\n", 400, "abc"},
      {"a carriage return in an extension", "3;a\rb\r\nabc\r\n", 400, ""},
      {"a chunk that is longer than its size", "3\r\nabcd\r\n0\r\n\r\n", 400, "abc"},
      {"a body beyond the limit", "3e7\r\n" + std::string(999, 'a') + "\r\n2\r\n", 413, nullptr},
      {"a size that would overflow", "1\r\na\r\nffffffffffffffff\r\n", 413, "a"},
      {"an extension without end", "1;" + std::string(2000, 'a'), 400, ""},
      {"trailers without end", "0\r\nA: " + std::string(9000, 'a'), 400, ""},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    const Outcome whole = read(one.bytes, one.bytes.size());
    CHECK(whole.status == one.status);
    if (one.body != nullptr) CHECK(whole.body == one.body);
    for (std::size_t piece = 1; piece < std::min<std::size_t>(one.bytes.size(), 60); ++piece) {
      CAPTURE(piece);
      CHECK(read(one.bytes, piece) == whole);
    }
  }
}

TEST_CASE("chunks: what follows them is left alone") {
  const std::string bytes = "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
  const Outcome outcome = read(bytes, bytes.size());
  CHECK(outcome.status == 200);
  CHECK(bytes.substr(outcome.used) == "GET / HTTP/1.1\r\n");
}

TEST_CASE("chunks: framing may not be much longer than what it frames") {
  std::string bytes;
  while (bytes.size() < 80'000 * 6) bytes += "1\r\na\r\n";
  CHECK(read(bytes, bytes.size(), 1'000'000).status == 0);
  std::string empty_extensions;
  while (empty_extensions.size() < 200'000)
    empty_extensions += "1;" + std::string(1000, 'a') + "\r\na\r\n";
  CHECK(read(empty_extensions, empty_extensions.size(), 10'000).status == 413);
}

TEST_CASE("chunks: any bytes are read the same however they are cut") {
  const std::string good = "3;x\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n";
  tests::for_all_seeds("API", 3000, [&](tests::Random& random) {
    std::string bytes = good;
    for (std::size_t changes = random.below(4); changes > 0 && !bytes.empty(); --changes) {
      const std::size_t at = random.below(bytes.size());
      if (random.below(2) == 0) {
        bytes[at] = good[random.below(good.size())];
      } else {
        bytes.erase(at, random.below(3));
      }
    }
    CAPTURE(bytes);
    CHECK(read(bytes, 1 + random.below(bytes.size() + 1)) == read(bytes, 1000));
  });
}
}  // namespace
}  // namespace tocsin::api
