/// Rules and lists that change between two records of a journal, for the crash tests' oracle.
///
/// A rule whose id begins with `moment_` looks at one event of the type `moment`, whose ids are
/// unique, and remembers nothing: an event is judged by the rules and the list that hold when it
/// comes, so it is enough to know its segment, the stretch of the journal between two changes. All
/// other rules hold from the beginning to the end.
#pragma once
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/plan/plan.h"
#include "runtime/journal/journal_record.h"
#include "tests/support/oracle.h"

namespace tocsin {
class Moments {
 public:
  /// The rules that hold at the beginning; `blobs`: where the journal's blobs are.
  Moments(cep::Plan plan, std::filesystem::path blobs);

  /// Takes the commands `deploy` and `list`; `taken`: how many events came before.
  void take(const runtime::Command& command, std::size_t taken);

  /// The alerts up to `end`, each with its line, in their order. `by`: "oracle", or "engine" for
  /// long streams.
  struct Outcome {
    std::vector<std::string> lines;  // of live rules
    std::string by;
  };
  /// `taken_before`: how many events were taken before each, by its arrival.
  Outcome evaluate(const std::vector<oracle::PlacedEvent>& placed,
                   const std::map<std::size_t, std::size_t>& taken_before,
                   cep::EventTime end) const;
  std::size_t changes() const { return segments_.size() - 1; }

 private:
  struct Segment {
    std::size_t begin = 0;  // PlacedEvent::arrival
    cep::Plan plan;
  };
  struct Raised {
    cep::Alert alert;
    std::string line;
  };
  void begin(cep::Plan plan, std::size_t taken);
  std::vector<Raised> raised(const cep::Plan& plan, const std::vector<oracle::PlacedEvent>& placed,
                             cep::EventTime end, std::string& by) const;

  std::filesystem::path blobs_;
  std::vector<Segment> segments_;
  std::optional<std::set<std::string>> values_;  // of the list, once it was changed
};
}  // namespace tocsin
