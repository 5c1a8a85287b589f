// The C interface: a pack's tests and explanations.
#include <doctest/doctest.h>
#include <tocsin.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <string_view>

namespace tocsin::library {
namespace {
constexpr std::string_view kRules = R"(event login { ts: time, user: string, ok: bool }
rule guessing "Three wrong passwords" {
  id "FR-7"
  by user
  when 3 login as tries where not ok within 10m
  alert "{user} was refused"
}
test guessing "three in a row" {
  starting 2026-03-02T12:00:00Z
  0s login { user: "eve", ok: false }
  1s login { user: "eve", ok: false }
  2s login { user: "eve", ok: false }
  expect alert at 2s
}
test guessing "expected too early" {
  starting 2026-03-02T12:00:00Z
  0s login { user: "eve", ok: false }
  1s login { user: "eve", ok: false }
  expect alert at 1s
}
)";

// A pack of those rules with a buffer and an error.
class Subject {
 public:
  Subject() : text_(tocsin_buffer_new()) {
    const tocsin_text file = {"logins.tocsin", kRules.data(), kRules.size()};
    const tocsin_status status = tocsin_pack_load_texts(&file, 1, nullptr, &pack_, text_, nullptr);
    REQUIRE_MESSAGE(status == TOCSIN_OK, text());
  }
  ~Subject() {
    tocsin_error_free(error_);
    tocsin_buffer_free(text_);
    tocsin_pack_free(pack_);
  }
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;
  const tocsin_pack* pack() const { return pack_; }
  tocsin_buffer* buffer() { return text_; }
  tocsin_error** error() {
    tocsin_error_free(error_);
    error_ = nullptr;
    return &error_;
  }
  std::string message() const { return tocsin_error_message(error_); }
  std::string text() const { return {tocsin_buffer_data(text_), tocsin_buffer_size(text_)}; }

 private:
  tocsin_pack* pack_ = nullptr;
  tocsin_buffer* text_;
  tocsin_error* error_ = nullptr;
};

TEST_CASE("c: tests are listed, run one by one, and say why they fail") {
  Subject subject;
  REQUIRE(tocsin_pack_list_tests(subject.pack(), subject.buffer(), nullptr) == TOCSIN_OK);
  std::istringstream lines(subject.text());
  std::string line;
  REQUIRE(std::getline(lines, line));
  CHECK(line == R"({"file":"logins.tocsin","line":8,"rule":"guessing","title":"three in a row"})");
  REQUIRE(std::getline(lines, line));
  CHECK(line ==
        R"({"file":"logins.tocsin","line":15,"rule":"guessing","title":"expected too early"})");
  CHECK_FALSE(std::getline(lines, line));

  REQUIRE(tocsin_pack_run_test(subject.pack(), 0, subject.buffer(), nullptr) == TOCSIN_OK);
  CHECK(
      subject.text() ==
      R"({"file":"logins.tocsin","line":8,"rule":"guessing","title":"three in a row","outcome":"passed"})");
  REQUIRE(tocsin_pack_run_test(subject.pack(), 1, subject.buffer(), nullptr) == TOCSIN_OK);
  const nlohmann::json failed = nlohmann::json::parse(subject.text());
  CHECK(failed["outcome"] == "failed");
  CHECK_FALSE(failed.contains("seconds"));
  CHECK_FALSE(failed["difference"].get<std::string>().empty());
  CHECK(failed["text"].get<std::string>().find("why no alert came at 1s") != std::string::npos);

  CHECK(tocsin_pack_run_test(subject.pack(), 2, subject.buffer(), subject.error()) ==
        TOCSIN_NOT_FOUND);
  CHECK(subject.message() == "the pack has 2 tests, counted from 0");
}

TEST_CASE("c: a rule is explained by its name or id, as text of a width or as JSON") {
  Subject subject;
  REQUIRE(tocsin_pack_explain(subject.pack(), "guessing", R"({"columns":40})", subject.buffer(),
                              subject.error()) == TOCSIN_OK);
  const std::string text = subject.text();
  CHECK(text.find("Three wrong passwords") != std::string::npos);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 60);  // one word may stay whole
  }
  REQUIRE(tocsin_pack_explain(subject.pack(), "FR-7", R"({"format":"json"})", subject.buffer(),
                              nullptr) == TOCSIN_OK);
  CHECK(nlohmann::json::parse(subject.text())["id"] == "FR-7");
  CHECK(tocsin_pack_explain(subject.pack(), "guesing", nullptr, subject.buffer(),
                            subject.error()) == TOCSIN_NOT_FOUND);
  CHECK(subject.message() == "there is no rule guesing that runs; did you mean guessing?");
  CHECK(tocsin_pack_explain(subject.pack(), "guessing", R"({"format":"xml"})", subject.buffer(),
                            subject.error()) == TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_pack_explain(subject.pack(), "guessing", R"({"columns":3})", subject.buffer(),
                            subject.error()) == TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_pack_explain(subject.pack(), nullptr, nullptr, subject.buffer(), nullptr) ==
        TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_pack_list_tests(nullptr, subject.buffer(), nullptr) == TOCSIN_INVALID_ARGUMENT);
  CHECK(tocsin_pack_run_test(subject.pack(), 0, nullptr, nullptr) == TOCSIN_INVALID_ARGUMENT);
}
}  // namespace
}  // namespace tocsin::library
