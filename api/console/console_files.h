/// `GET /` and `GET /console/…`: what a browser needs before anybody has signed in, the same for
/// everybody.
#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "api/console/console_assets.h"
#include "api/net/http_exchange.h"

namespace tocsin::api {
/// The answer to a request for `/`, `/console` or what is below it; nothing for any other path.
/// GET and HEAD get the page, a file, 304 or 404; other methods 405.
std::optional<HttpResponse> answer_console(const RequestHead& head,
                                           std::span<const ConsoleAsset> assets);
/// Whether a client takes gzip, by its Accept-Encoding (RFC 9110, 12.5.3).
bool takes_gzip(std::string_view accept_encoding);
}  // namespace tocsin::api
