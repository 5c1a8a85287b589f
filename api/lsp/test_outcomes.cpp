#include "api/lsp/test_outcomes.h"

#include <algorithm>

namespace tocsin::api {
void TestOutcomes::note(const std::string& path, const rules::SourceMap& sources,
                        const library::JudgedTests& judged) {
  Texts texts;
  for (std::uint32_t file = 0; file < sources.size(); ++file) {
    texts.emplace(sources.path(file), cep::sha256(sources.text(file)));
  }
  Run& run = runs_[path];
  if (run.texts != texts) run = {std::move(texts), {}};
  for (const library::JudgedTest& test : judged.tests) {
    run.passed[test.result.rule][test.result.line] = test.result.passed;
  }
}

std::optional<RuleOutcomes> TestOutcomes::of(const std::string& path,
                                             const rules::SourceMap& sources,
                                             const std::string& rule, std::size_t tests) const {
  const auto run = runs_.find(path);
  if (run == runs_.end()) return std::nullopt;
  const auto passed = run->second.passed.find(rule);
  if (passed == run->second.passed.end() || passed->second.size() != tests) return std::nullopt;
  std::size_t same = 0;
  for (std::uint32_t file = 0; file < sources.size(); ++file) {
    const auto text = run->second.texts.find(sources.path(file));
    if (text == run->second.texts.end()) continue;
    if (text->second != cep::sha256(sources.text(file))) return std::nullopt;
    ++same;
  }
  if (same != run->second.texts.size()) return std::nullopt;
  const auto count =
      std::ranges::count_if(passed->second, [](const auto& test) { return test.second; });
  return RuleOutcomes{static_cast<std::size_t>(count), tests};
}
}  // namespace tocsin::api
