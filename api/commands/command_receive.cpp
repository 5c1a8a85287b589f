#include "api/commands/command_receive.h"

#include <fmt/format.h>
#include <poll.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "api/base/clock.h"
#include "api/base/output_file.h"
#include "api/base/port_file.h"
#include "api/base/stop_signal.h"
#include "api/delivery/signature.h"
#include "api/net/stop_switch.h"
#include "api/outbox/alert_receiver.h"
#include "api/outbox/webhook_server.h"
#include "cep/value/time.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;

struct ReceiveOptions {
  std::string listen = "127.0.0.1:0";
  std::string secret_file;
  std::string duration;  // empty: not said
  std::string port_file;
  ReceiverOptions receiver;
  bool json = false;
  bool quiet = false;
};

// Waits until `done`, a signal, or `until`.
void wait_for_end(const StopSwitch& done, const StopSignal& stop_signal,
                  std::optional<steady_clock::time_point> until) {
  constexpr std::chrono::milliseconds kLongest{60'000};
  while (!done.is_set() && !stop_signal.requested()) {
    auto left = kLongest;
    if (until) left = std::chrono::ceil<std::chrono::milliseconds>(*until - steady_clock::now());
    if (left.count() <= 0) return;
    pollfd waited[2] = {{done.descriptor(), POLLIN, 0}, {stop_signal.descriptor(), POLLIN, 0}};
    ::poll(waited, 2, static_cast<int>(std::min(left, kLongest).count()));
  }
}

std::string summary_of(const ReceiverCounts& counts) {
  std::string text = "received " + rules::format_count(counts.alerts, "alert");
  if (counts.duplicates > 0) text += ", " + rules::format_count(counts.duplicates, "repeat");
  if (counts.refused > 0)
    text += ", " + rules::format_count(counts.refused, "webhook") + " refused";
  if (counts.failed > 0)
    text += fmt::format(", failed {} on purpose", rules::format_count(counts.failed));
  return text;
}

ExitCode serve(const ReceiveOptions& options, const LoopbackAddress& address, WebhookSecret secret,
               std::optional<cep::Duration> duration) {
  const StopSignal stop_signal;
  ignore_write_signals();
  StopSwitch done;
  std::mutex mutex;  // guards output and receiver
  Result<OutputFile> output = OutputFile::open("-");
  if (!output) return end_with(ExitCode::kInputOutput, output.error().message);
  AlertReceiver receiver(std::move(secret), options.receiver, [&](std::string_view body) {
    Result<void> written =
        output->write_line(options.json ? json_line(body) : describe_alert(body));
    return written ? output->flush() : written;  // who reads a redirected output need not wait
  });
  const auto take = [&](const WebhookHeaders& headers, std::string_view body) {
    const std::lock_guard lock(mutex);
    AlertReceiver::Answer answer = receiver.take(headers, body, system_clock().unix_seconds());
    if (answer.status == 400 || answer.status == 401)
      tell(fmt::format("tocsin: refused a webhook: {}\n", answer.text));
    if (receiver.is_complete() || !receiver.sink_state()) done.set();
    return answer;
  };
  Result<std::unique_ptr<HttpServer>> server = receive_webhooks(address, take);
  if (!server) return end_with(ExitCode::kInputOutput, server.error().message);
  if (!options.port_file.empty()) {
    const Result<void> written = write_port_file(options.port_file, (*server)->port());
    if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  }
  if (!options.quiet)
    tell(fmt::format("listening on http://{}\n",
                     LoopbackAddress{address.host, (*server)->port()}.text()));

  std::optional<steady_clock::time_point> until;
  if (duration) until = steady_clock::now() + std::chrono::microseconds(duration->us);
  wait_for_end(done, stop_signal, until);
  (*server)->stop();

  const Result<void> closed = output->close();
  if (!options.quiet) tell(fmt::format("{}\n", summary_of(receiver.counts())));
  if (!receiver.sink_state())
    return end_with(ExitCode::kInputOutput, receiver.sink_state().error().message);
  if (!closed) return end_with(ExitCode::kInputOutput, closed.error().message);
  if (options.receiver.count > 0 && !receiver.is_complete()) {
    return end_with(ExitCode::kInputOutput,
                    fmt::format("only {} of {} alerts arrived", receiver.counts().alerts,
                                options.receiver.count));
  }
  return ExitCode::kSuccess;
}

ExitCode receive(const ReceiveOptions& options) {
  const Result<LoopbackAddress> address = parse_loopback_address(options.listen);
  if (!address) return end_with(ExitCode::kUsage, "--listen: " + address.error().message);
  Result<WebhookSecret> secret = read_secret_file(options.secret_file);
  if (!secret) return end_with(ExitCode::kUsage, "--secret-file: " + secret.error().message);
  std::optional<cep::Duration> duration;
  if (!options.duration.empty()) {
    duration = cep::parse_duration(options.duration);
    if (!duration || duration->us <= 0) {
      return end_with(ExitCode::kUsage,
                      "--for takes a duration such as 30s or 5m: " + options.duration);
    }
  }
  return serve(options, *address, std::move(*secret), duration);
}
}  // namespace

void add_receive_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<ReceiveOptions>();
  CLI::App* command = program.add_subcommand(
      "receive", "Run a webhook endpoint on this machine, to try deliveries");
  command
      ->add_option(
          "--listen", options->listen,
          "Where to listen: 127.0.0.1:PORT, [::1]:PORT or localhost:PORT; port 0 is any free one "
          "(default: 127.0.0.1:0)")
      ->type_name("ADDRESS");
  command
      ->add_option("--secret-file", options->secret_file,
                   "The file with the secret that signs webhooks, `whsec_…`")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--count", options->receiver.count,
                   "End after this many alerts (default: never)")
      ->type_name("N");
  command->add_option("--for", options->duration, "End after this time (default: never)")
      ->type_name("DURATION");
  command
      ->add_option("--port-file", options->port_file,
                   "The file to write the port to once it listens; the file is replaced")
      ->type_name("FILE");
  command
      ->add_option("--fail-first", options->receiver.fail_first,
                   "Answer this many valid webhooks with 500 first, to test the sender")
      ->type_name("N");
  command->add_flag("--json", options->json,
                    "Print each alert as a JSON line instead of a readable one");
  command->add_flag("-q,--quiet", options->quiet,
                    "Do not show where it listens, and show no summary");

  command->footer(
      R"help(A webhook is accepted if its signature is valid (standardwebhooks.com, HMAC-SHA256) and its time is
within five minutes of this machine's. One with an id accepted before is answered with 200 and not
printed again. Alerts go to standard output, everything else to standard error. SIGINT and SIGTERM end it.

A secret is `whsec_` and the base64 of 24 to 64 random bytes:
  echo "whsec_$(head -c 32 /dev/urandom | base64)" > secret && chmod 600 secret

Exit codes:
  0  ended by --count, by --for without --count, or by a signal without --count
  2  wrong command line, or a secret or address that cannot be used
  3  it cannot listen or write, or it ended before --count alerts had come

Examples:
  tocsin receive --listen 127.0.0.1:8080 --secret-file secret
  tocsin receive --secret-file secret --port-file port --count 10 --for 1m --json > alerts.ndjson)help");
  command->callback([&chosen, options] { chosen.run = [options] { return receive(*options); }; });
}
}  // namespace tocsin::api
