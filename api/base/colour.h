/// Whether messages are coloured.
#pragma once
#include <string>

#include "api/base/cli11_forward.h"

namespace tocsin::api {
/// Adds `--color auto|always|never` to a command; `choice` holds one of these words, `auto` at
/// first.
void add_colour_option(CLI::App& command, std::string& choice);
/// `auto`: only where the descriptor is a terminal other than a dumb one and NO_COLOR
/// (no-color.org) is not set.
bool is_coloured(const std::string& choice, int descriptor);
}  // namespace tocsin::api
