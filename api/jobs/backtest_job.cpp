#include "api/jobs/backtest_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api/base/sealed_json.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::array<std::string_view, 5> kStates = {"queued", "running", "done", "failed",
                                                     "cancelled"};

ordered_json rates_json(const BacktestRates& rates) {
  // An array: an ordered object looks for each new name in all others.
  ordered_json rules = ordered_json::array();
  for (const auto& [id, rule] : rates.rules) {
    rules.push_back({id, rule.digest, rule.alerts, rule.busiest_day, rule.on_that_day});
  }
  return {{"ended_at", rates.ended_at.us},
          {"to_the_end", rates.to_the_end},
          {"first_event", rates.first_event.us},
          {"last_event", rates.last_event.us},
          {"shared", rates.shared},
          {"rules", std::move(rules)}};
}

// Throws nlohmann's exceptions.
std::shared_ptr<const BacktestRates> parse_rates(const ordered_json& json, std::uint64_t backtest) {
  auto rates = std::make_shared<BacktestRates>();
  rates->backtest = backtest;
  rates->ended_at.us = json.at("ended_at").get<std::int64_t>();
  rates->to_the_end = json.at("to_the_end").get<bool>();
  rates->first_event.us = json.at("first_event").get<std::int64_t>();
  rates->last_event.us = json.at("last_event").get<std::int64_t>();
  rates->shared = json.at("shared").get<std::string>();
  for (const ordered_json& rule : json.at("rules")) {
    rates->rules[rule.at(0).get<std::string>()] = {
        rule.at(1).get<std::string>(), rule.at(2).get<std::uint64_t>(),
        rule.at(3).get<std::int64_t>(), rule.at(4).get<std::uint64_t>()};
  }
  return rates;
}
}  // namespace

std::string_view name_of(BacktestState state) { return kStates[static_cast<std::size_t>(state)]; }

bool has_ended(BacktestState state) {
  return state != BacktestState::kQueued && state != BacktestState::kRunning;
}

ordered_json job_json(const BacktestJob& job) {
  const auto time = [](const std::optional<cep::EventTime>& at) {
    return at ? ordered_json(cep::format_time(*at)) : ordered_json();
  };
  ordered_json json = {{"id", job.number},
                       {"state", name_of(job.state)},
                       {"who", job.who},
                       {"asked", cep::format_time(job.asked_at)},
                       {"began", time(job.began_at)},
                       {"ended", time(job.ended_at)}};
  if (!job.failure.empty()) json["failure"] = job.failure;
  if (!job.notes.empty()) json["notes"] = job.notes;
  json["request"] = ordered_json::parse(job.request);
  return json;
}

std::string job_file_text(const BacktestJob& job) {
  const auto time = [](const std::optional<cep::EventTime>& at) {
    return at ? ordered_json(at->us) : ordered_json();
  };
  return seal_json({{"number", job.number},
                    {"state", name_of(job.state)},
                    {"who", job.who},
                    {"request", ordered_json::parse(job.request)},
                    {"asked_at", job.asked_at.us},
                    {"began_at", time(job.began_at)},
                    {"ended_at", time(job.ended_at)},
                    {"failure", job.failure},
                    {"notes", job.notes},
                    {"rates", job.rates ? rates_json(*job.rates) : ordered_json()}});
}

Result<BacktestJob> parse_job(const std::string& text, std::uint64_t number,
                              const std::string& path) {
  const auto damaged = [&] {
    return fail(Errc::kCorrupt, fmt::format("{} is damaged: it is no backtest", path));
  };
  const Result<ordered_json> json = unseal_json(text, path);
  if (!json) {
    if (json.error().code == Errc::kOtherVersion) return tl::unexpected(json.error());
    return damaged();
  }
  BacktestJob job;
  try {
    const auto time = [&](const char* member) -> std::optional<cep::EventTime> {
      const ordered_json& at = json->at(member);
      if (at.is_null()) return std::nullopt;
      return cep::EventTime{at.get<std::int64_t>()};
    };
    job.number = json->at("number").get<std::uint64_t>();
    const auto* const state = std::ranges::find(kStates, json->at("state").get<std::string>());
    if (state == kStates.end() || job.number != number) return damaged();
    job.state = static_cast<BacktestState>(state - kStates.begin());
    job.who = json->at("who").get<std::string>();
    job.request = json->at("request").dump();
    job.asked_at.us = json->at("asked_at").get<std::int64_t>();
    job.began_at = time("began_at");
    job.ended_at = time("ended_at");
    job.failure = json->at("failure").get<std::string>();
    job.notes = json->at("notes").get<std::vector<std::string>>();
    // An earlier version did not write them.
    if (const auto rates = json->find("rates"); rates != json->end() && !rates->is_null()) {
      job.rates = parse_rates(*rates, number);
    }
  } catch (const ordered_json::exception&) {
    return damaged();
  }
  return job;
}
}  // namespace tocsin::api
