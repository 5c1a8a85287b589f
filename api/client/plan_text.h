/// What a server answers of rules that would change, for people.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tocsin::api {
/// A line for each rule and feature of a plan that differs, with what becomes of its state, and for
/// each file.
std::string plan_text(const nlohmann::ordered_json& plan);
/// A line for each rule and file that differs, with the stages of rules.
std::string difference_text(const nlohmann::ordered_json& difference);
}  // namespace tocsin::api
