/// Names of rules and tags in filters of alerts, against what there is: a name that nothing has
/// would give no alert, without a word.
#pragma once
#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/alerts/alert_conditions.h"
#include "api/alerts/alert_query.h"
#include "api/net/http_server.h"
#include "api/privacy/privacy.h"
#include "api/rest/access.h"
#include "runtime/effects/effect_store.h"

namespace tocsin::api {
/// All outlives what asks.
struct FilterNamesSources {
  const runtime::EffectStore& effects;
  const AlertConditions& conditions;  // has the plan that holds
  const Privacy* privacy = nullptr;   // has the rules that ran here; null: they are not known
  /// Ids of the rules that hold, drafts too, and of those of versions that are kept; asked where
  /// nothing else knows a name.
  std::function<std::vector<std::string>()> rules;
  std::size_t rows_max = 0;  // alerts that are looked at for a name that no rule has
  /// Alerts of other engines are read: nobody knows which rules they have.
  bool has_others = false;
};
/// A name is known if it is one of a rule that holds, held, or raised an alert that is stored; for
/// who is limited to tags, of a rule or an alert that they see. One that only older alerts could
/// have than are looked at is taken. Threading: any.
class FilterNames {
 public:
  explicit FilterNames(FilterNamesSources sources) : sources_(std::move(sources)) {}
  /// Of a query's parameters: 400 with the name that may have been meant; nothing where all are
  /// known. The filter has the scope of who asks.
  std::optional<HttpResponse> refused(const AlertFilter& filter) const;
  /// The same of the member `filter` of a body; what is no filter is not looked at.
  std::optional<HttpResponse> refused(const nlohmann::ordered_json& settings,
                                      const TokenScope& scope) const;
  /// 404 for a rule that a path names.
  std::optional<HttpResponse> refused_rule(std::string_view rule) const;

 private:
  struct Unknown {
    const char* part;  // rule, tag
    std::string detail;
  };
  using Names = std::set<std::string, std::less<>>;
  std::optional<Unknown> unknown(const AlertFilter& filter) const;
  bool has_run(std::string_view rule, const TokenScope& scope) const;
  bool drop_stored(Names& rules, Names& tags, const TokenScope& scope) const;

  const FilterNamesSources sources_;
};
}  // namespace tocsin::api
