#include "api/health/series_routes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/rest/json_body.h"
#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using Type = RouteParameter::Type;
constexpr std::int64_t kPointsMax = 8640;
constexpr std::int64_t kPointsUsual = 360;
constexpr std::int64_t kHourUs = 3'600'000'000;

constexpr std::string_view kSchemas = R"({
  "Series": {
    "name": "text",
    "title": "text",
    "unit": "text; such as 1/s, s, B; empty: a count",
    "source?": "text; of source_behind and source_events",
    "values": {"$schema": {"type": "array", "items": {"type": ["number", "null"]}}}
  },
  "SeriesList": {
    "step": "duration; between two times",
    "times": "list of time; of each value; the same for all series",
    "series": "list of Series; a value is null where nothing was measured",
    "sources_max": "whole; sources that have a series: the first that came"
  }
})";

HttpResponse read(const SeriesRecorder* recorder, runtime::Clock& clock,
                  const ApiRequest& request) {
  if (recorder == nullptr)
    return problem_response(ProblemKind::kNotFound, "no series are kept: series.age is 0");
  const std::span<const SeriesType> types = series_types();
  const std::span<const SeriesType> of_source = source_series_types();
  const std::vector<std::string> sources = recorder->sources();
  struct Wanted {
    const SeriesType* type;
    const std::string* source;  // null: of none
  };
  std::vector<std::size_t> places;
  std::vector<Wanted> wanted;
  const auto want = [&](std::size_t type) {
    places.push_back(type);
    wanted.push_back({&types[type], nullptr});
  };
  const auto want_of = [&](std::size_t source, std::size_t type) {
    places.push_back(SeriesRecorder::place_of(source, type));
    wanted.push_back({&of_source[type], &sources[source]});
  };
  bool is_chosen = false;
  std::string_view names = request.text("name").value_or("");
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    if (name.empty()) continue;
    is_chosen = true;
    if (const auto found = std::ranges::find(of_source, name, &SeriesType::name);
        found != of_source.end()) {
      for (std::size_t source = 0; source < sources.size(); ++source) {
        want_of(source, static_cast<std::size_t>(found - of_source.begin()));
      }
      continue;
    }
    const auto found = std::ranges::find(types, name, &SeriesType::name);
    if (found == types.end())
      return bad_parameter_response("name", fmt::format("there is no series {}", name));
    want(static_cast<std::size_t>(found - types.begin()));
  }
  if (!is_chosen) {
    for (std::size_t i = 0; i < types.size(); ++i) want(i);
    for (std::size_t source = 0; source < sources.size(); ++source) {
      for (std::size_t i = 0; i < of_source.size(); ++i) want_of(source, i);
    }
  }
  const auto from = request.text("from");
  const SeriesPage page =
      recorder->page(places, from ? *cep::parse_time(*from) : clock.now() - cep::Duration{kHourUs},
                     static_cast<std::size_t>(request.integer("points").value_or(kPointsUsual)));
  ordered_json times = ordered_json::array();
  for (const cep::EventTime time : page.times) times.push_back(cep::format_time(time));
  ordered_json series = ordered_json::array();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ordered_json values = ordered_json::array();
    for (const std::optional<double>& value : page.values[i])
      values.push_back(value ? ordered_json(*value) : ordered_json(nullptr));
    const auto& [type, source] = wanted[i];
    series.push_back({{"name", type->name},
                      {"title", type->title},
                      {"unit", type->unit},
                      {"values", std::move(values)}});
    if (source != nullptr) series.back()["source"] = *source;
  }
  return json_response(200, {{"step", cep::format_duration(page.step)},
                             {"times", std::move(times)},
                             {"series", std::move(series)},
                             {"sources_max", kSeriesSourcesMax}});
}
}  // namespace

void add_series_route(Router& router, std::shared_ptr<const SeriesRecorder> recorder,
                      runtime::Clock& clock) {
  std::vector<std::string> names;
  for (const SeriesType& type : series_types()) names.emplace_back(type.name);
  for (const SeriesType& type : source_series_types()) names.emplace_back(type.name);
  router.add_schemas(kSchemas);
  router.add(
      {.method = "GET",
       .path = "/v1/series",
       .operation_id = "getSeries",
       .tag = "operations",
       .summary = "Figures of the last hours, for charts",
       .description = "The server takes them every `series.step`, and keeps them in memory for "
                      "`series.age`: a restart begins again.",
       .role = Role::kReader,
       .query_parameters =
           {{.name = "name",
             .description = "Names, with commas between them; all where absent",
             .pattern = fmt::format("^({0})?(,({0})?)*$", fmt::join(names, "|"))},
            {"from", Type::kTime, "From this time on; the last hour where absent"},
            {.name = "points",
             .type = Type::kInteger,
             .description = "Values of each at most, 360 where absent: a value is then the mean of "
                            "several",
             .least = 1,
             .most = kPointsMax}},
       .answers = {{200, "The series", "application/json", "SeriesList"}},
       .handler = [recorder = std::move(recorder), &clock](ApiRequest& request) {
         return read(recorder.get(), clock, request);
       }});
}
}  // namespace tocsin::api
