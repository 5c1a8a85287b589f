/// Expressions and features of a plan in the notation of their author: what runs, as it could have
/// been written. For people who are told which condition is meant; deterministic.
#pragma once
#include <string>
#include <string_view>

#include "cep/plan/plan_fwd.h"
#include "cep/value/value.h"

namespace tocsin::rules {
/// `amount > 200 and merchant != probes.first.merchant`. `rule` is the one whose steps and key the
/// expression reads; null for kinds, features and computed fields. Parentheses stand only where
/// they are needed. What no author writes (a widening) is left out; constants have their values.
std::string expression_text(const cep::Plan& plan, const cep::Rule* rule, const cep::Expr& expr);
/// `count(login where not ok) over last 10m needs 3 events`: a feature without its name and key.
std::string feature_text(const cep::Plan& plan, const cep::Feature& feature);
/// `last 10m every 1m needs 3 events`.
std::string window_text(const cep::Plan& plan, const cep::FeatureWindow& window);
/// `email_change or phone_change`: each kind once, under the name it was written with.
std::string kinds_text(const std::vector<cep::Subset>& kinds);
/// `/bc1[a-z]+/i`.
std::string regex_text(std::string_view pattern, bool ignore_case);
/// `10m`, `14d`: as cep::format_duration, but in days rather than weeks.
std::string duration_text(cep::Duration duration);
/// A value as a literal: texts in double quotes; what is missing is `missing`.
std::string value_text(const cep::Value& value);
}  // namespace tocsin::rules
