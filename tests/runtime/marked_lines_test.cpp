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

// The lines of a text one by one, each followed by what is no part of it, and all at once.
void check_both_ways(const std::string& text) {
  CAPTURE(text);
  Way alone;
  Way together;
  MarkedLines marked;
  const std::string padded = text + std::string(kLinePadding, '"');
  const std::string_view whole = std::string_view(padded).substr(0, text.size());
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
  };
  for (const std::string& line : lines) {
    for (const std::string& next : lines) {
      check_both_ways(line + "\n" + next + "\n" + kPayment + "\n" + kLogin);
      check_both_ways(std::string(kPayment) + "\n" + line + "\n\n" + next + "\n" + kLogin + "\n");
    }
  }
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
    if (random.chance(10))
      line = std::string_view(elsewhere).substr(0, elsewhere.size() - kLinePadding);
    REQUIRE(together.take(line, &marked) == alone.take(line, nullptr));
  }
  REQUIRE(together.rows() == alone.rows());
}
}  // namespace tocsin::runtime
