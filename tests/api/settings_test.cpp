#include "api/base/settings.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "api/commands/cli.h"
#include "api/node/run_arguments.h"

namespace tocsin::api {
namespace {
using KeptOptions = std::vector<std::pair<std::string, std::string>>;

struct CommandSettings {
  std::string command;
  std::span<const Setting> settings;
  std::set<std::string> others;  // options that are no settings
};
std::vector<CommandSettings> all_settings() {
  return {
      {"run", run_settings(), {"--input", "--color", "--cache", "--profile", "--quiet", "--help"}},
      {"serve",
       serve_settings(),
       {"--config", "--check-config", "--cache", "--demo", "--demo-events", "--quiet", "--help"}}};
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

// The part of docs/cli.md about a command.
std::string section_of(const std::string& command) {
  std::ifstream file(std::string(TOCSIN_SOURCE_DIR) + "/docs/cli.md");
  const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t begin = page.find(fmt::format("\n## `tocsin {}`", command));
  REQUIRE(begin != std::string::npos);
  return page.substr(begin, page.find("\n## ", begin + 1) - begin);
}

std::string line_of(const std::string& section, const std::string& option) {
  const std::size_t begin = section.find(fmt::format("\n| `{}", option));
  if (begin == std::string::npos) return {};
  return section.substr(begin + 1, section.find('\n', begin + 1) - begin - 1);
}

TEST_CASE("settings: each is an option of its command, and nothing else is") {
  Chosen chosen;
  const auto program = build_program(chosen);
  for (const CommandSettings& of : all_settings()) {
    CAPTURE(of.command);
    const CLI::App* const command = program->get_subcommand(of.command);
    std::set<std::string> options;
    for (const Setting& setting : of.settings) {
      CAPTURE(setting.name);
      if (setting.form == OptionForm::kNone) continue;
      const std::string name = option_name(setting);
      CHECK(options.insert(name).second);
      const CLI::Option* const option = command->get_option_no_throw(name);
      REQUIRE(option != nullptr);
      const bool is_flag = setting.form != OptionForm::kValue;
      CHECK(option->get_type_name() == (is_flag ? "" : value_name(setting)));
      CHECK(option->get_description().starts_with(setting.description));
    }
    for (const CLI::Option* const option : command->get_options()) {
      if (option->get_positional()) continue;
      const std::string name = "--" + option->get_lnames().back();
      CAPTURE(name);
      const bool is_setting = std::ranges::any_of(
          options, [&](const std::string& one) { return option->check_name(one); });
      CHECK(is_setting != of.others.contains(name));
    }
  }
}

TEST_CASE("settings: docs/cli.md has each with its value and its default") {
  for (const CommandSettings& of : all_settings()) {
    const std::string section = section_of(of.command);
    for (const Setting& setting : of.settings) {
      if (setting.form == OptionForm::kNone) continue;
      const std::string option = option_name(setting);
      CAPTURE(option);
      const std::string value = replaced(value_name(setting), "|", "\\|");
      const std::string written =
          setting.form == OptionForm::kValue ? fmt::format("{} {}`", option, value) : option + "`";
      const std::string line = line_of(section, written);
      REQUIRE_FALSE(line.empty());
      if (setting.standard.empty()) continue;
      CHECK(line.find("default") != std::string::npos);
      CHECK(line.find(setting.standard) != std::string::npos);
    }
  }
}

TEST_CASE("settings: what one needs is a setting, and what is kept is kept by both commands") {
  for (const Setting& setting : run_settings()) {
    CAPTURE(setting.name);
    const auto is_needed = [&](const Setting& one) { return one.name == setting.needs; };
    CHECK((setting.needs.empty() || std::ranges::any_of(run_settings(), is_needed)));
  }
  std::set<std::string_view> kept;
  for (const Setting& setting : run_settings()) {
    if (!setting.kept.empty()) CHECK(option_name(setting) == setting.kept);
    if (!setting.kept.empty()) kept.insert(setting.kept);
  }
  CHECK(kept.size() == 8);
  for (const Setting& setting : serve_settings()) kept.erase(setting.kept);
  CHECK(kept.empty());
}

TEST_CASE("settings: the standard values of serve are a configuration file") {
  const Configuration standard(serve_settings());
  Configuration read(serve_settings());
  REQUIRE(read.read_text(standard.explain(), "explained").has_value());
  for (const Setting& setting : serve_settings()) {
    CAPTURE(setting.name);
    CHECK(read.texts(setting.name) == standard.texts(setting.name));
    CHECK(read.is_none(setting.name) == standard.is_none(setting.name));
  }
}

TEST_CASE("settings: a data directory keeps those that alerts depend on, in one spelling") {
  Configuration run(run_settings());
  const KeptOptions standard = {{"--ahead-max", "10m"},     {"--event-steps-max", ""},
                                {"--journal-segment", ""},  {"--jump-max", "1d"},
                                {"--late-max", ""},         {"--late-policy", "side"},
                                {"--out-of-orderness", ""}, {"--unknown-types", "dead"}};
  CHECK(kept_options(run) == standard);
  REQUIRE(run.set_options({{"--ahead-max", "0"},
                           {"--late-max", "60s"},
                           {"--out-of-orderness", "0"},
                           {"--unknown-types", "ignore"},
                           {"--event-steps-max", "5000"},
                           {"--journal-segment", "1MiB"}}));
  const KeptOptions set = {{"--ahead-max", ""},           {"--event-steps-max", "5000"},
                           {"--journal-segment", "1MiB"}, {"--jump-max", "1d"},
                           {"--late-max", "1m"},          {"--late-policy", "side"},
                           {"--out-of-orderness", "0s"},  {"--unknown-types", ""}};
  CHECK(kept_options(run) == set);
  const KeptOptions served = {
      {"--ahead-max", "10m"},       {"--event-steps-max", ""},  {"--journal-segment", "64MiB"},
      {"--jump-max", "1d"},         {"--late-max", ""},         {"--late-policy", "clamp"},
      {"--out-of-orderness", "0s"}, {"--unknown-types", "dead"}};
  CHECK(kept_options(Configuration(serve_settings())) == served);

  // What is kept takes the place of standard values, not of what was set; nothing stays nothing.
  for (const std::span<const Setting> settings : {run_settings(), serve_settings()}) {
    Configuration later(settings);
    REQUIRE(adopt_options(set, later));
    CHECK(kept_options(later) == set);
    const runtime::RunOptions options = event_time_options(later);
    CHECK(options.out_of_orderness == cep::Duration{0});
    CHECK(options.late_max == cep::Duration{60'000'000});
    CHECK_FALSE(options.ahead_max.has_value());
    CHECK(options.unknown_types == runtime::UnknownTypes::kIgnore);
    CHECK(options.steps_per_event_max == 5'000);
    CHECK(durable_options(later).segment_bytes == std::uint64_t{1} << 20);
  }
  Configuration other(run_settings());
  REQUIRE(other.set_options({{"--late-max", "5m"}}));
  REQUIRE(adopt_options(set, other));
  CHECK(event_time_options(other).late_max == cep::Duration{300'000'000});
  // An older directory keeps fewer.
  Configuration older(run_settings());
  REQUIRE(adopt_options({{"--late-policy", "clamp"}}, older));
  CHECK(event_time_options(older).late == runtime::LatePolicy::kClamp);
  CHECK_FALSE(event_time_options(older).jump_max.has_value());
  CHECK(event_time_options(older).unknown_types == runtime::UnknownTypes::kIgnore);
  CHECK(event_time_options(older).steps_per_event_max == cep::Limits().steps_per_event_max);
  Configuration newer(run_settings());
  CHECK_FALSE(adopt_options({{"--late-max", "soon"}}, newer));
}

TEST_CASE("settings: a wrong value is refused with its option's name and what it takes") {
  const auto fault_of = [](std::span<const Setting> settings, const std::string& option,
                           const std::string& value) {
    Configuration configuration(settings);
    const Result<void> done = configuration.set_options({{option, value}});
    return done ? std::string() : done.error().message;
  };
  const auto fault = [&](const std::string& option, const std::string& value) {
    return fault_of(run_settings(), option, value);
  };
  CHECK(fault("--late-max", "soon") ==
        "--late-max takes a duration such as 200ms, 30s or 90d, or 0, not soon");
  CHECK(fault("--late-max", "-1s") ==
        "--late-max takes a duration such as 200ms, 30s or 90d, or 0, not -1s");
  CHECK(fault("--heartbeat", "0") ==
        "--heartbeat takes a duration above 0 such as 200ms, 30s or 90d, not 0");
  CHECK(fault("--journal-segment", "1") ==
        "--journal-segment takes a size from 8KiB to 1GiB, not 1");
  CHECK(fault("--memory-max", "0") ==
        "--memory-max takes a size such as 512, 64KiB or 2GiB above 0, not 0");
  CHECK(fault("--late-policy", "drop") == "--late-policy takes one of side, clamp, not drop");
  CHECK(fault("--drift-max", "0").empty());
  CHECK(fault("--order", "time") == "--order takes one of merged, position, not time");
  CHECK(fault_of(serve_settings(), "--series-step", "100ms") ==
        "--series-step: series.step takes a duration from 1s to 1h, not 100ms");
  CHECK(fault_of(serve_settings(), "--series-age", "31d") ==
        "--series-age: series.age takes a duration from 0s to 30d, not 31d");
}
}  // namespace
}  // namespace tocsin::api
