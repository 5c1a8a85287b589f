#include "api/server/four_eyes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/alerts/silence.h"
#include "api/base/command.h"
#include "api/base/exit_code.h"

namespace tocsin::api {
namespace {
constexpr std::array<std::string_view, 7> kRemovals = {
    "removeListEntries", "removeListEntry", "replaceList", "resetList",
    "removeTableRows",   "replaceTable",    "resetTable"};
constexpr std::array<std::string_view, 2> kAdditions = {"addListEntries", "addTableRows"};
constexpr std::array<std::string_view, 5> kDeploys = {"putRule", "deleteRule", "putRuleStage",
                                                      "putPack", "patchPack"};

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
}  // namespace

FourEyes four_eyes(const Configuration& configuration) {
  return {configuration.duration_limit("four_eyes.silence_longer"),
          configuration.boolean("four_eyes.silence_wide"),
          configuration.boolean("four_eyes.list_removal"),
          configuration.boolean("four_eyes.ignored_tests")};
}

std::string review(const FourEyes& settings, std::string_view operation, const ApiRequest& request,
                   cep::EventTime now) {
  const std::string_view body = request.http.body();
  const auto is_of = [&](const auto& operations) {
    return std::ranges::find(operations, operation) != operations.end();
  };
  if (operation == "createSilence") return review_silence(settings, body, now);
  if (settings.list_removal && is_of(kRemovals))
    return "entries would be taken out (four_eyes.list_removal)";
  // One that is there would get that end. A name in JSON may be written with escapes.
  const bool may_end = body.find("until") != body.npos || body.find('\\') != body.npos;
  if (settings.list_removal && is_of(kAdditions) && may_end)
    return "entries would get an end (four_eyes.list_removal)";
  if (settings.ignored_tests && is_of(kDeploys) && request.text("ignore_tests") == "true")
    return "the rules' own tests would be ignored (four_eyes.ignored_tests)";
  return {};
}

Outcome<std::unique_ptr<ProposalStore>> open_proposals(runtime::Files& files, runtime::Clock& clock,
                                                       const runtime::DataPaths& paths,
                                                       const Configuration& configuration) {
  ProposalLimits limits;
  limits.wait_max = configuration.duration("rollout.approve_within");
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

void use_four_eyes(RouterOptions& options, ProposalStore& proposals, runtime::Clock& clock,
                   const Configuration& configuration) {
  const FourEyes settings = four_eyes(configuration);
  if (!settings.are_any()) return;
  options.proposals = &proposals;
  options.review = [settings, &clock](const Route& route, const ApiRequest& request) {
    return review(settings, route.operation_id, request, clock.now());
  };
}
}  // namespace tocsin::api
