#include "api/rollout/four_eyes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/alerts/silence.h"
#include "api/base/command.h"
#include "api/base/exit_code.h"
#include "api/node/event_body.h"
#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
constexpr std::array<std::string_view, 7> kRemovals = {
    "removeListEntries", "removeListEntry", "replaceList", "resetList",
    "removeTableRows",   "replaceTable",    "resetTable"};
constexpr std::array<std::string_view, 2> kAdditions = {"addListEntries", "addTableRows"};
constexpr std::array<std::string_view, 3> kSubscribes = {"createSubscription", "putSubscription",
                                                         "patchSubscription"};
constexpr std::array<std::string_view, 5> kDeploys = {"putRule", "deleteRule", "putRuleStage",
                                                      "putPack", "patchPack"};

bool is_one_of(const auto& operations, std::string_view operation) {
  return std::ranges::find(operations, operation) != operations.end();
}
bool takes_packed(std::string_view operation) {
  return is_one_of(kRemovals, operation) || is_one_of(kAdditions, operation);
}

std::string review_silence(const FourEyes& settings, std::string_view body, cep::EventTime now) {
  const Result<Silence> silence = read_silence(body, now);
  if (!silence) return {};
  if (settings.silence_longer && silence->until > silence->from + *settings.silence_longer) {
    return fmt::format("the silence lasts longer than {} (four_eyes.silence_longer)",
                       cep::format_duration(*settings.silence_longer));
  }
  if (settings.silence_wide && silence->filter.rules.size() != 1)
    return "the silence is not of one rule alone (four_eyes.silence_wide)";
  return {};
}
bool asks_for_pii(std::string_view body) {
  const auto settings = nlohmann::json::parse(body, nullptr, false);
  return settings.is_object() && settings.value("pii", nlohmann::json()) == true;
}
// Whether a body of entries names an end. What cannot be read may.
class EndFinder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool found() const { return found_; }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t& name) override {
    found_ = name == "until";
    return !found_;
  }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    found_ = true;
    return false;
  }

 private:
  bool found_ = false;
};
bool may_end(const RequestHead& head, std::string_view body) {
  // Names may be written with escapes. Most bodies have neither.
  if (body.find("until") == body.npos && body.find('\\') == body.npos) return false;
  const std::string_view type = head.header("content-type").value_or("");
  if (type.starts_with("text/plain")) return false;  // values alone
  const bool is_by_line = type.find("ndjson") != type.npos;
  EndFinder finder;
  while (!body.empty() && !finder.found()) {
    const std::string_view part = is_by_line ? body.substr(0, body.find('\n')) : body;
    body.remove_prefix(std::min(body.size(), part.size() + 1));
    if (part.find_first_not_of(" \t\r") != part.npos) nlohmann::json::sax_parse(part, &finder);
  }
  return finder.found();
}
}  // namespace

FourEyes four_eyes(const Configuration& configuration) {
  return {configuration.duration_limit("four_eyes.silence_longer"),
          configuration.boolean("four_eyes.silence_wide"),
          configuration.boolean("four_eyes.list_removal"),
          configuration.boolean("four_eyes.ignored_tests"), configuration.boolean("four_eyes.pii")};
}

std::string review(const FourEyes& settings, std::string_view operation, const ApiRequest& request,
                   cep::EventTime now) {
  const std::string_view body = request.http.body();
  const auto is_of = [&](const auto& operations) { return is_one_of(operations, operation); };
  if (operation == "createSilence") return review_silence(settings, body, now);
  if (settings.list_removal && is_of(kRemovals))
    return "entries would be taken out (four_eyes.list_removal)";
  // One that is there would get that end.
  if (settings.list_removal && is_of(kAdditions) && may_end(request.http.head(), body))
    return "entries would get an end (four_eyes.list_removal)";
  if (settings.pii && is_of(kSubscribes) && asks_for_pii(body))
    return "alerts would leave with personal data (four_eyes.pii)";
  if (settings.ignored_tests && is_of(kDeploys) && request.text("ignore_tests") == "true")
    return "the rules' own tests would be ignored (four_eyes.ignored_tests)";
  return {};
}

Outcome<std::unique_ptr<ProposalStore>> open_proposals(runtime::Files& files, runtime::Clock& clock,
                                                       const runtime::DataPaths& paths,
                                                       const Configuration& configuration) {
  ProposalLimits limits;
  limits.wait_max = configuration.duration("rollout.approve_within");
  limits.body_bytes_max =
      static_cast<std::size_t>(configuration.integer("four_eyes.body_bytes_max"));
  limits.count_max = static_cast<std::size_t>(configuration.integer("rollout.changes_max"));
  auto opened = ProposalStore::open(files, clock, paths.directory + "/proposals", limits);
  if (!opened) return stop(exit_code_of_named(opened.error().code), opened.error().message);
  if (const std::size_t count = (*opened)->cut_short(); count > 0) {
    tell(
        fmt::format("tocsin: {} being made when the process ended last: the audit log says what "
                    "came of {}; what was not done has to be asked for again\n",
                    count == 1 ? std::string("an approved change was")
                               : fmt::format("{} approved changes were", count),
                    count == 1 ? "it" : "them"));
  }
  return *std::move(opened);
}

RouteParameter withdrawal_comment() {
  return {.name = "comment", .description = "The reason, stored in the audit log"};
}

std::optional<HttpResponse> check_withdrawal(ApiRequest& request, const std::string& asker) {
  if (asker != request.grant.name) {
    if (!may(request.grant.role, Role::kApprover)) {
      return problem_response(
          ProblemKind::kForbidden,
          fmt::format("{} asked for this: who may approve it may withdraw it too", asker));
    }
    request.notes["asked_by"] = nlohmann::json(asker).dump();
  }
  if (const auto comment = request.text("comment"); comment && !comment->empty()) {
    request.notes["comment"] = nlohmann::json(*comment).dump();
  }
  return std::nullopt;
}

void use_four_eyes(RouterOptions& options, ProposalStore& proposals, runtime::Clock& clock,
                   const Configuration& configuration) {
  const FourEyes settings = four_eyes(configuration);
  if (!settings.are_any()) return;
  options.proposals = &proposals;
  options.review = [settings, limits = unpack_limits(configuration), &clock](
                       const Route& route, ApiRequest& request,
                       BodyBudget::Hold& hold) -> tl::expected<std::string, HttpResponse> {
    const std::string encoding(request.http.head().header("content-encoding").value_or(""));
    if (settings.list_removal && !encoding.empty() && takes_packed(route.operation_id)) {
      auto unpacked = unpack_body(request.http.take_body(), encoding, limits, hold);
      if (!unpacked) return tl::unexpected(problem_of_fault(unpacked.error()));
      request.http.set_unpacked_body(*std::move(unpacked));
    }
    return review(settings, route.operation_id, request, clock.now());
  };
}
}  // namespace tocsin::api
