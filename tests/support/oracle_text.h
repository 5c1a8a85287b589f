/// Text search, functions and local time, written plainly.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/plan/plan.h"
#include "cep/value/value.h"
#include "tests/support/oracle_world.h"

namespace tocsin::oracle {
/// A text operator (kMatches to kMatched) over its operands.
cep::Value search_text(const World& world, const cep::Expr& expr,
                       const std::vector<cep::Value>& args);
/// A function of the rule language over its operands.
cep::Value call(const World& world, const cep::Expr& expr, const std::vector<cep::Value>& args);
/// Winkler, "String comparator metrics" (1990): a prefix of at most 4, weight 0.1, above 0.7.
double similarity(std::string_view a_text, std::string_view b_text);
/// What a clock in the zone shows, as the time that it would be in UTC; missing where the plan has
/// no such zone.
cep::Value local_time(const cep::Plan& plan, const cep::Value& zone, cep::EventTime time);
/// The bits of a network's prefix, as IPv6 counts them, where it has this address; -1 where it has
/// not; nothing where the text is no address.
std::optional<int> prefix_with(std::string_view address, std::string_view network);
}  // namespace tocsin::oracle
