// What packs say of themselves: their tests, and their rules in plain English.
#include <cstdint>
#include <string>
#include <vector>

#include "library/c/c_call.h"
#include "library/c/c_handles.h"
#include "library/c/c_json_options.h"
#include "library/explain/explain_json.h"
#include "library/explain/explain_text.h"
#include "library/explain/find_rules.h"
#include "library/testing/judge_test.h"
#include "rules/context/rules.h"

namespace tocsin::library {
namespace {
const rules::RuleSet& rules_of(const tocsin_pack& pack) { return *pack.loaded.rules; }

std::string file_of(const tocsin_pack& pack, const rules::EmbeddedTest& test) {
  return pack.loaded.sources.path(test.span.file);
}

struct ExplainOptions {
  std::size_t format = 0;  // text, json
  std::uint64_t columns = 100;
};

CallResult read_explain_options(const char* text, ExplainOptions& options) {
  JsonOptions members(text);
  members.word("format", {"text", "json"}, options.format);
  members.number("columns", 20, 10'000, options.columns);
  return members.finish();
}
}  // namespace
}  // namespace tocsin::library

using namespace tocsin::library;  // NOLINT: what follows is outside of every namespace

tocsin_status tocsin_pack_list_tests(const tocsin_pack* pack, tocsin_buffer* lines,
                                     tocsin_error** error) {
  return guarded(error, [&]() -> CallResult {
    if (pack == nullptr) return fail_null("pack");
    if (lines == nullptr) return fail_null("lines");
    std::string text;
    for (const tocsin::rules::EmbeddedTest& test : rules_of(*pack).tests) {
      text += format_listed_json(file_of(*pack, test), name_test(pack->loaded.sources, test));
      text += '\n';
    }
    lines->text = std::move(text);
    return {};
  });
}

tocsin_status tocsin_pack_run_test(const tocsin_pack* pack, size_t number, tocsin_buffer* json,
                                   tocsin_error** error) {
  return guarded(error, [&]() -> CallResult {
    if (pack == nullptr) return fail_null("pack");
    if (json == nullptr) return fail_null("json");
    const std::vector<tocsin::rules::EmbeddedTest>& tests = rules_of(*pack).tests;
    if (number >= tests.size()) {
      return fail_call(TOCSIN_NOT_FOUND,
                       "the pack has " + std::to_string(tests.size()) + " tests, counted from 0");
    }
    const tocsin::rules::EmbeddedTest& test = tests[number];
    json->text = format_test_json(
        file_of(*pack, test),
        judge_test(rules_of(*pack), pack->loaded.sources, *pack->test_programs(), test, nullptr));
    return {};
  });
}

tocsin_status tocsin_pack_explain(const tocsin_pack* pack, const char* rule, const char* options,
                                  tocsin_buffer* text, tocsin_error** error) {
  return guarded(error, [&]() -> CallResult {
    if (pack == nullptr) return fail_null("pack");
    if (rule == nullptr) return fail_null("rule");
    if (text == nullptr) return fail_null("text");
    ExplainOptions read;
    if (CallResult done = read_explain_options(options, read); !done) return done;
    const tocsin::Result<std::vector<tocsin::cep::RuleIndex>> found =
        find_rules(pack->program.plan(), {rule});
    if (!found) return fail_call(found.error());
    const tocsin::cep::RuleIndex index = found->front();
    text->text = read.format == 1
                     ? explain_json(pack->program, index, nullptr)
                     : explanation_text(pack->program, index, nullptr,
                                        TextStyle{static_cast<std::size_t>(read.columns), false});
    return {};
  });
}
