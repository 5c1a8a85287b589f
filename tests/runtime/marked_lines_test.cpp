#include "runtime/decode/marked_lines.h"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/batch.h"
#include "runtime/decode/decoder.h"
#include "tests/runtime/event_plan.h"
#include "tests/runtime/guarded_text.h"
#include "tests/runtime/random_lines.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
// One way of decoding: what it makes of each line, and of the rows it keeps.
class Way {
 public:
  Way()
      : plan_(tests::event_plan()),
        batch_(plan_),
        decoder_(plan_, tests::all_fields(plan_), tests::all_types(plan_)) {
    decoder_.begin(batch_);
  }
  std::string take(std::string_view line, MarkedLines* marked) {
    const Decoded decoded = decoder_.decode(line, marked);
    if (decoded.kind == LineKind::kIgnored) return "ignored " + decoder_.ignored_type();
    if (decoded.kind == LineKind::kDeadLetter) return "dead " + decoder_.dead_letter_reason();
    std::string text = fmt::format("event {} {}", decoded.type.value, decoded.ts.us);
    for (const FieldProblem& problem : decoder_.problems()) {
      text += ", " + decoder_.describe(problem, "");
    }
    if (line.size() % 5 == 3) {
      decoder_.drop();
    } else {
      decoder_.keep(decoded.ts, {++arrivals_, 0});
    }
    return text;
  }
  std::vector<std::string> rows() {
    decoder_.finish();
    std::vector<std::string> rows;
    for (const cep::Row& row : batch_.rows) {
      std::string text = fmt::format("{} {}", row.type.value, row.ts.us);
      const std::size_t fields = plan_.event_types[row.type.value].fields.size();
      for (std::size_t f = 0; f < fields; ++f) {
        const cep::Value value = batch_.value(plan_, row, cep::FieldIndex(f));
        text += value.is_missing() ? " -" : " " + cep::to_text(value);
      }
      rows.push_back(text);
    }
    return rows;
  }

 private:
  cep::Plan plan_;
  cep::Batch batch_;
  Decoder decoder_;
  std::uint64_t arrivals_ = 0;
};

// The lines of a text one by one, each followed by what is no part of it, and all at once. Nothing
// is read behind the padding.
void check_both_ways(const std::string& text, char padding) {
  CAPTURE(text);
  Way alone;
  Way together;
  MarkedLines marked;
  const tests::GuardedText padded(text + std::string(kLinePadding, padding));
  const std::string_view whole = padded.text().substr(0, text.size());
  marked.begin(whole);
  for (std::size_t begin = 0; begin < whole.size();) {
    const std::size_t end = std::min(whole.find('\n', begin), whole.size());
    const std::string_view line = whole.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty()) continue;
    const std::string copy = std::string(line) + std::string(kLinePadding, '}');
    CAPTURE(line);
    REQUIRE(together.take(line, &marked) ==
            alone.take(std::string_view(copy).substr(0, line.size()), nullptr));
  }
  REQUIRE(together.rows() == alone.rows());
}
void check_both_ways(const std::string& text) {
  for (const char padding : {'"', '\0'}) check_both_ways(text, padding);
}

constexpr const char* kPayment =
    R"({"type":"payment","id":"p1","ts":5,"card":"c1","amount":1.00,"city":"x"})";
constexpr const char* kLogin = R"({"type":"login","ts":7,"user":"u"})";
}  // namespace

TEST_CASE("marked lines: a line is what it is by itself, whatever stands beside it") {
  const std::vector<std::string> lines = {
      kPayment,
      kLogin,
      R"({"type":"other","a":[1,{"b":2}]})",
      R"( {"type" : "login" , "ts" : 8 , "user" : "u" } )",
      R"({"type":"login","ts":7,"user":"u"}   )",
      R"({"type":"login","ts":7,"user":"u"})"
      "\r",
      R"({"type":"login","ts":7,)",  // goes on in the next line, perhaps
      R"("user":"u"})",
      R"({"type":"login","ts":7)",
      R"(,"user":"u"})",
      R"({"type":"login","ts":7,"user":)",
      R"({"type":"login","ts":7,"user":"u"}})",
      R"({"type":"login","ts":7,"user":"u"},)",
      R"({"type":"login","ts":7,"user":"u"}{})",
      R"({"type":"login","ts":7,"user":"u)",  // a string that is not closed
      R"({"type":"login","ts":7,"user":"u\")",
      R"({"type":"login","ts":7,"user":"u"}\)",  // an escape at the end
      R"({"type":"login","ts":7,"user":"\\"})",
      R"({"type":"login","ts":7,"user":["u")",
      R"({"type":"payment")",
      "{",
      "}",
      "[",
      "\"",
      "\\",
      "7",
      "{\"type\":\"login\",\"ts\":7,\"user\":\"\xff\"}",
      "{\"type\":\"login\",\"ts\":7,\"user\":\"\x01\"}",
      "{\"type\":\"login\",\"ts\":7}\x01",
      R"({"aaaaaa":1})",  // a string ends where the `type` of others begins
      R"({"aaaaa\\":1})",
      R"({"aaaa\"":1})",
      R"({"a":1,"b":")",
      R"({"aaaaaa)",
  };
  for (const std::string& line : lines) {
    for (const std::string& next : lines) {
      check_both_ways(line + "\n" + next + "\n" + kPayment + "\n" + kLogin);
      check_both_ways(std::string(kPayment) + "\n" + line + "\n\n" + next + "\n" + kLogin + "\n");
    }
  }
}

TEST_CASE("marked lines: of a line that is compared in vain nothing stays") {
  const std::string other =
      R"({"id":"p1","ts":5,"type":"payment","card":"c1","amount":1.00,"count":2})";
  for (const char* odd : {
           R"({"id":"p2","ts":5 5,"type":"payment","card":"c1","amount":1.00,"count":2})",
           R"({"id":"p2","ts":5,"type":"payment","card":"c2","amount":1.005,"count":1e+1})",
           R"({"id":"p2","ts":[5],"type":"payment","card":"c2","amount":1.00,"count":2})",
           R"({"id":"p2","ts":5,"type":"payment","card":"c2","amount":1.00,"count":[2]})",
       }) {
    for (const char* next : {
             R"({"id":null,"ts":6,"type":"payment","card":null,"amount":2.00,"count":3})",
             R"({"ts":6,"type":"payment"})",
         }) {
      check_both_ways(other + "\n" + other + "\n" + odd + "\n" + next + "\n" + other + "\n");
    }
  }
}

TEST_CASE("marked lines: nothing behind the padding is read to compare a line") {
  // The type of the last line is looked for where a string ends, and behind the line.
  check_both_ways(std::string(kPayment) + "\n" + R"({"aaaaaa":1})" + "\n");
  check_both_ways(std::string(kPayment) + "\n{}\n12345\"");
  check_both_ways(std::string(kPayment) + "\n{}\n12345\"7\"");
  // More stands between two values of the first line than in all of the last.
  for (const std::size_t size : {30U, 40U, 45U, 60U, 100U, 200U}) {
    const std::string key(size, 'k');
    check_both_ways(R"({"type":"login","ts":7,")" + key + "\":1}\n" +
                    R"({"type":"login","ts":7,"k":1})" + "\n");
    check_both_ways(R"({"ts":7,")" + key + R"(":{"type":1},"type":"login"})" + "\n" + "{},\n");
  }
}

TEST_CASE("marked lines: random lines, as each is by itself") {
  tests::for_all_seeds("runtime", 300, [](tests::Random& random) {
    tests::RandomLines lines(random);
    check_both_ways(lines.text(random.below(100)));
  });
}

TEST_CASE("marked lines: many lines, long ones, and lines out of order") {
  tests::Random random(11);
  for (int round = 0; round < 40; ++round) {
    std::string text;
    for (int i = 0; i < 300; ++i) {
      const std::size_t kind = random.weighted({60, 30, 2, 1, 1});
      if (kind == 0) text += kPayment;
      if (kind == 1) text += kLogin;
      if (kind == 2) text += std::string(kPayment).substr(0, random.below(70));
      if (kind == 3) {  // longer than what is marked at once
        text +=
            R"({"type":"login","ts":9,"user":")" + std::string(random.below(40'000), 'x') + "\"}";
      }
      if (kind == 4) text += std::string(random.below(3), '\n');
      text += '\n';
    }
    check_both_ways(text);
  }
  // Any order, again, and what lies elsewhere.
  std::string text;
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (int i = 0; i < 500; ++i) {
    const std::string line = random.chance(50) ? kPayment : kLogin;
    places.emplace_back(text.size(), line.size());
    text += line + "\n";
  }
  const std::string elsewhere = std::string(kLogin) + std::string(kLinePadding, '}');
  Way alone;
  Way together;
  MarkedLines marked;
  marked.begin(text);
  for (int i = 0; i < 2'000; ++i) {
    const auto [begin, size] = places[random.below(places.size() - 1)];
    std::string_view line = std::string_view(text).substr(begin, size);
    if (random.chance(10)) line.remove_suffix(random.below(10));
    if (random.chance(10)) line.remove_prefix(std::min<std::size_t>(random.below(40), line.size()));
    if (random.chance(10))
      line = std::string_view(elsewhere).substr(0, elsewhere.size() - kLinePadding);
    REQUIRE(together.take(line, &marked) == alone.take(line, nullptr));
  }
  REQUIRE(together.rows() == alone.rows());
}
}  // namespace tocsin::runtime
