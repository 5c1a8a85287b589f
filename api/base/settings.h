/// The one table of settings: what `tocsin run` and `tocsin serve` can be told. Names, types and
/// kept names are common to both; options, defaults, ranges and help are of the command. Options,
/// help, completion, the configuration file and validation come from here.
#pragma once
#include <span>

#include "api/base/configuration.h"

namespace tocsin::api {
/// Those of `tocsin run`, which only its command line sets. They live as long as the program.
std::span<const Setting> run_settings();
/// Those of `tocsin serve`, from its file, the environment or the command line; likewise.
std::span<const Setting> serve_settings();
}  // namespace tocsin::api
