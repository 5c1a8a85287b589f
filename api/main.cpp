// The program `tocsin`.
#include <fcntl.h>
#include <unistd.h>

#include "api/base/stop_signal.h"
#include "api/base/sudden_end.h"
#include "api/commands/cli.h"

namespace {
// A program started with a standard descriptor closed would give its number to the next file that
// it opens, and then write alerts or messages there. Opened in the wrong direction, so that using
// it is an error as before.
void fill_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) == -1) {
      open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
}
}  // namespace

int main(int argc, char** argv) {
  fill_standard_descriptors();
  tocsin::api::end_at_once_when_lost();
  tocsin::api::ignore_write_signals();
  return tocsin::api::run_command_line(argc, argv);
}
