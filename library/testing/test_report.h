/// The outcome of embedded tests for other programs: JUnit's XML, as Jenkins, GitLab and GitHub
/// read it, and JSON.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::library {
/// One embedded test that ran.
struct TestResult {
  std::string rule, title;
  std::uint32_t line = 0;         // where it stands in its file
  std::optional<double> seconds;  // not measured: absent
  bool passed = true;
  std::string difference;  // the first one, one line; empty where it passed
  std::string text;        // all that a failed one shows
};
/// The tests of one file.
struct FileResult {
  std::string file;
  std::vector<TestResult> tests;
  bool checks = true;       // false: none of its tests ran
  std::string diagnostics;  // why not
};
/// One `testsuite` for each file, one `testcase` for each test: `classname` is the rule, `name` the
/// title. A file that does not check is one `testcase` with an `error`. What XML cannot hold
/// (control characters, bytes that are no UTF-8) is U+FFFD. Ends with a line end.
std::string format_junit(const std::vector<FileResult>& files);
/// {"file":…,"line":…,"rule":…,"title":…,"outcome":"passed"|"failed","seconds":…} of one test,
/// without seconds that were not measured, for a failed one with "difference" and "text"; no line
/// end.
std::string format_test_json(const std::string& file, const TestResult& test);
/// The same of a test that did not run: file, line, rule and title; no line end.
std::string format_listed_json(const std::string& file, const TestResult& test);
/// {"file":…,"outcome":"error","text":…} of a file that does not check; no line end.
std::string format_error_json(const FileResult& file);
/// Text as XML holds it, between tags or in an attribute in double quotes.
std::string xml_text(std::string_view text);
}  // namespace tocsin::library
