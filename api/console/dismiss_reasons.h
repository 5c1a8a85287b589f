/// Why people dismiss alerts, in the words of the configuration.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "api/base/configuration.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// The console offers them by a digit each.
inline constexpr std::size_t kDismissReasonsMax = 9;
/// Of one, in characters.
inline constexpr std::size_t kDismissReasonLengthMax = 100;
/// The reasons of `console.dismiss_reasons`, in the order of their numbers. Fails with
/// kInvalidArgument, naming the setting, for none or too many, one that is said twice or is too
/// long, and text that cannot be shown.
Result<std::vector<std::string>> dismiss_reasons(const Configuration& configuration);
}  // namespace tocsin::api
