/// Two streams as one.
#pragma once
#include <memory>

#include "api/net/http_stream.h"

namespace tocsin::api {
/// What both give, whole pieces as they are ready; it ends with the first that does.
std::shared_ptr<HttpStream> join_streams(std::shared_ptr<HttpStream> first,
                                         std::shared_ptr<HttpStream> second);
}  // namespace tocsin::api
