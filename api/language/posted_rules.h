/// Rule texts in the body of a request: one set of files, of which nothing is kept.
#pragma once
#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/rest/json_body.h"
#include "api/rules/rule_loader.h"
#include "api/rules/rule_pack.h"

namespace tocsin::api {
/// The most bytes of a body with rule texts.
inline constexpr std::size_t kRulesBytesMax = std::size_t{16} << 20;

struct PostedRules {
  std::map<std::string, std::string> files;  // texts by path
  nlohmann::ordered_json more;               // the other members of the body

  /// Those that end in .tocsin.
  std::vector<std::string> rule_paths() const;
  /// Reads what was posted; no file of this machine. This outlives it.
  rules::ReadFile reader() const;
  RulePack pack() const;
  /// Checked and compiled, with a warning where a rule has no test.
  LoadedRules load() const;
};
/// Reads {"files": {"PATH": "TEXT", …}} with the other members that `more` names, or plain text as
/// the file rules.tocsin. The answer to give where it is neither, or no path ends in .tocsin.
tl::expected<PostedRules, HttpResponse> read_posted_rules(
    ApiRequest& request, std::span<const std::string_view> more = {});
/// 422 with the diagnostics of rules that have errors.
HttpResponse rules_do_not_check(const LoadedRules& rules);
}  // namespace tocsin::api
