#include "runtime/event_time/input_form.h"

#include <doctest/doctest.h>

#include <string>

namespace tocsin::runtime {
namespace {
using namespace std::string_view_literals;

std::string name_of(std::string_view block) {
  const auto form = other_form(block);
  return form ? form->name : "";
}
std::string told(std::string_view block, std::string_view file) {
  const auto form = other_form(block);
  return form ? describe_form(*form, file) : "";
}
std::string wide(std::string_view text, bool big_endian) {
  std::string bytes;
  for (const char letter : text) {
    if (big_endian) bytes += '\0';
    bytes += letter;
    if (!big_endian) bytes += '\0';
  }
  return bytes;
}
}  // namespace

TEST_CASE("input form: JSON lines are none, also with bad lines, marks and blanks before them") {
  for (const std::string_view lines :
       {""sv, "\n \n"sv, "{\"type\":\"a\"}\n"sv, "\xef\xbb\xbf{\"type\":\"a\"}"sv,
        "{\"type\":\"a\",\"x\":[{\n{\"type\":\"b\"}\n"sv, "{"sv, "[1,2]\n{\"a\":1}\n"sv,
        "a,b\n1,2\n{\"type\":\"a\"}\n"sv, "<banner>\n{\"type\":\"a\"}\n"sv, "one line"sv,
        "\0\0\0\0\0\n{\"type\":\"a\"}\n"sv, "some log line\nanother one\n"sv,
        "{\"text\":\"never closed\n\"more\"\n"sv}) {
    CAPTURE(lines);
    CHECK(name_of(lines).empty());
  }
}

TEST_CASE("input form: tables are known by two lines with the same columns") {
  CHECK(name_of("id,amount\n1,2.50\n") == "CSV");
  CHECK(name_of("\"a,b\",c\r\n1,2\r\n") == "CSV");
  CHECK(name_of("id;amount\n1;2,50\n") == "CSV with semicolons");
  CHECK(name_of("id\tamount\n1\t2\n") == "TSV, a table with tabs");
  CHECK(name_of("id|amount\n1|2\n") == "CSV with bars");
  CHECK(name_of("id,amount\n1,2,3\n").empty());
  CHECK(told("id;amount\n1;2,50\n", "payments.txt") ==
        "payments.txt is CSV with semicolons, and is read as JSON lines; read it as CSV: "
        "--input-format csv");
}

TEST_CASE("input form: JSON in another form") {
  CHECK(name_of("[{\"type\":\"a\"}]") == "a JSON array");
  CHECK(name_of("[\n  {\n") == "a JSON array");
  CHECK(name_of("{\n  \"type\": \"a\"\n}\n") == "pretty-printed JSON");
  CHECK(name_of("{ \"a\": [\n  ]\n}") == "pretty-printed JSON");
  CHECK(name_of("\x1e{\"type\":\"a\"}\n") == "a JSON text sequence");
  CHECK(told("[{\"a\":1}]", "it's.json").find("jq -c '.[]' 'it'\\''s.json'") != std::string::npos);
  CHECK(told("[{\"a\":1}]", "standard input").find("jq -c '.[]' FILE") != std::string::npos);
}

TEST_CASE("input form: other encodings") {
  CHECK(name_of("\xff\xfe{\0\"\0"sv) == "UTF-16 text");
  CHECK(name_of("\xfe\xff\0{\0\""sv) == "UTF-16 text");
  // A broken line among good ones is no other form.
  CHECK(name_of("\xff\xfe\xfa\n{\"type\":\"a\"}\n"sv).empty());
  CHECK(name_of("\xff\xfe\0\0{\0\0\0"sv) == "UTF-32 text");
  const std::string line = R"({"type":"a"})";
  CHECK(told(wide(line, false), "f").find("iconv -f UTF-16LE -t UTF-8 f") != std::string::npos);
  CHECK(told(wide(line, true), "f").find("iconv -f UTF-16BE -t UTF-8 f") != std::string::npos);
}

TEST_CASE("input form: binary data by what it begins with") {
  CHECK(name_of("PAR1\x15\x04"sv) == "Parquet");
  CHECK(name_of("Obj\x01"sv) == "Avro");
  CHECK(name_of("\x1f\x8b\x08\0"sv) == "gzip data");
  CHECK(name_of("\x28\xb5\x2f\xfd\x04"sv) == "Zstandard data");
  CHECK(name_of("BZh91AY&SY") == "bzip2 data");
  CHECK(name_of("PK\x03\x04"sv) == "a zip archive or an Excel workbook");
  CHECK(name_of("SQLite format 3\0"sv) == "an SQLite database");
  CHECK(name_of(std::string(257, 'x') + "ustar") == "a tar archive");
  CHECK(name_of("\x01\x02\0\x03"sv) == "binary data");
  CHECK(name_of("<?xml version=\"1.0\"?>") == "XML or HTML");
  CHECK(told("PAR1", "a.parquet").find("FROM 'a.parquet'") != std::string::npos);
}

TEST_CASE("input form: what is read as CSV, by its name and as was said") {
  using enum InputFormat;
  for (const char* name : {"a.csv", "b/A.CSV", "a.tsv", "a.csv.gz", "a.tsv.zst"}) {
    CAPTURE(name);
    CHECK(is_csv(name, kByName));
    CHECK_FALSE(is_csv(name, kJson));
  }
  for (const char* name : {"a.ndjson", "-", "csv", "a.csv.ndjson", "a.csv.bz2", "a.gz"}) {
    CAPTURE(name);
    CHECK_FALSE(is_csv(name, kByName));
    CHECK(is_csv(name, kCsv));
  }
  CHECK_FALSE(why_no_csv("a,b\n1,2\n", "f"));
  CHECK(why_no_csv("\n{\"a\":1}", "f") ==
        "f is not CSV: it begins like JSON; read it as such: --input-format json");
  CHECK(why_no_csv("PAR1", "f")->starts_with("f is Parquet"));
  CHECK(why_no_csv(wide("type,ts\n", false), "f")->starts_with("f is UTF-16 text"));
}

TEST_CASE("input form: a source fails at its first read, and not in the middle of an input") {
  char to[64];
  const auto csv = refuse_other_forms(read_memory("a,b\n1,2\n"), "-");
  const Result<std::size_t> read = csv->read(to, sizeof to);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::kIo);
  CHECK(read.error().message.starts_with("standard input is CSV"));
  const auto middle = refuse_other_forms(read_memory("{}\na,b\n1,2\n"), "f");
  REQUIRE(middle->skip(3));
  CHECK(middle->read(to, sizeof to));
}
}  // namespace tocsin::runtime
