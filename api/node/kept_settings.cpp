#include "api/node/kept_settings.h"

#include <fmt/format.h>

#include <optional>

#include "api/node/run_arguments.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/node/node.h"

namespace tocsin::api {
namespace {
// A kept value as the configuration has it: no limit is kept as nothing and written as 0, and that
// unknown types are ignored, or that an event may take the standard number of steps, is kept as
// nothing too.
std::string shown(const Setting& setting, std::string_view value) {
  if (!value.empty()) return std::string(value);
  if (setting.kept == runtime::kStepsOption) return std::string(setting.standard);
  return setting.kept == "--unknown-types" ? "ignore" : "0";
}
}  // namespace

Result<std::vector<std::string>> adopt_kept_settings(const runtime::NodeSettings& kept,
                                                     const std::string& directory,
                                                     Configuration& configuration) {
  runtime::NodeSettings said;  // as it would be kept
  said.options = kept_options(configuration);
  std::vector<std::string> conflicts;
  for (const Setting& setting : configuration.settings()) {
    if (setting.kept.empty()) continue;
    const std::string value = shown(setting, kept.option(setting.kept));
    const bool is_conflict =
        configuration.is_set(setting.name) && shown(setting, said.option(setting.kept)) != value;
    if (is_conflict) {
      conflicts.push_back(fmt::format("{} is {} ({}), and {} keeps {}", setting.name,
                                      configuration.text(setting.name),
                                      configuration.origin(setting.name), directory, value));
    }
    const std::string remark = is_conflict
                                   ? fmt::format("; in conflict: {} keeps {}", directory, value)
                                   : fmt::format("; {} keeps the same", directory);
    auto done = configuration.keep(setting.name, value, "kept by " + directory, remark);
    if (!done) return tl::unexpected(done.error());
  }
  return conflicts;
}

Result<std::vector<std::string>> look_for_kept_settings(runtime::Files& files,
                                                        Configuration& configuration) {
  const std::string directory = configuration.text("data.path");
  const runtime::DataPaths paths(directory);
  const Result<std::optional<runtime::Beginning>> beginning =
      runtime::find_beginning(files, paths, false);
  if (!beginning) return tl::unexpected(beginning.error());
  if (!*beginning) return std::vector<std::string>{};
  return adopt_kept_settings((*beginning)->settings, directory, configuration);
}
}  // namespace tocsin::api
