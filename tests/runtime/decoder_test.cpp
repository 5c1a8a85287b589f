#include "runtime/decode/decoder.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/runtime/decoding.h"

namespace tocsin::runtime {
namespace {
using cep::Value;
using tests::Decoding;
using tests::payment;
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
}  // namespace tocsin::runtime
