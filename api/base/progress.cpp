#include "api/base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "api/base/command.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
constexpr int kBarColumns = 24;
constexpr int kColumnsDefault = 80;

int terminal_columns() {
  struct winsize size = {};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
  return known ? size.ws_col : kColumnsDefault;
}

bool is_capable_terminal() {
  const char* name = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && name != nullptr && std::string_view(name) != "dumb";
}

std::string bar(double share) {
  const int full = static_cast<int>(share * kBarColumns);
  std::string text(static_cast<std::size_t>(full), '=');
  if (full < kBarColumns) text += '>';
  text.resize(kBarColumns, ' ');
  return '[' + text + ']';
}
}  // namespace

std::string format_progress(const runtime::Progress& progress, double seconds, int columns) {
  std::string text;
  const auto done = static_cast<double>(progress.bytes_done);
  const auto total = static_cast<double>(progress.bytes_total);
  // A file that grows while it is read may have more than it began with.
  const double share = total > 0 ? std::min(done / total, 1.0) : 0;
  if (total > 0) text = fmt::format("{} {:3.0f} %  ", bar(share), 100 * share);
  text += fmt::format("{}  {}/s  {}", rules::format_count(progress.events, "event"),
                      rules::format_count(rules::per_second(progress.events, seconds)),
                      rules::format_count(progress.alerts, "alert"));
  // Earlier than this the guess would jump.
  constexpr double kShareMin = 0.02;
  if (share >= kShareMin && share < 1) {
    text += "  " + rules::format_seconds(seconds * (1 - share) / share) + " left";
  }
  if (columns > 0 && text.size() > static_cast<std::size_t>(columns)) {
    text.resize(static_cast<std::size_t>(columns));
  }
  return text;
}

ProgressLine::ProgressLine(bool wanted) : is_shown_(wanted && is_capable_terminal()) {}

void ProgressLine::show(const runtime::Progress& progress, double seconds) {
  if (is_shown_) show_text(format_progress(progress, seconds, 0));
}

void ProgressLine::show_text(std::string text) {
  if (!is_shown_) return;
  // The last column stays free: some terminals would begin a new line.
  text.resize(std::min(text.size(), static_cast<std::size_t>(terminal_columns() - 1)));
  tell(fmt::format("\r{}\x1b[K", text));
  is_dirty_ = true;
}

void ProgressLine::clear() {
  if (!is_dirty_) return;
  tell("\r\x1b[K");
  is_dirty_ = false;
}
}  // namespace tocsin::api
