#include "runtime/io/crash_point.h"

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tocsin::runtime {
namespace {
struct Crash {
  std::string name;  // empty: none
  std::atomic<std::uint64_t> passings_left{1};

  Crash() {
    const char* const text = std::getenv("TOCSIN_CRASH_AT");
    if (text == nullptr) return;
    const std::string_view said(text);
    const std::size_t colon = said.rfind(':');
    std::uint64_t number = 1;
    if (colon != std::string_view::npos) {
      std::from_chars(said.data() + colon + 1, said.data() + said.size(), number);
    }
    name = said.substr(0, colon);
    passings_left = number;
  }
};
}  // namespace

void crash_point(const char* name) {
  static Crash crash;
  if (crash.name.empty() || crash.name != name) return;
  if (crash.passings_left.fetch_sub(1) == 1) std::raise(SIGKILL);
}
}  // namespace tocsin::runtime
