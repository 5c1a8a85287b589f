#include "api/rest/first_token.h"

#include "api/rest/access.h"

namespace tocsin::api {
Result<std::optional<std::string>> make_first_token(TokenStore& tokens, const std::string& folder) {
  if (!tokens.list()->tokens().empty()) return std::nullopt;
  const Result<NewToken> made = make_token({"admin", Role::kAdmin, {}, {}});
  if (!made) return tl::unexpected(made.error());
  const std::string path = folder + "/" + kFirstTokenFile;
  if (auto written = write_private_file(path, made->token + "\n"); !written)
    return tl::unexpected(written.error());
  if (auto added = tokens.add(made->stored); !added) return tl::unexpected(added.error());
  return path;
}
}  // namespace tocsin::api
