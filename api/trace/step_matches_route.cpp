#include "api/trace/archive_routes.h"

#include <chrono>
#include <mutex>
#include <string>
#include <utility>

#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/trace/step_matches.h"

namespace tocsin::api {
namespace {
constexpr std::chrono::seconds kCountTimeMost{10};
// How long a request waits for the one before it.
constexpr std::chrono::seconds kCountPatience{2};

// Threading: any. One walk at a time: each takes a part of the engine's time.
class StepMatchesReading {
 public:
  explicit StepMatchesReading(std::shared_ptr<const TraceSource> source)
      : source_(std::move(source)) {}

  HttpResponse count(const ApiRequest& request) {
    const std::unique_lock turn(turn_, kCountPatience);
    if (!turn.owns_lock()) {
      return unavailable_response(
          "partial matches are being counted for others: ask again when that has ended");
    }
    const Served<Result<StepMatches>> found = step_matches(
        {std::string(*request.text("rule")), source_->history.keys_max, kCountTimeMost},
        source_->engine);
    if (!found) return source_->refused(found.error());
    if (*found) return json_text_response(200, step_matches_json(**found));
    const Error& error = found->error();
    if (error.code == Errc::kNotFound)
      return problem_response(ProblemKind::kNotFound, error.message);
    return unavailable_response(error.message);
  }

 private:
  const std::shared_ptr<const TraceSource> source_;
  std::timed_mutex turn_;
};

constexpr std::string_view kSchemas = R"({
  "PartialMatches": {
    "rule": "text",
    "watermark": "time or null; event time up to which they are counted",
    "by_step": "list of whole; those that took their last event in each step, in the order written; further steps have none",
    "complete": "whole; complete ones that wait for their time",
    "uncounted": "whole; beyond the 100 oldest of a key, of which the step was not sought",
    "keys": "whole; that have any",
    "examined": "whole; keys that were looked at",
    "all": "boolean; whether all keys were",
    "limited_by?": "one of keys, time; the limit that ended it: history.keys_max, or 10 seconds"
  }
})";
}  // namespace

void add_step_matches_route(Router& router, std::shared_ptr<const TraceSource> source) {
  router.add_schemas(kSchemas);
  const auto reading = std::make_shared<StepMatchesReading>(std::move(source));
  router.add(
      {.method = "GET",
       .path = "/v1/rules/{rule}/partial-matches",
       .operation_id = "countPartialMatches",
       .tag = "operations",
       .summary = "How many partial matches of a rule stand at each of its steps, over all keys",
       .description =
           "Counted between slices of events, over `history.keys_max` keys at most and for 10 "
           "seconds at most: `all` says whether these were all. One such counting runs at a time.",
       .role = Role::kReader,
       .path_parameters = {{"rule", RouteParameter::Type::kText, "Its name or id"}},
       .answers = {{200, "The partial matches", "application/json", "PartialMatches"}},
       .handler = [reading](ApiRequest& request) { return reading->count(request); }});
}
}  // namespace tocsin::api
