// The oracle itself is held to facts of Apache Flink's CEP library (1.20.1 and 2.1.0): contiguity,
// loops, options, absences and windows, with every match given. The rows restate inputs and
// expected matches; the names are the cases'. In not-003, 007, 017 and 023 Tocsin departs from
// Flink: an absence guards from the last event that the loop before it took.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "cep/plan/rule.h"
#include "tests/support/letters.h"
#include "tests/support/oracle.h"

namespace tocsin::tests {
namespace {
// A pattern is a list of steps with ";" between them: how the step is reached (`next` strict,
// `first` relaxed, `any` non-deterministic relaxed, `no` an absence), the letters that it takes
// (`*`: all), perhaps a count `{min,max}` with `next` or `each` for its inside, perhaps `?`. Events
// are letters with their times in ms; `within` and `end` are ms (0: none; time stops at the last
// event). A match is its events' arrival indices by step, with "|" between steps.
struct Row {
  const char* name;
  const char* pattern;
  const char* events;
  std::int64_t within_ms;
  std::int64_t end_ms;
  const char* matches;
};
constexpr Row kRows[] = {
    {"contiguity-014", "a; first b", "a5 a5 b5", 0, 0, "0|2 / 1|2"},
    {"contiguity-018", "a; first b", "a1 x2 b3 b4 a5 b6", 0, 0, "0|2 / 4|5"},
    {"contiguity-019", "a; any b", "a1 x2 b3 b4 a5 b6", 0, 0, "0|2 / 0|3 / 0|5 / 4|5"},
    {"greedy-019", "a{1,}; first ab", "a1 a2 a3 b4", 0, 0,
     "0,1,2|3 / 0,1|2 / 0|1 / 1,2|3 / 1|2 / 2|3"},
    {"loop-002", "c; first a{1,}each; first b", "c1 d2 a3 a4 a4 d5 a6 b7", 0, 0,
     "0|2,3,4,6|7 / 0|2,3,4|7 / 0|2,3,6|7 / 0|2,3|7 / 0|2,4,6|7 / 0|2,4|7 / 0|2,6|7 / 0|2|7"},
    {"loop-003", "a{1,}each; first b", "a3 a4 a5 b6", 0, 0,
     "0,1,2|3 / 0,1|3 / 0,2|3 / 0|3 / 1,2|3 / 1|3 / 2|3"},
    {"loop-004", "*; first *{1,}", "a1 b2 c3 d4 e5", 0, 0,
     "0|1 / 0|1,2 / 0|1,2,3 / 0|1,2,3,4 / 1|2 / 1|2,3 / 1|2,3,4 / 2|3 / 2|3,4 / 3|4"},
    {"loop-005", "d; first a{1,}?; next b", "d1 a2 a3 c4 b5", 0, 0, ""},
    {"loop-008", "c; any a{1,}each; any b", "c1 a3 a4 b6", 0, 0, "0|1,2|3 / 0|1|3 / 0|2|3"},
    {"loop-009", "c; any a{1,}each?; first d{1,}each?; first e", "c1 a3 d4 d5 e6", 0, 0,
     "0|1|2,3|4 / 0|1|2|4 / 0|1||4 / 0||2,3|4 / 0||2|4 / 0|||4"},
    {"loop-011", "c; first a{1,}?", "c1 a3 a4 a5", 0, 0, "0| / 0|1 / 0|1,2 / 0|1,2,3"},
    {"loop-014", "s; next m{1,}next?; first e", "s1 v2 m3 m4 m5 e6", 0, 0, "0||5"},
    {"loop-015", "a{1,}next", "c1 a3 c4 a5 a6", 0, 0, "1 / 3 / 3,4 / 4"},
    {"loop-019", "c; first a{1,}each?; first b", "c1 d2 a3 a4 a4 d5 a6 b7", 0, 0,
     "0|2,3,4,6|7 / 0|2,3,4|7 / 0|2,3,6|7 / 0|2,3|7 / 0|2,4,6|7 / 0|2,4|7 / 0|2,6|7 / 0|2|7 / "
     "0||7"},
    {"loop-020", "c; first a{1,}?; first b", "c1 a3 a4 d5 a6 b7", 0, 0,
     "0|1,2,4|5 / 0|1,2|5 / 0|1|5 / 0||5"},
    {"loop-021", "c; any a; any f; any d{1,}each?; first e", "c1 a3 a4 f5 d6 d7 e8", 0, 0,
     "0|1|3|4,5|6 / 0|1|3|4|6 / 0|1|3|5|6 / 0|1|3||6 / 0|2|3|4,5|6 / 0|2|3|4|6 / 0|2|3|5|6 / "
     "0|2|3||6"},
    {"loop-022", "c; first a{1,}?; first b", "c1 d2 a3 a4 a4 d5 a6 b7", 0, 0,
     "0|2,3,4,6|7 / 0|2,3,4|7 / 0|2,3|7 / 0|2|7 / 0||7"},
    {"loop-024", "c; any a{1,}next?; first b", "c1 f2 a3 f4 a5 a6 b7", 0, 0,
     "0|2|6 / 0|4,5|6 / 0|4|6 / 0|5|6 / 0||6"},
    {"loop-025", "c; first a{1,}next?; first b", "c1 d2 a3 a4 a4 d5 a6 b7", 0, 0,
     "0|2,3,4|7 / 0|2,3|7 / 0|2|7 / 0||7"},
    {"loop-034", "a; first b{1,}each; first c", "a1 b2 x3 b4 b5 c6", 0, 0,
     "0|1,3,4|5 / 0|1,3|5 / 0|1,4|5 / 0|1|5"},
    {"not-003", "a; first b{1,}; no c; first d", "a0 b1 b2 b3 c4 b5 b6 b7 d8", 0, 0,
     "0|1,2,3,5,6,7|8 / 0|1,2,3,5,6|8 / 0|1,2,3,5|8"},
    {"not-004", "a; no c; any b{1,}; first d", "a0 b1 c2 b3 b4 b5 d6", 0, 0,
     "0|1,3,4,5|6 / 0|1,3,4|6 / 0|1,3|6 / 0|1|6"},
    {"not-006", "a; no c; first b{1,}; first d", "a0 b1 c2 b3 b4 b5 d6", 0, 0,
     "0|1,3,4,5|6 / 0|1,3,4|6 / 0|1,3|6 / 0|1|6"},
    {"not-007", "a; first b{1,}each; no c; first d", "a0 b1 b2 b3 c4 b5 b6 b7 d8", 0, 0,
     "0|1,2,3,5,6,7|8 / 0|1,2,3,5,6|8 / 0|1,2,3,5,7|8 / 0|1,2,3,5|8 / 0|1,2,3,6,7|8 / "
     "0|1,2,3,6|8 / 0|1,2,3,7|8 / 0|1,2,5,6,7|8 / 0|1,2,5,6|8 / 0|1,2,5,7|8 / 0|1,2,5|8 / "
     "0|1,2,6,7|8 / 0|1,2,6|8 / 0|1,2,7|8 / 0|1,3,5,6,7|8 / 0|1,3,5,6|8 / 0|1,3,5,7|8 / "
     "0|1,3,5|8 / 0|1,3,6,7|8 / 0|1,3,6|8 / 0|1,3,7|8 / 0|1,5,6,7|8 / 0|1,5,6|8 / 0|1,5,7|8 / "
     "0|1,5|8 / 0|1,6,7|8 / 0|1,6|8 / 0|1,7|8"},
    {"not-017", "a; any b{2,2}; no c; first d", "a1 b2 c3 b4 d5", 0, 0, "0|1,3|4"},
    {"not-019", "a; no b; first c; first d", "a1 b2 c3 a4 c5 d6", 0, 0, "3|4|5"},
    {"not-023", "a; first b{1,}; no next c; first d", "a0 b1 c2 b3 d4", 0, 0, "0|1,3|4"},
    {"not-028", "a; no x; first b", "a1 y2 x3 b4", 0, 0, ""},
    {"not-029", "a; no x; any b", "a1 b2 x3 b4", 0, 0, "0|1"},
    {"optional-001", "c; first a?; first b", "c1 a5 b6", 0, 0, "0|1|2 / 0||2"},
    {"optional-002", "c?; first b", "c1 b6", 0, 0, "0|1 / |1"},
    {"optional-005", "a; next b?; next c", "a1 b2 c3 a4 c5", 0, 0, "0|1|2 / 3||4"},
    {"optional-006", "a; any b?; any c", "a1 b2 c3 a4 c5", 0, 0,
     "0|1|2 / 0|1|4 / 0||2 / 0||4 / 3||4"},
    {"same-002", "c; any a{1,}each?; any b", "c1 a3 a3 a4 d5 a6 a6 b7", 0, 0,
     "0|1,2,3,5,6|7 / 0|1,2,3,5|7 / 0|1,2,3,6|7 / 0|1,2,3|7 / 0|1,2,5,6|7 / 0|1,2,5|7 / 0|1,2,6|7 "
     "/ 0|1,2|7 / 0|1,3,5,6|7 / 0|1,3,5|7 / 0|1,3,6|7 / 0|1,3|7 / 0|1,5,6|7 / 0|1,5|7 / 0|1,6|7 / "
     "0|1|7 / 0|2,3,5,6|7 / 0|2,3,5|7 / 0|2,3,6|7 / 0|2,3|7 / 0|2,5,6|7 / 0|2,5|7 / 0|2,6|7 / "
     "0|2|7 / 0|3,5,6|7 / 0|3,5|7 / 0|3,6|7 / 0|3|7 / 0|5,6|7 / 0|5|7 / 0|6|7 / 0||7"},
    {"same-003", "c; first a{1,}?; first b", "c1 a3 a3 a3 a4 d5 a6 a6 b7", 0, 0,
     "0|1,2,3,4,6,7|8 / 0|1,2,3,4,6|8 / 0|1,2,3,4|8 / 0|1,2,3|8 / 0|1,2|8 / 0|1|8 / 0||8"},
    {"same-005", "a; first b; first c; first d", "a1 b2 c2 d2", 0, 0, "0|1|2|3"},
    {"skip-014", "a; next b{1,}", "a1 b2 b3 b4", 0, 0, "0|1 / 0|1,2 / 0|1,2,3"},
    {"skip-023", "a; any b", "a1 b2 a3 b4", 0, 0, "0|1 / 0|3 / 2|3"},
    {"skip-027", "b{1,}; first c", "b1 b2 b3 c4", 0, 0,
     "0,1,2|3 / 0,1|3 / 0|3 / 1,2|3 / 1|3 / 2|3"},
    {"skip-044", "f{2,}; first o", "f1 o2 f3 f4 o5 f6 o7", 0, 0,
     "0,2,3,5|6 / 0,2,3|4 / 0,2|4 / 2,3,5|6 / 2,3|4 / 3,5|6"},
    {"times-001", "c; any a{2,2}next?; first b", "c1 f2 a3 f4 a5 a6 b7", 0, 0, "0|4,5|6 / 0||6"},
    {"times-004", "c; any a{2,2}each?; first b", "c1 f2 a3 f4 a5 a6 b7", 0, 0,
     "0|2,4|6 / 0|2,5|6 / 0|4,5|6 / 0||6"},
    {"times-008", "a{2,2}next; first b", "a2 a3 a4 b6", 0, 0, "0,1|3 / 1,2|3"},
    {"times-009", "c; next a{2,2}each?; first b", "c1 a2 f3 a4 f5 a6 b7", 0, 0,
     "0|1,3|6 / 0|1,5|6 / 0||6"},
    {"times-013", "c; any a{2,2}each; first b", "c1 f2 a3 f4 a5 a6 b7", 0, 0,
     "0|2,4|6 / 0|2,5|6 / 0|4,5|6"},
    {"times-014", "c; first a{2,2}; first b", "c1 a2 a4 a6 b7", 0, 0, "0|1,2|4"},
    {"times-015", "c; next a{2,2}each; first b", "c1 a2 f3 a4 f5 a6 b7", 0, 0, "0|1,3|6 / 0|1,5|6"},
    {"times-024", "c; any a{2,3}each; first b", "c1 a2 a4 a6 b7", 0, 0,
     "0|1,2,3|4 / 0|1,2|4 / 0|1,3|4 / 0|2,3|4"},
    {"times-026", "c; next a{1,3}next?; first b", "c1 a3 a5 a6 b7", 0, 0,
     "0|1,2,3|4 / 0|1,2|4 / 0|1|4 / 0||4"},
    {"times-027", "c; any a{2,}each; first b", "c1 a2 a4 a6 b7", 0, 0,
     "0|1,2,3|4 / 0|1,2|4 / 0|1,3|4 / 0|2,3|4"},
    {"times-028", "c; next a{2,}next?; first b", "c1 a3 a5 a6 b7", 0, 0,
     "0|1,2,3|4 / 0|1,2|4 / 0||4"},
    {"times-030", "c; first a{2,}each; first b", "c1 a2 a3 a4 b6", 0, 0,
     "0|1,2,3|4 / 0|1,2|4 / 0|1,3|4"},
    {"times-031", "c; next a{2,}each; first b", "c1 a2 f3 a4 f5 a6 b7", 0, 0,
     "0|1,3,5|6 / 0|1,3|6 / 0|1,5|6"},
    {"times-032", "c; any a{2,}each?; first b", "c1 f2 a3 f4 a5 a6 b7", 0, 0,
     "0|2,4,5|6 / 0|2,4|6 / 0|2,5|6 / 0|4,5|6 / 0||6"},
    {"times-033", "c; any a{2,}?; first b", "c1 f2 a3 f4 a5 a6 b7", 0, 0,
     "0|2,4,5|6 / 0|2,4|6 / 0|4,5|6 / 0||6"},
    {"times-034", "c; first a{2,}; first b", "c1 a2 a4 a6 b7", 0, 0, "0|1,2,3|4 / 0|1,2|4"},
    {"times-035", "c; first a{2,}?; first b", "c1 f2 b7", 0, 0, "0||2"},
    {"within-005", "c; first a{1,}each; first b", "c1 a3 a4 b6", 8, 10, "0|1,2|3 / 0|1|3"},
    {"within-008", "c; first a?; first b", "c1 a5 b6", 8, 10, "0|1|2 / 0||2"},
    {"within-015", "a{4,4}", "a1 a2", 3, 4, ""},
    {"within-016", "s; no m", "s1 m4 s5 s11 m18", 5, 0, "2 / 3"},
    {"within-017", "s; any m; any e", "s1 s2 m3 f4 e11 e13", 10, 0, "1|2|4"},
    {"within-018", "s; first m; first e", "s1 s2 m3 f4 e11 e13", 10, 0, "1|2|4"},
    {"within-046", "*; any *", "x1 y2", 86400000, 0, "0|1"},
    {"within-048", "a; first b", "a1 b10", 10, 100, "0|1"},
    {"within-054", "a; first b; first c", "a0 b8 c16", 10, 50, ""},
    {"within-068", "a; no b", "a0 b10", 10, 30, "0"},
    {"within-070", "a; no b", "a0 a4 b5", 10, 30, ""},
    {"within-072", "a; no b", "a0 b5 a7", 10, 30, "2"},
    {"within-075", "a; first c; no b", "a0 c3 x9", 10, 30, "0|1"},
    {"within-076", "a; first c{1,}; no b", "a0 c3 c5 x9", 10, 30, "0|1 / 0|1,2"},
};

}  // namespace

TEST_CASE("oracle: gives the matches that Flink CEP gives") {
  for (const Row& row : kRows) {
    CAPTURE(std::string(row.name));
    cep::Plan plan = letters_plan(row.pattern, row.within_ms);
    plan.rules[0].selection.kind = cep::SelectionKind::kNoSkip;
    REQUIRE(cep::validate(plan).empty());
    const std::vector<oracle::Event> events = letters_events(row.events);
    oracle::Options options;
    options.end = row.end_ms > 0 ? cep::EventTime{1000 * row.end_ms} : events.back().ts;
    const auto outcome =
        oracle::evaluate(plan, oracle::place_events(plan, events, options), options);
    REQUIRE(outcome.has_value());
    std::multiset<std::string> found;
    for (const cep::Alert& alert : outcome->alerts) {
      found.insert(letters_match(plan.rules[0], alert));
    }
    const std::vector<std::string> listed = split(row.matches, " / ");
    const std::multiset<std::string> expected(listed.begin(), listed.end());
    const std::string found_text = fmt::format("{}", fmt::join(found, " / "));
    const std::string expected_text = fmt::format("{}", fmt::join(expected, " / "));
    CHECK(found_text == expected_text);
  }
}
}  // namespace tocsin::tests
