#include "library/testing/judge_tests.h"

#include <map>
#include <optional>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/compile/plan_digest.h"
#include "cep/plan/plan.h"
#include "cep/plan/plan_part.h"
#include "cep/value/value.h"
#include "library/testing/judge_test.h"
#include "library/testing/test_programs.h"
#include "library/testing/test_runner.h"

namespace tocsin::library {
namespace {
constexpr std::size_t kPassedMax = 100'000;

// What PassedTests knows tests by.
class TestDigests {
 public:
  TestDigests(const rules::SourceMap& sources, const cep::Plan& plan)
      : sources_(sources), plan_(plan), parts_(plan) {}

  std::optional<cep::Digest> of(const rules::EmbeddedTest& test) {
    const std::optional<cep::RuleIndex> rule = rule_of(plan_, test);
    if (!rule) return std::nullopt;
    std::string bytes;
    ByteWriter writer(bytes);
    writer.text(cep::hex(of_rule(*rule)));
    writer.text(events_as_ndjson(plan_, test));
    writer.i64(end_of(test).us);
    for (const rules::ExpectedAlert& alert : test.expected) {
      // As it is written, for its digits, and its values, which a constant may say.
      writer.text(sources_.text(alert.span.file)
                      .substr(alert.span.begin, alert.span.end - alert.span.begin));
      writer.varint(alert.times);
      writer.i64(alert.at ? alert.at->us : -1);
      for (const auto& [name, value] : alert.fields) {
        writer.text(name);
        writer.text(cep::to_text(value.view()));
      }
    }
    return cep::sha256(bytes);
  }

 private:
  const cep::Digest& of_rule(cep::RuleIndex rule) {
    auto known = rules_.find(rule.value);
    if (known == rules_.end()) {
      known = rules_.emplace(rule.value, cep::digest_of(parts_.of(rule).plan)).first;
    }
    return known->second;
  }

  const rules::SourceMap& sources_;
  const cep::Plan& plan_;
  cep::PlanParts parts_;
  std::map<std::uint32_t, cep::Digest> rules_;
};
}  // namespace

void PassedTests::add(const cep::Digest& test) {
  if (tests_.size() >= kPassedMax) tests_.clear();
  tests_.insert(test);
}

JudgedTests judge_tests(const rules::Loaded& loaded, const cep::Program& program,
                        const TestChoice& choice, cep::TextDatabaseCache* cache,
                        PassedTests* known) {
  TestPrograms programs(program, cache);
  std::optional<TestDigests> digests;
  if (known != nullptr) digests.emplace(loaded.sources, program.plan());
  JudgedTests judged;
  for (const rules::EmbeddedTest& test : loaded.rules->tests) {
    if (!choice.rule.empty() && test.rule != choice.rule) continue;
    if (!choice.title.empty() && test.title != choice.title) continue;
    if (choice.wants && !choice.wants(test)) {
      ++judged.unwanted;
      continue;
    }
    if (judged.not_run != 0 || (choice.may_go_on && !choice.may_go_on())) {
      ++judged.not_run;
      continue;
    }
    const std::optional<cep::Digest> digest = digests ? digests->of(test) : std::nullopt;
    TestResult result;
    if (digest && known->has(*digest)) {
      result = name_test(loaded.sources, test);
      ++judged.kept;
    } else {
      result = judge_test(*loaded.rules, loaded.sources, programs, test, cache);
      if (digest && result.passed) known->add(*digest);
    }
    judged.passed += result.passed ? 1 : 0;
    judged.tests.push_back({loaded.sources.path(test.span.file), std::move(result)});
  }
  return judged;
}
}  // namespace tocsin::library
