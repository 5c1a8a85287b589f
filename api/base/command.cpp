#include "api/base/command.h"

#include <fmt/format.h>

#include <cstdio>

namespace tocsin::api {
void tell(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void tell_budget_exceeded(std::string_view alert) {
  tell(fmt::format("tocsin: severity high: {}\n", alert));
}

bool write_out(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

ExitCode print(std::string_view text) {
  return write_out(text) ? ExitCode::kSuccess
                         : end_with(ExitCode::kInputOutput, "cannot write standard output");
}

ExitCode end_with(ExitCode code, std::string_view message) {
  tell(fmt::format("tocsin: {}\n", message));
  if (message.find("Too many open files") != std::string_view::npos) {
    tell("raise the limit of the process (`ulimit -n`, LimitNOFILE of the unit)\n");
  }
  return code;
}
}  // namespace tocsin::api
