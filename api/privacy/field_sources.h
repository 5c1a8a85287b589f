/// From which fields of events each value of an alert is made. The reasons:
/// docs/decisions/0122-personal-data-is-masked.md.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "cep/plan/plan_fwd.h"

namespace tocsin::api {
/// Fields as "payment.card".
using FieldNames = std::set<std::string, std::less<>>;
using SourcesByName = std::map<std::string, FieldNames, std::less<>>;

/// Of the members of an alert that rules fill.
struct AlertSources {
  SourcesByName key;
  SourcesByName fields;
  FieldNames message;
  FieldNames score;
  bool operator==(const AlertSources&) const = default;
};
/// Of all rules and event types that were ever known.
struct FieldSources {
  std::map<std::string, SourcesByName, std::less<>> types;  // kEventId: of an event's id
  std::map<std::string, AlertSources, std::less<>> rules;   // by the rule's id
  FieldNames marked;                                        // ever marked `pii`
  bool operator==(const FieldSources&) const = default;
  /// Adds those of other rules: what a member was ever made of stays.
  void merge(const FieldSources& other);
};
inline constexpr std::string_view kEventId = "";

/// A value that went into another is a source of it; what only decided which events count is none.
/// How many events or different values there are is of no source.
FieldSources sources_of(const cep::Plan& plan);
/// Those of the value of an expression of a rule.
FieldNames sources_of(const cep::Plan& plan, const cep::Rule& rule, const cep::Expr& expr);
}  // namespace tocsin::api
