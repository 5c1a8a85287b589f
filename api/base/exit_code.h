/// How the program ends. The numbers are a contract with scripts (docs/cli.md).
#pragma once

namespace tocsin::api {
enum class ExitCode : int {
  kSuccess = 0,        // ran to the end, whatever it alerted, warned about or rejected
  kCheckFailed = 1,    // the rules do not check, or a test failed
  kUsage = 2,          // a wrong command line or configuration
  kInputOutput = 3,    // an input or output failed before its end, or a signal ended the run
  kUndelivered = 4,    // ran to the end, but deliveries are left over
  kDataDirectory = 5,  // the data directory was refused
};
}  // namespace tocsin::api
