#include "api/openid/openid_sign_in.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "api/base/command.h"
#include "api/openid/sign_in_ticket.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/rest/request_rates.h"
#include "cep/base/trimmed.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::string_view kPages = "/console/";
constexpr std::string_view kReturn = "/console/signed-in";
constexpr std::string_view kCookie = "tocsin-sign-in";
constexpr std::size_t kPlaceBytesMax = 500;
constexpr std::size_t kCodeBytesMax = 4096;
// Each waits for the issuer, and holds a thread of the server.
constexpr int kAtOnceMax = 8;

Result<std::string> read_secret(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad())
    return fail(Errc::kIo, fmt::format("openid.secret_file: cannot read {}", path));
  std::string secret(trimmed(text, " \t\r\n"));
  if (!secret.empty() && secret.find('\n') == secret.npos) return secret;
  return fail(Errc::kInvalidArgument,
              fmt::format("openid.secret_file: {} has one line, the secret", path));
}

// Sign-ins that wait for the issuer now.
class Waiting {
 public:
  explicit Waiting(std::atomic<int>& count) : count_(count), number_(++count) {}
  ~Waiting() { --count_; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  bool are_too_many() const { return number_ > kAtOnceMax; }

 private:
  std::atomic<int>& count_;
  int number_;
};

class SignInRoutes {
 public:
  SignInRoutes(const SignInContext& context, std::unique_ptr<OpenIdIssuer> issuer,
               SignInTickets tickets, const RateLimit& rate)
      : context_(context), issuer_(std::move(issuer)), tickets_(std::move(tickets)), rates_(rate) {}

  HttpResponse begin(const ApiRequest& request) {
    const std::string place(request.text("place").value_or(kPages));
    if (!place.starts_with(kPages) || place.size() > kPlaceBytesMax)
      return bad_parameter_response("place", "place takes a path of the console: /console/…");
    if (auto refused = too_often(request)) return *std::move(refused);
    const Waiting waiting(waiting_);
    if (waiting.are_too_many()) return busy();
    const auto begun = tickets_.begin(place, now_s());
    if (!begun) return problem_of_error(begun.error());
    const Result<std::string> url = issuer_->sign_in_url(begun->second);
    if (!url) return unanswered(url.error());
    return {302, {{"Location", *url}, {"Set-Cookie", cookie(request.http, begun->first)}}, "", ""};
  }

  HttpResponse end(ApiRequest& request) {
    if (const auto why = context_.sessions->foreignness(request.http))
      return problem_response(ProblemKind::kForbidden, *why);
    const auto body = read_json_object(request, {"code", "state"});
    if (!body) return body.error();
    const auto text_of = [&](const char* name) {
      const auto found = body->find(name);
      return found != body->end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const std::string code = text_of("code");
    if (code.empty() || code.size() > kCodeBytesMax) {
      return problem_response(ProblemKind::kBadBody,
                              R"(the body is {"code": "CODE", "state": "STATE"})");
    }
    const auto ticket = session_cookie(request.http.head(), name_of(request.http, kCookie));
    const auto sign_in = ticket ? tickets_.read(*ticket, now_s()) : std::nullopt;
    if (!sign_in || sign_in->state != text_of("state")) {
      return problem_response(ProblemKind::kForbidden,
                              "this browser did not begin this sign-in, or began it more than ten "
                              "minutes ago: sign in again");
    }
    if (auto refused = too_often(request)) return *std::move(refused);
    const Waiting waiting(waiting_);
    if (waiting.are_too_many()) return busy();
    const Result<ClaimedPerson> claimed = issuer_->redeem(code, *sign_in, now_s());
    if (!claimed) return unanswered(claimed.error());
    return admit(request, *claimed, sign_in->place);
  }

 private:
  // What they may do here, and their session.
  HttpResponse admit(ApiRequest& request, const ClaimedPerson& claimed, const std::string& place) {
    Person person{{"person:" + claimed.name}};
    for (const std::string& group : claimed.groups) {
      std::string who = "group:" + group;
      if (is_who(who)) person.groups.push_back(std::move(who));
    }
    const std::string& name = person.names.front();
    if (!is_who(name)) {
      return problem_response(ProblemKind::kForbidden,
                              "the issuer gives a name that is none of a person");
    }
    const auto grant = context_.people.list()->grant_of(person);
    if (!grant) return problem_response(ProblemKind::kForbidden, no_role_text(person));
    if (!may(grant->role, Role::kReader)) {
      return problem_response(
          ProblemKind::kForbidden,
          fmt::format("{} has the role {}, which sees nothing", name, role_name(grant->role)));
    }
    const Result<std::string> secret =
        context_.sessions->begin(*grant, SessionPerson{name, person.groups});
    if (!secret) return problem_of_error(secret.error());
    note(request, *grant);
    HttpResponse response =
        json_response(201, {{"name", name}, {"role", role_name(grant->role)}, {"place", place}});
    response.headers.push_back({"Set-Cookie", context_.sessions->cookie(request.http, *secret)});
    response.headers.push_back({"Set-Cookie", cookie(request.http, "")});
    return response;
  }

  void note(const ApiRequest& request, const TokenGrant& grant) {
    AuditDeed deed;
    deed.actor = grant.name;
    deed.role = role_name(grant.role);
    deed.from = request.http.remote();
    deed.action = "endSignIn";
    deed.method = request.http.head().method;
    deed.path = "/v1/session/openid";
    deed.request_id = request.request_id;
    static_cast<void>(
        context_.audit.note_read(deed, {201, {{"by", ordered_json(grant.by).dump()}}}));
  }

  // What an admin has to see, and a person cannot repair.
  static HttpResponse unanswered(const Error& error) {
    if (error.code == Errc::kDenied) {
      tell(fmt::format("tocsin: a sign-in by OpenID Connect is refused: {}\n", error.message));
      return problem_response(ProblemKind::kForbidden,
                              "the sign-in does not count: " + error.message);
    }
    tell(fmt::format("tocsin: nobody can sign in by OpenID Connect now: {}\n", error.message));
    HttpResponse response =
        problem_response(ProblemKind::kUnavailable,
                         "whoever signs people in does not answer as it should; the log of the "
                         "server says more");
    response.headers.push_back({"Retry-After", "5"});
    return response;
  }
  // Each asks the issuer, and may write to the log.
  std::optional<HttpResponse> too_often(const ApiRequest& request) {
    const RequestRates::Answer rate =
        rates_.take(request.http.remote(), std::chrono::steady_clock::now());
    if (rate.is_allowed) return std::nullopt;
    HttpResponse response =
        problem_response(ProblemKind::kTooManyRequests,
                         "too many sign-ins from this address: try again in a moment");
    response.headers.push_back({"Retry-After", "1"});
    return response;
  }
  static HttpResponse busy() {
    HttpResponse response = problem_response(ProblemKind::kUnavailable,
                                             "too many people sign in at this moment: try again");
    response.headers.push_back({"Retry-After", "1"});
    return response;
  }

  std::int64_t now_s() const { return context_.clock.now().us / 1'000'000; }
  std::string name_of(const HttpRequest& request, std::string_view plain) const {
    return context_.sessions->is_secure(request) ? fmt::format("__Host-{}", plain)
                                                 : std::string(plain);
  }
  // Lax: the browser comes back from another site.
  std::string cookie(const HttpRequest& request, std::string_view ticket) const {
    return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}",
                       name_of(request, kCookie), ticket,
                       ticket.empty() ? 0 : SignInTickets::kLifeS,
                       context_.sessions->is_secure(request) ? "; Secure" : "");
  }

  const SignInContext context_;
  const std::unique_ptr<OpenIdIssuer> issuer_;
  const SignInTickets tickets_;
  std::atomic<int> waiting_{0};
  RequestRates rates_;  // of addresses: nobody is known yet
};

// Null where there is no issuer.
std::shared_ptr<SignInRoutes> make_routes(const Configuration& configuration,
                                          const SignInContext& context) {
  Result<std::unique_ptr<OpenIdIssuer>> issuer = make_issuer(configuration);
  if (issuer && (*issuer == nullptr || context.sessions == nullptr)) return nullptr;
  Result<SignInTickets> tickets = SignInTickets::make();
  if (!issuer || !tickets) {
    tell(fmt::format("warning: nobody can sign in by OpenID Connect: {}\n",
                     issuer ? tickets.error().message : issuer.error().message));
    return nullptr;
  }
  context.sessions->know_people([&people = context.people](const SessionPerson& person) {
    return people.list()->grant_of({{person.name}, person.groups});
  });
  const RateLimit rate{static_cast<double>(configuration.integer("openid.sign_ins_per_second")),
                       static_cast<double>(configuration.integer("openid.sign_ins_burst"))};
  return std::make_shared<SignInRoutes>(context, *std::move(issuer), *std::move(tickets), rate);
}

constexpr std::string_view kSchemas = R"({
  "SignInWays": {
    "token": "boolean; POST /v1/session with a token",
    "openid": "boolean; GET /v1/session/openid in a browser"
  },
  "SignInCode": {"body": true, "code": "text", "state": "text"},
  "SignedIn": {
    "name": "text",
    "role": "RoleName",
    "place": "text; the path of the console where the browser wanted to go"
  }
})";
}  // namespace

Result<std::unique_ptr<OpenIdIssuer>> make_issuer(const Configuration& configuration) {
  IssuerOptions options;
  options.issuer = configuration.text("openid.issuer");
  options.client = configuration.text("openid.client");
  const std::string& server = configuration.text("openid.server");
  if (options.issuer.empty()) {
    if (options.client.empty() && server.empty()) return nullptr;
    return fail(Errc::kInvalidArgument, "openid.issuer: without the issuer's URL nobody signs in");
  }
  if (options.client.empty() || server.empty()) {
    return fail(Errc::kInvalidArgument,
                fmt::format("openid.{}: sign-in needs it beside openid.issuer",
                            options.client.empty() ? "client" : "server"));
  }
  const Result<WebhookUrl> own = parse_webhook_url(server);
  if (!own || own->target != "/") {
    return fail(Errc::kInvalidArgument,
                fmt::format("openid.server: `{}` is not this server as browsers see it, such as "
                            "https://tocsin.bank.example",
                            server));
  }
  options.redirect =
      fmt::format("{}{}", server.substr(0, server.find_last_not_of('/') + 1), kReturn);
  if (!configuration.boolean("console.enabled")) {
    return fail(Errc::kInvalidArgument,
                "openid.issuer: people sign in to the console, and console.enabled is false");
  }
  if (const std::string& path = configuration.text("openid.secret_file"); !path.empty()) {
    Result<std::string> secret = read_secret(path);
    if (!secret) return tl::unexpected(secret.error());
    options.secret = *std::move(secret);
  }
  options.scope = configuration.text("openid.scope");
  options.claims = {configuration.text("openid.name_claim"),
                    configuration.text("openid.groups_claim")};
  options.patience = std::chrono::milliseconds(configuration.duration("openid.timeout").us / 1000);
  auto issuer = OpenIdIssuer::make(std::move(options));
  if (!issuer) return fail(issuer.error().code, "openid.issuer: " + issuer.error().message);
  return issuer;
}

void add_openid_routes(Router& router, const Configuration& configuration,
                       const SignInContext& context) {
  router.add_schemas(kSchemas);
  const auto routes = make_routes(configuration, context);
  router.add({.method = "GET",
              .path = "/v1/session/ways",
              .operation_id = "getSignInWays",
              .tag = "tokens",
              .summary = "How people may sign in to the console",
              .role = Role::kOpen,
              .answers = {{200, "The ways", "application/json", "SignInWays"}},
              .is_at_once = true,
              .handler = [has_issuer = routes != nullptr,
                          has_token = context.sessions != nullptr](ApiRequest&) {
                return json_response(200, {{"token", has_token}, {"openid", has_issuer}});
              }});
  if (routes == nullptr) return;
  router.add({.method = "GET",
              .path = "/v1/session/openid",
              .operation_id = "beginSignIn",
              .tag = "tokens",
              .summary = "Send a browser to the issuer of OpenID Connect",
              .role = Role::kOpen,
              .query_parameters = {{.name = "place",
                                    .description = "The path of the console to go to afterwards",
                                    .pattern = "^/console/.{0,490}$"}},
              .answers = {{302, "The issuer's page"}},
              .answer_headers = {"Location", "Set-Cookie"},
              .problems = {429},
              .handler = [routes](ApiRequest& request) { return routes->begin(request); }});
  router.add(
      {.method = "POST",
       .path = "/v1/session/openid",
       .operation_id = "endSignIn",
       .tag = "tokens",
       .summary = "Sign in a browser that came back from the issuer: the answer sets a cookie",
       .role = Role::kOpen,
       .effect = RouteEffect::kNothing,
       .body = RouteBody{{"application/json"}, "SignInCode"},
       .answers = {{201, "Who signed in", "application/json", "SignedIn"}},
       .answer_headers = {"Set-Cookie"},
       .problems = {403, 413, 415, 429},
       .handler = [routes](ApiRequest& request) { return routes->end(request); }});
}
}  // namespace tocsin::api
