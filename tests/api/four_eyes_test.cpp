// Which requests wait for another person, by the settings.
#include "api/rollout/four_eyes.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "tests/api/fake_request.h"

namespace tocsin::api {
namespace {
const cep::EventTime kNow = *cep::parse_time("2026-03-02T12:00:00Z");

std::string review_of(const FourEyes& settings, const std::string& operation,
                      const std::string& body,
                      std::map<std::string, std::string, std::less<>> query = {},
                      const char* media = "application/json") {
  tests::FakeRequest http("POST", "/", {{"content-type", media}}, body);
  BodyBudget bodies(SIZE_MAX);
  const ApiRequest request{http, bodies, {}, std::move(query), {}, {}, {}, {}};
  return review(settings, operation, request, kNow);
}
std::string silence(const std::string& filter, const std::string& until,
                    const std::string& from = "") {
  return R"({"filter":)" + filter + R"(,"until":")" + until + "\"" +
         (from.empty() ? "" : R"(,"from":")" + from + "\"") + R"(,"reason":"x"})";
}
}  // namespace

TEST_CASE("four eyes: silences by their length, from when they begin, and by what they are of") {
  FourEyes settings{.silence_longer = cep::Duration{86'400'000'000}};
  const std::string rule = R"({"rules":["a"]})";
  CHECK(review_of(settings, "createSilence", silence(rule, "2026-03-03T12:00:00Z")).empty());
  CHECK(review_of(settings, "createSilence", silence(rule, "2026-03-03T12:00:01Z")) ==
        "the silence lasts longer than 1d (four_eyes.silence_longer)");
  CHECK(review_of(settings, "createSilence",
                  silence(rule, "2026-03-09T12:00:00Z", "2026-03-08T12:00:00Z"))
            .empty());
  CHECK(review_of(settings, "createSilence", silence(R"({"tags":["a"]})", "2026-03-02T13:00:00Z"))
            .empty());
  settings = {.silence_wide = true};
  for (const char* const filter :
       {R"({"tags":["a"]})", R"({"rules":["a","b"]})", R"({"key":{"card":"c"}})"}) {
    CHECK(review_of(settings, "createSilence", silence(filter, "2026-03-02T13:00:00Z"))
              .starts_with("the silence is not of one rule alone"));
  }
  CHECK(review_of(settings, "createSilence", silence(rule, "2100-01-01T00:00:00Z")).empty());
  // What is none is the operation's to refuse.
  for (const char* const body : {"", "[]", "{}", "{\"filter\":1}"})
    CHECK(review_of(settings, "createSilence", body).empty());
  CHECK(review_of({}, "createSilence", silence("{}", "2100-01-01T00:00:00Z")).empty());
}

TEST_CASE("four eyes: subscriptions with personal data, however they are set") {
  const FourEyes settings{.pii = true};
  for (const char* const operation :
       {"createSubscription", "putSubscription", "patchSubscription"}) {
    CAPTURE(operation);
    CHECK(review_of(settings, operation, R"({"url":"https://a.example","pii":true})") ==
          "alerts would leave with personal data (four_eyes.pii)");
    for (const char* const body :
         {R"({"url":"https://a.example","pii":false})", R"({"name":"pii"})", R"({"pii":"true"})",
          "[true]", "", R"({"pii":)"}) {
      CHECK(review_of(settings, operation, body).empty());
    }
    CHECK(review_of({}, operation, R"({"pii":true})").empty());
  }
  CHECK(review_of(settings, "createSilence", R"({"pii":true})").empty());
  CHECK(settings.are_any());
}

TEST_CASE("four eyes: lists and deploys, each by its own setting") {
  const FourEyes lists{.list_removal = true};
  const FourEyes deploys{.ignored_tests = true};
  for (const char* const operation :
       {"removeListEntries", "removeListEntry", "replaceList", "resetList", "removeTableRows",
        "replaceTable", "resetTable"}) {
    CHECK_FALSE(review_of(lists, operation, "").empty());
    CHECK(review_of(deploys, operation, "").empty());
  }
  for (const char* const operation : {"addListEntries", "addTableRows"}) {
    CHECK(review_of(lists, operation, R"({"entries":["a"]})").empty());
    CHECK_FALSE(review_of(lists, operation, R"([{"value":"a","until":"2030-01-01"}])").empty());
    CHECK_FALSE(review_of(lists, operation, R"([{"value":"a","unti\u006c":"2030"}])").empty());
    // Values are no names, and of what is no JSON nobody knows.
    CHECK(review_of(lists, operation, R"({"entries":["until","a\"b"]})").empty());
    CHECK_FALSE(review_of(lists, operation, R"({"entries":["a"],"until)").empty());
    const char* const lines = "application/x-ndjson";
    CHECK(review_of(lists, operation, "\"until\"\n\n\"b\"\n", {}, lines).empty());
    CHECK_FALSE(
        review_of(lists, operation, "\"a\"\n{\"value\":\"b\",\"until\":1}\n", {}, lines).empty());
    CHECK(review_of(lists, operation, "a\nuntil\n", {}, "text/plain").empty());
  }
  for (const char* const operation :
       {"putRule", "deleteRule", "putRuleStage", "putPack", "patchPack"}) {
    CHECK(review_of(deploys, operation, "").empty());
    CHECK(review_of(deploys, operation, "", {{"ignore_tests", "false"}}).empty());
    CHECK_FALSE(review_of(deploys, operation, "", {{"ignore_tests", "true"}}).empty());
    CHECK(review_of(lists, operation, "", {{"ignore_tests", "true"}}).empty());
  }
  CHECK(review_of({{}, true, true, true}, "getSilence", "").empty());
}
}  // namespace tocsin::api
