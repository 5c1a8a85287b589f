/// Where a command keeps what it compiles.
#pragma once
#include "api/base/cli11_forward.h"

namespace tocsin::api {
/// Adds `--cache FOLDER` to a command (api/rules/text_cache.h).
void add_cache_option(CLI::App& command);
}  // namespace tocsin::api
