/// A request's body, as an operation takes it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "api/net/http_exchange.h"
#include "api/rest/route.h"

namespace tocsin::api {
/// Why an operation cannot take the body that a head announces: there is none, there may be none,
/// or it is of another media type. Nothing: it can.
std::optional<HttpResponse> body_refusal(const Route& route, const RequestHead& head);
/// Takes the body, which may have `bytes_max` bytes. Fails with the problem to answer with: too
/// large.
tl::expected<std::string, HttpResponse> take_whole_body(HttpRequest& request,
                                                        std::size_t bytes_max = SIZE_MAX);
}  // namespace tocsin::api
