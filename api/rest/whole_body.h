/// A request's body, as an operation takes it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "api/net/http_exchange.h"

namespace tocsin::api {
/// Takes the body, which may have `bytes_max` bytes. Fails with the problem to answer with: too
/// large.
tl::expected<std::string, HttpResponse> take_whole_body(HttpRequest& request,
                                                        std::size_t bytes_max = SIZE_MAX);
}  // namespace tocsin::api
