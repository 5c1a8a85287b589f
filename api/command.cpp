#include "api/command.h"

#include <fmt/format.h>

#include <cstdio>

namespace tocsin::api {
ExitCode end_with(ExitCode code, std::string_view message) {
  fmt::print(stderr, "tocsin: {}\n", message);
  return code;
}
}  // namespace tocsin::api
