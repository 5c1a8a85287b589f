/// The token that a new server makes for whoever keeps it.
#pragma once
#include <optional>
#include <string>

#include "api/rest/token_store.h"
#include "cep/base/result.h"

namespace tocsin::api {
inline constexpr const char* kFirstTokenFile = "admin-token";  // in the data directory
/// Where there is no token yet: makes one with the role admin, in FOLDER/admin-token, and gives
/// that path. The token is on disk before it is known, so that it is never lost. Fails with kIo.
Result<std::optional<std::string>> make_first_token(TokenStore& tokens, const std::string& folder);
}  // namespace tocsin::api
