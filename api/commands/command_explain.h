/// `tocsin explain`: says rules back.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_explain_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
