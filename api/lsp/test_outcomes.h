/// Which tests of the open files passed when they last ran, for as long as that is still so.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "cep/value/identity.h"
#include "library/testing/judge_tests.h"
#include "rules/text/diagnostics.h"

namespace tocsin::api {
/// How the tests of one rule ended.
struct RuleOutcomes {
  std::size_t passed = 0;
  std::size_t all = 0;
};

/// Kept by the digests of all texts that were read when a file's tests ran: they count again when
/// an edit is undone. Not for several threads.
class TestOutcomes {
 public:
  /// Notes tests of the file `path` that ran with these texts. With the texts of the run before, it
  /// adds to that one; else it replaces it.
  void note(const std::string& path, const rules::SourceMap& sources,
            const library::JudgedTests& judged);
  /// Of one rule's tests in that file, if they all ran with the texts as they are in `sources`,
  /// which may have more files. `tests`: how many there are.
  std::optional<RuleOutcomes> of(const std::string& path, const rules::SourceMap& sources,
                                 const std::string& rule, std::size_t tests) const;
  void forget(const std::string& path) { runs_.erase(path); }
  /// Lists or tables that tests read may have changed.
  void forget_all() { runs_.clear(); }

 private:
  using Texts = std::map<std::string, cep::Digest>;  // by path
  struct Run {
    Texts texts;
    std::map<std::string, std::map<std::uint32_t, bool>> passed;  // by rule and line
  };
  std::map<std::string, Run> runs_;
};
}  // namespace tocsin::api
