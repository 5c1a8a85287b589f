#include "api/health/series.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/health/series_routes.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
constexpr cep::Duration kSecond{1'000'000};

std::size_t series_named(std::string_view name) {
  const auto found = std::ranges::find(series_types(), name, &SeriesType::name);
  REQUIRE(found != series_types().end());
  return static_cast<std::size_t>(found - series_types().begin());
}

struct RecordedServer {
  explicit RecordedServer(SeriesOptions options = {{100'000'000}, {10'000'000}})
      : recorder([this] { return text; }, clock, options) {}
  // A step later, with these figures.
  void take(std::string now) {
    text = std::move(now);
    clock.advance({10'000'000});
    recorder.take();
  }
  std::vector<std::optional<double>> values(std::string_view name, std::size_t points_max = 100) {
    const std::size_t series[] = {series_named(name)};
    return recorder.page(series, cep::EventTime{0}, points_max).values[0];
  }
  std::string text;
  tests::SharedClock clock;
  SeriesRecorder recorder;
};
using Values = std::vector<std::optional<double>>;

TEST_CASE("series: gauges, the growth of counters and the mean of histograms, over all labels") {
  RecordedServer server;
  server.take(
      "# HELP tocsin_deliveries_owed x\ntocsin_deliveries_owed{endpoint=\"a b\"} 2\n"
      "tocsin_deliveries_owed{endpoint=\"c\"} 3\ntocsin_alerts_total{rule=\"r\"} 5\n"
      "tocsin_journal_commit_seconds_sum 1.5\ntocsin_journal_commit_seconds_count 3\n");
  server.take(
      "tocsin_deliveries_owed{endpoint=\"c\"} 1\ntocsin_alerts_total{rule=\"r\"} 25\n"
      "tocsin_alerts_total{rule=\"s\"} 10\ntocsin_journal_commit_seconds_sum 2.5\n"
      "tocsin_journal_commit_seconds_count 7\n");
  CHECK(server.values("deliveries_owed") == Values{5.0, 1.0});
  CHECK(server.values("alerts") == Values{std::nullopt, 3.0});
  CHECK(server.values("commit_seconds") == Values{std::nullopt, 0.25});
  CHECK(server.values("state_bytes") == Values{std::nullopt, std::nullopt});
  // No commit since, and a counter that began again: no value, and no fall below 0.
  server.take(
      "tocsin_alerts_total{rule=\"r\"} 1\ntocsin_journal_commit_seconds_sum 2.5\n"
      "tocsin_journal_commit_seconds_count 7\n");
  CHECK(server.values("alerts").back() == std::nullopt);
  CHECK(server.values("commit_seconds").back() == std::nullopt);
}

TEST_CASE("series: the oldest go, and a page has the mean of several steps where they are many") {
  RecordedServer server;
  for (int i = 1; i <= 25; ++i) server.take(fmt::format("tocsin_engine_state_bytes {}\n", i));
  CHECK(server.values("state_bytes") ==
        Values{16.0, 17.0, 18.0, 19.0, 20.0, 21.0, 22.0, 23.0, 24.0, 25.0});
  CHECK(server.values("state_bytes", 4) == Values{17.0, 20.0, 23.0, 25.0});
  const std::size_t series[] = {series_named("state_bytes")};
  const SeriesPage page = server.recorder.page(series, server.clock.now() - kSecond - kSecond, 100);
  CHECK(page.times == std::vector{server.clock.now()});
  CHECK(server.recorder.page(series, cep::EventTime{0}, 4).step == cep::Duration{30'000'000});
}

TEST_CASE("series: how far each source is behind, of the first sources that came") {
  RecordedServer server;
  server.take("tocsin_watermark_behind_seconds_x 1\ntocsin_engine_state_bytes 1\n");
  server.take("tocsin_watermark_behind_seconds{source=\"a \\\"b\\\\\"} 2.5\n");
  std::string many = "tocsin_watermark_behind_seconds{source=\"b\"} 7\n";
  for (std::size_t i = 0; i < 2 * kSeriesSourcesMax; ++i) {
    many += fmt::format("tocsin_watermark_behind_seconds{{source=\"s{}\"}} 1\n", i);
  }
  server.take(many);
  const std::vector<std::string> sources = server.recorder.sources();
  CHECK(sources.size() == kSeriesSourcesMax);
  CHECK(sources[0] == "a \"b\\");
  CHECK(sources[1] == "b");
  tests::ApiClient client;
  const std::shared_ptr<const SeriesRecorder> recorder(&server.recorder, [](const auto*) {});
  add_series_route(client.router, recorder, server.clock);
  const auto answer = client.json(200, "reader", "GET", "/v1/series?name=source_behind,events");
  CHECK(answer.at("sources_max") == kSeriesSourcesMax);
  CHECK(answer.at("series").size() == kSeriesSourcesMax + 1);
  CHECK(answer.at("series").at(0).at("source") == "a \"b\\");
  CHECK(answer.at("series").at(0).at("values").dump() == "[null,2.5,null]");
  CHECK(answer.at("series").at(1).at("values").dump() == "[null,null,7.0]");
  CHECK(client.json(200, "reader", "GET", "/v1/series").at("series").size() ==
        series_types().size() + source_series_types().size() * kSeriesSourcesMax);
}

TEST_CASE("series: the events of each source in a second, and none for what was passed over") {
  RecordedServer server;
  const auto take = [&](std::vector<std::pair<std::string, int>> events) {
    std::string text;
    for (const auto& [source, count] : events) {
      text += fmt::format("tocsin_watermark_behind_seconds{{source=\"{}\"}} 1\n", source);
    }
    for (const auto& [source, count] : events) {
      text += fmt::format("tocsin_intake_source_events_total{{source=\"{}\"}} {}\n", source, count);
    }
    server.take(text);
  };
  take({{"a", 100}, {"b", 7}});
  take({{"a", 150}, {"b", 7}});
  take({{"a", 160}});
  take({{"a", 10}, {"b", 27}});  // it began again
  take({{"a", 30}, {"b", 47}});
  tests::ApiClient client;
  const std::shared_ptr<const SeriesRecorder> recorder(&server.recorder, [](const auto*) {});
  add_series_route(client.router, recorder, server.clock);
  const auto answer = client.json(200, "reader", "GET", "/v1/series?name=source_events");
  REQUIRE(answer.at("series").size() == 2);
  CHECK(answer.at("series").at(0).at("source") == "a");
  CHECK(answer.at("series").at(0).at("unit") == "1/s");
  CHECK(answer.at("series").at(0).at("values").dump() == "[null,5.0,1.0,null,2.0]");
  CHECK(answer.at("series").at(1).at("source") == "b");
  CHECK(answer.at("series").at(1).at("values").dump() == "[null,0.0,null,null,2.0]");
}

TEST_CASE("series: a thread takes them, and ends when it is told to") {
  tests::SharedClock clock;
  std::atomic<int> taken = 0;
  SeriesRecorder recorder(
      [&] {
        ++taken;
        return std::string();
      },
      clock, {{1'000'000}, {1'000}});
  recorder.start();
  while (taken < 3) std::this_thread::yield();
  recorder.stop();
  const int at_end = taken;
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(taken == at_end);
}

TEST_CASE("series: the operation, its names, and none where none are kept") {
  tests::ApiClient client;
  RecordedServer server;
  for (int i = 1; i <= 3; ++i) server.take(fmt::format("tocsin_engine_state_bytes {}\n", i));
  const std::shared_ptr<const SeriesRecorder> recorder(&server.recorder, [](const auto*) {});
  add_series_route(client.router, recorder, server.clock);
  const auto answer = client.json(200, "reader", "GET", "/v1/series?name=state_bytes,events");
  CHECK(answer.at("step") == "10s");
  CHECK(answer.at("times").size() == 3);
  REQUIRE(answer.at("series").size() == 2);
  CHECK(answer.at("series").at(0).at("values").dump() == "[1.0,2.0,3.0]");
  CHECK(answer.at("series").at(1).at("values").dump() == "[null,null,null]");
  CHECK(client.json(200, "reader", "GET", "/v1/series").at("series").size() ==
        series_types().size());
  client.json(400, "reader", "GET", "/v1/series?name=nothing");
  client.json(400, "reader", "GET", "/v1/series?points=0");
  client.json(403, "producer", "GET", "/v1/series");
  tests::ApiClient without;
  add_series_route(without.router, nullptr, server.clock);
  without.json(404, "reader", "GET", "/v1/series");
}
}  // namespace
}  // namespace tocsin::api
