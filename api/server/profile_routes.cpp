#include <chrono>

#include "api/health/rule_profiler.h"
#include "api/rest/json_body.h"
#include "api/rules/profile_report.h"
#include "api/server/operation_routes.h"

namespace tocsin::api {
namespace {
constexpr std::int64_t kSecondsUsual = 10;
constexpr std::int64_t kSecondsMost = 60;
constexpr std::int64_t kRulesUsual = 50;
constexpr std::int64_t kRulesMost = 10'000;
HttpResponse answer_of(const NotMeasured& reason) {
  switch (reason.why) {
    case NotMeasured::Why::kBusy:
      return problem_response(ProblemKind::kConflict,
                              "a profile is being measured already: ask again when it has ended");
    case NotMeasured::Why::kOtherRules:
      return problem_response(ProblemKind::kConflict,
                              "other rules were activated meanwhile: ask again");
    case NotMeasured::Why::kNode:
      break;
  }
  return refusal_response(reason.refusal);
}

HttpResponse measure(RuleProfiler& profiler, std::chrono::seconds time, std::size_t most) {
  const auto measured = profiler.measure(time);
  if (!measured) return answer_of(measured.error());
  return json_text_response(200, profile_json(measured->program.plan(), {measured->profile, {}, {}},
                                              measured->seconds, most));
}

constexpr std::string_view kSchemas = R"({
  "Profile": {
    "seconds": "number",
    "events": "whole",
    "stages": {
      "conditions_ns": "whole",
      "matching_ns": "whole",
      "alerts_ns": "whole",
      "upkeep_ns": "whole"
    },
    "rules": [{
      "rule": "text",
      "id": "text",
      "events": "whole",
      "asked": "whole",
      "ns": "whole",
      "share": "number",
      "steps": [{"name": "text", "share": "number"}]
    }],
    "features": [{
      "feature": "text or null",
      "text": "text",
      "asked": "whole",
      "ns": "whole",
      "share": "number"
    }]
  }
})";
}  // namespace

void add_profile_route(Router& router, ServerContext& context) {
  router.add_schemas(kSchemas);
  router.add(
      {.method = "GET",
       .path = "/v1/profile",
       .operation_id = "getProfile",
       .tag = "operations",
       .summary = "Measure the rules for some seconds: which take the time, and why",
       .description =
           "Answers once the time is over. It counts the events of that time. One slice of events "
           "in eight is measured in detail, the others are counted. Rules and features come with "
           "the dearest first; those that had nothing to do are left out.",
       .role = Role::kAnalyst,
       .query_parameters = {{.name = "seconds",
                             .type = RouteParameter::Type::kInteger,
                             .description = "How long to measure; default 10",
                             .least = 1,
                             .most = kSecondsMost},
                            {.name = "limit",
                             .type = RouteParameter::Type::kInteger,
                             .description =
                                 "At most so many rules, and so many features; default 50",
                             .least = 1,
                             .most = kRulesMost}},
       .answers = {{200, "What was measured", "application/json", "Profile"}},
       .problems = {409},
       .handler = [profiler = context.profiler](ApiRequest& request) {
         return measure(*profiler,
                        std::chrono::seconds(request.integer("seconds").value_or(kSecondsUsual)),
                        static_cast<std::size_t>(request.integer("limit").value_or(kRulesUsual)));
       }});
}
}  // namespace tocsin::api
