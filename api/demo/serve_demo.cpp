#include "api/demo/serve_demo.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "api/base/clock.h"
#include "api/base/command.h"
#include "api/base/progress.h"
#include "api/base/version.h"
#include "api/delivery/signature.h"
#include "api/generate/payment_event.h"
#include "api/generate/payment_stream.h"
#include "api/net/http_server.h"
#include "api/net/loopback_address.h"
#include "api/outbox/alert_receiver.h"
#include "api/outbox/webhook_server.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
namespace fs = std::filesystem;
using nlohmann::ordered_json;
using rules::format_count;
using namespace std::chrono_literals;

constexpr std::uint64_t kEventsOfRequest = 5'000;
constexpr auto kPause = 20ms;
constexpr auto kWebhookTakes = 10s;  // at most, on one machine
constexpr auto kServerEnds = 2s;     // after the first request that it refuses for that

ServerRequest get(std::string path) { return {.method = "GET", .path = std::move(path)}; }

/// The receiver of the demo's webhooks, which counts them.
class DemoReceiver {
 public:
  /// Begins to listen on this machine. Errors: as receive_webhooks().
  Result<void> begin() {
    auto server = receive_webhooks(
        {.host = "127.0.0.1"}, [this](const WebhookHeaders& headers, std::string_view body) {
          const std::lock_guard lock(mutex_);
          if (!receiver_) return AlertReceiver::Answer{503, "it does not receive yet"};
          return receiver_->take(headers, body, system_clock().unix_seconds());
        });
    if (!server) return tl::unexpected(server.error());
    server_ = std::move(*server);
    return {};
  }
  std::string url() const {
    return fmt::format("http://{}/alerts", LoopbackAddress{"127.0.0.1", server_->port()}.text());
  }
  /// Takes webhooks from now on. Errors: kInvalidArgument.
  Result<void> accept(const std::string& secret) {
    Result<WebhookSecret> parsed = WebhookSecret::parse(secret);
    if (!parsed) return tl::unexpected(parsed.error());
    const std::lock_guard lock(mutex_);
    receiver_.emplace(std::move(*parsed), ReceiverOptions{},
                      [](std::string_view) { return Result<void>{}; });
    return {};
  }
  std::uint64_t alerts() const {
    const std::lock_guard lock(mutex_);
    return receiver_ ? receiver_->counts().alerts : 0;
  }

 private:
  mutable std::mutex mutex_;  // guards receiver_
  std::optional<AlertReceiver> receiver_;
  std::unique_ptr<HttpServer> server_;  // the last: its threads end first
};
}  // namespace

struct ServeDemo::Impl {
  std::uint64_t events = 0;
  fs::path folder;  // the demo's own, removed with it
  fs::path data;
  fs::path port_file;
  LoopbackAddress address;
  DemoReceiver receiver;
  std::optional<ServerClient> client;
  std::mutex mutex;
  std::condition_variable_any woken;
  std::jthread thread;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    thread = {};  // asks it to stop, and waits for it
    std::error_code ignored;
    if (!folder.empty()) fs::remove_all(folder, ignored);
  }
  // False where the demo is to end.
  bool sleep(const std::stop_token& stop, std::chrono::milliseconds time) {
    std::unique_lock lock(mutex);
    woken.wait_for(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
  }
  void run(const std::stop_token& stop);
  bool connect(const std::stop_token& stop);
  Outcome<void> fill(const std::stop_token& stop);
  Outcome<void> subscribe();
  Outcome<void> send(PaymentStream& stream, std::uint64_t count, const std::stop_token& stop);
  Outcome<std::string> put_one_into_shadow();
  Outcome<void> tell_what_there_is(const std::string& shadow, const std::stop_token& stop);
};

// Waits until the server listens and is ready.
bool ServeDemo::Impl::connect(const std::stop_token& stop) {
  while (!fs::exists(port_file)) {
    if (!sleep(stop, kPause)) return false;
  }
  std::ifstream(port_file) >> address.port;
  ServerOptions options;
  options.url = "http://" + address.text();
  options.token_file = data / "admin-token";
  while (sleep(stop, kPause)) {
    if (!client) {
      auto opened = ServerClient::open(options);
      if (!opened) continue;
      client.emplace(std::move(*opened));
    }
    if (client->ask(get("/readyz"))) return true;
  }
  return false;
}

Outcome<void> ServeDemo::Impl::subscribe() {
  const auto made =
      client->ask({.method = "POST",
                   .path = "/v1/subscriptions",
                   .body = {{"name", "the demo's receiver"}, {"url", receiver.url()}}});
  if (!made) return tl::unexpected(made.error());
  if (const auto taken = receiver.accept(made->json.at("secret").get<std::string>()); !taken) {
    return stop(ExitCode::kInputOutput, taken.error().message);
  }
  return {};
}

// Sends `count` events of the stream, or what is left of it.
Outcome<void> ServeDemo::Impl::send(PaymentStream& stream, std::uint64_t count,
                                    const std::stop_token& stop) {
  PaymentEvent event;
  std::string lines;
  ProgressLine progress(true);
  for (std::uint64_t sent = 0; sent < count && !stop.stop_requested();) {
    lines.clear();
    const std::uint64_t until = std::min(sent + kEventsOfRequest, count);
    while (sent < until && stream.next(event)) {
      append_event(event, lines);
      ++sent;
    }
    const auto answer =
        client->ask({.method = "POST", .path = "/v1/events", .lines = std::move(lines)});
    if (!answer) return tl::unexpected(answer.error());
    const std::uint64_t read = answer->json.at("accepted").get<std::uint64_t>();
    if (read == 0) {
      return api::stop(ExitCode::kCheckFailed,
                       "the rules declare no event of `tocsin generate` (docs/generate.md): try "
                       "those of samples/payments");
    }
    progress.show_text(fmt::format("{} of {}", format_count(sent), format_count(count, "event")));
  }
  return {};
}

// The rule with the most alerts; none where there are no alerts, or those of one rule alone, so
// that something is left to see.
Outcome<std::string> ServeDemo::Impl::put_one_into_shadow() {
  const auto facets = client->ask(get("/v1/alerts/facets"));
  if (!facets) return tl::unexpected(facets.error());
  const ordered_json& rules = facets->json.at("facets").at("rule").at("values");
  if (rules.size() < 2) return std::string();
  auto most = rules.front().at("value").get<std::string>();
  const auto changed = client->ask({.method = "PUT",
                                    .path = "/v1/rules/" + percent_encoded(most) + "/stage",
                                    .query = {{"comment", "the demo looks at it first"}},
                                    .body = {{"stage", "shadow"}},
                                    .if_match = "*"});
  if (!changed) return tl::unexpected(changed.error());
  return most;
}

Outcome<void> ServeDemo::Impl::tell_what_there_is(const std::string& shadow,
                                                  const std::stop_token& stop) {
  const auto facets = client->ask(get("/v1/alerts/facets"));
  if (!facets) return tl::unexpected(facets.error());
  const auto alerts = facets->json.at("total").get<std::uint64_t>();
  const auto until = std::chrono::steady_clock::now() + kWebhookTakes;
  while (alerts > 0 && receiver.alerts() == 0 && std::chrono::steady_clock::now() < until) {
    if (!sleep(stop, kPause)) return {};
  }
  tell(fmt::format("{}, {}, {} received{}\n", format_count(events, "event"),
                   format_count(alerts, "alert"), format_count(receiver.alerts(), "webhook"),
                   shadow.empty() ? "" : fmt::format("; {} is in shadow", shadow)));
  for (const auto& [name, text] : version_parts()) {
    if (name != "console" || text == "built in") continue;
    tell("this program was built without the console (docs/install.md); its API is complete\n");
  }
  std::string token;
  std::getline(std::ifstream(data / "admin-token"), token);
  tell(
      fmt::format("open http://{}/console/ and sign in with this token; Ctrl-C ends the demo\n{}\n",
                  address.text(), token));
  return {};
}

Outcome<void> ServeDemo::Impl::fill(const std::stop_token& stop) {
  if (auto subscribed = subscribe(); !subscribed) return subscribed;
  PaymentStream stream({.events = events, .seed = 7, .fraud_per_thousand = 2});
  const std::uint64_t half = events / 2;
  if (auto sent = send(stream, half, stop); !sent) return sent;
  const auto shadow = put_one_into_shadow();
  if (!shadow) return tl::unexpected(shadow.error());
  if (auto sent = send(stream, events - half, stop); !sent) return sent;
  if (stop.stop_requested()) return {};
  return tell_what_there_is(*shadow, stop);
}

void ServeDemo::Impl::run(const std::stop_token& stop) {
  if (!connect(stop)) return;
  Outcome<void> filled;
  try {
    filled = fill(stop);
  } catch (const ordered_json::exception& error) {
    filled = api::stop(ExitCode::kInputOutput, error.what());
  }
  // A server that ends takes no request: that is no fault of the demo.
  if (filled || !sleep(stop, kServerEnds)) return;
  tell(fmt::format("tocsin: the demo ended early, the server goes on: {}\n",
                   filled.error().message));
}

ServeDemo::ServeDemo(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ServeDemo::~ServeDemo() = default;

Outcome<std::unique_ptr<ServeDemo>> ServeDemo::prepare(Configuration& configuration,
                                                       std::uint64_t events) {
  auto impl = std::make_unique<Impl>();
  impl->events = events;
  const auto address = parse_loopback_address(configuration.text("http.listen"));
  if (!address || configuration.is_set("http.tls_certificate")) {
    return stop(
        ExitCode::kUsage,
        "--demo serves plain HTTP on this machine only: leave out http.tls_certificate, and "
        "listen on 127.0.0.1");
  }
  impl->address = *address;
  std::error_code error;
  if (configuration.is_set("data.path")) {
    impl->data = configuration.text("data.path");
    if (fs::exists(impl->data, error) && !fs::is_empty(impl->data, error)) {
      return stop(ExitCode::kUsage,
                  fmt::format("--demo takes a new data directory, and there is something in {}: "
                              "leave --data out, and the demo has one that ends with it",
                              impl->data.string()));
    }
  }
  std::string folder = fs::temp_directory_path(error) / "tocsin-demo-XXXXXX";
  if (error || ::mkdtemp(folder.data()) == nullptr) {
    return stop(ExitCode::kInputOutput,
                fmt::format("cannot make a temporary folder for the demo: {}", folder));
  }
  impl->folder = folder;
  if (impl->data.empty()) impl->data = impl->folder / "data";
  if (configuration.is_set("http.port_file")) {
    impl->port_file = configuration.text("http.port_file");
    fs::remove(impl->port_file, error);  // of an earlier server
  } else {
    impl->port_file = impl->folder / "port";
  }
  // The events are of one week in the past, so the clock must not move event time.
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, std::string>>{
           {"data.path", impl->data},
           {"http.port_file", impl->port_file},
           {"time.ahead_max", ""},
           {"time.heartbeat", ""},
           {"webhooks.allow", "127.0.0.1"}}) {
    if (const auto kept = configuration.keep(name, value, "--demo", ""); !kept) {
      return stop(ExitCode::kUsage, kept.error().message);
    }
  }
  if (const auto begun = impl->receiver.begin(); !begun) {
    return stop(ExitCode::kInputOutput, begun.error().message);
  }
  return std::unique_ptr<ServeDemo>(new ServeDemo(std::move(impl)));
}

void ServeDemo::begin() {
  impl_->thread =
      std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
}
}  // namespace tocsin::api
