#include "api/base/colour.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "api/base/choice_option.h"

namespace tocsin::api {
void add_colour_option(CLI::App& command, std::string& choice) {
  choice = "auto";
  add_choice(command, "--color", choice, "auto|always|never",
             "Colour messages (default: auto, on a terminal)");
}

bool is_coloured(const std::string& choice, int descriptor) {
  if (choice != "auto") return choice == "always";
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* terminal = std::getenv("TERM");
  if (terminal == nullptr || std::string_view(terminal) == "dumb") return false;
  return isatty(descriptor) == 1;
}
}  // namespace tocsin::api
