#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "api/rest/json_body.h"
#include "api/rules/profile_report.h"
#include "api/server/operation_routes.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using std::chrono::steady_clock;

constexpr std::int64_t kSecondsUsual = 10;
constexpr std::int64_t kSecondsMost = 60;
constexpr std::int64_t kRulesUsual = 50;
constexpr std::int64_t kRulesMost = 10'000;
// How soon a wait sees that the server ends.
constexpr std::chrono::milliseconds kStep{100};

// One measurement at a time, of the engine that runs. Threading: any.
class Profiler {
 public:
  explicit Profiler(const ServerContext& context)
      : node_(context.node), is_closing_(context.is_closing) {}

  HttpResponse measure(std::chrono::seconds time, std::size_t most) {
    const std::unique_lock lock(busy_, std::try_to_lock);
    if (!lock) {
      return problem_response(ProblemKind::kConflict,
                              "a profile is being measured already: ask again when it has ended");
    }
    std::optional<cep::Program> program;
    const auto began = steady_clock::now();
    if (const Served<void> asked = begin(program); !asked) return refusal_response(asked.error());
    if (const Served<void> waited = wait_until(began + time); !waited) {
      return refusal_response(waited.error());
    }
    cep::EngineProfile profile;
    bool is_same = false;
    const Served<void> asked = node_.ask(
        [&](runtime::Node& node) {
          is_same = &node.program().impl() == &program->impl();
          profile = node.engine().profile();
          node.engine().end_profile();
        },
        kAskPatience);
    if (!asked) return refusal_response(asked.error());
    if (!is_same) {
      return problem_response(ProblemKind::kConflict,
                              "other rules were activated meanwhile: ask again");
    }
    const std::chrono::duration<double> took = steady_clock::now() - began;
    return json_text_response(200,
                              profile_json(program->plan(), {profile, {}, {}}, took.count(), most));
  }

 private:
  Served<void> begin(std::optional<cep::Program>& program) {
    return node_.ask(
        [&](runtime::Node& node) {
          program = node.program();
          node.engine().begin_profile();
        },
        kAskPatience);
  }
  Served<void> wait_until(steady_clock::time_point until) {
    for (auto now = steady_clock::now(); now < until; now = steady_clock::now()) {
      std::this_thread::sleep_for(std::min<steady_clock::duration>(kStep, until - now));
      if (is_closing_) return tl::unexpected(Refusal{Refusal::Why::kEnding, "the server stops"});
    }
    return {};
  }

  NodeService& node_;
  const std::atomic<bool>& is_closing_;
  std::mutex busy_;
};

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
       .handler = [profiler = std::make_shared<Profiler>(context)](ApiRequest& request) {
         return profiler->measure(
             std::chrono::seconds(request.integer("seconds").value_or(kSecondsUsual)),
             static_cast<std::size_t>(request.integer("limit").value_or(kRulesUsual)));
       }});
}
}  // namespace tocsin::api
