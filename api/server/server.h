/// `tocsin serve`: everything that a running server is made of, from its start to its end.
#pragma once

#include "api/base/configuration.h"
#include "api/base/exit_code.h"

namespace tocsin::api {
/// Serves until a signal or a failure ends it; says how the program then ends. The configuration is
/// of serve_settings().
ExitCode serve(const Configuration& configuration, bool is_quiet);
}  // namespace tocsin::api
