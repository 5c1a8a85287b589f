#include "library/testing/test_report.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "library/testing/test_filter.h"

namespace tocsin::library {
namespace {
FileResult sample_file() {
  FileResult file;
  file.file = "rules/a&b.tocsin";
  TestResult passed;
  passed.rule = "large";
  passed.title = "above \"the\" limit";
  passed.line = 12;
  passed.seconds = 0.0015;
  TestResult failed = passed;
  failed.title = "at <the> limit\x01";
  failed.passed = false;
  failed.difference = "no alert came, 1 expected";
  failed.text = "  no alert came\n  ]]> \xff\n";
  file.tests = {passed, failed};
  return file;
}
}  // namespace

TEST_CASE("test report: JUnit has a suite for each file and a case for each test") {
  FileResult broken;
  broken.file = "b.tocsin";
  broken.checks = false;
  broken.diagnostics = "error[E0201]: …\n";
  CHECK(format_junit({sample_file(), broken}) ==
        R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="tocsin test" tests="3" failures="1" errors="1" skipped="0" time="0.003000">
  <testsuite name="rules/a&amp;b.tocsin" file="rules/a&amp;b.tocsin" tests="2" failures="1" errors="0" skipped="0" time="0.003000">
    <testcase classname="large" name="above &quot;the&quot; limit" file="rules/a&amp;b.tocsin" line="12" time="0.001500"/>
    <testcase classname="large" name="at &lt;the&gt; limit�" file="rules/a&amp;b.tocsin" line="12" time="0.001500">
      <failure message="no alert came, 1 expected" type="failure">  no alert came&#10;  ]]&gt; �&#10;</failure>
    </testcase>
  </testsuite>
  <testsuite name="b.tocsin" file="b.tocsin" tests="1" failures="0" errors="1" skipped="0" time="0.000000">
    <testcase classname="b.tocsin" name="the rules check" file="b.tocsin" time="0">
      <error message="the rules do not check" type="check">error[E0201]: …&#10;</error>
    </testcase>
  </testsuite>
</testsuites>
)");
}

TEST_CASE("test report: text that XML cannot hold is replaced, other text is kept") {
  CHECK(xml_text("a\tb\nc\rd") == "a&#9;b&#10;c&#13;d");
  CHECK(xml_text(std::string_view("\0\x1f\x7f", 3)) == "\xEF\xBF\xBD\xEF\xBF\xBD\x7f");
  CHECK(xml_text("\xEF\xBF\xBE") == "\xEF\xBF\xBD");
  CHECK(xml_text("näme \xF0\x9F\x92\xB3") == "näme \xF0\x9F\x92\xB3");
}

TEST_CASE("test report: JSON has an object for each test") {
  const FileResult file = sample_file();
  const auto passed = nlohmann::json::parse(format_test_json(file.file, file.tests[0]));
  CHECK(passed["outcome"] == "passed");
  CHECK(passed["line"] == 12);
  CHECK_FALSE(passed.contains("text"));
  const auto failed = nlohmann::json::parse(format_test_json(file.file, file.tests[1]));
  CHECK(failed["outcome"] == "failed");
  CHECK(failed["difference"] == "no alert came, 1 expected");
  CHECK(failed["text"] == "  no alert came\n  ]]> \xEF\xBF\xBD\n");
}

TEST_CASE("test filter: a text stands anywhere, a shape is that of the whole") {
  struct Row {
    const char* filter;
    bool fits;
  };
  const Row rows[] = {
      {"", true},
      {"two", true},
      {"card_testing", true},
      {"testing two", true},
      {"Two", false},
      {"card_testing *", true},
      {"card_*", true},
      {"card_", true},
      {"*probes", true},
      {"probes*", false},
      {"card?testing*", true},
      {"*t?o pr?bes*", true},
      {"*pröb?s", false},
      {"?ard*s", true},
      {"*", true},
      {"card_testing", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.filter);
    TestFilter filter({row.filter});
    CHECK(filter.takes("card_testing", "two probes") == row.fits);
    CHECK(filter.unused().empty() == row.fits);
  }
  CHECK(has_shape("näme", "n?me"));
  CHECK_FALSE(has_shape("näme", "n??me"));
  CHECK(has_shape("", "**"));
  CHECK_FALSE(has_shape("", "?"));
  CHECK(has_shape("aaaaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*a*a*b"));
  TestFilter several({"one", "two"});
  CHECK(several.takes("rule", "two"));
  CHECK_FALSE(several.takes("rule", "three"));
  CHECK(several.unused() == std::vector<std::string>{"one"});
}
}  // namespace tocsin::library
