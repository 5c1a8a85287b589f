/// `tocsin doctor`: what is wrong with a data directory and with a running server, and what to do.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_doctor_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
