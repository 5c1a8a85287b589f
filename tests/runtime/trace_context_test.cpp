#include "runtime/journal/trace_context.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace tocsin::runtime {
namespace {
const std::string kTrace = "0af7651916cd43dd8448eb211c80319c";
const std::string kSpan = "b7ad6b7169203331";

TEST_CASE("trace context: what a traceparent is, and what is ignored") {
  struct Row {
    std::string text;
    std::string read;  // empty: ignored
  };
  const std::string whole = "00-" + kTrace + "-" + kSpan + "-01";
  const std::string zeros(32, '0');
  const Row rows[] = {{whole, whole},
                      {"00-" + kTrace + "-" + kSpan + "-00", "00-" + kTrace + "-" + kSpan + "-00"},
                      // Of the flags only `sampled` is known.
                      {"00-" + kTrace + "-" + kSpan + "-ff", whole},
                      {"00-" + kTrace + "-" + kSpan + "-02", "00-" + kTrace + "-" + kSpan + "-00"},
                      // A later version is read by what it shares with this one.
                      {"cc-" + kTrace + "-" + kSpan + "-01", whole},
                      {"cc-" + kTrace + "-" + kSpan + "-01-what-ever", whole},
                      {"cc-" + kTrace + "-" + kSpan + "-01.what", ""},
                      {whole + "-more", ""},
                      {"ff-" + kTrace + "-" + kSpan + "-01", ""},
                      {"00-" + zeros + "-" + kSpan + "-01", ""},
                      {"00-" + kTrace + "-" + zeros.substr(16) + "-01", ""},
                      {"00-0AF7651916CD43DD8448EB211C80319C-" + kSpan + "-01", ""},
                      {"00_" + kTrace + "-" + kSpan + "-01", ""},
                      {"00-" + kTrace + "-" + kSpan, ""},
                      {"00-" + kTrace + "-" + kSpan + "-0", ""},
                      {" " + whole, ""},
                      {"", ""}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(read_trace_parent(row.text).value_or("") == row.read);
  }
  CHECK(with_span(whole, "1111111111111111") == "00-" + kTrace + "-1111111111111111-01");
}

TEST_CASE("trace context: runs of lines") {
  std::vector<TraceRun> runs;
  const std::string a = "00-" + kTrace + "-" + kSpan + "-01";
  const std::string b = "00-" + kTrace + "-" + kSpan + "-00";
  for (const auto& [line, trace] :
       std::vector<std::pair<std::uint64_t, std::string>>{{0, ""}, {1, a}, {2, a}, {3, ""}, {4, b}})
    add_trace(runs, line, trace);
  CHECK(runs == std::vector<TraceRun>{{1, a}, {3, ""}, {4, b}});
  CHECK(traces_from(runs, 0) == runs);
  CHECK(traces_from(runs, 1) == std::vector<TraceRun>{{0, a}, {2, ""}, {3, b}});
  CHECK(traces_from(runs, 2) == std::vector<TraceRun>{{0, a}, {1, ""}, {2, b}});
  CHECK(traces_from(runs, 3) == std::vector<TraceRun>{{1, b}});
  CHECK(traces_from(runs, 9) == std::vector<TraceRun>{{0, b}});
  CHECK(*decode_traces(encode_traces(runs)) == runs);
  CHECK(decode_traces("")->empty());
}

TEST_CASE("trace context: only what encode_traces gives is decoded") {
  const std::string a = "00-" + kTrace + "-" + kSpan + "-01";
  const std::vector<std::vector<TraceRun>> bad = {
      {{0, ""}}, {{0, a}, {0, ""}}, {{2, a}, {1, ""}}, {{0, a}, {1, a}}, {{0, "x"}}};
  for (const std::vector<TraceRun>& runs : bad) CHECK(!decode_traces(encode_traces(runs)));
  const std::string good = encode_traces({{0, a}, {3, ""}});
  REQUIRE(decode_traces(good));
  for (std::size_t size = 1; size < good.size(); ++size) {
    const auto part = decode_traces(std::string_view(good).substr(0, size));
    CHECK((!part || encode_traces(*part).size() == size));
  }
}
}  // namespace
}  // namespace tocsin::runtime
