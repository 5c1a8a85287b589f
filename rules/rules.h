/// Rule text in, plan and tests out: the whole of rules/ for its users.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/plan.h"
#include "rules/diagnostics.h"

namespace tocsin::rules {
/// One event of an embedded test: when it comes after `starting`, and a value for each declared
/// field of its type (missing where neither the event nor `defaults` says one; the time field is
/// filled in from the offset).
struct TestEvent {
  cep::Duration offset;
  cep::EventTypeIndex type;
  std::vector<cep::OwnedValue> fields;
};
/// `expect alert [N times] [at OFFSET] { name: value }`.
struct ExpectedAlert {
  std::uint32_t times = 1;
  std::optional<cep::Duration> at;
  std::vector<std::pair<std::string, cep::OwnedValue>>
      fields;  // also severity, score, message, and key parts
  SourceSpan span;
};
struct EmbeddedTest {
  std::string rule;  // the rule's NAME
  std::string title;
  cep::EventTime starting;
  std::vector<TestEvent> events;  // in the order of arrival
  std::optional<cep::Duration> until;
  std::vector<ExpectedAlert> expected;  // empty: `expect no alert`
  SourceSpan span;
};
/// A checked set of rules. `tests` are those of the files that were asked for, not of the files
/// that they use.
struct RuleSet {
  std::shared_ptr<const cep::Plan> plan;
  std::vector<EmbeddedTest> tests;
  std::vector<std::string> rule_files;  // all files read, in order
};
/// Reads a file's whole contents; the path as the loader made it.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;
struct Loaded {
  std::optional<RuleSet> rules;         // absent when there was an error
  std::vector<Diagnostic> diagnostics;  // errors and warnings, by file and place
  SourceMap sources;
};
/// Reads `paths` and all they `use`, checks them as one set and lowers them. Never fails but
/// through diagnostics: a file that cannot be read is one too. A file reached twice is read once.
Loaded load(const std::vector<std::string>& paths, const ReadFile& read_file);
}  // namespace tocsin::rules
