/// The program's command line: the table of commands, help, errors and exit codes.
#pragma once
#include <memory>

#include "api/base/command.h"

namespace tocsin::api {
/// The program with all its commands; `chosen` must outlive it.
std::unique_ptr<CLI::App> build_program(Chosen& chosen);
/// Parses the command line and runs what it asks for; gives the process's exit code. Threading:
/// from `main`, once.
int run_command_line(int argc, const char* const* argv);
}  // namespace tocsin::api
