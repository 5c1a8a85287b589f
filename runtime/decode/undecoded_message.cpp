#include "runtime/decode/undecoded_message.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/decode/base64_text.h"

namespace tocsin::runtime {
namespace {
constexpr std::string_view kBegin = R"({"undecoded":")";
constexpr std::size_t kReasonBytesMax = 300;
// Of the line beside its reason and base64.
constexpr std::size_t kFrameBytes = 64;
}  // namespace

void append_undecoded(std::string& to, std::string_view reason, std::string_view message,
                      std::size_t line_bytes_max) {
  const std::string_view kept = reason.substr(0, kReasonBytesMax);
  to += kBegin;
  for (const char c : kept) {
    const bool is_plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
    to += is_plain ? c : c == '"' ? '\'' : '?';
  }
  to += '"';
  const std::size_t frame = kFrameBytes + kept.size();
  const std::size_t room = line_bytes_max > frame ? (line_bytes_max - frame) / 4 * 3 : 0;
  if (message.size() > room) to += fmt::format(R"(,"bytes":{})", message.size());
  to += R"(,"base64":")";
  append_base64(to, message.substr(0, room));
  to += R"("})";
}

std::optional<std::string_view> undecoded_reason(std::string_view line) {
  if (!line.starts_with(kBegin)) return std::nullopt;
  line.remove_prefix(kBegin.size());
  return line.substr(0, std::min(line.find('"'), kReasonBytesMax));
}
}  // namespace tocsin::runtime
