/// What an engine remembers of a key, in words and as JSON.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "cep/engine/key_report.h"
#include "cep/engine/key_scan.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::api {
/// A line for each partial match, window, suppression and feature, each with two blanks before it
/// and its end: "  step 2 of 3 of card_testing, 2 probes since 10:02:00, expires 10:12:00".
std::string format_key_report(const cep::Plan& plan, const cep::KeyReport& report);
/// As text: decimals have all their digits.
std::string key_report_json(const cep::Plan& plan, const cep::KeyReport& report);
/// The same of one rule of a key that a walk found.
nlohmann::ordered_json scanned_rule_json(const std::string& id, const cep::ScannedRule& rule);
}  // namespace tocsin::api
