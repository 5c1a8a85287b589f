/// What a node holds, in words and as JSON: for `tocsin inspect`, and for a running server.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/engine/key_report.h"
#include "runtime/node/node.h"

namespace tocsin::api {
/// "its beginning", "the end of time", or the time.
std::string time_text(cep::EventTime time);
/// Null for the two that are none.
nlohmann::ordered_json time_json(cep::EventTime time);
/// The name of the source that holds back time; empty: none does.
std::string holder_of(const runtime::Node& node);
/// Time, what waits, state and sources, a line each.
std::string node_text(const runtime::Node& node);
nlohmann::ordered_json node_json(const runtime::Node& node);
/// Of a rule over all keys.
std::string totals_text(const std::string& id, const cep::RuleTotals& totals);
nlohmann::ordered_json totals_json(const std::string& id, const cep::RuleTotals& totals);
/// "card=c1", or several parts: "card=c1,shop=s2"; a comma within a value is one where no name
/// follows.
std::vector<std::string> split_key(std::string_view text);
/// Parts of a key, "card=c1" each. Fails with kInvalidArgument for one that is none.
Result<std::vector<std::pair<std::string, std::string>>> key_parts(
    const std::vector<std::string>& texts);
/// What the node remembers of a key; fails as cep::find_keys() does.
Result<std::vector<cep::KeyReport>> key_reports(
    runtime::Node& node, const cep::Program& program,
    const std::vector<std::pair<std::string, std::string>>& parts);
}  // namespace tocsin::api
