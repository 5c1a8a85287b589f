/// What is wrong with a member of a JSON body.
#pragma once
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::api {
/// kInvalidArgument: "MEMBER is WHAT", where `what` says what it must be.
tl::unexpected<Error> bad_member(std::string_view member, std::string_view what);
}  // namespace tocsin::api
