#include "api/server/server.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/base/command.h"
#include "api/base/exit_code.h"
#include "api/base/port_file.h"
#include "api/base/progress.h"
#include "api/base/reload_signal.h"
#include "api/base/stop_signal.h"
#include "api/base/version.h"
#include "api/console/console.h"
#include "api/custody/private_data.h"
#include "api/health/server_health.h"
#include "api/net/loopback_address.h"
#include "api/net/stop_switch.h"
#include "api/node/kafka_settings.h"
#include "api/node/kept_rules.h"
#include "api/node/node_service.h"
#include "api/node/node_start.h"
#include "api/node/node_topics.h"
#include "api/node/rule_service.h"
#include "api/node/run_report.h"
#include "api/people/identities.h"
#include "api/privacy/privacy.h"
#include "api/rollout/four_eyes.h"
#include "api/server/alert_services.h"
#include "api/server/rule_activation.h"
#include "api/server/serve_front.h"
#include "api/server/serve_rules.h"
#include "api/server/serve_settings.h"
#include "api/server/server_context.h"
#include "api/server/server_keys.h"
#include "api/server/server_messages.h"
#include "api/server/server_routes.h"
#include "api/sinks/sink_service.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/inputs/input_file.h"
#include "runtime/io/memory_ahead.h"
#include "runtime/io/system_files.h"
#include "runtime/io/thread_executor.h"
#include "runtime/io/worker_threads.h"
#include "runtime/store/rocks_state_store.h"
#include "runtime/store/rocks_store.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;

class Server {
 public:
  Server(const Configuration& configuration, bool is_quiet)
      : configuration_(configuration),
        is_quiet_(is_quiet),
        bodies_(body_limits(configuration).first, body_limits(configuration).second),
        starting_routes_(router_options()) {}

  ExitCode run();

 private:
  using Step = Outcome<void> (Server::*)();
  Outcome<void> read_settings();
  Outcome<void> check_rules();
  Outcome<void> open_directory();
  Outcome<void> keep_rules();
  Outcome<void> open_tokens();
  Outcome<void> listen();
  Outcome<void> open_node();
  Outcome<void> open_rules();
  Outcome<void> begin_routes();
  ExitCode wait();
  void close();

  RouterOptions router_options();
  runtime::NodeOptions node_options();
  std::string unreadiness() const;
  HttpAdmission admit(HttpRequest& request);
  void say(const std::string& text) const {
    if (!is_quiet_) tell(text + "\n");
  }
  bool must_stop() const { return stop_signal_.requested(); }

  const Configuration& configuration_;
  const bool is_quiet_;
  const StopSignal stop_signal_;
  ReloadSignal reload_signal_;
  StopSwitch failed_;                       // the node did
  Configuration settings_{configuration_};  // with those that the data directory keeps
  DurableOptions durable_;
  runtime::RunOptions run_options_;
  AlertServicesOptions alert_services_options_;
  ServerTopics topics_;
  ListenAddress address_;

  runtime::SystemFiles files_;
  runtime::SystemClock clock_;
  runtime::RocksStateStores state_stores_{files_};
  runtime::FileRanges ranges_{{}};
  std::optional<runtime::DataDirectory> directory_;
  std::optional<runtime::Beginning> beginning_;  // the directory's, or the savepoint's
  std::string kept_blobs_;                       // where its texts are
  bool is_begun_ = false;                        // the directory
  LoadedRules rules_;
  std::optional<RulePack> given_;  // by the configuration
  RulePack pack_;                  // what rules_ are made of
  std::unique_ptr<runtime::RocksStore> store_;
  runtime::ThreadExecutor executor_;
  runtime::WorkerThreads workers_{worker_count(configuration_)};
  runtime::MemoryAhead memory_ahead_;
  std::unique_ptr<runtime::NodePorts> ports_;
  Identities identities_;
  Console console_;
  BodyBudget bodies_;
  HttpFigures http_figures_;
  RequestLogs logs_;
  std::unique_ptr<Privacy> privacy_;
  std::unique_ptr<SinkService> sinks_;
  std::unique_ptr<NodeService> service_;
  std::unique_ptr<RuleService> rule_service_;
  std::unique_ptr<ChangeService> changes_;
  std::unique_ptr<ProposalStore> proposals_;
  std::unique_ptr<AlertServices> alert_services_;
  AlertServicesLink alert_link_;  // for those who store effects
  std::unique_ptr<ServerContext> context_;
  Router starting_routes_;
  std::unique_ptr<Router> routes_;
  std::atomic<Router*> ready_routes_{nullptr};  // routes_, once the node is up
  std::atomic<bool> is_closing_{false};
  std::unique_ptr<HttpServer> http_;  // ends first
};

RouterOptions Server::router_options() {
  RouterOptions options;
  options.version = version_parts().front().second;
  options.rate = rate_limit(configuration_);
  options.bodies = &bodies_;
  use_identities(options, identities_, clock_);
  return options;
}

ExitCode Server::run() {
  ignore_write_signals();
  for (const Step step : {&Server::read_settings, &Server::check_rules, &Server::open_directory,
                          &Server::keep_rules, &Server::open_tokens, &Server::listen,
                          &Server::open_node, &Server::open_rules, &Server::begin_routes}) {
    const Outcome<void> done = (this->*step)();
    if (done) continue;
    close();
    // A stop while the state is recovered is one like any other: nothing is lost.
    if (must_stop()) return ExitCode::kSuccess;
    return end_with(done.error().code, done.error().message);
  }
  return wait();
}

Outcome<void> Server::read_settings() {
  Result<ListenAddress> address = parse_listen_address(configuration_.text("http.listen"));
  if (!address) return stop(ExitCode::kUsage, address.error().message);
  address_ = *std::move(address);
  if (auto checked = check_exposure(configuration_, address_); !checked) return checked;
  Result<AlertServicesOptions> options = alert_services_options(configuration_);
  if (!options) return stop(ExitCode::kUsage, options.error().message);
  alert_services_options_ = *std::move(options);
  Result<ServerTopics> topics = server_topics(configuration_);
  if (!topics) return stop(ExitCode::kUsage, topics.error().message);
  topics_ = *std::move(topics);
  return {};
}

Outcome<void> Server::check_rules() {
  Outcome<std::optional<RulePack>> given = read_given_rules(configuration_);
  if (!given) return tl::unexpected(given.error());
  given_ = *std::move(given);
  return {};
}

Outcome<void> Server::open_directory() {
  const std::string& path = configuration_.text("data.path");
  Result<runtime::DataDirectory> directory = take_data_directory(files_, path, true);
  if (!directory)
    return stop(exit_code_of_named(directory.error().code), directory.error().message);
  directory_ = *std::move(directory);
  Result<std::optional<runtime::Beginning>> beginning =
      runtime::find_beginning(files_, directory_->paths(), true);
  if (!beginning)
    return stop(exit_code_of_named(beginning.error().code), beginning.error().message);
  beginning_ = *std::move(beginning);
  is_begun_ = beginning_.has_value();
  kept_blobs_ = directory_->paths().blobs;
  // A new directory may begin with a savepoint.
  if (const std::string& from = configuration_.text("data.from"); !from.empty() && !is_begun_) {
    const Result<runtime::Manifest> manifest = runtime::read_manifest(files_, from);
    if (!manifest) return stop(exit_code_of_named(manifest.error().code), manifest.error().message);
    Result<runtime::Beginning> kept = runtime::beginning_of(manifest->meta, from);
    if (!kept) return stop(exit_code_of_named(kept.error().code), kept.error().message);
    beginning_ = *std::move(kept);
    kept_blobs_ = runtime::savepoint_blobs(from);
  }
  // What was said counts; else what the directory was begun with; else what is standard.
  if (beginning_) {
    auto adopted = adopt_options(beginning_->settings.options, settings_);
    if (!adopted) return adopted;
  }
  durable_ = durable_options(settings_);
  run_options_ = with_line_limit(event_time_options(settings_), durable_);
  if (topics_.events) run_options_.drift_max = topics_.events->drift_max;
  return {};
}

Outcome<void> Server::keep_rules() {
  const bool keeps = beginning_ && (is_begun_ || !given_);
  Outcome<StartRules> rules =
      keeps ? load_kept_rules(files_, *beginning_, kept_blobs_) : load_start_rules(given_);
  if (!rules) return tl::unexpected(rules.error());
  pack_ = std::move(rules->pack);
  rules_ = std::move(rules->loaded);
  if (pack_.texts().empty() && !topics_.alerts)
    say("there are no rules yet: name files (tocsin serve RULES), or deploy some (PUT /v1/pack)");
  if (!is_begun_ || !given_) return {};
  *given_ = with_stages_of(pack_, *given_);
  if (given_->etag() == pack_.etag() || configuration_.boolean("rules.deploy")) return {};
  return refuse_given_rules(*given_, rules_, directory_->paths().directory);
}

Outcome<void> Server::open_tokens() {
  const std::string& folder = directory_->paths().directory;
  if (auto opened = identities_.open(configuration_, folder); !opened)
    return stop(exit_code_of_named(opened.error().code), opened.error().message);
  console_.open(configuration_, folder, clock_);
  if (const std::string& path = identities_.first_token_file(); !path.empty())
    say(fmt::format("created a token with the role admin: it is in {}, keep it safe", path));
  return {};
}

Outcome<void> Server::listen() {
  add_health_routes(starting_routes_, [this] { return unreadiness(); });
  HttpServerOptions options =
      front_options(configuration_, bodies_, http_figures_,
                    [this](HttpRequest& request) { return admit(request); });
  raise_file_limit(options.limits);
  if (auto read = read_peers(configuration_, options); !read) return read;
  const bool is_tls = options.tls != nullptr;
  Result<std::unique_ptr<HttpServer>> http =
      HttpServer::start(address_.host, address_.port, std::move(options));
  if (!http) return stop(ExitCode::kInputOutput, http.error().message);
  http_ = *std::move(http);
  http_figures_.count_connections([this] { return http_->figures(); });
  const std::uint16_t port = http_->port();
  if (const std::string& file = configuration_.text("http.port_file"); !file.empty()) {
    if (auto written = write_port_file(file, port); !written)
      return stop(ExitCode::kInputOutput, written.error().message);
  }
  say(fmt::format("listening on {}://{}", is_tls ? "https" : "http",
                  LoopbackAddress{address_.host, port}.text()));
  return {};
}

runtime::NodeOptions Server::node_options() {
  runtime::NodeOptions options;
  options.workers = &workers_;
  options.settings = runtime::settings_of(*rules_.program, kept_options(settings_));
  options.texts = pack_.texts();
  options.compile = compile_kept;
  options.past = past_runs(files_, directory_->paths());
  options.intake = runtime::intake_options(rules_.program->plan(), run_options_);
  options.timeline = new_timeline_id();
  // Once it was begun the same command goes on with it.
  const std::string& from = configuration_.text("data.from");
  if (!from.empty() && !is_begun_) options.from = from;
  options.checkpoint_every = durable_.checkpoint_every;
  options.list_entries_max = static_cast<std::size_t>(configuration_.integer("lists.entries_max"));
  options.segment_bytes = durable_.segment_bytes;
  options.archive = archive_options(configuration_, run_options_.line_bytes_max);
  options.effects.retention = retention_policy(configuration_);
  options.effects.needed_from = [this] { return sinks_->needed_from(); };
  options.memory_max = durable_.memory_max;
  options.stop_requested = [this] { return must_stop(); };
  return options;
}

Outcome<void> Server::open_node() {
  runtime::RocksStoreOptions store_options;
  store_options.families = runtime::effect_families();
  store_options.end_mark = directory_->paths().store_end;
  Result<std::unique_ptr<runtime::RocksStore>> store =
      runtime::RocksStore::open(directory_->paths().store, store_options);
  if (!store) return stop(exit_code_of_named(store.error().code), store.error().message);
  store_ = *std::move(store);
  const SubscriptionOptions& subscriptions = alert_services_options_.subscriptions;
  if (auto sealed = seal_server_secrets(*store_, subscriptions.keys); !sealed) return sealed;
  Outcome<RequestLogs> logs = open_request_logs(files_, directory_->paths(), *store_, clock_,
                                                configuration_, subscriptions.keys);
  if (!logs) return tl::unexpected(logs.error());
  logs_ = *std::move(logs);
  auto privacy =
      open_privacy(configuration_, directory_->paths().directory, *store_, rules_.program->plan());
  if (!privacy) return stop(exit_code_of_named(privacy.error().code), privacy.error().message);
  privacy_ = *std::move(privacy);
  alert_services_options_.privacy = privacy_.get();
  Outcome<std::unique_ptr<SinkService>> sinks =
      open_sinks(*store_,
                 {topics_.sinks, [this] { return must_stop(); },
                  [this](const std::string& note) { say(note); }},
                 *privacy_);
  if (!sinks) return tl::unexpected(sinks.error());
  sinks_ = *std::move(sinks);
  ports_.reset(new runtime::NodePorts{files_, clock_, *store_, state_stores_, executor_, ranges_});
  NodeServiceOptions service_options = told_service_options(configuration_, *privacy_);
  service_options.failed = [this] { failed_.set(); };
  const auto topics = [this](const KafkaSettings& settings) {
    return kafka_topics(
        settings, run_options_.line_bytes_max, [this] { return must_stop(); },
        [this](const std::string& note) { say(note); });
  };
  if (topics_.events) {
    service_options.idle_after = topics_.events->idle_after;
    service_options.topics = topics(*topics_.events);
  }
  if (topics_.alerts) service_options.alert_topics = topics(*topics_.alerts);
  service_ = std::make_unique<NodeService>(clock_, std::move(service_options));

  ProgressLine progress(!is_quiet_);
  const auto began = steady_clock::now();
  runtime::NodeOptions options = node_options();
  auto addressees =
      SubscriptionService::addressees(*store_, subscriptions, rules_.loaded.rules->plan);
  if (!addressees) {
    return stop(exit_code_of_named(addressees.error().code), addressees.error().message);
  }
  options.addressees = *std::move(addressees);
  options.recovering = [&](const runtime::RecoveryProgress& done) {
    if (done.records_total == 0) return;
    const std::chrono::duration<double> passed = steady_clock::now() - began;
    progress.show({done.records, done.records_total, done.events, 0}, passed.count());
  };
  service_->add_effects_listener([this](const runtime::EffectQueueStatus&) {
    sinks_->effects_changed();
    alert_link_.effects_changed();
  });
  service_->listen(options);
  Result<std::unique_ptr<runtime::Node>> node =
      runtime::Node::open(*ports_, *directory_, *rules_.program, std::move(options));
  progress.clear();
  if (!node) return stop(exit_code_of_named(node.error().code), node.error().message);
  tell_damaged((*node)->recovery());
  say(recovery_text((*node)->recovery(), directory_->paths().directory));
  if (auto started = service_->start(*std::move(node)); !started) {
    return stop(exit_code_of_named(started.error().code), started.error().message);
  }
  return {};
}

Outcome<void> Server::open_rules() {
  RuleServicePorts ports = rule_ports(*service_, files_, clock_, directory_->paths(), run_options_,
                                      warm_up_limits(configuration_), *privacy_);
  ports.changed = [this](const CurrentRules& now) {
    alert_link_.rules_changed(now.rules.loaded.rules->plan);
  };
  runtime::NodeSettings settings = runtime::settings_of(*rules_.program, kept_options(settings_));
  Result<std::unique_ptr<RuleService>> rules =
      RuleService::open(std::move(ports), pack_, std::move(rules_), std::move(settings));
  if (!rules) return stop(exit_code_of_named(rules.error().code), rules.error().message);
  rule_service_ = *std::move(rules);
  if (!is_begun_ || !given_ || given_->etag() == pack_.etag()) return {};
  const auto deployed = deploy_pack(*rule_service_, *given_, "deployed at the start");
  if (!deployed) return stop(ExitCode::kCheckFailed, deployed.error().detail);
  say(fmt::format("deployed RULES as version {}", deployed->version));
  if (!is_quiet_) tell(format_restored(deployed->report));
  return {};
}

Outcome<void> Server::begin_routes() {
  Result<std::unique_ptr<ChangeService>> changes =
      ChangeService::open(files_, clock_, directory_->paths().directory + "/changes",
                          *rule_service_, change_settings(configuration_));
  if (!changes) return stop(exit_code_of_named(changes.error().code), changes.error().message);
  changes_ = *std::move(changes);
  auto proposals = open_proposals(files_, clock_, directory_->paths(), configuration_);
  if (!proposals) return tl::unexpected(proposals.error());
  proposals_ = *std::move(proposals);
  context_.reset(new ServerContext{
      *service_, service_->effects(), files_, clock_, directory_->paths(), *rule_service_,
      *changes_, configuration_, identities_.tokens(), identities_.people(), identities_.views(),
      bodies_, http_figures_, *logs_.answers, *logs_.audit, *logs_.refusals, *proposals_,
      is_closing_, run_options_.line_bytes_max});
  Result<std::unique_ptr<AlertServices>> alert_services =
      AlertServices::open(*store_, service_->effects(), clock_, alert_services_options_,
                          tell_delivery, rule_service_->current()->rules.loaded.rules->plan);
  if (!alert_services)
    return stop(exit_code_of_named(alert_services.error().code), alert_services.error().message);
  alert_services_ = *std::move(alert_services);
  alert_link_.set(alert_services_.get());
  context_->subscriptions = &alert_services_->subscriptions();
  context_->privacy = privacy_.get();
  if (auto opened = open_jobs(*context_, *store_, run_options_); !opened)
    return stop(exit_code_of_named(opened.error().code), opened.error().message);
  context_->sinks = sinks_.get();
  context_->audit_watch = logs_.watch.get();
  context_->sessions = console_.sessions();
  sinks_->start([this](const std::string& stream, const std::string& why) {
    alert_services_->subscriptions().add_notice("sink_waiting", stream, why);
  });
  RouterOptions options = router_options();
  options.answers = logs_.answers.get();
  options.audit = logs_.audit.get();
  options.refusals = logs_.refusals.get();
  use_four_eyes(options, *proposals_, clock_, configuration_);
  options.sessions = console_.sessions();
  options.vouched = [this](const HttpRequest& asked) { return identities_.vouched(asked); };
  routes_ = std::make_unique<Router>(std::move(options));
  alert_services_->add_routes(
      *routes_, alert_ports(*context_, known_by(identities_, console_.sessions(), clock_)));
  const Unreadiness why = [this] { return unreadiness(); };
  add_health_routes(*routes_, why);
  add_server_routes(*routes_, *context_, *alert_services_, settings_, why);
  say("ready");
  ready_routes_ = routes_.get();
  return {};
}

std::string Server::unreadiness() const {
  if (is_closing_) return "the server stops";
  if (ready_routes_ == nullptr) return "the server starts: its state is being recovered";
  return unreadiness_of(*service_);
}

HttpAdmission Server::admit(HttpRequest& request) {
  if (auto page = console_.admit(request)) return *std::move(page);
  if (Router* const routes = ready_routes_; routes != nullptr)
    return routes->admit(request, *identities_.tokens().list());
  const std::string_view target = request.head().target;
  if (target == "/livez" || target == "/readyz")
    return starting_routes_.admit(request, *identities_.tokens().list());
  return answer_at_once(unavailable_response(unreadiness()));
}

ExitCode Server::wait() {
  while (!must_stop() && !failed_.is_set()) {
    std::array<pollfd, 3> waited = {{{failed_.descriptor(), POLLIN, 0},
                                     {stop_signal_.descriptor(), POLLIN, 0},
                                     {reload_signal_.descriptor(), POLLIN, 0}}};
    ::poll(waited.data(), waited.size(), -1);
    if (must_stop() || failed_.is_set() || !reload_signal_.take()) continue;
    reload_tls_identity(configuration_, *http_, is_quiet_);
    reload_rules(configuration_, *rule_service_, is_quiet_);
  }
  if (must_stop()) say(fmt::format("stopping: {}", stop_signal_.name()));
  is_closing_ = true;
  alert_services_->stop();  // streams end, for which the HTTP server would wait
  http_->stop();
  stop_jobs(*context_);
  Result<void> stopped = service_->stop(true);
  sinks_->stop();  // after the last effects
  close();
  if (!stopped) {
    return end_with(ExitCode::kInputOutput, stopped.error().message +
                                                "; nothing that was acknowledged is lost: start it "
                                                "again");
  }
  say("stopped");
  return ExitCode::kSuccess;
}

void Server::close() {
  is_closing_ = true;
  if (alert_services_) alert_services_->stop();
  if (sinks_) sinks_->stop();
  http_figures_.count_connections(nullptr);  // threads that end with the routes ask too
  http_.reset();
  ready_routes_ = nullptr;
  routes_.reset();
  logs_.refusals.reset();  // the recorder of series, which ends with the routes, counts them
  alert_link_.set(nullptr);
  alert_services_.reset();
  context_.reset();
  proposals_.reset();
  changes_.reset();
  rule_service_.reset();
  service_.reset();
  sinks_.reset();
}
}  // namespace

ExitCode serve(const Configuration& configuration, bool is_quiet) {
  return Server(configuration, is_quiet).run();
}
}  // namespace tocsin::api
