/// Rule text in, plan and tests out: the whole of rules/ for its users.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/text_database.h"
#include "cep/plan/expr.h"
#include "cep/plan/plan_fwd.h"
#include "cep/plan/severity.h"
#include "cep/value/key_share.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// One event of an embedded test: when it comes after `starting`, and a value for each declared
/// field of its type (missing where neither the event nor `defaults` says one; the time field is
/// filled in from the offset).
struct TestEvent {
  cep::Duration offset;
  cep::EventTypeIndex type;
  std::vector<cep::OwnedValue> fields;
  std::vector<bool> by_default;  // parallel: the test says nothing of it
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
  /// The offsets as they were written, by their microseconds; of several spellings the first.
  std::map<std::int64_t, std::string> offsets_written;
  SourceSpan span;
};
/// Where a condition of the plan was written, one of those that `and` joins.
struct WrittenCondition {
  cep::ExprPtr expr;
  SourceSpan span;
};
/// A checked set of rules. `tests` are those of the files that were asked for, not of the files
/// that they use.
struct RuleSet {
  std::shared_ptr<const cep::Plan> plan;
  std::vector<EmbeddedTest> tests;
  std::unordered_map<const cep::Expr*, WrittenCondition> written;
  std::vector<std::string> rule_files;  // all files read, in order
  std::vector<std::string> data_files;  // of lists and tables, likewise
  /// How often the check compared a condition with one that earlier steps of its pattern make
  /// certain: it grows with the rules' length, no faster.
  std::size_t conditions_compared = 0;
};
/// Reads a file's whole contents; the path as the loader made it.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;
/// What a set of rules may grow to; each has a diagnostic of its own.
struct RuleLimits {
  std::size_t file_bytes_max = std::size_t{16} << 20;        // of a rule file
  std::uint32_t mistakes_max = 1000;                         // told of one rule file's text
  std::size_t data_file_bytes_max = std::size_t{256} << 20;  // of a list's or a table's file
  std::size_t list_values_max = 1'000'000;
  std::size_t searched_values_max = 100'000;  // of a list of text
  std::size_t regexes_max = 10'000;           // of a list of regex
  std::size_t table_cells_max = 10'000'000;   // rows times columns, keys included
  cep::RegexLimits regex;
};
struct StatusLimit {
  cep::Status most = cep::Status::kLive;  // `draft` leaves it out
  cep::KeyShare share = {};               // for which keys
};
struct LoadOptions {
  RuleLimits limits;
  /// Reads a file of the time zone database by its name in it ("Europe/Berlin", "tzdata.zi");
  /// absent: the system's.
  ReadFile read_zone = {};
  /// The most that a rule may be, by its id, whatever its text says.
  std::map<std::string, StatusLimit> status_max = {};
  /// Warns of a live rule that its embedded tests do not show firing and not firing, and of one
  /// without an `alert` clause.
  bool warn_of_untested = false;
};
struct Loaded {
  std::optional<RuleSet> rules;         // absent when there was an error
  std::vector<Diagnostic> diagnostics;  // errors and warnings, by file and place
  SourceMap sources;
};
/// Reads `paths` and all they `use`, checks them as one set and lowers them. Never fails but
/// through diagnostics: a file that cannot be read is one too. A file reached twice is read once.
/// The files of lists and tables are read the same way, relative to the file that names them.
Loaded load(const std::vector<std::string>& paths, const ReadFile& read_file,
            const LoadOptions& options = {});
}  // namespace tocsin::rules
