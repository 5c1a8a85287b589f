#include "api/base/member_error.h"

#include <fmt/format.h>

namespace tocsin::api {
tl::unexpected<Error> bad_member(std::string_view member, std::string_view what) {
  return fail(Errc::kInvalidArgument, fmt::format("{} is {}", member, what));
}
}  // namespace tocsin::api
