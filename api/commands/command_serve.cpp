#include "api/commands/command_serve.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/base/exit_code.h"
#include "api/base/output_file.h"
#include "api/base/setting_options.h"
#include "api/base/settings.h"
#include "api/commands/cache_option.h"
#include "api/demo/serve_demo.h"
#include "api/node/kept_settings.h"
#include "api/rules/text_cache.h"
#include "api/secrets/secret_keys.h"
#include "api/server/serve_front.h"
#include "api/server/serve_settings.h"
#include "api/server/server.h"
#include "rules/text/suggest.h"
#include "runtime/io/system_files.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace tocsin::api {
namespace {
constexpr std::uint64_t kDemoEventsMax = 100'000'000;

struct ServeOptions {
  std::vector<std::string> rules;
  std::string config;
  OptionValues values;
  bool check_config = false;
  bool demo = false;
  std::uint64_t demo_events = 100'000;
  bool quiet = false;
};

// Names of the environment that look like a setting's and are none.
std::vector<std::string> unknown_names() {
  std::vector<std::string> known;
  std::vector<std::string> tables;
  for (const Setting& setting : serve_settings()) {
    known.push_back(environment_name(setting));
    const std::string& name = known.back();
    tables.push_back(name.substr(0, name.find('_', std::string_view("TOCSIN_").size()) + 1));
  }
  std::vector<std::string> unknown;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string name(text.substr(0, text.find('=')));
    const bool is_like_one = std::ranges::any_of(
        tables, [&](const std::string& table) { return name.starts_with(table); });
    if (is_like_one && name != kKeyVariable && std::ranges::find(known, name) == known.end())
      unknown.push_back(name);
  }
  std::ranges::sort(unknown);
  for (std::string& name : unknown) {
    if (const auto meant = rules::nearest(name, known)) name += fmt::format(" ({}?)", *meant);
  }
  return unknown;
}

Result<void> configure(const ServeOptions& options, Configuration& configuration) {
  if (!options.config.empty()) {
    if (auto read = configuration.read_file(options.config); !read) return read;
  }
  if (auto read = read_environment(configuration); !read) return read;
  if (auto set = configuration.set_options(options.values); !set) return set;
  if (options.rules.empty()) return {};
  for (const std::string& path : options.rules) {
    if (path.find(',') == std::string::npos) continue;
    return fail(Errc::kInvalidArgument,
                "a path of a rule file must not contain a comma here: " + path);
  }
  return configuration.set_option("--rules-path", fmt::format("{}", fmt::join(options.rules, ",")));
}

ExitCode serve_demo(const ServeOptions& options, Configuration& configuration) {
  if (options.rules.empty()) {
    return end_with(ExitCode::kUsage,
                    "--demo needs RULES for the events of `tocsin generate`, such as "
                    "samples/payments");
  }
  if (options.demo_events < 2 || options.demo_events > kDemoEventsMax) {
    return end_with(ExitCode::kUsage,
                    fmt::format("--demo-events takes a number from 2 to {}", kDemoEventsMax));
  }
  const auto demo = ServeDemo::prepare(configuration, options.demo_events);
  if (!demo) return end_with(demo.error().code, demo.error().message);
  use_text_cache_of_data(configuration.text("data.path"));
  (*demo)->begin();
  return serve(configuration, options.quiet);
}

ExitCode run(const ServeOptions& options) {
  Configuration configuration(serve_settings());
  if (auto configured = configure(options, configuration); !configured) {
    return end_with(ExitCode::kUsage, configured.error().message);
  }
  if (const std::vector<std::string> unknown = unknown_names(); !unknown.empty()) {
    tell(fmt::format("tocsin: variables of the environment that name no setting: {}\n",
                     fmt::join(unknown, ", ")));
  }
  if (auto gates = check_gates(configuration); !gates) {
    return end_with(ExitCode::kUsage, gates.error().message);
  }
  if (auto audit = check_audit(configuration); !audit) {
    return end_with(ExitCode::kUsage, audit.error().message);
  }
  if (auto backups = check_backups(configuration); !backups) {
    return end_with(ExitCode::kUsage, backups.error().message);
  }
  if (auto vouchers = check_vouchers(configuration); !vouchers) {
    return end_with(ExitCode::kUsage, vouchers.error().message);
  }
  if (auto console = check_console(configuration); !console) {
    return end_with(ExitCode::kUsage, console.error().message);
  }
  if (options.demo) return serve_demo(options, configuration);
  if (!options.check_config) {
    use_text_cache_of_data(configuration.text("data.path"));
    return serve(configuration, options.quiet);
  }
  const auto address = parse_listen_address(configuration.text("http.listen"));
  if (!address) return end_with(ExitCode::kUsage, address.error().message);
  if (const auto checked = check_exposure(configuration, *address); !checked) {
    return end_with(checked.error().code, checked.error().message);
  }
  runtime::SystemFiles files;
  const Result<std::vector<std::string>> conflicts = look_for_kept_settings(files, configuration);
  if (!conflicts) {
    return end_with(exit_code_of_named(conflicts.error().code), conflicts.error().message);
  }
  Result<OutputFile> output = OutputFile::open("-");
  if (!output) return end_with(ExitCode::kInputOutput, output.error().message);
  std::string text = configuration.explain();
  text.pop_back();  // write_line adds it
  Result<void> written = output->write_line(text);
  if (written) written = output->close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  if (conflicts->empty()) return ExitCode::kSuccess;
  return end_with(ExitCode::kDataDirectory,
                  fmt::format("{}; leave it out to continue with the stored value, or create a new "
                              "data directory from a savepoint",
                              fmt::join(*conflicts, "; ")));
}

constexpr const char* kFooter =
    R"(By default it listens on this machine only, stores everything in ./tocsin-data, and writes a first
token there. Every setting can be given in the file of --config (`[http] listen = "127.0.0.1:8627"`),
in the environment (TOCSIN_HTTP_LISTEN), or on the command line. The command line overrides the
environment, which overrides the file. On an address that other machines can reach it serves HTTPS,
unless it is told to do without. SIGHUP reads RULES, certificate and key again. SIGTERM and SIGINT end the server:
accepted requests are finished, the state is written, and nothing is lost.

Exit codes:
  0  ended by a signal
  1  the rules have errors
  2  wrong command line or configuration
  3  it cannot listen, or the disk failed
  5  the data directory was refused: in use, damaged, or created with other rules

Examples:
  tocsin serve rules/
  tocsin serve rules/ --data /var/lib/tocsin --listen 0.0.0.0:8627 --http-tls-certificate tocsin.pem --http-tls-key tocsin.key
  tocsin serve --config /etc/tocsin.toml --check-config
  tocsin serve samples/payments --demo)";
}  // namespace

void add_serve_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = program.add_subcommand(
      "serve", "Serve events, rules and alerts by HTTP, and store everything in a folder");
  command
      ->add_option("RULES", options->rules,
                   "Rule files, or folders with .tocsin files below them (default: those in the "
                   "data directory)")
      ->type_name("FILE");
  command->add_option("--config", options->config, "Settings as TOML")->type_name("FILE");
  add_cache_option(*command);
  command->add_flag("--check-config", options->check_config,
                    "Print the effective settings and their sources, then exit. Settings fixed "
                    "when the data directory was created are shown with their stored values; exit "
                    "code 5 if the configuration contradicts them");
  command
      ->add_flag("--demo", options->demo,
                 "Fill the server with a generated payment stream, and receive its webhooks, to "
                 "look at in the console; without --data everything is removed at the end")
      ->excludes("--check-config");
  command
      ->add_option("--demo-events", options->demo_events,
                   "How many events --demo sends (default: 100000)")
      ->type_name("N")
      ->needs("--demo");
  command->add_flag("-q,--quiet", options->quiet, "Show only warnings and errors");
  add_setting_options(*command, serve_settings(), options->values);
  command->footer(kFooter);
  command->callback([&chosen, options] { chosen.run = [options] { return run(*options); }; });
}
}  // namespace tocsin::api
