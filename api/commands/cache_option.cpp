#include "api/commands/cache_option.h"

#include <CLI/CLI.hpp>
#include <string>

#include "api/rules/text_cache.h"

namespace tocsin::api {
void add_cache_option(CLI::App& command) {
  command
      .add_option_function<std::string>(
          "--cache", [](const std::string& folder) { use_text_cache(folder); },
          "Where compiled regular expressions are kept; off: nowhere (default: in cache below a "
          "data directory, else in tocsin below the user's cache folder)")
      ->type_name("FOLDER");
}
}  // namespace tocsin::api
