/// What a command line and the environment say of settings (api/base/settings.h).
#pragma once
#include <span>

#include "api/base/cli11_forward.h"
#include "api/base/configuration.h"

namespace tocsin::api {
/// Adds an option for each setting that is one, with its help; what the command line says is put
/// into `values`, which must outlive the command.
void add_setting_options(CLI::App& command, std::span<const Setting> settings,
                         OptionValues& values);
/// Configuration::read_environment() of the environment of this process.
Result<void> read_environment(Configuration& configuration);
}  // namespace tocsin::api
