/// The keys that a command is given.
#pragma once
#include <string>

#include "api/base/cli11_forward.h"
#include "api/secrets/secret_keys.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// Adds `--key-file`.
void add_key_option(CLI::App& command, std::string& key_file);
/// Those of the file, the environment or systemd; what is wrong with how they are kept is told.
/// Errors: as find_keys(); kInvalidArgument where there are none and some are needed.
Result<SecretKeys> given_keys(const std::string& key_file, bool are_needed);
}  // namespace tocsin::api
