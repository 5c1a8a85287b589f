#include "api/language/posted_rules.h"

#include <fmt/format.h>

#include "api/node/pack_request.h"
#include "api/rest/problem.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
using nlohmann::ordered_json;

std::vector<std::string> PostedRules::rule_paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, text] : files) {
    if (path.ends_with(".tocsin")) paths.push_back(path);
  }
  return paths;
}

rules::ReadFile PostedRules::reader() const {
  return [this](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return fail(Errc::kNotFound, "it is not among the files sent");
    return found->second;
  };
}

RulePack PostedRules::pack() const {
  std::vector<runtime::NamedContents> texts;
  for (const std::string& path : rule_paths()) texts.push_back({"rules:" + path, files.at(path)});
  return RulePack(std::move(texts));
}

LoadedRules PostedRules::load() const {
  rules::LoadOptions options;
  options.warn_of_untested = true;
  return load_rules(rule_paths(), options, reader());
}

tl::expected<PostedRules, HttpResponse> read_posted_rules(ApiRequest& request,
                                                          std::span<const std::string_view> more) {
  PostedRules posted;
  const std::string_view type = request.http.head().header("content-type").value_or("");
  if (type.starts_with("text/plain")) {
    posted.files.emplace("rules.tocsin", request.http.take_body());
    return posted;
  }
  std::vector<std::string_view> known{"files"};
  known.insert(known.end(), more.begin(), more.end());
  auto body = read_json_object(request, known, kRulesBytesMax);
  if (!body) return tl::unexpected(body.error());
  const auto wrong = [] {
    return tl::unexpected(
        problem_response(ProblemKind::kBadBody,
                         R"(`files` is {"PATH": "TEXT", …}, with a path that ends in .tocsin)"));
  };
  if (!body->contains("files") || !(*body)["files"].is_object()) return wrong();
  for (const auto& [path, text] : (*body)["files"].items()) {
    if (!text.is_string()) return wrong();
    posted.files.emplace(path, text.get<std::string>());
  }
  if (posted.rule_paths().empty()) return wrong();
  body->erase("files");
  posted.more = std::move(*body);
  return posted;
}

HttpResponse rules_do_not_check(const LoadedRules& rules) {
  return refused({DeployRefusal::Why::kNoCheck,
                  fmt::format("the rules have {}", rules::format_count(rules.errors(), "error")),
                  render_diagnostics_json(rules),
                  {}});
}
}  // namespace tocsin::api
