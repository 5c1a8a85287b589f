#include "api/console/dismiss_reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "rules/text/characters.h"
#include "rules/text/utf8.h"

namespace tocsin::api {
namespace {
// What is wrong with one; nothing: nothing is.
std::optional<std::string> fault_of(std::string_view reason) {
  std::size_t length = 0;
  for (std::size_t at = 0; at < reason.size(); ++length) {
    const rules::CodePoint point = rules::code_point_at(reason, at);
    if (!point.valid || rules::is_control(reason[at]))
      return "a reason is text in UTF-8 without control characters";
    at += point.bytes;
  }
  if (length <= kDismissReasonLengthMax) return std::nullopt;
  return fmt::format("a reason has {} characters at most, not {}: {}", kDismissReasonLengthMax,
                     length, reason);
}
}  // namespace

Result<std::vector<std::string>> dismiss_reasons(const Configuration& configuration) {
  constexpr std::string_view kName = "console.dismiss_reasons";
  std::vector<std::string> reasons = configuration.texts(kName);
  if (reasons.empty() || reasons.size() > kDismissReasonsMax) {
    return fail(Errc::kInvalidArgument, fmt::format("{} takes 1 to {} reasons, not {}", kName,
                                                    kDismissReasonsMax, reasons.size()));
  }
  for (auto reason = reasons.begin(); reason != reasons.end(); ++reason) {
    if (const std::optional<std::string> fault = fault_of(*reason))
      return fail(Errc::kInvalidArgument, fmt::format("{}: {}", kName, *fault));
    if (std::find(reasons.begin(), reason, *reason) != reason) {
      return fail(Errc::kInvalidArgument, fmt::format("{} says twice: {}", kName, *reason));
    }
  }
  return reasons;
}
}  // namespace tocsin::api
