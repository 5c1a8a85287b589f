#include "api/server/kept_settings.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "api/node/run_arguments.h"
#include "api/server/serve_settings.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/node/node.h"

namespace tocsin::api {
namespace {
// Settings, and the names under which a data directory keeps them.
constexpr std::array<std::pair<const char*, const char*>, 7> kKept = {{
    {"time.out_of_orderness", "--out-of-orderness"},
    {"time.late_policy", "--late-policy"},
    {"time.late_max", "--late-max"},
    {"time.ahead_max", "--ahead-max"},
    {"time.jump_max", "--jump-max"},
    {"events.unknown_types", "--unknown-types"},
    {"journal.segment_bytes", "--journal-segment"},
}};
// No limit is kept as nothing, and said as 0; that unknown types are ignored likewise.
std::string shown(std::string_view option, std::string_view value) {
  if (!value.empty()) return std::string(value);
  return option == "--unknown-types" ? "ignore" : "0";
}
}  // namespace

std::vector<std::string> adopt_kept_settings(const runtime::NodeSettings& kept,
                                             const std::string& directory,
                                             Configuration& configuration) {
  runtime::NodeSettings said;  // as it would be kept
  said.options = kept_options(run_arguments(configuration, false));
  std::vector<std::string> conflicts;
  for (const auto& [name, option] : kKept) {
    const std::string value = shown(option, kept.option(option));
    const bool is_said = configuration.origin(name) != "default";
    const bool is_conflict = is_said && shown(option, said.option(option)) != value;
    if (is_conflict) {
      conflicts.push_back(fmt::format("{} is {} ({}), and {} keeps {}", name,
                                      configuration.text(name), configuration.origin(name),
                                      directory, value));
    }
    configuration.keep(name, value, "kept by " + directory,
                       is_conflict ? fmt::format("; in conflict: {} keeps {}", directory, value)
                                   : fmt::format("; {} keeps the same", directory));
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
