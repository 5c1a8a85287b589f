#include "runtime/decode/decoder.h"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <memory>
#include <string>

#include "cep/data/batch.h"
#include "runtime/decode/json_structure.h"
#include "tests/runtime/event_plan.h"
#include "tests/support/printing.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
using cep::Value;

// Decodes lines one by one; what follows a line is whatever may look most like more of it.
class Decoding {
 public:
  Decoding() : Decoding(tests::event_plan()) {}
  explicit Decoding(cep::Plan plan) : Decoding(std::move(plan), {}, {}) {}
  Decoding(cep::Plan plan, const std::vector<std::vector<bool>>& used_fields,
           const std::vector<bool>& used_types)
      : plan_(std::move(plan)),
        batch_(plan_),
        decoder_(plan_, used_fields.empty() ? tests::all_fields(plan_) : used_fields,
                 used_types.empty() ? tests::all_types(plan_) : used_types) {
    decoder_.begin(batch_);
  }

  Decoded decode(std::string_view line) {
    padded_ = std::string(line) + "\",\"a\":1}]}" + std::string(kLinePadding, '}');
    return decoder_.decode({padded_.data(), line.size()});
  }
  // Decodes an event and keeps it.
  cep::Row keep(std::string_view line) {
    const Decoded decoded = decode(line);
    INFO("line: ", line);
    REQUIRE(decoded.kind == LineKind::kEvent);
    problems_.clear();
    for (const FieldProblem& problem : decoder_.problems())
      problems_.push_back(decoder_.describe(problem, "f:1"));
    decoder_.keep(decoded.ts, {++arrivals_, 0});
    return batch_.rows.back();
  }
  std::string reason(std::string_view line) {
    const Decoded decoded = decode(line);
    if (decoded.kind == LineKind::kEvent) return "an event";
    return decoded.kind == LineKind::kIgnored ? "ignored" : decoder_.dead_letter_reason();
  }
  Value value(const cep::Row& row, const std::string& field) const {
    const std::string& type = plan_.event_types[row.type.value].name;
    return batch_.value(plan_, row, tests::field_index(plan_, type, field));
  }
  std::string problem() const {
    return problems_.size() == 1 ? problems_.front() : std::to_string(problems_.size());
  }
  const std::vector<std::string>& problems() const { return problems_; }
  const cep::Plan& plan() const { return plan_; }
  cep::Batch& batch() { return batch_; }
  Decoder& decoder() { return decoder_; }

 private:
  cep::Plan plan_;
  cep::Batch batch_;
  Decoder decoder_;
  std::string padded_;
  std::vector<std::string> problems_;
  std::uint64_t arrivals_ = 0;
};

// A payment with these members after the required ones.
std::string payment(const std::string& members) {
  return R"({"type":"payment","id":"p1","ts":5,"card":"c1","amount":1.00)" +
         (members.empty() ? "" : "," + members) + "}";
}
}  // namespace

TEST_CASE("decoder: every type is read exactly") {
  struct Row {
    const char* field;
    const char* json;
    Value value;
  };
  const cep::Type channel = tests::event_plan().event_types[0].fields[10].type;
  const Row rows[] = {
      {"count", "7", Value::integer(7)},
      {"count", "-0", Value::integer(0)},
      {"count", "1.0", Value::integer(1)},
      {"count", "15e2", Value::integer(1500)},
      {"count", "9223372036854775807", Value::integer(INT64_MAX)},
      {"count", "-9223372036854775808", Value::integer(INT64_MIN)},
      {"count", "12345678", Value::integer(12345678)},
      {"count", "1234567890123456", Value::integer(1234567890123456)},
      {"rate", "0.1", Value::floating(0.1)},
      {"rate", "-1e-300", Value::floating(-1e-300)},
      {"rate", "1e-999", Value::floating(0)},
      {"rate", "17", Value::floating(17)},
      {"ok", "true", Value::boolean(true)},
      {"ok", "false", Value::boolean(false)},
      {"seen", "1700000000000000", Value::time({1700000000000000})},
      {"seen", "\"2026-03-02T12:00:00Z\"", Value::time({1772452800000000})},
      {"seen", "\"2026-03-02T13:00:00.5+01:00\"", Value::time({1772452800500000})},
      {"seen", R"("2026-03-02T12\u003a00:00Z")", Value::time({1772452800000000})},
      {"day", "\"1970-01-02\"", Value::date(1)},
      {"wait", "-5", Value::duration({-5})},
      {"channel", "\"ecom\"", Value::enumerated(1, "ecom")},
      {"channel", R"("\u0065com")", Value::enumerated(1, "ecom")},
      {"card", "\"\"", Value::string("")},
      {"card", "\"12345678\"", Value::string("12345678")},
      {"card", R"("a \"quoted\" \\ word")", Value::string("a \"quoted\" \\ word")},
      {"card", R"("\u00e9\ud83d\ude00\n")", Value::string("é😀\n")},
      {"card", R"("a\u0000b")", Value::string(std::string_view("a\0b", 3))},
      {"card", "\"a much longer text than one word, with é\"",
       Value::string("a much longer text than one word, with é")},
  };
  Decoding decoding;
  for (const Row& row : rows) {
    CAPTURE(row.field);
    CAPTURE(row.json);
    // Once tightly written, once with white space wherever it may stand.
    for (const char* form : {R"({"type":"payment","id":"p1","ts":5,"amount":1,"FIELD":VALUE})",
                             " { \"type\" : \"payment\" ,\t\"FIELD\" : VALUE \t , \"ts\" : 5 , "
                             "\"amount\" : 1 , \"id\":\"p1\" } "}) {
      std::string line = form;
      line.replace(line.find("FIELD"), 5, row.field);
      line.replace(line.find("VALUE"), 5, row.json);
      const cep::Row kept = decoding.keep(line);
      CHECK(decoding.value(kept, row.field) == row.value);
      CHECK(kept.ts == cep::EventTime{5});
    }
  }
}

TEST_CASE("decoder: decimals come from the number's text at the schema's scale") {
  struct Row {
    const char* json;
    std::int64_t mantissa;
  };
  const Row rows[] = {{"1", 100},
                      {"12.5", 1250},
                      {"12.50", 1250},
                      {"12.5000", 1250},
                      {"1.50e1", 1500},
                      {"150e-1", 1500},
                      {"-0.01", -1},
                      {"0", 0},
                      {"0.07", 7},
                      {"1E2", 10000},
                      {"123456789.12", 12345678912},
                      {"92233720368547758.07", INT64_MAX},
                      {"-92233720368547758.08", INT64_MIN}};
  Decoding decoding;
  for (const Row& row : rows) {
    CAPTURE(row.json);
    const cep::Row kept = decoding.keep(
        R"({"type":"payment","id":"p","ts":5,"card":"c","amount":)" + std::string(row.json) + "}");
    CHECK(decoding.value(kept, "amount") == Value::decimal(row.mantissa, 2));
    CHECK(decoding.problems().empty());
  }
}

TEST_CASE("decoder: a value that cannot be used is missing and told, and the event stays") {
  struct Row {
    const char* field;
    const char* json;
    const char* problem;
  };
  const Row rows[] = {
      {"amount", "1.005", "payment.amount at f:1: not a valid decimal(2): 1.005"},
      {"amount", "92233720368547758.08",
       "payment.amount at f:1: not a valid decimal(2): 92233720368547758.08"},
      {"amount", "1e300", "payment.amount at f:1: not a valid decimal(2): 1e300"},
      {"amount", "\"1.00\"", "payment.amount at f:1: not a valid decimal(2): \"1.00\""},
      {"amount", "null", "payment.amount at f:1: null"},
      {"amount", "01", "payment.amount at f:1: not a valid decimal(2): 01"},
      {"amount", "1.", "payment.amount at f:1: not a valid decimal(2): 1."},
      {"amount", ".5", "payment.amount at f:1: not a valid decimal(2): .5"},
      {"amount", "+1", "payment.amount at f:1: not a valid decimal(2): +1"},
      {"amount", "1x", "payment.amount at f:1: not a valid decimal(2): 1x"},
      {"amount", "-", "payment.amount at f:1: not a valid decimal(2): -"},
      {"amount", "NaN", "payment.amount at f:1: not a valid decimal(2): NaN"},
      {"amount", "[1]", "payment.amount at f:1: not a valid decimal(2): ["},
      {"amount", "{}", "payment.amount at f:1: not a valid decimal(2): {"},
      {"amount", "12345678x", "payment.amount at f:1: not a valid decimal(2): 12345678x"},
      {"count", "1.5", "payment.count at f:1: not a valid int: 1.5"},
      {"count", "9223372036854775808",
       "payment.count at f:1: not a valid int: 9223372036854775808"},
      {"count", "true", "payment.count at f:1: not a valid int: true"},
      {"rate", "1e999", "payment.rate at f:1: not a valid float: 1e999"},
      {"rate", "Infinity", "payment.rate at f:1: not a valid float: Infinity"},
      {"rate", "0x10", "payment.rate at f:1: not a valid float: 0x10"},
      {"ok", "1", "payment.ok at f:1: not a valid bool: 1"},
      {"ok", "tru", "payment.ok at f:1: not a valid bool: tru"},
      {"ok", "nul", "payment.ok at f:1: not a valid bool: nul"},
      {"ok", "\x01", "payment.ok at f:1: not a valid bool: \x01"},
      {"count", "1\x01", "payment.count at f:1: not a valid int: 1\x01"},
      {"ok", "truex", "payment.ok at f:1: not a valid bool: truex"},
      {"seen", "\"2026-03-02T12:00:00\"",
       "payment.seen at f:1: not a valid time: \"2026-03-02T12:00:00\""},
      {"seen", "\"2026-02-30T12:00:00Z\"",
       "payment.seen at f:1: not a valid time: \"2026-02-30T12:00:00Z\""},
      {"seen", "1.5", "payment.seen at f:1: not a valid time: 1.5"},
      {"day", "20", "payment.day at f:1: not a valid date: 20"},
      {"wait", "\"5m\"", "payment.wait at f:1: not a valid duration: \"5m\""},
      {"wait", "9223372036854775807",
       "payment.wait at f:1: not a valid duration: 9223372036854775807"},
      {"channel", "\"moto\"", "payment.channel at f:1: not a valid enum(pos, ecom, atm): \"moto\""},
      {"channel", "1", "payment.channel at f:1: not a valid enum(pos, ecom, atm): 1"},
      {"card", "7", "payment.card at f:1: not a valid string: 7"},
      {"card", R"("\x")", R"(payment.card at f:1: not a valid string: "\x")"},
      {"card", R"("\ud800")", R"(payment.card at f:1: not a valid string: "\ud800")"},
      {"card", R"("\udc00")", R"(payment.card at f:1: not a valid string: "\udc00")"},
      {"card", R"("\ud83dx")", R"(payment.card at f:1: not a valid string: "\ud83dx")"},
      {"card", R"("\u12")", R"(payment.card at f:1: not a valid string: "\u12")"},
  };
  Decoding decoding;
  for (const Row& row : rows) {
    CAPTURE(row.field);
    CAPTURE(row.json);
    std::string line = R"({"type":"payment","FIELD":VALUE,"id":"p1","ts":5,"card":"c","amount":1})";
    line.replace(line.find("FIELD"), 5, row.field);
    line.replace(line.find("VALUE"), 5, row.json);
    const cep::Row kept = decoding.keep(line);
    CHECK(decoding.value(kept, row.field).is_missing());
    CHECK(decoding.problem() == row.problem);
  }
}

TEST_CASE("decoder: null and absent are told only of fields that are expected") {
  Decoding decoding;
  cep::Row row = decoding.keep(payment(R"("count":null,"channel":null,"geo":null)"));
  CHECK(decoding.problems().empty());
  CHECK(decoding.value(row, "count").is_missing());
  row = decoding.keep(R"({"type":"payment","ts":5,"id":"p","card":null})");
  CHECK(decoding.problems() ==
        std::vector<std::string>{"payment.card at f:1: null", "payment.amount at f:1: absent"});
}

TEST_CASE("decoder: values of fields marked pii are not shown") {
  cep::Plan plan = tests::event_plan();
  plan.event_types[0].fields[2].pii = true;
  Decoding decoding(plan);
  decoding.keep(R"({"type":"payment","ts":5,"id":"p","card":4111111111111111,"amount":1})");
  CHECK(decoding.problem() == "payment.card at f:1: not a valid string");
}

TEST_CASE("decoder: lines that are no event say what is wrong with them") {
  struct Row {
    std::string line;
    const char* reason;
  };
  const Row rows[] = {
      {"[1,2]", "not a JSON object"},
      {"17", "not a JSON object"},
      {"\"text\"", "not a JSON object"},
      {"null", "not a JSON object"},
      {"x", "not a JSON object"},
      {"}", "not a JSON object"},
      {std::string(100, '\0'), "not a JSON object"},
      {"{", "the JSON object is not closed"},
      {"{\"type\"", "the JSON object is not closed"},
      {"{\"type\":\"payment\"", "the JSON object is not closed"},
      {"{\"type\":\"payment\",", "the JSON object is not closed"},
      {"{\"type\":\"payment\",\"x\":[{", "the JSON object is not closed"},
      {"{\"type\":\"payment", "a string is not closed"},
      {"{\"type\":\"pay\tment\"}", "a string holds a raw control character"},
      {"{\"type\":\"\xc3\x28\"}", "not valid UTF-8"},
      {"{}", "no `type`"},
      {"{\"ts\":5,\"kind\":\"type\"}", "no `type`"},
      {"{\"x\":{\"type\":\"payment\"}}", "no `type`"},
      {"{\"type\":7,\"ts\":5}", "`type` is not a string: 7"},
      {"{\"type\":null,\"ts\":5}", "`type` is not a string: null"},
      {"{\"type\":{},\"ts\":5}", "`type` is not a string: {"},
      {"{\"type\":,\"ts\":5}", "not well-formed JSON"},
      {R"({"type":"payment"})", "no event time `ts` of `payment`"},
      {R"({"type":"payment","ts":null})", "event time `ts` of `payment` is not a valid time: null"},
      {R"({"type":"payment","ts":"yesterday"})",
       "event time `ts` of `payment` is not a valid time: \"yesterday\""},
      {R"({"type":"payment","ts":1.5})", "event time `ts` of `payment` is not a valid time: 1.5"},
      {R"({"type":"payment","ts":{"us":1}})",
       "event time `ts` of `payment` is not a valid time: {"},
      {R"({"type":"payment","ts":4611686018427387905})",
       "event time `ts` of `payment` is not a valid time: 4611686018427387905"},
      {R"({"type":"payment","ts":-4611686018427387905})",
       "event time `ts` of `payment` is not a valid time: -4611686018427387905"},
      {"{\"type\":\"payment\",\"ts\": \x10 }",
       "event time `ts` of `payment` is not a valid time: \x10"},
      {R"({"type":"PNG","us":1})", "no event time `at` of `ping`"},
      {R"({"type":"payment","ts":5} x)", "more text after the JSON object"},
      {R"({"type":"payment","ts":5}{"type":"payment","ts":5})", "more text after the JSON object"},
      {R"({"type":"payment","ts":5}})", "more text after the JSON object"},
      {R"({"type":"unknown","ts":5}})", "more text after the JSON object"},
      {R"({"type":"payment","ts":5,})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5,"a"})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5,"a":})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5,"a":,"b":1})", "not well-formed JSON"},
      {R"({"type":"payment","ts":,"b":1})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5 6})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5,"a":"b""c"})", "not well-formed JSON"},
      {R"({"type":"payment" "ts":5})", "not well-formed JSON"},
      {R"({"type":"payment",,"ts":5})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5,"a":[1,]})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5,"a":[1}})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5,"a":{"b"}})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5,"a":{"b":[1,{"c":2]}}})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5,"geo":{"lat":1 2}})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5,"geo":{"lat"}})", "not well-formed JSON"},
      {R"({1:2,"type":"payment","ts":5})", "not well-formed JSON"},
      {R"({"type":"payment","ts":5,"x":)" + std::string(100'000, '['),
       "the JSON object is not closed"},
      {R"({"type":"payment","ts":5,"geo":)" + std::string(100'000, '[') + "}",
       "not well-formed JSON"},
  };
  Decoding decoding;
  for (const Row& row : rows) {
    CAPTURE(row.line.substr(0, 80));
    CHECK(decoding.reason(row.line) == row.reason);
  }
  decoding.decoder().finish();
  CHECK(decoding.batch().rows.empty());
}

namespace {
// The plan of the tests with units; payments' own times are of a plausible year.
cep::Plan plan_of_unit(cep::TimeUnit unit) {
  cep::Plan plan = tests::event_plan();
  for (const char* name : {"ts", "seen", "wait"}) {
    cep::Field& field = plan.event_types[0].fields[tests::field_index(plan, "payment", name).value];
    field.unit = unit;
    field.any_year = field.type.kind != cep::TypeKind::kTime;
  }
  return plan;
}
}  // namespace

TEST_CASE("decoder: a number of time counts the unit of its field") {
  struct Row {
    cep::TimeUnit unit;
    const char* ts;
    const char* wait;
    std::int64_t ts_us;
    std::int64_t wait_us;
  };
  using enum cep::TimeUnit;
  const Row rows[] = {
      {kSeconds, "1772452800", "90", 1'772'452'800'000'000, 90'000'000},
      {kSeconds, "1772452800.25", "0.5", 1'772'452'800'250'000, 500'000},
      {kSeconds, "1772452800.1234567", "-0.0000001", 1'772'452'800'123'456, -1},
      {kSeconds, "1.7724528e9", "1e-7", 1'772'452'800'000'000, 0},
      {kMilliseconds, "1772452800123", "1500", 1'772'452'800'123'000, 1'500'000},
      {kMilliseconds, "1772452800123.4567", "0.25", 1'772'452'800'123'456, 250},
      {kMicroseconds, "1772452800123456", "7", 1'772'452'800'123'456, 7},
      {kNanoseconds, "1772452800123456789", "1999", 1'772'452'800'123'456, 1},
      {kNanoseconds, "631152000000000000", "-1", 631'152'000'000'000, -1},
      {kSeconds, "4133980799.999999", "1", 4'133'980'799'999'999, 1'000'000},
      {kMilliseconds, R"("2026-03-02T12:00:00.5Z")", "1", 1'772'452'800'500'000, 1'000},
      {kSeconds, R"("1985-03-01T00:00:00Z")", "1", 478'483'200'000'000, 1'000'000},
  };
  for (const Row& row : rows) {
    CAPTURE(row.ts);
    CAPTURE(row.wait);
    Decoding decoding(plan_of_unit(row.unit));
    const cep::Row kept =
        decoding.keep(std::string(R"({"type":"payment","id":"p1","card":"c","amount":1,"ts":)") +
                      row.ts + R"(,"seen":)" + row.ts + R"(,"wait":)" + row.wait + "}");
    CHECK(decoding.problems().empty());
    CHECK(kept.ts.us == row.ts_us);
    CHECK(decoding.value(kept, "ts").number == row.ts_us);
    CHECK(decoding.value(kept, "seen").number == row.ts_us);
    CHECK(decoding.value(kept, "wait").number == row.wait_us);
  }
}

TEST_CASE("decoder: a number that is no plausible time in its unit is a dead letter that asks") {
  struct Row {
    cep::TimeUnit unit;
    const char* ts;
    const char* wrong;
  };
  using enum cep::TimeUnit;
  const Row rows[] = {
      {kMicroseconds, "1772452800123",
       "before 1990 in microseconds: 1772452800123; are these milliseconds? Write `ts: time in "
       "ms`"},
      {kMicroseconds, "1772452800",
       "before 1990 in microseconds: 1772452800; are these seconds? Write `ts: time in s`"},
      {kMicroseconds, "1772452800.5",
       "before 1990 in microseconds: 1772452800.5; are these seconds? Write `ts: time in s`"},
      {kMicroseconds, "1772452800123456789",
       "after 2100 in microseconds: 1772452800123456789; are these nanoseconds? Write `ts: time "
       "in ns`"},
      {kMilliseconds, "1772452800123456",
       "after 2100 in milliseconds: 1772452800123456; are these microseconds? Write `ts: time in "
       "us`"},
      {kMilliseconds, "1772452800123456789",
       "after 2100 in milliseconds: 1772452800123456789; are these nanoseconds? Write `ts: time "
       "in ns`"},
      {kSeconds, "1772452800123",
       "after 2100 in seconds: 1772452800123; are these milliseconds? Write `ts: time in ms`"},
      {kNanoseconds, "1772452800",
       "before 1990 in nanoseconds: 1772452800; are these seconds? Write `ts: time in s`"},
      {kSeconds, "5",
       "before 1990 in seconds: 5; if that is right, write `ts: time in s from 1970`"},
      {kMicroseconds, "-5",
       "before 1990 in microseconds: -5; if that is right, write `ts: time from 1970`"},
      {kMicroseconds, "99999999999999999999999",
       "after 2100 in microseconds: 99999999999999999999999; if that is right, write `ts: time "
       "from 1970`"},
      {kMicroseconds, "631151999999999",
       "before 1990 in microseconds: 631151999999999; if that is right, write `ts: time from "
       "1970`"},
      {kMicroseconds, "4133980800000000",
       "after 2100 in microseconds: 4133980800000000; if that is right, write `ts: time from "
       "1970`"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.ts);
    Decoding decoding(plan_of_unit(row.unit));
    CHECK(decoding.reason(std::string(R"({"type":"payment","id":"p1","ts":)") + row.ts + "}") ==
          std::string("event time `ts` of `payment` lies ") + row.wrong);
    // Another field of the same kind is missing, and counted.
    const cep::Row kept = decoding.keep(
        std::string(R"({"type":"payment","id":"p1","ts":"2026-03-02T12:00:00Z","card":"c",)") +
        R"("amount":1,"seen":)" + row.ts + "}");
    CHECK(decoding.value(kept, "seen").is_missing());
    std::string wanted = std::string("payment.seen at f:1: lies ") + row.wrong;
    wanted.replace(wanted.find("`ts:"), 4, "`seen:");
    CHECK(decoding.problem() == wanted);
  }
  // From 1970 on, every number is a time.
  cep::Plan plan = plan_of_unit(kMilliseconds);
  plan.event_types[0].fields[1].any_year = true;
  Decoding decoding(plan);
  CHECK(decoding.keep(payment("")).ts.us == 5'000);
  CHECK(decoding.reason(R"({"type":"payment","ts":4611686018427388})") ==
        "event time `ts` of `payment` is not a valid time: 4611686018427388");
}

TEST_CASE("decoder: a type that nobody declares is ignored, whatever else the line says") {
  Decoding decoding;
  for (const char* line :
       {R"({"type":"heartbeat"})", R"({"ts":"x","type":"heartbeat","x":[1,{"y":null}]})",
        R"({"type":"heartbeat","type":"payment","ts":5})"}) {
    CAPTURE(line);
    CHECK(decoding.reason(line) == "ignored");
    CHECK(decoding.decoder().ignored_type() == "heartbeat");
  }
  CHECK(decoding.reason(R"({"type":"ping","when":{"us":5}})") ==
        "ignored");  // its JSON type is PNG
}

TEST_CASE(
    "decoder: keys may come in any order, with escapes, and the first of a repeated one counts") {
  Decoding decoding;
  for (
      const char* line : {
          R"({"amount":2,"card":"c","ts":9,"id":"p","geo":{"lat":1.5,"city":"x"},"type":"payment"})",
          R"({"id":"p","type":"payment","geo":{"city":"x","lat":1.5},"card":"c","ts":9,"amount":2})",
          R"({"\u0069d":"p","t\u0079pe":"payment","ge\u006f":{"cit\u0079":"x","lat":1.5},"card":"c","\u0074s":9,"amount":2})",
          R"({"type":"payment","type":"login","amount":2,"amount":3,"card":"c","card":7,"ts":9,"ts":10,"id":"p","geo":{"lat":1.5,"lat":2,"city":"x"},"geo":{"lat":3}})",
          R"({"type":"payment","unused":{"amount":7,"geo":[{"lat":7}]},"amount":2,"card":"c","ts":9,"id":"p","geo":{"more":{"lat":8},"lat":1.5,"city":"x"}})",
      }) {
    CAPTURE(line);
    const cep::Row row = decoding.keep(line);
    CHECK(decoding.value(row, "amount") == Value::decimal(200, 2));
    CHECK(decoding.value(row, "card") == Value::string("c"));
    CHECK(decoding.value(row, "id") == Value::string("p"));
    CHECK(decoding.value(row, "lat") == Value::floating(1.5));
    CHECK(decoding.value(row, "city") == Value::string("x"));
    CHECK(row.ts == cep::EventTime{9});
    CHECK(decoding.problems().empty());
  }
  // A first value that is of no use is still the first.
  const cep::Row row = decoding.keep(
      R"({"type":"payment","amount":null,"amount":3,"geo":1,"geo":{"lat":3},"card":"c","ts":9,"id":"p"})");
  CHECK(decoding.value(row, "amount").is_missing());
  CHECK(decoding.value(row, "lat").is_missing());
}

TEST_CASE("decoder: one key may feed several fields, and be an object for others") {
  cep::Plan plan = tests::event_plan();
  std::vector<cep::Field>& fields = plan.event_types[0].fields;
  cep::Field text = fields[2];
  text.name = "amount_text";
  text.path = {"amount"};
  text.optional = true;
  cep::Field part = text;
  part.name = "part";
  part.path = {"amount", "part", "of"};
  fields.push_back(text);
  fields.push_back(part);
  Decoding decoding(plan);
  cep::Row row = decoding.keep(R"({"type":"payment","amount":5,"card":"c","ts":9,"id":"p"})");
  CHECK(decoding.value(row, "amount") == Value::decimal(500, 2));
  CHECK(decoding.problem() == "payment.amount_text at f:1: not a valid string: 5");
  row = decoding.keep(
      R"({"type":"payment","amount":{"part":{"of":"x"}},"card":"c","ts":9,"id":"p"})");
  CHECK(decoding.value(row, "amount").is_missing());
  CHECK(decoding.value(row, "part") == Value::string("x"));
  CHECK(decoding.problems().size() == 2);
}

TEST_CASE("decoder: elements of arrays are read by their places") {
  cep::Plan plan = tests::event_plan();
  std::vector<cep::Field>& fields = plan.event_types[0].fields;
  const auto add = [&](const char* name, std::vector<std::string> path, bool optional) {
    cep::Field field = fields[2];
    field.name = name;
    field.type = cep::Type{};
    field.type.kind = cep::TypeKind::kString;
    field.path = std::move(path);
    field.optional = optional;
    fields.push_back(field);
  };
  add("first", {"items", "[0]"}, true);
  add("third", {"items", "[2]"}, true);
  add("sku", {"items", "[2]", "sku"}, true);
  add("inner", {"items", "[3]", "[1]"}, true);
  add("as_key", {"items", "[0]", "x"}, true);
  add("needed", {"items", "[4]"}, false);
  Decoding decoding(plan);
  const auto line = [](const std::string& items) {
    return R"({"type":"payment","amount":5,"card":"c","ts":9,"id":"p","items":)" + items + "}";
  };
  struct Row {
    const char* items;
    const char* first;
    const char* third;
    const char* sku;
    const char* inner;
  };
  constexpr Row kRows[] = {
      {R"(["a","b","c",["d","e"],"f"])", "a", "c", "", "e"},
      {R"([ "a" , [1,{"x":"]"}] , {"sku":"s","sku":"t"} , [ [] , "e" ] , "f" ])", "a", "", "s",
       "e"},
      {R"(["a"])", "a", "", "", ""},
      {R"([])", "", "", "", ""},
      {R"([[],[],[],[],"f"])", "", "", "", ""},
      {R"({"[0]":"a","0":"b","[2]":{"sku":"s"}})", "", "", "", ""},
      {R"("a")", "", "", "", ""},
      {R"([null,null,null,[null,"e",7],null])", "", "", "", "e"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.items);
    const cep::Row kept = decoding.keep(line(row.items));
    const auto check = [&](const char* field, const std::string& expected) {
      CAPTURE(field);
      CHECK(decoding.value(kept, field) ==
            (expected.empty() ? Value::missing() : Value::string(expected)));
    };
    check("first", row.first);
    check("third", row.third);
    check("sku", row.sku);
    check("inner", row.inner);
    check("card", "c");
    CHECK(decoding.value(kept, "as_key").is_missing());
  }
  decoding.keep(line(R"(["a"])"));
  CHECK(decoding.problems().size() == 1);
  // What is not well-formed is told as before, wherever it stands.
  for (const char* items : {"[,]", "[1,]", "[1,,2]", "[1 2]", "[1}", "[", "[1", "[1,[2]", "[{]",
                            "[:]", "[1]]", "[[1,],2]"}) {
    CAPTURE(items);
    CHECK(decoding.decode(line(items)).kind == LineKind::kDeadLetter);
  }
}

TEST_CASE("decoder: only used fields and types get columns, and events are the same events") {
  const cep::Plan plan = tests::event_plan();
  std::vector<std::vector<bool>> used = tests::all_fields(plan);
  for (std::size_t f = 0; f < used[0].size(); ++f) used[0][f] = f == 3;
  Decoding decoding(plan, used, {true, false, true});
  CHECK(decoding.reason(R"({"type":"login","user":7})") == "no event time `ts` of `login`");
  const Decoded login = decoding.decode(R"({"type":"login","ts":8,"user":"u"})");
  CHECK(login.kind == LineKind::kEvent);
  CHECK_FALSE(login.used);
  CHECK(login.ts == cep::EventTime{8});
  decoding.keep(R"({"type":"payment","ts":9,"amount":5,"card":7,"count":"x"})");
  CHECK(decoding.problems().empty());
  decoding.decoder().finish();
  const std::vector<cep::Column>& columns = decoding.batch().types[0].fields;
  CHECK(columns[3].words == std::vector<std::int64_t>{500});
  for (std::size_t f = 0; f < columns.size(); ++f) {
    if (f != 3) CHECK(columns[f].known.empty());
  }
}

TEST_CASE("decoder: dead letters and dropped events leave nothing behind") {
  Decoding decoding;
  decoding.keep(payment(R"("count":1)"));
  CHECK(decoding.decode(R"({"type":"payment","ts":5,"card":"lost","count":7,"amount":3} x)").kind ==
        LineKind::kDeadLetter);
  CHECK(decoding.decode(payment(R"("count":8,"channel":"pos")")).kind == LineKind::kEvent);
  decoding.decoder().drop();
  CHECK(decoding.decode(R"({"type":"payment","card":"lost","count":9,"ts":"x"})").kind ==
        LineKind::kDeadLetter);
  const cep::Row row = decoding.keep(R"({"type":"payment","ts":6})");
  for (const char* field : {"id", "card", "amount", "count", "channel"}) {
    CAPTURE(field);
    CHECK(decoding.value(row, field).is_missing());
  }
  decoding.decoder().finish();
  for (const cep::Column& column : decoding.batch().types[0].fields) {
    CHECK(column.known.size() == 2);
    CHECK(column.words.size() + column.texts.size() == 2);
  }
}

TEST_CASE("decoder: batches of many rows, more than 64 fields, long names and texts") {
  cep::Plan plan = tests::event_plan();
  for (std::size_t i = 0; i < 150; ++i) {
    cep::Field field = plan.event_types[0].fields[4];
    field.name = "a_field_with_a_long_name_" + std::to_string(i);
    field.path = {field.name};
    plan.event_types[0].fields.push_back(field);
  }
  Decoding decoding(plan);
  const std::string long_text(100'000, 'x');
  for (std::int64_t row = 0; row < 300; ++row) {
    std::string members = "\"count\":" + std::to_string(row);
    // Each line leaves other keys out and has another order.
    for (std::int64_t i = 0; i < 150; ++i) {
      const std::int64_t field = (i * 7 + row) % 150;
      if ((field + row) % 3 == 0) continue;
      members += ",\"a_field_with_a_long_name_" + std::to_string(field) +
                 "\":" + std::to_string(field * row);
    }
    if (row % 50 == 0) members += ",\"geo\":{\"city\":\"" + long_text + "\"}";
    decoding.keep(payment(members));
  }
  decoding.decoder().finish();
  for (std::int64_t i = 0; i < 300; ++i) {
    const cep::Row& row = decoding.batch().rows[static_cast<std::size_t>(i)];
    CHECK(decoding.value(row, "count") == Value::integer(i));
    CHECK(decoding.value(row, "city") ==
          (i % 50 == 0 ? Value::string(long_text) : Value::missing()));
    for (std::int64_t field = 0; field < 150; ++field) {
      const Value expected = (field + i) % 3 == 0 ? Value::missing() : Value::integer(field * i);
      if (!(decoding.value(row, "a_field_with_a_long_name_" + std::to_string(field)) == expected)) {
        FAIL("row ", i, " field ", field);
      }
    }
  }
}

TEST_CASE(
    "decoder: events without an id field keep their line, and all declared fields come from it") {
  const cep::Plan plan = tests::event_plan();
  std::vector<std::vector<bool>> used = tests::all_fields(plan);
  used[1] = {false, false, false};
  Decoding decoding(plan, used, {});
  const std::string line =
      R"({"us\u0065r":"a\nb","type":"login","ts":"1970-01-01T00:00:01Z","ok":true,"ok":false,"x":{"user":1}})";
  const cep::Row row = decoding.keep(line);
  CHECK(row.raw == line);
  CHECK(decoding.keep(payment("")).raw.empty());
  cep::TextArena scratch;
  const std::vector<Value> fields = decoding.batch().fields_of(plan, row, scratch);
  REQUIRE(fields.size() == 3);
  CHECK(fields[0] == Value::time({1'000'000}));
  CHECK(fields[1] == Value::string("a\nb"));
  CHECK(fields[2] == Value::boolean(true));
}

TEST_CASE("decoder: what is decoded anew is what stands in the columns") {
  cep::Plan plan = tests::event_plan();
  plan.event_types[0].id_field.reset();
  Decoding decoding(plan);
  const char* const lines[] = {
      R"({"type":"payment","id":"p","ts":5,"card":"c\t","amount":1.50e1,"count":-3,"rate":2.5,"ok":true,"seen":77,"day":"2026-03-02","wait":9,"channel":"atm","geo":{"lat":-1,"city":"x"}})",
      R"({"type":"payment","ts":5,"card":7,"amount":1.005,"channel":"moto","geo":{"city":null,"geo":{"lat":5}},"geo":{"lat":4}})",
      R"({"type":"payment","ts":5,"geo":[1],"rate":"x","day":7,"seen":true,"ok":"true"})",
  };
  for (const char* line : lines) {
    CAPTURE(line);
    const cep::Row row = decoding.keep(line);
    cep::TextArena scratch;
    const std::vector<Value> fields = declared_fields(plan, row, scratch);
    REQUIRE(fields.size() == plan.event_types[0].fields.size());
    for (std::size_t f = 0; f < fields.size(); ++f) {
      CAPTURE(plan.event_types[0].fields[f].name);
      CHECK(fields[f] == decoding.batch().value(plan, row, cep::FieldIndex(f)));
    }
  }
}

TEST_CASE("decoder: takes every object that another parser takes, and no broken structure") {
  // Lines with one or more bytes changed. The other parser also looks inside all scalars, so it
  // takes fewer.
  Decoding decoding;
  const std::vector<std::string> good = {
      R"({"type":"payment","id":"p","ts":5,"card":"c\u0041","amount":1.50,"geo":{"lat":-1,"more":[1,{"a":[]},"x"]}})",
      R"({"geo":{"x":{}},"list":[[],[1,2],{"k":null}],"ts":17,"type":"login","user":"u","ok":false})",
  };
  simdjson::dom::parser parser;
  std::size_t taken = 0;
  tests::for_all_seeds("runtime", 20'000, [&](tests::Random& random) {
    std::string line = random.pick(good);
    for (std::size_t changes = 1 + random.below(3); changes > 0; --changes) {
      const std::size_t at = random.below(line.size());
      const std::string characters = "{}[]:,\"\\ 1a\t";
      switch (random.below(3)) {
        case 0:
          line.erase(at, 1);
          break;
        case 1:
          line[at] = characters[random.below(characters.size())];
          break;
        default:
          line.insert(at, 1, characters[random.below(characters.size())]);
          break;
      }
    }
    CAPTURE(line);
    const std::string reason = decoding.reason(line);
    simdjson::dom::object object;
    const bool is_object = !parser.parse(line).get(object);
    const bool not_json =
        reason != "an event" && reason != "ignored" && reason.find('`') == std::string::npos;
    if (is_object) {
      ++taken;
      CHECK_FALSE(not_json);
    }
  });
  if (tests::seeds_of("runtime", 20'000).size() > 1) CHECK(taken > 100);
}
}  // namespace tocsin::runtime
