#include "api/rest/route.h"

#include "api/base/integer_text.h"

namespace tocsin::api {
std::optional<std::string_view> ApiRequest::text(std::string_view name) const {
  if (const auto found = query.find(name); found != query.end()) return found->second;
  if (const auto found = path.find(name); found != path.end()) return found->second;
  return std::nullopt;
}

std::optional<std::int64_t> ApiRequest::integer(std::string_view name) const {
  const auto value = text(name);
  return value ? parse_integer(*value) : std::nullopt;
}
}  // namespace tocsin::api
