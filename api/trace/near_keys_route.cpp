#include "api/trace/archive_routes.h"

#include <chrono>
#include <mutex>
#include <random>
#include <string>
#include <utility>

#include "api/node/rule_service.h"
#include "api/rest/audit_trail.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/trace/near_keys.h"

namespace tocsin::api {
namespace {
constexpr std::int64_t kKeysUsual = 50;
constexpr std::int64_t kKeysMost = 500;
constexpr std::chrono::seconds kTimeMost{10};  // of one page
// How long a request waits for the one before it.
constexpr std::chrono::seconds kPatience{2};

std::uint64_t random_salt() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

// Threading: any. One walk at a time: each takes a part of the engine's time.
class NearKeysReading {
 public:
  explicit NearKeysReading(std::shared_ptr<const TraceSource> source)
      : source_(std::move(source)), salt_(random_salt()) {}

  HttpResponse list(ApiRequest& request) {
    if (source_->refused_unmasked) {
      if (auto refused = source_->refused_unmasked(request)) return *std::move(refused);
    }
    const auto text = [&](const char* name) {
      return std::string(request.text(name).value_or(""));
    };
    request.notes[kKeyReadNote] = text("prefix");
    const std::unique_lock turn(turn_, kPatience);
    if (!turn.owns_lock()) {
      return unavailable_response("keys are being read for others: ask again when that has ended");
    }
    NearKeysRequest asked;
    asked.rule = text("rule");
    asked.prefix = text("prefix");
    asked.is_nearest = request.text("order").value_or("nearest") == "nearest";
    asked.keys_max = static_cast<std::size_t>(request.integer("limit").value_or(kKeysUsual));
    if (const auto cursor = request.text("cursor")) asked.cursor = std::string(*cursor);
    asked.examined_max = source_->history.keys_max;
    asked.time_max = kTimeMost;
    asked.salt = salt_;
    const Served<Result<NearKeys>> found = near_keys(asked, source_->engine);
    if (!found) return source_->refused(found.error());
    if (*found) {
      const auto rules = source_->rules == nullptr ? nullptr : source_->rules->current();
      return json_text_response(
          200, near_keys_json(**found, rules ? places_in(rules->rules.loaded) : nullptr));
    }
    const Error& error = found->error();
    switch (error.code) {
      case Errc::kNotFound:
        return bad_parameter_response("rule", error.message);
      case Errc::kInvalidArgument:
        return bad_parameter_response("cursor", error.message);
      default:
        return unavailable_response(error.message);
    }
  }

 private:
  const std::shared_ptr<const TraceSource> source_;
  const std::uint64_t salt_;
  std::timed_mutex turn_;
};

constexpr std::string_view kSchemas = R"({
  "NearKeys": {
    "watermark": "time or null; event time up to which the keys are as shown",
    "keys": [{
      "key": "text or null; as GET /v1/keys/{key} takes it; null: it cannot",
      "values": "map of text; of its parts",
      "missing": "whole or null; steps that the nearest partial match misses; null: there is none",
      "until": "time or null; when that match, or else an open window, ends",
      "rules": [{
        "rule": "text",
        "matches": "whole; partial ones, and complete ones that wait",
        "furthest": "ReportedMatch or null; of the 100 oldest",
        "window?": "ReportedWindow",
        "suppression?": "ReportedSuppression"
      }]
    }],
    "examined": "whole; keys that were looked at",
    "found": "whole; those of them with the prefix of which a rule holds state",
    "complete": "boolean; whether all keys were examined",
    "limited_by?": "one of keys, time; the limit that ended it: history.keys_max, or 10 seconds",
    "next?": "text; the `cursor` of the next page"
  }
})";
}  // namespace

void add_near_keys_route(Router& router, std::shared_ptr<const TraceSource> source) {
  using Type = RouteParameter::Type;
  router.add_schemas(kSchemas);
  const auto reading = std::make_shared<NearKeysReading>(std::move(source));
  router.add(
      {.method = "GET",
       .path = "/v1/keys",
       .operation_id = "listKeys",
       .tag = "operations",
       .summary = "Keys of which rules hold state, the nearest to an alert first",
       .description =
           "For each key, how many partial matches each rule has, and which came furthest. A page "
           "examines `history.keys_max` keys at most, between slices of events; the next page goes "
           "on behind them. A key that holds state while all pages are read is on one of them. "
           "With "
           "`order=nearest` those examined together are ordered; one that comes nearer while pages "
           "are read may be on none or on two. One such reading runs at a time.",
       .role = Role::kReader,
       .query_parameters =
           {{.name = "prefix", .description = "Only keys whose first part begins with this text"},
            {.name = "rule", .description = "The name or id of a rule; default: all that run"},
            {.name = "order",
             .type = Type::kWord,
             .description = "nearest (default): the fewest steps missing, then the earliest end; "
                            "any: in no promised order, at the cost of one page",
             .words = {"nearest", "any"}},
            {.name = "limit",
             .type = Type::kInteger,
             .description = "Keys of a page; default 50",
             .least = 1,
             .most = kKeysMost},
            {.name = "cursor",
             .description = "The `next` of the page before, of the same rules since the server's "
                            "last start",
             .pattern = "^[0-9a-f]{16}(:-?[0-9]+)+$"}},
       .answers = {{200, "The keys", "application/json", "NearKeys"}},
       .handler = [reading](ApiRequest& request) { return reading->list(request); }});
}
}  // namespace tocsin::api
