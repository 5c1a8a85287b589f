/// Options whose value is one of a few words.
#pragma once
#include <string>

#include "api/base/cli11_forward.h"

namespace tocsin::api {
/// Adds an option, or a positional, whose value must be one of `words` ("text|json"); anything else
/// is a wrong command line. Help and completion show the words.
CLI::Option* add_choice(CLI::App& command, const std::string& names, std::string& value,
                        const std::string& words, const std::string& description);
}  // namespace tocsin::api
