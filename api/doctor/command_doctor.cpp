#include "api/doctor/command_doctor.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "api/base/configuration.h"
#include "api/base/exit_code.h"
#include "api/base/setting_options.h"
#include "api/base/settings.h"
#include "api/base/version.h"
#include "api/client/server_client.h"
#include "api/doctor/certificate_doctor.h"
#include "api/doctor/data_doctor.h"
#include "runtime/io/clock.h"
#include "runtime/io/system_files.h"

namespace tocsin::api {
namespace {
constexpr cep::Duration kClocksApart{5'000'000};

struct DoctorOptions {
  std::string directory;
  std::string config;
  ServerOptions server;
};

std::string text_of(const std::string& what, const DoctorReport& report) {
  std::string text =
      fmt::format("{}: {}\n", what,
                  report.findings.empty() ? "nothing is wrong"
                                          : fmt::format("{} to do", report.findings.size()));
  for (const DoctorFinding& finding : report.findings) {
    text += fmt::format("  - {}\n    what to do: {}\n", finding.detail, finding.remedy);
  }
  for (const std::string& fact : report.facts) text += fmt::format("  {}\n", fact);
  return text;
}

// What the server says of itself, and what is seen from here. Throws as with_answers() says.
Outcome<DoctorReport> examine_server(ServerClient& client, runtime::Clock& clock) {
  DoctorReport report;
  const Outcome<ServerAnswer> health = client.ask({.method = "GET", .path = "/v1/health"});
  if (!health) return tl::unexpected(health.error());
  for (const auto& cause : health->json.at("causes")) {
    report.findings.push_back({cause.at("detail"), cause.at("remedy")});
  }
  if (const auto hidden = health->json.value("hidden", 0); hidden > 0) {
    report.facts.push_back(
        fmt::format("{} more that this token is not shown: use one without limits", hidden));
  }
  const cep::EventTime before = clock.now();
  const Outcome<ServerAnswer> me = client.ask({.method = "GET", .path = "/v1/me"});
  if (!me) return tl::unexpected(me.error());
  const cep::EventTime after = clock.now();
  const auto there = cep::parse_time(me->json.at("time").get_ref<const std::string&>());
  // Its time lies between the two, unless the clocks differ.
  if (there && (*there + kClocksApart < before || *there > after + kClocksApart)) {
    report.findings.push_back(
        {fmt::format("the server's clock says {}, and the one here {}", cep::format_time(*there),
                     cep::format_time(after)),
         "set both by NTP: events are judged, and tokens expire, by the server's"});
  }
  const std::string here = version_parts().front().second;
  const std::string version = me->json.at("version");
  report.facts.push_back(fmt::format("version {}", version));
  if (version != here) {
    report.findings.push_back({fmt::format("the server is {}, and this program {}", version, here),
                               "use the program of the server's version for its data directory"});
  }
  return report;
}

ExitCode examine(const DoctorOptions& options) {
  if (options.directory.empty() && options.config.empty() && options.server.url.empty()) {
    return end_with(ExitCode::kUsage, "name --data FOLDER, --config FILE or --server URL");
  }
  runtime::SystemClock clock;
  std::string text;
  bool is_well = true;
  bool is_refused = false;
  if (!options.directory.empty()) {
    runtime::SystemFiles files;
    const DoctorReport report = examine_data(files, options.directory, clock.now());
    text += text_of(options.directory, report);
    is_well = report.findings.empty();
    for (const DoctorFinding& finding : report.findings) is_refused |= finding.is_refused;
  }
  if (!options.config.empty()) {
    Configuration configuration(serve_settings());
    Result<void> read = configuration.read_file(options.config);
    if (read) read = read_environment(configuration);
    if (!read) return end_with(ExitCode::kUsage, read.error().message);
    const DoctorReport report = examine_certificates(configuration, clock.now());
    text += text_of(options.config, report);
    is_well = is_well && report.findings.empty();
  }
  if (!options.server.url.empty()) {
    Outcome<ServerClient> client = ServerClient::open(options.server);
    if (!client) return end_with(client.error().code, client.error().message);
    const Outcome<DoctorReport> report = examine_server(*client, clock);
    if (!report) {
      print(text);
      return end_with(report.error().code, report.error().message);
    }
    text += text_of(options.server.url, *report);
    is_well = is_well && report->findings.empty();
  }
  if (const ExitCode printed = print(text); printed != ExitCode::kSuccess) return printed;
  if (is_refused) return ExitCode::kDataDirectory;
  return is_well ? ExitCode::kSuccess : ExitCode::kCheckFailed;
}
}  // namespace

void add_doctor_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = program.add_subcommand(
      "doctor",
      "Say what is wrong with a data directory, settings or a running server, and what to do");
  command->add_option("--data", options->directory, "A data directory; it may be in use")
      ->type_name("FOLDER");
  command
      ->add_option("--config", options->config,
                   "The settings of a server, whose certificates are looked at")
      ->type_name("FILE");
  command
      ->add_option("--server", options->server.url,
                   "A running server: http://HOST:PORT or https://HOST:PORT")
      ->type_name("URL");
  add_token_options(*command, options->server);
  command->footer(
      R"help(Of a data directory it looks at the format, the newest checkpoint, permissions and owners, the clock,
and the free space; it takes a second and changes nothing. `tocsin verify` reads everything. Of
settings it looks at the certificate, its key, authorities of clients and revocation lists: whether a
server starts with them, and which of them end soon. Of a server it shows the causes of GET /v1/health, and whether its clock and version are those of this
machine and program. A token needs the role reader.

Exit codes:
  0  nothing is wrong
  1  something is to be done
  2  wrong command line, or a token that may not ask
  3  the server does not answer
  5  the program would not start with the data directory

Examples:
  tocsin doctor --data /var/lib/tocsin
  tocsin doctor --config /etc/tocsin/tocsin.toml
  tocsin doctor --server https://tocsin.example.com --token-file reader-token
  tocsin doctor --data data --server http://127.0.0.1:8627 --token-file data/admin-token)help");
  command->callback([&chosen, options] {
    chosen.run = [options] { return with_answers([&] { return examine(*options); }); };
  });
}
}  // namespace tocsin::api
