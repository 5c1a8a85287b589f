/// Bodies of JSON that operations take.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/router.h"
#include "api/server_context.h"

namespace tocsin::api {
/// The body, an object, at most `bytes_max` long; an empty body is an empty object. Fails with the
/// problem to answer with.
tl::expected<nlohmann::ordered_json, HttpResponse> read_json(ServerContext& context,
                                                             ApiRequest& request,
                                                             std::size_t bytes_max = std::size_t{1}
                                                                                     << 20);
/// The problem of a member that has another name than these, naming the one that was meant; nothing
/// where there is none.
std::optional<HttpResponse> check_members(const nlohmann::ordered_json& object,
                                          const std::vector<std::string>& names);
}  // namespace tocsin::api
