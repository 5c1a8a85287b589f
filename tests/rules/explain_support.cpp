#include "tests/rules/explain_support.h"

#include <fmt/format.h>

#include <vector>

#include "rules/explain/explain.h"

namespace tocsin::tests {
namespace {
using rules::Passage;

void append(std::string& out, const std::vector<Passage>& passages, bool numbered, int depth) {
  int number = 0;
  for (const Passage& passage : passages) {
    const std::string mark = numbered ? fmt::format("{}.", ++number) : std::string("-");
    out += fmt::format("{:{}}{} {}\n", "", 2 * depth, mark, passage.text);
    append(out, passage.parts, passage.numbered, depth + 1);
  }
}
}  // namespace

std::string explained_text(const cep::Plan& plan, cep::RuleIndex index) {
  std::string out;
  for (const rules::ExplainedAspect& aspect : rules::explain(plan, index)) {
    out += aspect.heading + "\n";
    append(out, aspect.passages, aspect.numbered, 1);
  }
  return out;
}
}  // namespace tocsin::tests
