/// How the program ends. The numbers are a contract with scripts (docs/cli.md).
#pragma once
#include "cep/base/result.h"

namespace tocsin::api {
enum class ExitCode : int {
  kSuccess = 0,        // ran to the end, whatever it alerted, warned about or rejected
  kCheckFailed = 1,    // the rules do not check, or a test failed
  kUsage = 2,          // a wrong command line or configuration
  kInputOutput = 3,    // an input or output failed before its end, or a signal ended the run
  kUndelivered = 4,    // ran to the end, but deliveries are left over
  kDataDirectory = 5,  // the data directory was refused
};

/// How the program ends after an error of a data directory: kInputOutput for what the machine could
/// not do, kDataDirectory for the rest.
ExitCode exit_code_of(Errc code);
/// The same where the command line names a folder that must be there: kUsage for one that is not.
ExitCode exit_code_of_named(Errc code);
/// Whether something that was asked for is not allowed as things are, so that the same command
/// would be refused again; unlike a fault of the machine, damage, or a stop.
bool is_refusal(Errc code);
}  // namespace tocsin::api
