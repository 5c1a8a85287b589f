/// `tocsin receive`: a webhook endpoint on this machine that checks signatures and prints the
/// alerts it gets.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_receive_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
