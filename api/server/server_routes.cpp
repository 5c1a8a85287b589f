#include "api/server/server_routes.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/alerts/silence.h"
#include "api/backup/backup_routes.h"
#include "api/console/console.h"
#include "api/console/dismiss_reasons.h"
#include "api/examples/openapi_examples.h"
#include "api/health/series_routes.h"
#include "api/health/server_health.h"
#include "api/health/settings_routes.h"
#include "api/jobs/backtest_routes.h"
#include "api/jobs/erasure_routes.h"
#include "api/language/language_routes.h"
#include "api/live/live_route.h"
#include "api/live/server_changes.h"
#include "api/node/run_arguments.h"
#include "api/openid/openid_sign_in.h"
#include "api/outbox/subscription_service.h"
#include "api/people/people_routes.h"
#include "api/people/view_routes.h"
#include "api/rest/json_body.h"
#include "api/rollout/comparison_route.h"
#include "api/rollout/deploy_routes.h"
#include "api/rollout/proposal_routes.h"
#include "api/server/event_routes.h"
#include "api/server/list_routes.h"
#include "api/server/metrics.h"
#include "api/server/operation_routes.h"
#include "api/server/rule_routes.h"
#include "api/server/serve_settings.h"
#include "api/trace/trace_routes.h"

namespace tocsin::api {
namespace {
std::optional<HealthSources::Validity> revocations_of(const HttpFigures& http) {
  const auto valid = http.connections().revocations;
  if (!valid) return std::nullopt;
  const auto time_of = [](std::chrono::system_clock::time_point time) {
    return cep::EventTime{
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count()};
  };
  return HealthSources::Validity{time_of(valid->begins), time_of(valid->ends)};
}

// The OpenAPI document with its examples, made when it is first asked for. Threading: any.
class DocumentText {
 public:
  explicit DocumentText(const Router& router) : router_(router) {}

  const std::string& get() {
    std::call_once(is_made_, [this] {
      nlohmann::ordered_json document = router_.openapi();
      add_examples(document, nlohmann::ordered_json::parse(recorded_examples()));
      text_ = document.dump() + "\n";
    });
    return text_;
  }

 private:
  const Router& router_;
  std::once_flag is_made_;
  std::string text_;
};

TraceSource trace_source(ServerContext& context) {
  const auto program = [&context]() -> Served<cep::Program> {
    std::optional<cep::Program> own;
    const Served<void> asked = context.node.ask(
        [&](runtime::Node& node) { own = node.program().with_own_data(); }, kAskPatience);
    if (!asked) return tl::unexpected(asked.error());
    return *std::move(own);
  };
  runtime::RunOptions options = event_time_options(context.configuration);
  options.line_bytes_max = context.line_bytes_max;
  const auto silences = [&context] {
    return context.subscriptions == nullptr ? std::vector<std::shared_ptr<const Silence>>()
                                            : context.subscriptions->silences().list();
  };
  const auto engine = [&context](
                          const std::function<bool(const cep::Program&, cep::Engine&)>& step) {
    return context.node.pursue(
        [&step](runtime::Node& node) { return step(node.program(), node.engine()); }, kAskPatience);
  };
  return {program,
          refusal_response,
          context.files,
          context.paths.directory,
          std::move(options),
          context.is_closing,
          context.effects,
          silences,
          [&context](ApiRequest& request) { return refused_unmasked(context.privacy, request); },
          history_limits(context.configuration),
          &context.rules,
          context.privacy,
          engine};
}
// Figures of the server, taken from now on, and its health looked at as often, so that it is known
// since when something is wrong; null where none are kept.
std::shared_ptr<const SeriesRecorder> series_of(const ServerContext& context,
                                                std::function<Health()> health) {
  const SeriesOptions options{context.configuration.duration("series.age"),
                              context.configuration.duration("series.step")};
  if (options.age.us == 0) return nullptr;
  // Whether it is ready is no series: the recorder asks for nothing that the router has.
  const auto recorder = std::make_shared<SeriesRecorder>(
      [&context, health = std::move(health), began = std::chrono::steady_clock::now()] {
        health();
        return metrics_text(context, true, began);
      },
      context.clock, options);
  recorder->start();
  return recorder;
}
// Changes of rules, and other requests.
std::map<std::string, std::size_t> waiting_for_approval(const ServerContext& context) {
  std::map<std::string, std::size_t> waiting = context.changes.approvals();
  for (std::string& id : context.proposals.waiting_ids()) waiting.emplace(std::move(id), 0);
  return waiting;
}
// What may be followed beside alerts, by as many as may follow alerts.
void add_live(Router& router, const ServerContext& context, const AlertServices& alerts,
              std::function<Health()> health) {
  ServerChanges changes = server_changes(
      {[&context] { return context.rules.current()->version; }, context.subscriptions->notices(),
       std::move(health), context.backtests, [&context] { return waiting_for_approval(context); }});
  const AlertFeedOptions& limits = alerts.feed().options();
  const auto feed = std::make_shared<ChangeFeed>(
      std::move(changes.looked_at),
      ChangeFeedOptions{limits.followers_max, limits.heartbeat,
                        [&context] { return context.is_closing.load(); }});
  feed->start();
  add_live_route(router, alerts.live(), feed, std::move(changes.topics));
}

BacktestServices backtest_services(const ServerContext& context) {
  BacktestServices services{*context.backtests, context.rules, *context.checks};
  if (const Privacy* const privacy = context.privacy; privacy != nullptr) {
    services.masker_of = [privacy](const std::vector<const cep::Plan*>& plans) {
      return privacy->masker_of(plans);
    };
  }
  return services;
}
}  // namespace

void use_identities(RouterOptions& options, const Identities& identities, runtime::Clock& clock) {
  options.used = [&](const TokenGrant& grant) { identities.note_use(grant, clock.now()); };
  options.counts = [&](const TokenGrant& grant) { return identities.has(grant, clock.now()); };
}

IsKnown known_by(const Identities& identities, const SessionStore* sessions,
                 runtime::Clock& clock) {
  return [&identities, sessions, &clock](const TokenGrant& grant,
                                         const std::optional<AskingSession>& session) {
    if (session && (sessions == nullptr || !sessions->has(session->session))) return false;
    return identities.has(grant, clock.now());
  };
}

AlertRoutePorts alert_ports(const ServerContext& context, IsKnown is_known) {
  return {std::move(is_known),
          [&node = context.node] { return node.await_stored(kStoredPatience); },
          [&rules = context.rules] { return rules.rule_ids(); },
          !context.configuration.texts("kafka.read_alerts_topics").empty(), context.reads.get()};
}

void add_server_routes(Router& router, ServerContext& context, const AlertServices& alerts,
                       const Configuration& settings, Unreadiness unreadiness) {
  add_event_routes(router, context);
  const auto totals = std::make_shared<RuleTotalsReader>(context.node);
  add_language_routes(router, context.checks, context.rules);
  add_rule_routes(router, context, totals);
  const RolloutContext rollout{context.rules, context.changes, *context.checks};
  add_deploy_routes(router, rollout);
  add_change_routes(router, rollout);
  add_version_routes(router, context.rules);
  add_list_routes(router, context);
  add_state_routes(router, context, totals);
  add_trace_route(router, trace_source(context));
  add_profile_route(router, context);
  add_savepoint_routes(router, context);
  add_side_output_routes(router, context);
  add_producer_routes(router, context);
  add_token_routes(router, context);
  // The start has refused reasons that are wrong.
  add_session_routes(router, context.sessions, context.clock,
                     {rollout.changes.approvals_needed(), *dismiss_reasons(settings)});
  add_people_routes(router, context.people);
  add_view_routes(router, context.views, [privacy = context.privacy](const TokenGrant& grant) {
    return privacy != nullptr && privacy->masks(grant);
  });
  add_openid_routes(router, context.configuration,
                    {context.people, context.sessions, context.audit, context.clock});
  add_proposal_routes(router, {context.proposals, context.tokens, context.people, context.clock});
  context.changes.use_standing(
      [&context](const std::string& who, const std::string& by, Role needs) {
        const auto grant = grant_now(context.tokens, context.people, context.clock.now(), who, by);
        return grant && may(grant->role, needs);
      });
  add_audit_routes(router, context);
  add_backtest_routes(router, backtest_services(context));
  add_backup_routes(router, context.backups.get());
  add_erasure_routes(router, *context.erasures);
  add_metrics_route(router, context, [unreadiness] { return unreadiness().empty(); });
  add_settings_route(router, settings);
  const HealthSources sources{context.node,
                              context.subscriptions,
                              context.sinks,
                              context.backups.get(),
                              context.clock,
                              context.paths.directory,
                              context.configuration,
                              context.audit_watch,
                              [&http = context.http] { return revocations_of(http); }};
  const auto health = [asked = std::make_shared<ServerHealth>(sources),
                       unreadiness = std::move(unreadiness)] { return asked->ask(unreadiness()); };
  add_health_report(router, health);
  add_series_route(router, series_of(context, health), context.clock);
  add_live(router, context, alerts, health);
  add_comparison_route(
      router, {context.effects, alerts.triage(), context.rules, context.privacy,
               [&context] { return context.node.await_stored(kStoredPatience); },
               static_cast<std::size_t>(context.configuration.integer("alerts.query_rows_max")),
               context.reads.get()});
  router.add_schemas(R"({"OpenapiDocument": {
    "openapi": "text",
    "info": "object",
    "security": "list of object",
    "paths": "map of object",
    "components": "object"
  }})");
  // Last: it shows what was added before.
  router.add({.method = "GET",
              .path = "/openapi.json",
              .operation_id = "getOpenapi",
              .tag = "health",
              .summary = "This API as an OpenAPI 3.1 document",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .answers = {{200, "The document", "application/json", "OpenapiDocument"}},
              .handler = [text = std::make_shared<DocumentText>(router)](ApiRequest&) {
                return json_text_response(200, text->get());
              }});
}
}  // namespace tocsin::api
