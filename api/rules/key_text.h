/// What an engine remembers of a key, in words and as JSON.
#pragma once
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cep/engine/key_report.h"
#include "cep/engine/key_scan.h"
#include "cep/plan/plan_fwd.h"
#include "rules/context/rules.h"

namespace tocsin::api {
/// A line for each partial match, window, suppression and feature, each with two blanks before it
/// and its end: "  step 2 of 3 of card_testing, 2 probes since 10:02:00, expires 10:12:00".
std::string format_key_report(const cep::Plan& plan, const cep::KeyReport& report);
/// Where a condition of the plan is written; nothing where that is not known.
struct WrittenPlace {
  std::string file;
  std::uint32_t line = 0;
};
using PlaceOfCondition = std::function<std::optional<WrittenPlace>(const cep::Expr&)>;
/// Of the plan that these rules were made to; `loaded` outlives it.
PlaceOfCondition places_in(const rules::Loaded& loaded);
/// As text: decimals have all their digits.
std::string key_report_json(const cep::Plan& plan, const cep::KeyReport& report,
                            const PlaceOfCondition& place = {});
/// The same of one rule of a key that a walk found.
nlohmann::ordered_json scanned_rule_json(const cep::Plan& plan, const cep::ScannedRule& rule,
                                         const PlaceOfCondition& place);
}  // namespace tocsin::api
