#include "api/custody/given_keys.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <utility>

#include "api/base/command.h"

namespace tocsin::api {
void add_key_option(CLI::App& command, std::string& key_file) {
  command
      .add_option("--key-file", key_file,
                  "The file with the keys (default: TOCSIN_SECRETS_KEY, or the credential "
                  "tocsin-secrets-key of systemd)")
      ->type_name("FILE");
}

Result<SecretKeys> given_keys(const std::string& key_file, bool are_needed) {
  Result<FoundKeys> found = find_keys(KeySources::of_process(key_file));
  if (!found) return tl::unexpected(found.error());
  if (found->keys.empty() && are_needed) {
    return fail(Errc::kInvalidArgument,
                fmt::format("no key is given: name its file (--key-file), or set {}; `tocsin "
                            "secrets key FILE` makes one",
                            kKeyVariable));
  }
  if (!found->warning.empty()) tell(fmt::format("tocsin: {}\n", found->warning));
  return std::move(found->keys);
}
}  // namespace tocsin::api
