// Requests that run rules: their tests, and what they do in words.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "api/lsp/lsp_json.h"
#include "api/lsp/lsp_server.h"
#include "api/rules/rule_loader.h"
#include "api/rules/text_cache.h"
#include "library/explain/automaton_svg.h"
#include "library/explain/explain_json.h"
#include "library/explain/explain_text.h"
#include "library/explain/find_rules.h"
#include "library/testing/judge_tests.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
using nlohmann::json;

namespace {
constexpr std::size_t kColumns = 100;
}  // namespace

// {"uri", "rule"}: {"rule", "text", "explanation", "svg"}, the last two as `tocsin explain
// --format` has them.
json LspServer::explain(const json& parameters) {
  const std::string path = path_of_uri(parameters.at("uri"));
  const LoadedRules rules =
      load_rules(workspace_.files_of(workspace_.set_of(path)), {}, workspace_.reader());
  if (!rules.program) throw Refused{kRequestFailed, "the rules have errors"};
  const std::string name = parameters.at("rule");
  const Result<std::vector<cep::RuleIndex>> found =
      library::find_rules(rules.program->plan(), {name});
  if (!found) throw Refused{kRequestFailed, found.error().message};
  return {
      {"rule", name},
      {"text",
       library::explanation_text(*rules.program, found->front(), nullptr, {kColumns, false})},
      {"explanation", json::parse(library::explain_json(*rules.program, found->front(), nullptr))},
      {"svg", library::explain_svg(*rules.program, {found->front()})}};
}

// {"uri", "rule"?, "title"?}: the tests of that file, or those of one rule or title:
// {"passed", "failed", "ran", "tests": [{"rule", "title", "line", "passed", "text"}]}. `ran`: all
// but those that passed before, with the same rule and all that it reads.
json LspServer::run_tests(const json& parameters) {
  const std::string path = path_of_uri(parameters.at("uri"));
  const LoadedRules rules = load_rules({path}, {}, workspace_.reader());
  if (!rules.program) throw Refused{kRequestFailed, "the rules have errors"};
  const std::unique_ptr<TextCacheFolder> cache = open_text_cache();
  const library::JudgedTests judged = library::judge_tests(
      rules.loaded, *rules.program,
      {parameters.value("rule", ""), parameters.value("title", ""), {}}, cache.get(), &passed_);
  json tests = json::array();
  for (const auto& [file, result] : judged.tests) {
    tests.push_back({{"rule", result.rule},
                     {"title", result.title},
                     {"line", result.line - 1},
                     {"passed", result.passed},
                     {"text", result.text}});
  }
  outcomes_.note(path, rules.loaded.sources, judged);
  if (asks_lenses_again_ && !tests.empty()) {
    send({{"id", fmt::format("lenses-{}", ++requests_)}, {"method", "workspace/codeLens/refresh"}});
  }
  const std::size_t failed = tests.size() - judged.passed;
  const std::size_t ran = tests.size() - judged.kept;
  return {{"passed", judged.passed}, {"failed", failed}, {"ran", ran}, {"tests", std::move(tests)}};
}

// The commands of lenses, for editors that do not know them: the result is shown as a message too.
json LspServer::execute(const json& parameters) {
  const std::string command = parameters.at("command");
  const json& argument = parameters.at("arguments").at(0);
  if (command == "tocsin.explain") {
    json explained = explain(argument);
    show(explained["text"], false);
    return explained;
  }
  if (command != "tocsin.runTests") {
    throw Refused{kRequestFailed, fmt::format("no command is named {}", command)};
  }
  json ran = run_tests(argument);
  const std::size_t failed = ran["failed"];
  const std::size_t all = failed + ran["passed"].get<std::size_t>();
  std::string text = fmt::format("{} of {} passed", all - failed, rules::format_count(all, "test"));
  for (const json& test : ran["tests"]) {
    if (!test["passed"]) text += fmt::format("\n\n{}", test["text"].get<std::string>());
  }
  show(text, failed != 0);
  return ran;
}
}  // namespace tocsin::api
