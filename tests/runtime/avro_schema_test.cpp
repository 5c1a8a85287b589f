// Messages of Avro against examples of the specification, against what the reference library for
// Python (1.11) wrote, and against a naive encoder.
#include "runtime/formats/avro_schema.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using runtime::AvroSchema;
using runtime::EventTypeFrom;
using Schema = std::shared_ptr<const AvroSchema>;
constexpr std::size_t kBytesMax = 4000;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

Schema schema_of(std::string_view text, EventTypeFrom from = EventTypeFrom::kField) {
  const Result<Schema> schema = AvroSchema::parse(text, {}, from);
  INFO(text);
  REQUIRE_MESSAGE(schema.has_value(), (schema ? "" : schema.error().message));
  return *schema;
}

// The line, or "! " and why there is none.
std::string line_of(const Schema& schema, std::string_view bytes, std::size_t max = kBytesMax) {
  std::string line = "before ";
  const Result<void> converted = schema->convert(bytes, max, line);
  return converted ? line.substr(7) : "! " + converted.error().message;
}
std::string converted(std::string_view schema, std::string_view hex) {
  return line_of(schema_of(schema), from_hex(hex));
}
std::string refusal(std::string_view text) {
  const Result<Schema> schema = AvroSchema::parse(text, {}, EventTypeFrom::kField);
  return schema ? "none" : schema.error().message;
}

TEST_CASE("avro: the examples of the specification") {
  const std::vector<std::pair<const char*, const char*>> longs = {
      {"00", "0"},    {"01", "-1"},    {"02", "1"},
      {"03", "-2"},   {"04", "2"},     {"7f", "-64"},
      {"8001", "64"}, {"8101", "-65"}, {"ffffffffffffffffff01", "-9223372036854775808"}};
  for (const auto& [hex, text] : longs) CHECK(converted(R"("long")", hex) == text);
  CHECK(converted(R"("string")", "06666f6f") == R"("foo")");
  CHECK(converted(R"({"type":"record","name":"test","fields":[{"name":"a","type":"long"},
                      {"name":"b","type":"string"}]})",
                  "3606666f6f") == R"({"type":"test","a":27,"b":"foo"})");
  CHECK(converted(R"({"type":"array","items":"long"})", "04063600") == "[3,27]");
  // The same in a block with its size.
  CHECK(converted(R"({"type":"array","items":"long"})", "0304063600") == "[3,27]");
  CHECK(converted(R"(["null","string"])", "00") == "null");
  CHECK(converted(R"(["null","string"])", "020261") == R"("a")");
}

TEST_CASE("avro: what the reference library wrote") {
  const Schema schema =
      schema_of(R"({"type":"record","name":"Payment","namespace":"bank.events","fields":[
 {"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},
 {"name":"seen","type":["null",{"type":"long","logicalType":"timestamp-micros"}]},
 {"name":"day","type":{"type":"int","logicalType":"date"}},
 {"name":"id","type":"string"},
 {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
 {"name":"fee","type":{"type":"fixed","name":"Fee","size":6,"logicalType":"decimal",
                       "precision":12,"scale":3}},
 {"name":"card","type":{"type":"record","name":"Card","fields":[
   {"name":"number","type":"string"},
   {"name":"brand","type":{"type":"enum","name":"Brand","symbols":["VISA","MC"]}},
   {"name":"next","type":["null","Card"],"default":null}]}},
 {"name":"tags","type":{"type":"array","items":["null","string","long"]}},
 {"name":"extra","type":{"type":"map","values":"double"}},
 {"name":"ok","type":"boolean"},{"name":"score","type":"float"},{"name":"raw","type":"bytes"},
 {"name":"mac","type":{"type":"fixed","name":"Mac","size":3}},{"name":"n","type":"int"}]})");
  const std::string first = from_hex(
      "f49bdbe6956700c4c0021070312022c3bc220a0601e23affffffffff830834313131020204343200000802026100"
      "04990104808080808040000202789a9999999999b93f00010000c03f0600ff10616263ffffffff0f");
  CHECK(line_of(schema, first) ==
        R"({"type":"Payment","ts":"2026-03-02T12:00:00.250Z","seen":null,"day":"2026-03-02",)"
        R"("id":"p1 \"ü\"\n","amount":1234.50,"fee":-0.125,"card":{"number":"4111","brand":"MC",)"
        R"("next":{"number":"42","brand":"VISA","next":null}},"tags":["a",null,-77,1099511627776],)"
        R"("extra":{"x":0.1},"ok":true,"score":1.5,"raw":"AP8Q","mac":"YWJj","n":-2147483648})");
  CHECK(line_of(schema,
                from_hex("010282c0b3b8aa82a60691720004ff8000000000000008343131310202043432000000"
                         "0000cdccccbd00616263feffffff0f")) ==
        R"({"type":"Payment","ts":"1969-12-31T23:59:59.999Z","seen":"2026-03-02T12:00:00.000001Z",)"
        R"("day":"1950-01-01","id":"","amount":-1.28,"fee":0.000,"card":{"number":"4111",)"
        R"("brand":"MC","next":{"number":"42","brand":"VISA","next":null}},"tags":[],"extra":{},)"
        R"("ok":false,"score":-0.1,"raw":"","mac":"YWJj","n":2147483647})");
  // Every shorter message ends early, at a field that is named.
  for (std::size_t size = 0; size < first.size(); ++size)
    CHECK(line_of(schema, first.substr(0, size)).ends_with(": the bytes end early"));
  CHECK(line_of(schema, first + "x") == "! 1 bytes are left behind the value");
}

TEST_CASE("avro: the event type is the field `type`, or the name of the record") {
  const char* const without =
      R"({"type":"record","name":"a.b.Pay","fields":[{"name":"n","type":"int"}]})";
  const char* const with =
      R"({"type":"record","name":"Pay","fields":[{"name":"type","type":"string"}]})";
  CHECK(line_of(schema_of(without), "\2") == R"({"type":"Pay","n":1})");
  CHECK(line_of(schema_of(without, EventTypeFrom::kSchema), "\2") == R"({"type":"Pay","n":1})");
  CHECK(line_of(schema_of(with), "\2x") == R"({"type":"x"})");
  CHECK(line_of(schema_of(with, EventTypeFrom::kSchema), "\2x") == R"({"type":"Pay","type_":"x"})");
  // A union of records: each its own. What lies within a message has no type of its own.
  const Schema both = schema_of(
      R"([{"type":"record","name":"A","fields":[]},
          {"type":"record","name":"B","fields":[{"name":"a","type":"A"}]}])");
  CHECK(line_of(both, std::string("\0", 1)) == R"({"type":"A"})");
  CHECK(line_of(both, "\2") == R"({"type":"B","a":{}})");
}

TEST_CASE("avro: logical types that are not valid, or not known, are passed over") {
  CHECK(converted(R"({"type":"long","logicalType":"local-timestamp-millis"})", "02") == "1");
  CHECK(converted(R"({"type":"int","logicalType":"time-millis"})", "02") == "1");
  CHECK(converted(R"({"type":"string","logicalType":"uuid"})", "0261") == R"("a")");
  CHECK(converted(R"({"type":"bytes","logicalType":"decimal","precision":2,"scale":3})", "0201") ==
        R"("AQ==")");
  CHECK(converted(R"({"type":"int","logicalType":"timestamp-millis"})", "02") == "1");
  CHECK(converted(R"({"type":"fixed","name":"u","size":16,"logicalType":"uuid"})",
                  "00112233445566778899aabbccddeeff") ==
        R"("00112233-4455-6677-8899-aabbccddeeff")");
  CHECK(converted(R"({"type":"fixed","name":"d","size":12,"logicalType":"duration"})",
                  "010000000200000000010000") == R"({"months":1,"days":2,"millis":256})");
  CHECK(converted(R"({"type":"long","logicalType":"timestamp-nanos"})", "01") ==
        R"("1969-12-31T23:59:59.999999Z")");
  // A year without four digits.
  CHECK(converted(R"({"type":"long","logicalType":"timestamp-millis"})", "ffffffffffffffffff01") ==
        "-9223372036854775808");
  CHECK(converted(R"({"type":"int","logicalType":"date"})", "ffffffff0f") == "-2147483648");
  CHECK(converted(R"("double")", "000000000000f87f") == R"("NaN")");
  CHECK(converted(R"("double")", "000000000000f0ff") == R"("-Infinity")");
  CHECK(converted(R"("double")", "9c7500883ce4377e") == "1e+300");
}

TEST_CASE("avro: bytes that the schema does not describe are refused with their place") {
  CHECK(converted(R"("boolean")", "02") == "! no boolean: 2");
  CHECK(converted(R"("int")", "8080808010") == "! no int: 2147483648");
  CHECK(converted(R"("long")", "ffffffffffffffffff02") == "! a number is longer than 64 bits");
  CHECK(converted(R"("string")", "01") == "! a length of -1 bytes");
  CHECK(converted(R"("string")", "feffffffffffffffff01") == "! the bytes end early");
  CHECK(converted(R"(["null","int"])", "04") == "! a union has no type 2");
  CHECK(converted(R"(["null","int"])", "01") == "! a union has no type -1");
  CHECK(converted(R"({"type":"enum","name":"E","symbols":["A"]})", "02") ==
        "! enum `E` has no symbol 1");
  CHECK(converted(R"({"type":"record","name":"A","fields":[{"name":"b","type":
        {"type":"record","name":"B","fields":[{"name":"c","type":"boolean"}]}}]})",
                  "03") == "! `b.c`: no boolean: 3");
  CHECK(converted(R"({"type":"bytes","logicalType":"decimal","precision":9})",
                  "8c08" + std::string(1036, '1')) == "! a decimal of 518 bytes");
}

TEST_CASE("avro: no count costs more than its line may be long") {
  const auto begin = std::chrono::steady_clock::now();
  const std::string huge = "808080808080808020";  // 2^60
  for (const char* const item : {R"("null")", R"({"type":"record","name":"Empty","fields":[]})",
                                 R"({"type":"fixed","name":"F","size":0})"}) {
    const std::string array = fmt::format(R"({{"type":"array","items":{}}})", item);
    CHECK(converted(array, huge) == "! its JSON is longer than 4000 bytes");
  }
  // The least number as a count, and counts without end.
  CHECK(converted(R"({"type":"array","items":"null"})", "ffffffffffffffffff0100") ==
        "! its JSON is longer than 4000 bytes");
  CHECK(converted(R"({"type":"array","items":"int"})", huge) == "! the bytes end early");
  // A record that is within itself.
  CHECK(converted(R"({"type":"record","name":"R","fields":[{"name":"r","type":"R"}]})", "")
            .find("values are nested more than 128 deep") != std::string::npos);
  const Schema list =
      schema_of(R"({"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]})");
  CHECK(line_of(list, std::string(50, '\2') + '\0').ends_with(std::string(51, '}')));
  CHECK(line_of(list, std::string(1000, '\2') + '\0').find("nested") != std::string::npos);
  CHECK(line_of(schema_of(R"("bytes")"), from_hex("e05d") + std::string(6000, 'x')) ==
        "! its JSON is longer than 4000 bytes");
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

TEST_CASE("avro: what is no schema is refused with its reason") {
  CHECK(refusal("{").starts_with("the schema is no JSON: "));
  CHECK(refusal("7") == "a type is neither a name, an object nor an array");
  CHECK(refusal(R"("Payment")") == "no type has the name `Payment`");
  CHECK(refusal("[]") == "a union has no types");
  CHECK(refusal("{}") == "a type has no `type`");
  CHECK(refusal(R"({"type":"record","fields":[]})") == "a type has no `name`");
  CHECK(refusal(R"({"type":"record","name":"A"})") == "record `A` has no `fields`");
  CHECK(refusal(R"({"type":"record","name":"A","fields":[{"name":"x"}]})") ==
        "field `A.x` has no `type`");
  CHECK(refusal(R"({"type":"record","name":"A","fields":[{"type":"int"}]})") ==
        "a field of `A` has no `name`");
  CHECK(refusal(R"({"type":"enum","name":"E"})") == "enum `E` has no `symbols`");
  CHECK(refusal(R"({"type":"fixed","name":"F","size":-1})") == "fixed `F` has no size");
  CHECK(refusal(R"({"type":"array"})") == "a type has no `items`");
  CHECK(refusal(R"([{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}])") ==
        "two types have the name `F`");
  std::string deep = R"("int")";
  for (int i = 0; i < 200; ++i) deep = fmt::format(R"({{"type":"array","items":{}}})", deep);
  CHECK(refusal(deep) == "the schema is nested more than 128 types deep");
  std::string deeper(200'000, '[');
  CHECK(refusal(deeper).starts_with("the schema is no JSON: "));
}

TEST_CASE("avro: names belong to the namespace around them, and schemas may refer to others") {
  CHECK(converted(R"({"type":"record","name":"A","namespace":"x","fields":[
        {"name":"e","type":{"type":"enum","name":"E","symbols":["P","Q"]}},
        {"name":"f","type":"E"},{"name":"g","type":"x.E"},
        {"name":"h","type":{"type":"record","name":"y.B","fields":[
           {"name":"i","type":{"type":"fixed","name":"E","size":1}},{"name":"j","type":"E"}]}}]})",
                  "0200026162") ==
        R"({"type":"A","e":"Q","f":"P","g":"Q","h":{"i":"YQ==","j":"Yg=="}})");
  const std::vector<runtime::NamedSchema> references = {
      {"m.Money", R"({"type":"record","name":"Money","namespace":"m","fields":[
                      {"name":"cents","type":"long"}]})"},
      {"m.Card",
       R"({"type":"record","name":"m.Card","fields":[{"name":"limit","type":"Money"}]})"}};
  const Result<Schema> schema = AvroSchema::parse(
      R"({"type":"record","name":"P","fields":[{"name":"card","type":"m.Card"}]})", references,
      EventTypeFrom::kField);
  REQUIRE(schema.has_value());
  CHECK(line_of(*schema, "\2") == R"({"type":"P","card":{"limit":{"cents":1}}})");
}

// --- a naive encoder -----------------------------------------------------------------------------

struct Value {
  std::string bytes;
  std::string json;
};

void append_long(std::string& to, std::int64_t number) {
  // By division, as the specification's text has it.
  unsigned __int128 zigzag = number >= 0 ? static_cast<unsigned __int128>(number) * 2
                                         : static_cast<unsigned __int128>(-(number + 1)) * 2 + 1;
  while (zigzag >= 128) {
    to += static_cast<char>(zigzag % 128 + 128);
    zigzag /= 128;
  }
  to += static_cast<char>(zigzag);
}

// Digits of a decimal as two's complement, by repeated division of the text.
std::string unscaled_bytes(std::string digits, bool negative) {
  std::string reversed;
  while (digits.find_first_not_of('0') != std::string::npos) {
    int rest = 0;
    for (char& digit : digits) {
      rest = rest * 10 + (digit - '0');
      digit = static_cast<char>('0' + rest / 256);
      // A digit of the quotient is below 10, as `rest` was below 2,560.
      rest %= 256;
    }
    reversed += static_cast<char>(rest);
  }
  reversed += '\0';
  int carry = 1;
  for (char& byte : reversed) {
    if (!negative) break;
    const int flipped = (~static_cast<unsigned char>(byte) & 0xff) + carry;
    byte = static_cast<char>(flipped & 0xff);
    carry = flipped >> 8;
  }
  return {reversed.rbegin(), reversed.rend()};
}

// A random type of Avro: its schema, and values of it.
class RandomType {
 public:
  RandomType(Random& random, int depth, int& names) {
    kind_ = random.below(depth > 3 ? 9 : 14);
    scale_ = static_cast<int>(random.below(60));
    if (kind_ >= 9) {
      const std::size_t count = kind_ >= 12 ? random.below(5) + 1 : 1;
      for (std::size_t i = 0; i < count; ++i) parts_.emplace_back(random, depth + 1, names);
    }
    name_ = fmt::format("N{}", names++);
  }

  std::string schema() const {
    switch (kind_) {
      case 0:
        return R"("null")";
      case 1:
        return R"("boolean")";
      case 2:
        return R"("int")";
      case 3:
        return R"({"type":"long"})";
      case 4:
        return R"("string")";
      case 5:
        return R"("bytes")";
      case 6:
        return fmt::format(
            R"({{"type":"bytes","logicalType":"decimal","precision":80,"scale":{}}})", scale_);
      case 7:
        return fmt::format(R"({{"type":"enum","name":"{}","symbols":["A","B","C"]}})", name_);
      case 8:
        return fmt::format(
            R"({{"type":"fixed","name":"{}","size":40,"logicalType":"decimal","precision":80,)"
            R"("scale":{}}})",
            name_, scale_);
      case 9:
      case 10:
        return fmt::format(R"({{"type":"array","items":{}}})", parts_[0].schema());
      case 11:
        return fmt::format(R"({{"type":"map","values":{}}})", parts_[0].schema());
      case 12: {
        std::string text = "[";
        for (const RandomType& part : parts_) text += (text == "[" ? "" : ",") + part.schema();
        return text + "]";
      }
      default: {
        std::string text = fmt::format(R"({{"type":"record","name":"{}","fields":[)", name_);
        for (std::size_t i = 0; i < parts_.size(); ++i)
          text += fmt::format(R"({}{{"name":"f{}","type":{}}})", i == 0 ? "" : ",", i,
                              parts_[i].schema());
        return text + "]}";
      }
    }
  }

  Value value(Random& random, bool is_top) const {
    switch (kind_) {
      case 0:
        return {"", "null"};
      case 1:
        return random.chance(50) ? Value{"\1", "true"} : Value{std::string(1, '\0'), "false"};
      case 2:
        return number(static_cast<std::int32_t>(random.next() >> random.below(64)));
      case 3:
        return number(static_cast<std::int64_t>(random.next() >> random.below(64)));
      case 4:
        return text(random);
      case 5: {
        const std::string bytes(random.below(4), 'M');
        const char* const base64[] = {"", "TQ==", "TU0=", "TU1N"};
        return {counted(bytes), fmt::format("\"{}\"", base64[bytes.size()])};
      }
      case 6:
      case 8:
        return decimal(random);
      case 7: {
        const std::size_t symbol = random.below(3);
        return {std::string(1, static_cast<char>(symbol * 2)),
                std::string{'"', "ABC"[symbol], '"'}};
      }
      case 12: {
        const std::size_t branch = random.below(parts_.size());
        Value value = parts_[branch].value(random, is_top);
        value.bytes.insert(0, 1, static_cast<char>(branch * 2));
        return value;
      }
      case 13: {
        Value all{"", is_top ? fmt::format(R"({{"type":"{}")", name_) : "{"};
        for (std::size_t i = 0; i < parts_.size(); ++i) {
          const Value part = parts_[i].value(random, false);
          all.bytes += part.bytes;
          all.json += fmt::format(R"({}"f{}":{})", i == 0 && !is_top ? "" : ",", i, part.json);
        }
        all.json += "}";
        return all;
      }
      default:
        return items(random);
    }
  }

 private:
  static Value number(std::int64_t number) {
    Value value{"", std::to_string(number)};
    append_long(value.bytes, number);
    return value;
  }
  static std::string counted(const std::string& bytes) {
    std::string all;
    append_long(all, static_cast<std::int64_t>(bytes.size()));
    return all + bytes;
  }
  static Value text(Random& random) {
    Value value{"", "\""};
    std::string bytes;
    for (std::size_t left = random.below(6); left > 0; --left) {
      const auto [plain, escaped] = random.pick<std::pair<const char*, const char*>>(
          {{"a", "a"}, {"\"", "\\\""}, {"\\", "\\\\"}, {"\n", "\\n"}, {"é", "é"}, {"/", "/"}});
      bytes += plain;
      value.json += escaped;
    }
    value.bytes = counted(bytes);
    value.json += '"';
    return value;
  }
  Value decimal(Random& random) const {
    std::string digits;
    for (std::size_t left = random.below(80); left > 0; --left)
      digits += static_cast<char>('0' + random.below(10));
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    const bool negative = !digits.empty() && random.chance(50);
    std::string bytes = unscaled_bytes(digits, negative);
    const std::size_t wanted = kind_ == 8 ? 40 : bytes.size() + random.below(3);
    bytes.insert(0, wanted - bytes.size(), negative ? '\xff' : '\0');
    while (digits.size() < static_cast<std::size_t>(scale_) + 1) digits.insert(0, "0");
    if (scale_ > 0) digits.insert(digits.size() - static_cast<std::size_t>(scale_), ".");
    return {kind_ == 8 ? bytes : counted(bytes), (negative ? "-" : "") + digits};
  }
  // In blocks, some with their size.
  Value items(Random& random) const {
    const bool is_map = kind_ == 11;
    Value all{"", is_map ? "{" : "["};
    for (std::size_t blocks = random.below(3); blocks > 0; --blocks) {
      const std::size_t count = random.below(3) + 1;
      std::string block;
      for (std::size_t i = 0; i < count; ++i) {
        if (all.json.size() > 1) all.json += ',';
        if (is_map) {
          const Value key = text(random);
          block += key.bytes;
          all.json += key.json + ":";
        }
        const Value item = parts_[0].value(random, false);
        block += item.bytes;
        all.json += item.json;
      }
      const bool has_size = random.chance(50);
      append_long(all.bytes,
                  has_size ? -static_cast<std::int64_t>(count) : static_cast<std::int64_t>(count));
      if (has_size) append_long(all.bytes, static_cast<std::int64_t>(block.size()));
      all.bytes += block;
    }
    all.bytes += '\0';
    all.json += is_map ? "}" : "]";
    return all;
  }

  std::size_t kind_ = 0;
  int scale_ = 0;
  std::string name_;
  std::vector<RandomType> parts_;
};

TEST_CASE("avro: random values of random schemas, as a naive encoder writes them") {
  for_all_seeds("FORMATS", 1000, [](Random& random) {
    int names = 0;
    const RandomType type(random, 0, names);
    const Schema schema = schema_of(type.schema());
    for (int i = 0; i < 5; ++i) {
      const Value value = type.value(random, true);
      INFO(type.schema());
      REQUIRE(line_of(schema, value.bytes, 1 << 20) == value.json);
      if (value.bytes.empty()) continue;
      const std::string cut = value.bytes.substr(0, random.below(value.bytes.size()));
      REQUIRE(line_of(schema, cut, 1 << 20).ends_with("the bytes end early"));
      REQUIRE(line_of(schema, value.bytes + "y", 1 << 20) == "! 1 bytes are left behind the value");
    }
  });
}
}  // namespace
}  // namespace tocsin::tests
