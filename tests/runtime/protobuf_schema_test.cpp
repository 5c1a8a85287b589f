// Messages of Protobuf against what protoc 3.21 and its library for Python wrote.
#include "runtime/formats/protobuf_schema.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using runtime::EventTypeFrom;
using runtime::RegisteredSchema;
using Schema = std::shared_ptr<const runtime::MessageSchema>;
constexpr std::size_t kBytesMax = 4000;

constexpr const char* kProto = R"(syntax = "proto3";
package bank.events;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
message Other { int32 a = 1; message Inner { string b = 1; } }
message Payment {
  google.protobuf.Timestamp ts = 1;
  string id = 2;
  double amount = 3;
  Brand brand = 4;
  enum Brand { UNKNOWN = 0; VISA = 1; MC = 7; }
  optional int64 limit = 5;
  repeated sint32 steps = 6;
  repeated string tags = 7;
  map<string, int64> extra = 8;
  map<int32, Other> by_number = 9;
  oneof how { string card = 10; Other other = 11; }
  bytes raw = 12;
  uint64 big = 13;
  fixed32 f32 = 14;
  sfixed64 sf64 = 15;
  float score = 16;
  bool ok = 17;
  google.protobuf.Duration took = 18;
  google.protobuf.StringValue note = 19;
  google.protobuf.Int64Value count = 20;
  sint64 zig = 21;
  Payment parent = 200;
  repeated Other others = 22;
}
)";
constexpr const char* kMessage =
    "0a0b08c0f795cd0610e7ec9a77120870312022c3bc220a19000000000000294020072800320c0001feffffff0f"
    "ffffffff0f3a01613a0042050a01781005420e0a017910808080808080808080014a0f08fdffffffffffffffff"
    "011202080952026331620300ff1068ffffffffffffffffff0175ffffffff79fbffffffffffffff8501cdccccbd"
    "88010192011608ffffffffffffffffff011080b6ca91feffffffff019a0100a20109088180808080808010a801"
    "ffffffffffffffffff01b201020801b20100c20c0a1204726f6f745a020801";
constexpr const char* kLine =
    R"({"type":"Payment","ts":"2026-03-02T12:00:00.250Z","id":"p1 \"ü\"\n","amount":12.5,)"
    R"("brand":"MC","limit":0,"steps":[0,-1,2147483647,-2147483648],"tags":["a",""],)"
    R"("extra":{"x":5,"y":-9223372036854775808},"by_number":{"-3":{"a":9}},"card":"c1",)"
    R"("raw":"AP8Q","big":18446744073709551615,"f32":4294967295,"sf64":-5,"score":-0.1,"ok":true,)"
    R"("took":-1.500000000,"note":"","count":9007199254740993,"zig":-9223372036854775808,)"
    R"("parent":{"id":"root","amount":0,"brand":"UNKNOWN","steps":[],"tags":[],"extra":{},)"
    R"("by_number":{},"other":{"a":1},"raw":"","big":0,"f32":0,"sf64":0,"score":0,"ok":false,)"
    R"("zig":0,"others":[]},"others":[{"a":1},{"a":0}]})";

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}
Schema schema_of(const std::string& text, EventTypeFrom from = EventTypeFrom::kField) {
  const Result<Schema> schema = runtime::read_protobuf_schema({"PROTOBUF", text, {}}, from);
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
std::string refusal(const std::string& text) {
  const Result<Schema> schema =
      runtime::read_protobuf_schema({"PROTOBUF", text, {}}, EventTypeFrom::kField);
  return schema ? "none" : schema.error().message;
}
std::string proto3(const std::string& fields) {
  return "syntax = \"proto3\"; message M {" + fields + "}";
}

TEST_CASE(
    "protobuf: what the library for Python wrote, by the text of the schema and by descriptors") {
  const std::string message = from_hex(kMessage);
  CHECK(line_of(schema_of(kProto), "\2\2" + message) == kLine);
  const std::string set = from_hex(
      "0aff010a1f676f6f676c652f70726f746f6275662f74696d657374616d702e70726f746f120f676f6f676c652e"
      "70726f746f627566223b0a0954696d657374616d7012180a077365636f6e647318012001280352077365636f6e"
      "647312140a056e616e6f7318022001280552056e616e6f734285010a13636f6d2e676f6f676c652e70726f746f"
      "627566420e54696d657374616d7050726f746f50015a32676f6f676c652e676f6c616e672e6f72672f70726f74"
      "6f6275662f74797065732f6b6e6f776e2f74696d657374616d707062f80101a20203475042aa021e476f6f676c"
      "652e50726f746f6275662e57656c6c4b6e6f776e5479706573620670726f746f330afb010a1e676f6f676c652f"
      "70726f746f6275662f6475726174696f6e2e70726f746f120f676f6f676c652e70726f746f627566223a0a0844"
      "75726174696f6e12180a077365636f6e647318012001280352077365636f6e647312140a056e616e6f73180220"
      "01280552056e616e6f734283010a13636f6d2e676f6f676c652e70726f746f627566420d4475726174696f6e50"
      "726f746f50015a31676f6f676c652e676f6c616e672e6f72672f70726f746f6275662f74797065732f6b6e6f77"
      "6e2f6475726174696f6e7062f80101a20203475042aa021e476f6f676c652e50726f746f6275662e57656c6c4b"
      "6e6f776e5479706573620670726f746f330a86040a1e676f6f676c652f70726f746f6275662f77726170706572"
      "732e70726f746f120f676f6f676c652e70726f746f62756622230a0b446f75626c6556616c756512140a057661"
      "6c7565180120012801520576616c756522220a0a466c6f617456616c756512140a0576616c7565180120012802"
      "520576616c756522220a0a496e74363456616c756512140a0576616c7565180120012803520576616c75652223"
      "0a0b55496e74363456616c756512140a0576616c7565180120012804520576616c756522220a0a496e74333256"
      "616c756512140a0576616c7565180120012805520576616c756522230a0b55496e74333256616c756512140a05"
      "76616c756518012001280d520576616c756522210a09426f6f6c56616c756512140a0576616c75651801200128"
      "08520576616c756522230a0b537472696e6756616c756512140a0576616c7565180120012809520576616c7565"
      "22220a0a427974657356616c756512140a0576616c756518012001280c520576616c75654283010a13636f6d2e"
      "676f6f676c652e70726f746f627566420d577261707065727350726f746f50015a31676f6f676c652e676f6c61"
      "6e672e6f72672f70726f746f6275662f74797065732f6b6e6f776e2f77726170706572737062f80101a2020347"
      "5042aa021e476f6f676c652e50726f746f6275662e57656c6c4b6e6f776e5479706573620670726f746f330af5"
      "080a097061792e70726f746f120b62616e6b2e6576656e74731a1f676f6f676c652f70726f746f6275662f7469"
      "6d657374616d702e70726f746f1a1e676f6f676c652f70726f746f6275662f6475726174696f6e2e70726f746f"
      "1a1e676f6f676c652f70726f746f6275662f77726170706572732e70726f746f222c0a054f74686572120c0a01"
      "611801200128055201611a150a05496e6e6572120c0a016218012001280952016222c3070a075061796d656e74"
      "122a0a02747318012001280b321a2e676f6f676c652e70726f746f6275662e54696d657374616d705202747312"
      "0e0a0269641802200128095202696412160a06616d6f756e741803200128015206616d6f756e7412300a056272"
      "616e6418042001280e321a2e62616e6b2e6576656e74732e5061796d656e742e4272616e6452056272616e6412"
      "190a056c696d6974180520012803480152056c696d697488010112140a05737465707318062003281152057374"
      "65707312120a047461677318072003280952047461677312350a05657874726118082003280b321f2e62616e6b"
      "2e6576656e74732e5061796d656e742e4578747261456e74727952056578747261123f0a0962795f6e756d6265"
      "7218092003280b32222e62616e6b2e6576656e74732e5061796d656e742e42794e756d626572456e7472795208"
      "62794e756d62657212140a0463617264180a200128094800520463617264122a0a056f74686572180b2001280b"
      "32122e62616e6b2e6576656e74732e4f74686572480052056f7468657212100a03726177180c2001280c520372"
      "617712100a03626967180d20012804520362696712100a03663332180e20012807520366333212120a04736636"
      "34180f2001281052047366363412140a0573636f7265181020012802520573636f7265120e0a026f6b18112001"
      "280852026f6b122d0a04746f6f6b18122001280b32192e676f6f676c652e70726f746f6275662e447572617469"
      "6f6e5204746f6f6b12300a046e6f746518132001280b321c2e676f6f676c652e70726f746f6275662e53747269"
      "6e6756616c756552046e6f746512310a05636f756e7418142001280b321b2e676f6f676c652e70726f746f6275"
      "662e496e74363456616c75655205636f756e7412100a037a696718152001281252037a6967122d0a0670617265"
      "6e7418c8012001280b32142e62616e6b2e6576656e74732e5061796d656e745206706172656e74122a0a066f74"
      "6865727318162003280b32122e62616e6b2e6576656e74732e4f7468657252066f74686572731a380a0a457874"
      "7261456e74727912100a036b657918012001280952036b657912140a0576616c7565180220012803520576616c"
      "75653a0238011a4f0a0d42794e756d626572456e74727912100a036b657918012001280552036b657912280a05"
      "76616c756518022001280b32122e62616e6b2e6576656e74732e4f74686572520576616c75653a02380122260a"
      "054272616e64120b0a07554e4b4e4f574e100012080a0456495341100112060a024d43100742050a03686f7742"
      "080a065f6c696d6974620670726f746f33");
  const Result<Schema> schema =
      runtime::read_descriptor_set(set, "bank.events.Payment", EventTypeFrom::kField);
  REQUIRE(schema.has_value());
  CHECK(line_of(*schema, message) == kLine);
  CHECK(line_of(*schema, "") ==
        R"({"type":"Payment","id":"","amount":0,"brand":"UNKNOWN","steps":[],"tags":[],"extra":{},)"
        R"("by_number":{},"raw":"","big":0,"f32":0,"sf64":0,"score":0,"ok":false,"zig":0,)"
        R"("others":[]})");
  CHECK(runtime::read_descriptor_set(set, "Payment", EventTypeFrom::kField).error().message ==
        "there is no message of the type Payment");
  CHECK_FALSE(runtime::read_descriptor_set("", "M", EventTypeFrom::kField));
  CHECK_FALSE(runtime::read_descriptor_set("{}", "M", EventTypeFrom::kField));
}

TEST_CASE("protobuf: the path before a message leads to its type") {
  const Schema schema = schema_of(kProto);
  CHECK(line_of(schema, std::string("\0\x08\7", 3)) == R"({"type":"Other","a":7})");
  CHECK(line_of(schema, std::string("\2\0\x08\7", 4)) == R"({"type":"Other","a":7})");
  CHECK(line_of(schema, std::string("\4\0\0\x0a\1x", 6)) == R"({"type":"Inner","b":"x"})");
  CHECK(line_of(schema, "\2\4") == "! the schema has no message 2");
  CHECK(line_of(schema, "\2\1") == "! the schema has no message -1");
  CHECK(line_of(schema, "\1") == "! no path to the type of the message");
  CHECK(line_of(schema, "\2") == "! no path to the type of the message");
  CHECK(line_of(schema, "\x7e") == "! no path to the type of the message");
  CHECK(line_of(schema, "") == "! no path to the type of the message");
}

TEST_CASE("protobuf: the event type is the field `type`, or the name of the message") {
  const std::string text = proto3("string type = 1; int32 n = 2;");
  const std::string bytes = std::string("\0\x0a\1x\x10\5", 6);
  CHECK(line_of(schema_of(text), bytes) == R"({"type":"x","n":5})");
  CHECK(line_of(schema_of(text, EventTypeFrom::kSchema), bytes) ==
        R"({"type":"M","type_":"x","n":5})");
}

TEST_CASE("protobuf: messages are read as the library reads them") {
  const auto of = [](const std::string& fields, std::string_view hex) {
    return line_of(schema_of(proto3(fields)), std::string(1, '\0') + from_hex(hex));
  };
  // The last of a field counts; fields that are not known, or of another type, do not.
  CHECK(of("int32 n = 1;", "08010802") == R"({"type":"M","n":2})");
  CHECK(of("int32 n = 1;", "18051a0261620d010000000802") == R"({"type":"M","n":2})");
  // Numbers that are packed, and not, and for a field of one.
  CHECK(of("repeated int32 n = 1;", "08010a02020308040a00") == R"({"type":"M","n":[1,2,3,4]})");
  CHECK(of("repeated int32 n = 1 [packed = false];", "0a020203") == R"({"type":"M","n":[2,3]})");
  CHECK(of("repeated double n = 1;", "0a08000000000000f83f09000000000000f8ff") ==
        R"({"type":"M","n":[1.5,"NaN"]})");
  // Parts of a message are joined.
  CHECK(of("N n = 1; message N { int32 a = 1; int32 b = 2; repeated int32 c = 3; }",
           "0a0408011803"
           "0a0410021804") == R"({"type":"M","n":{"a":1,"b":2,"c":[3,4]}})");
  // Of a oneof the last.
  CHECK(of("oneof o { int32 a = 1; string b = 2; } int32 c = 3;", "080112017818031200") ==
        R"({"type":"M","b":"","c":3})");
  CHECK(of("oneof o { int32 a = 1; string b = 2; }", "1201780801") == R"({"type":"M","a":1})");
  // Of equal keys the last; what an entry lacks is empty.
  CHECK(of("map<bool, string> m = 1;",
           "0a050801120178"
           "0a0208010a050801120179"
           "0a00") == R"({"type":"M","m":{"false":"","true":"y"}})");
  CHECK(of("map<string, N> m = 1; message N { int32 a = 1; }", "0a00") ==
        R"({"type":"M","m":{"":{"a":0}}})");
  // A number that the enum does not have.
  CHECK(of("E e = 1; enum E { A = 0; }", "0805") == R"({"type":"M","e":5})");
  // Groups, and fields that a proto2 message does not set.
  CHECK(line_of(schema_of("syntax = \"proto2\"; message M { optional int32 a = 1 [default = 3];"
                          "repeated group G = 2 { optional int32 b = 3; } }"),
                std::string("\0\x13\x18\5\x14\x23\x23\x24\x24", 9)) ==
        R"({"type":"M","g":[{"b":5}]})");
}

TEST_CASE("protobuf: types of others are a value") {
  const std::string text =
      "syntax = \"proto3\"; import \"confluent/type/decimal.proto\"; import "
      "\"confluent/meta.proto\";"
      "import \"google/protobuf/timestamp.proto\";"
      "message M { confluent.type.Decimal d = 1 [(confluent.field_meta).doc = \"x\"];"
      "google.protobuf.Timestamp t = 2; }";
  const Schema schema = schema_of(text);
  CHECK(line_of(schema, std::string(1, '\0') + from_hex("0a080a0204d2100c1802")) ==
        R"({"type":"M","d":12.34})");
  CHECK(line_of(schema, std::string(1, '\0') + from_hex("0a0d0a0101"
                                                        "18ffffffffffffffffff01")) ==
        "! the bytes are no `M`");
  CHECK(line_of(schema, std::string(1, '\0') + from_hex("0a0e0a0101"
                                                        "18ffffffffffffffffff01")) ==
        "! a decimal with the scale -1");
  CHECK(line_of(schema, std::string(1, '\0') + from_hex("120b08ffffffffffffffffff01")) ==
        R"({"type":"M","t":"1969-12-31T23:59:59Z"})");
  CHECK(line_of(schema, std::string(1, '\0') + from_hex("120a08ffffffffffffffff7f")) ==
        "! no time: 9223372036854775807 s and 0 ns");
  const std::vector<runtime::NamedSchema> references = {
      {"a/money.proto", "syntax = \"proto3\"; package m; message Money { int64 cents = 1; }"}};
  const Result<Schema> refers = runtime::read_protobuf_schema(
      {"PROTOBUF", "syntax = \"proto3\"; import \"a/money.proto\"; message P { m.Money m = 1; }",
       references},
      EventTypeFrom::kField);
  REQUIRE(refers.has_value());
  CHECK(line_of(*refers, std::string("\0\x0a\2\x08\5", 5)) == R"({"type":"P","m":{"cents":5}})");
}

TEST_CASE("protobuf: what is no schema is refused with its reason") {
  CHECK(refusal("message M {").starts_with("the schema: line 1, column "));
  CHECK(refusal(proto3("Money m = 1;")) == "the schema: M.m: \"Money\" is not defined.");
  CHECK(refusal("syntax = \"proto3\"; import \"b.proto\";")
            .starts_with("the schema: b.proto: Import "));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "message M {";
  CHECK(refusal(deep) == "the schema is nested more than 100 deep");
}

TEST_CASE("protobuf: no message costs more than its bytes and its line") {
  const Schema self = schema_of(proto3("M m = 1; repeated M r = 2;"));
  // Within so many others.
  const auto nested = [](int depth) {
    std::string bytes;
    for (; depth > 0; --depth) {
      const auto size = static_cast<unsigned>(bytes.size());
      std::string outer = "\x0a";
      if (size >= 128) outer += static_cast<char>(size % 128 + 128);
      outer += static_cast<char>(size >= 128 ? size / 128 : size);
      bytes.insert(0, outer);
    }
    return std::string(1, '\0') + bytes;
  };
  CHECK(line_of(self, nested(99)).ends_with(R"("r":[]},"r":[]},"r":[]})"));
  CHECK(line_of(self, nested(100)) == "! values are nested more than 100 deep");
  // Messages of two bytes that are long as JSON.
  std::string many(1, '\0');
  for (int i = 0; i < 500'000; ++i) many += std::string("\x12\0", 2);
  CHECK(line_of(self, many) == "! its JSON is longer than 4000 bytes");
  CHECK(line_of(schema_of(proto3("repeated bool b = 1;")),
                std::string("\0\x0a\x90\x4e", 4) + std::string(10'000, '\1')) ==
        "! its JSON is longer than 4000 bytes");
}

TEST_CASE("protobuf: any bytes are a line that is not too long, the same each time, or refused") {
  const Schema schema = schema_of(kProto);
  for_all_seeds("FORMATS", 1000, [&](Random& random) {
    std::string bytes = "\2\2" + from_hex(kMessage);
    for (std::size_t changes = random.below(4); changes > 0; --changes) {
      const std::size_t at = random.below(bytes.size());
      if (random.chance(60)) {
        bytes[at] = static_cast<char>(random.next());
      } else if (random.chance(50)) {
        bytes.erase(at, random.below(5) + 1);
        bytes += '\x08';
      } else {
        bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(20)));
      }
    }
    const std::size_t max = random.pick({std::size_t{100}, std::size_t{700}, kBytesMax});
    const std::string line = line_of(schema, bytes, max);
    REQUIRE(line == line_of(schema, bytes, max));
    REQUIRE(line.size() <= max + (line.starts_with("! ") ? 200 : 0));
  });
}
}  // namespace
}  // namespace tocsin::tests
