#include "api/base/setting_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <optional>
#include <string>

namespace tocsin::api {
namespace {
CLI::Option* add_option(CLI::App& command, const Setting& setting, OptionValues& values) {
  const std::string name = option_name(setting);
  const std::string names = setting.option.empty() ? name : std::string(setting.option);
  std::string description(setting.description);
  if (!setting.standard.empty()) description += fmt::format(" (default: {})", setting.standard);
  const auto take_flag = [&values, name](std::int64_t count) {
    if (count != 0) values[name] = count > 0 ? "true" : "false";
  };
  switch (setting.form) {
    case OptionForm::kFlag:
      return command.add_flag_function(names, take_flag, description);
    case OptionForm::kSwitch:
      return command.add_flag_function(fmt::format("{},!--no-{}", names, names.substr(2)),
                                       take_flag, description);
    case OptionForm::kValue:
    case OptionForm::kNone:
      break;
  }
  return command
      .add_option_function<std::string>(
          names, [&values, name](const std::string& value) { values[name] = value; }, description)
      ->type_name(value_name(setting));
}
}  // namespace

void add_setting_options(CLI::App& command, std::span<const Setting> settings,
                         OptionValues& values) {
  for (const Setting& setting : settings) {
    if (setting.form == OptionForm::kNone) continue;
    add_option(command, setting, values)->group(std::string(setting.group));
  }
}

Result<void> read_environment(Configuration& configuration) {
  return configuration.read_environment([](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
}
}  // namespace tocsin::api
