#include "api/jobs/erasure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api/alerts/alert_line.h"
#include "api/base/sealed_json.h"
#include "api/privacy/alert_mask.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::array<std::string_view, 5> kSteps = {"state", "journal", "archive", "alerts",
                                                    "done"};

ordered_json json_of(const Erasure& erasure) {
  ordered_json json = {{"id", erasure.number},     {"name", erasure.name},
                       {"mark", erasure.mark},     {"who", erasure.who},
                       {"reason", erasure.reason}, {"began", cep::format_time(erasure.began)}};
  json["ended"] = erasure.ended ? ordered_json(cep::format_time(*erasure.ended)) : ordered_json();
  json["step"] = name_of(erasure.step);
  json["keys"] = erasure.keys;
  json["waiting_events"] = erasure.waiting_events;
  json["archived_events"] = erasure.archived_events;
  json["alerts"] = erasure.alerts;
  json["comments"] = erasure.comments;
  json["side_output"] = erasure.side_output;
  json["remains"] = erasure.remains;
  return json;
}
}  // namespace

std::string_view name_of(ErasureStep step) { return kSteps[static_cast<std::size_t>(step)]; }

ordered_json show_erasure(const Erasure& erasure, std::string_view problem) {
  ordered_json json = json_of(erasure);
  json["state"] = erasure.step == ErasureStep::kDone ? "done" : "running";
  if (!problem.empty()) json["problem"] = problem;
  return json;
}

std::string encode_erasure(const Erasure& erasure) {
  ordered_json json = json_of(erasure);
  json["first_record"] = erasure.first_record;
  json["last_record"] = erasure.last_record;
  if (erasure.step != ErasureStep::kDone) {
    json["value"] = erasure.value;
    json["salt"] = erasure.salt;
  }
  return seal_json(json);
}

Result<Erasure> decode_erasure(const std::string& text, const std::string& path) {
  const Result<ordered_json> read = unseal_json(text, path);
  if (!read) return tl::unexpected(read.error());
  try {
    const ordered_json& json = *read;
    Erasure erasure;
    json.at("id").get_to(erasure.number);
    json.at("name").get_to(erasure.name);
    json.at("mark").get_to(erasure.mark);
    json.at("who").get_to(erasure.who);
    json.at("reason").get_to(erasure.reason);
    erasure.began = cep::parse_time(json.at("began").get<std::string>()).value();
    if (!json.at("ended").is_null())
      erasure.ended = cep::parse_time(json.at("ended").get<std::string>()).value();
    const auto step = std::ranges::find(kSteps, json.at("step").get<std::string>());
    if (step == kSteps.end()) throw std::runtime_error("it has no step");
    erasure.step = static_cast<ErasureStep>(step - kSteps.begin());
    json.at("keys").get_to(erasure.keys);
    json.at("waiting_events").get_to(erasure.waiting_events);
    json.at("archived_events").get_to(erasure.archived_events);
    json.at("alerts").get_to(erasure.alerts);
    json.at("comments").get_to(erasure.comments);
    json.at("side_output").get_to(erasure.side_output);
    json.at("remains").get_to(erasure.remains);
    json.at("first_record").get_to(erasure.first_record);
    json.at("last_record").get_to(erasure.last_record);
    erasure.value = json.value("value", "");
    erasure.salt = json.value("salt", "");
    return erasure;
  } catch (const std::exception& error) {
    return fail(Errc::kCorrupt, fmt::format("{} is damaged: {}", path, error.what()));
  }
}

std::string erased_alert(std::string_view line) {
  const FieldSources none;
  const FieldNames personal;
  const AlertMask mask{none, personal,
                       [](std::string_view) { return fmt::format("\"{}\"", kErasedText); }};
  return mask_alert(mask, line, true);
}
}  // namespace tocsin::api
