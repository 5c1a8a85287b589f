#include "api/language/language_routes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/base/clock.h"
#include "api/language/changed_tests.h"
#include "api/language/language_request.h"
#include "api/language/posted_rules.h"
#include "api/rest/problem.h"
#include "api/rules/rule_schemas.h"
#include "api/rules/text_cache.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/value.h"
#include "library/explain/explain_json.h"
#include "library/explain/explain_text.h"
#include "library/explain/find_rules.h"
#include "library/language/checked_pack.h"
#include "library/testing/judge_tests.h"
#include "rules/format/format.h"
#include "rules/text/diagnostics.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::int64_t kSecondsMax = 60;  // that tests may run
constexpr std::int64_t kSecondsUsual = 20;

HttpResponse bad_body(const std::string& detail) {
  return problem_response(ProblemKind::kBadBody, detail);
}

// A member that is a text; absent where it is not there.
tl::expected<std::optional<std::string>, HttpResponse> text_member(const ordered_json& body,
                                                                   const char* name) {
  const auto found = body.find(name);
  if (found == body.end()) return std::nullopt;
  if (!found->is_string()) return tl::unexpected(bad_body(fmt::format("`{}` is a text", name)));
  return found->get<std::string>();
}
tl::expected<std::int64_t, HttpResponse> whole_member(const ordered_json& body, const char* name,
                                                      std::optional<std::int64_t> usual,
                                                      std::int64_t most) {
  const auto found = body.find(name);
  const auto bad = [&] {
    return tl::unexpected(bad_body(fmt::format("`{}` is a whole number from 1 to {}", name, most)));
  };
  if (found == body.end()) return usual ? tl::expected<std::int64_t, HttpResponse>(*usual) : bad();
  // 3.0 is a whole number in JSON Schema.
  if (!found->is_number()) return bad();
  const double number = found->get<double>();
  if (!(number >= 1 && number <= static_cast<double>(most))) return bad();
  const auto whole = static_cast<std::int64_t>(number);
  if (static_cast<double>(whole) != number) return bad();
  return whole;
}

std::string joined(std::string lines) {
  if (!lines.empty()) lines.pop_back();
  std::ranges::replace(lines, '\n', ',');  // one object a line, and no line end within
  return lines;
}

HttpResponse validate(const PostedRules& posted, const CurrentRules&) {
  const LoadedRules rules = posted.load();
  std::string text = fmt::format(R"({{"valid":{},"errors":{},"warnings":{},"rules":[)",
                                 rules.errors() == 0, rules.errors(), rules.warnings());
  if (rules.program) {
    for (const cep::Rule& rule : rules.program->plan().rules) {
      if (text.back() != '[') text += ',';
      cep::append_json_string(text, rule.id);
    }
  }
  return {200,
          {},
          "application/json",
          text + R"(],"diagnostics":[)" + joined(render_diagnostics_json(rules)) + "]}\n"};
}

HttpResponse format(const PostedRules& posted, const CurrentRules&) {
  ordered_json files = ordered_json::object();
  ordered_json changed = ordered_json::array();
  std::string lines;
  for (const std::string& path : posted.rule_paths()) {
    const std::string& text = posted.files.at(path);
    rules::SourceMap sources;
    const std::uint32_t file = sources.add(path, text);
    rules::DiagnosticSink sink;
    const std::optional<std::string> formatted = rules::format(sources, file, sink);
    for (const rules::Diagnostic& diagnostic : sink.take()) {
      lines += rules::render_json(sources, diagnostic);
      if (!lines.ends_with('\n')) lines += '\n';
    }
    if (!formatted) continue;
    files[path] = *formatted;
    if (*formatted != text) changed.push_back(path);
  }
  const ordered_json rest = {{"files", std::move(files)}, {"changed", std::move(changed)}};
  std::string text = rest.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  text.pop_back();
  return json_text_response(200, text + R"(,"diagnostics":[)" + joined(std::move(lines)) + "]}");
}

HttpResponse test(const PostedRules& posted, const CurrentRules& active) {
  const auto rule = text_member(posted.more, "rule");
  if (!rule) return rule.error();
  const auto title = text_member(posted.more, "title");
  if (!title) return title.error();
  const auto seconds = whole_member(posted.more, "seconds", kSecondsUsual, kSecondsMax);
  if (!seconds) return seconds.error();
  const auto changed = posted.more.find("changed");
  if (changed != posted.more.end() && !changed->is_boolean()) {
    return bad_body("`changed` is true or false");
  }
  const LoadedRules rules = posted.load();
  if (!rules.program) return rules_do_not_check(rules);
  library::TestChoice choice{rule->value_or(""), title->value_or("")};
  std::optional<ChangedTests> others;
  if (changed != posted.more.end() && changed->get<bool>()) {
    others.emplace(active, posted.pack(), rules);
    choice.rule.clear();
    choice.wants = [&](const rules::EmbeddedTest& one) {
      return (*rule && one.rule == **rule) || others->has(one);
    };
  }
  const std::unique_ptr<TextCacheFolder> cache = open_text_cache();
  const Clock::Moment end = system_clock().now() + std::chrono::seconds(*seconds);
  choice.may_go_on = [end] { return system_clock().now() < end; };
  const library::JudgedTests judged =
      library::judge_tests(rules.loaded, *rules.program, choice, cache.get());
  std::string text = fmt::format(R"({{"passed":{},"failed":{},"not_run":{},)", judged.passed,
                                 judged.tests.size() - judged.passed, judged.not_run);
  if (others) text += fmt::format(R"("unchanged":{},)", judged.unwanted);
  text += R"("tests":[)";
  for (const library::JudgedTest& one : judged.tests) {
    if (text.back() != '[') text += ',';
    text += library::format_test_json(one.file, one.result);
  }
  return json_text_response(200, text + "]}");
}

HttpResponse explain(const PostedRules& posted, const CurrentRules&) {
  const auto name = text_member(posted.more, "rule");
  if (!name) return name.error();
  const LoadedRules rules = posted.load();
  if (!rules.program) return rules_do_not_check(rules);
  const std::vector<cep::Rule>& all = rules.program->plan().rules;
  if (!*name && all.size() != 1)
    return bad_body(fmt::format("`rule` names one of the {} rules", all.size()));
  const auto found =
      library::find_rules(rules.program->plan(), {*name ? **name : all.front().name});
  if (!found) return problem_response(ProblemKind::kNotFound, found.error().message);
  const cep::RuleIndex rule = found->front();
  ordered_json text = library::explanation_text(*rules.program, rule, nullptr, {});
  return json_text_response(
      200, fmt::format(R"({{"text":{},"explanation":{}}})",
                       text.dump(-1, ' ', false, ordered_json::error_handler_t::replace),
                       library::explain_json(*rules.program, rule, nullptr)));
}

HttpResponse language(const PostedRules& posted, const CurrentRules&) {
  LanguageQuestion question;
  const auto request = text_member(posted.more, "request");
  if (!request) return request.error();
  question.request = request->value_or("");
  if (std::ranges::find(kLanguageRequests, question.request) == std::end(kLanguageRequests)) {
    return bad_body(fmt::format("`request` is one of {}", fmt::join(kLanguageRequests, ", ")));
  }
  auto name = text_member(posted.more, "new_name");
  if (!name) return name.error();
  question.new_name = std::move(*name);
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const auto line = whole_member(posted.more, "line", std::nullopt, kMost);
  if (!line) return line.error();
  const auto column = whole_member(posted.more, "column", std::nullopt, kMost);
  if (!column) return column.error();
  const auto path = text_member(posted.more, "file");
  if (!path) return path.error();
  const std::vector<std::string> paths = posted.rule_paths();
  if (!*path || std::ranges::find(paths, **path) == paths.end())
    return bad_body("`file` is one of the files sent that end in .tocsin");
  rules::LoadOptions options;
  options.warn_of_untested = true;  // as everywhere: a rename may not add an error or a warning
  const library::CheckedPack pack(paths, posted.reader(), options);
  const std::optional<std::uint32_t> file = pack.file(**path);
  if (!file) return bad_body(fmt::format("the file {} cannot be read", **path));
  question.file = *file;
  question.byte =
      byte_at(pack, *file, static_cast<std::uint32_t>(*line), static_cast<std::uint32_t>(*column));
  return json_response(200, answer_language(pack, question, posted.reader()));
}

constexpr std::string_view kSchemas = R"({
  "RuleFiles": {"body": true, "files": "RuleTexts"},
  "RuleTexts": {"$schema": {
    "type": "object",
    "description": "Texts by path; one at least ends in .tocsin",
    "minProperties": 1,
    "additionalProperties": {"type": "string"},
    "example": {"a.tocsin": "event payment { ts: time, card: string }\n"}
  }},
  "Validation": {
    "valid": "boolean",
    "errors": "whole",
    "warnings": "whole",
    "rules": "list of text; ids",
    "diagnostics": "list of Diagnostic"
  },
  "FormattedRules": {
    "files": "map of text; laid out; those with mistakes of syntax are left out",
    "changed": "list of text; paths whose text is another now",
    "diagnostics": "list of Diagnostic; mistakes of syntax"
  },
  "RuleTestRun": {
    "body": true,
    "files": "RuleTexts",
    "rule?": "text; its name: only its tests",
    "title?": "text; only tests with it",
    "seconds?": "whole from 1 to 60; no test begins later; 20 where absent",
    "changed?": "boolean; true: beside those of `rule`, only tests of rules that are not as the active ones, and tests that are written otherwise"
  },
  "RuleTestOutcome": {
    "file": "text",
    "line": "whole",
    "rule": "text",
    "title": "text",
    "outcome": "one of passed, failed",
    "difference?": "text; what was otherwise first, in one line",
    "text?": "text; all that can be said of it"
  },
  "RuleTestOutcomes": {
    "passed": "whole",
    "failed": "whole",
    "not_run": "whole; for which there was no time",
    "unchanged?": "whole; that `changed` left out",
    "tests": "list of RuleTestOutcome"
  },
  "RuleToExplain": {
    "body": true,
    "files": "RuleTexts",
    "rule?": "text; its name or id; needed where there are several"
  },
  "RuleExplained": {"text": "text; for people", "explanation": "Explanation"},
  "LanguageRequest": {
    "body": true,
    "files": "RuleTexts",
    "request": "one of hover, definition, references, rename, completion, signature, actions",
    "file": "text; one of the files, which ends in .tocsin",
    "line": "whole from 1 to 2147483647",
    "column": "whole from 1 to 2147483647; counts characters",
    "new_name?": "text; of rename; absent: only what can be renamed"
  },
  "TextPlace": {
    "file": "text",
    "line": "whole",
    "column": "whole; counts characters, from 1",
    "end_line": "whole",
    "end_column": "whole"
  },
  "Completion": {
    "kind": "one of keyword, snippet, event, field, step, feature, constant, function, rule, value, key",
    "label": "text",
    "insert": "text; of a snippet with places such as ${1:name}",
    "detail": "text",
    "doc": "text; Markdown"
  },
  "TextAction": {
    "title": "text",
    "preferred": "boolean; the one to choose where a key chooses",
    "edits": "list of DiagnosticEdit"
  },
  "LanguageAnswer": {
    "place?": "TextPlace or null; what hover, rename and completion are about",
    "markdown?": "text; of hover",
    "places?": "list of TextPlace; of definition and references",
    "name?": "text; of rename: the name now",
    "edits?": "list of DiagnosticEdit; of rename, in all files",
    "refused?": "text; why it cannot be renamed, or not so",
    "completions?": "list of Completion; the likelier first",
    "left_out?": "whole; completions beyond 1,000",
    "signature?": "CallSignature or null",
    "actions?": "list of TextAction; what can be done about the line, 50 at most"
  },
  "CallSignature": {
    "label": "text",
    "doc": "text",
    "parameters": "list of text",
    "active": "whole; the place of a parameter, from 0"
  }
})";

struct Operation {
  const char* name;
  const char* id;
  const char* summary;
  const char* description;
  const char* body;
  const char* answer_text;
  const char* answer;
  bool takes_plain;
  bool needs_right_rules;
  std::span<const std::string_view> members;  // of the body, beside its files
  HttpResponse (*handle)(const PostedRules& posted, const CurrentRules& active);
};
constexpr std::string_view kTestMembers[] = {"rule", "title", "seconds", "changed"};
constexpr std::string_view kExplainMembers[] = {"rule"};
constexpr std::string_view kLanguageMembers[] = {"request", "file", "line", "column", "new_name"};
constexpr Operation kOperations[] = {
    {"validate",
     "validateRules",
     "Check rules without running them: everything that is wrong, with places",
     "As `tocsin check --format json` says it. The files of the body are one set; nothing else is "
     "read.",
     "RuleFiles",
     "Whether they check, and what is wrong",
     "Validation",
     true,
     false,
     {},
     validate},
    {"format",
     "formatRules",
     "Lay rules out as `tocsin fmt` does",
     "Each file by itself. One with mistakes of syntax is left as it is.",
     "RuleFiles",
     "The files, laid out",
     "FormattedRules",
     true,
     false,
     {},
     format},
    {"test", "testRules", "Run the tests inside rules that are not saved",
     "As `tocsin test --format json` says it.", "RuleTestRun", "The outcome of each test",
     "RuleTestOutcomes", true, true, kTestMembers, test},
    {"explain", "explainUnsavedRule", "Explain a rule that is not saved",
     "As `tocsin explain` says it.", "RuleToExplain", "The explanation", "RuleExplained", true,
     true, kExplainMembers, explain},
    {"language", "askLanguage", "What an editor asks about a place in rules",
     "As `tocsin lsp` answers it, also of rules that have mistakes. An answer has the members of "
     "its request.",
     "LanguageRequest", "The answer", "LanguageAnswer", false, false, kLanguageMembers, language},
};
}  // namespace

void add_language_routes(Router& router, const std::shared_ptr<CheckSlots>& checks,
                         const RuleService& rules) {
  router.add_schemas(kRuleTextSchemas);
  router.add_schemas(kSchemas);
  for (const Operation& operation : kOperations) {
    RouteBody body{
        .media_types = {"application/json"}, .schema = operation.body, .bytes_max = kRulesBytesMax};
    if (operation.takes_plain) body.media_types.emplace_back("text/plain");
    std::vector<int> problems{413, 415};
    if (operation.needs_right_rules) problems.push_back(422);
    router.add({.method = "POST",
                .path = fmt::format("/v1/rules/{}", operation.name),
                .operation_id = operation.id,
                .tag = "rules",
                .summary = operation.summary,
                .description = operation.description,
                .role = Role::kReader,
                .effect = RouteEffect::kNothing,
                .body = std::move(body),
                .answers = {{200, operation.answer_text, "application/json", operation.answer}},
                .problems = std::move(problems),
                .handler = [&operation, checks, &rules](ApiRequest& request) {
                  return checks->run([&]() -> HttpResponse {
                    const auto posted = read_posted_rules(request, operation.members);
                    if (!posted) return posted.error();
                    return operation.handle(*posted, *rules.current());
                  });
                }});
  }
}
}  // namespace tocsin::api
