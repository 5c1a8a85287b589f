#include "library/testing/test_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "rules/text/utf8.h"

namespace tocsin::library {
namespace {
using Json = nlohmann::ordered_json;

struct Totals {
  std::size_t tests = 0, failures = 0, errors = 0;
  double seconds = 0;

  void add(const Totals& other) {
    tests += other.tests;
    failures += other.failures;
    errors += other.errors;
    seconds += other.seconds;
  }
};

Totals totals_of(const FileResult& file) {
  Totals totals;
  totals.tests = file.tests.size();
  for (const TestResult& test : file.tests) {
    if (!test.passed) ++totals.failures;
    totals.seconds += test.seconds.value_or(0);
  }
  if (!file.checks) {
    ++totals.tests;
    ++totals.errors;
  }
  return totals;
}

std::string counts(const Totals& totals) {
  return fmt::format(R"(tests="{}" failures="{}" errors="{}" skipped="0" time="{:.6f}")",
                     totals.tests, totals.failures, totals.errors, totals.seconds);
}

void add_test(std::string& out, const std::string& file, const TestResult& test) {
  out += fmt::format(
      "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.6f}\"",
      xml_text(test.rule), xml_text(test.title), file, test.line, test.seconds.value_or(0));
  if (test.passed) {
    out += "/>\n";
    return;
  }
  out += fmt::format(
      ">\n      <failure message=\"{}\" type=\"failure\">{}</failure>\n    </testcase>\n",
      xml_text(test.difference), xml_text(test.text));
}

// A code point that XML 1.0 has, though some need an escape.
bool is_xml(char32_t c) {
  return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c != 0xFFFE && c != 0xFFFF);
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json names_of(const std::string& file, const TestResult& test) {
  return {{"file", file}, {"line", test.line}, {"rule", test.rule}, {"title", test.title}};
}
}  // namespace

std::string xml_text(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const rules::CodePoint point = rules::code_point_at(text, at);
    if (!point.valid || !is_xml(point.value)) {
      out += "\xEF\xBF\xBD";
    } else if (point.value == '&') {
      out += "&amp;";
    } else if (point.value == '<') {
      out += "&lt;";
    } else if (point.value == '>') {
      out += "&gt;";
    } else if (point.value == '"') {
      out += "&quot;";
    } else if (point.value < 0x20) {
      // As it is, a reader of an attribute would take it for a space.
      out += fmt::format("&#{};", static_cast<unsigned>(point.value));
    } else {
      out += text.substr(at, point.bytes);
    }
    at += point.bytes;
  }
  return out;
}

std::string format_junit(const std::vector<FileResult>& files) {
  Totals all;
  for (const FileResult& file : files) all.add(totals_of(file));
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites name=\"tocsin test\" {}>\n", counts(all));
  for (const FileResult& file : files) {
    const std::string name = xml_text(file.file);
    out += fmt::format("  <testsuite name=\"{}\" file=\"{}\" {}>\n", name, name,
                       counts(totals_of(file)));
    if (!file.checks) {
      out += fmt::format(
          "    <testcase classname=\"{}\" name=\"the rules check\" file=\"{}\" time=\"0\">\n"
          "      <error message=\"the rules do not check\" type=\"check\">{}</error>\n"
          "    </testcase>\n",
          name, name, xml_text(file.diagnostics));
    }
    for (const TestResult& test : file.tests) add_test(out, name, test);
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

std::string format_test_json(const std::string& file, const TestResult& test) {
  Json json = names_of(file, test);
  json["outcome"] = test.passed ? "passed" : "failed";
  if (test.seconds) json["seconds"] = *test.seconds;
  if (!test.passed) {
    json["difference"] = test.difference;
    json["text"] = test.text;
  }
  return dump(json);
}

std::string format_listed_json(const std::string& file, const TestResult& test) {
  return dump(names_of(file, test));
}

std::string format_error_json(const FileResult& file) {
  Json json;
  json["file"] = file.file;
  json["outcome"] = "error";
  json["text"] = file.diagnostics;
  return dump(json);
}
}  // namespace tocsin::library
