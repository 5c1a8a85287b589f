// Where keys and elements stand in a line, and which rows and columns lines become.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <string>
#include <vector>

#include "tests/runtime/decoding.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
using cep::Value;
using tests::Decoding;
using tests::payment;
}  // namespace

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
