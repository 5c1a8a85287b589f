// Records of CSV against a reader that goes letter by letter, and however the input is cut.
#include "runtime/csv/csv_records.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/csv/csv_names.h"
#include "runtime/decode/marked_lines.h"
#include "runtime/io/block_reader.h"
#include "runtime/io/line_blocks.h"
#include "tests/support/random.h"
#include "tests/support/text_source.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kUncounted = 4;  // a byte order mark and a carriage return

struct Read {
  std::string text;  // with its end
  bool is_broken = false;
  std::vector<std::string> fields;  // of one that is not; missing ones are "-"
  friend bool operator==(const Read&, const Read&) = default;
};
std::ostream& operator<<(std::ostream& out, const Read& read) {
  out << (read.is_broken ? "broken " : "") << read.text.size() << ":" << read.text;
  for (const std::string& field : read.fields) out << "|" << field;
  return out;
}

Read broken_line(const std::string& text) {
  const std::size_t feed = text.find('\n');
  return {text.substr(0, feed == std::string::npos ? feed : feed + 1), true, {}};
}

// The first record, as RFC 4180 and the header of csv_records.h have it.
Read read_plainly(const std::string& text, char separator, std::size_t bytes_max) {
  enum class In { kBegin, kPlain, kQuotes, kBehind, kBehindReturn };
  const std::size_t most = bytes_max + kUncounted;
  const std::size_t begin = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  Read read;
  In in = In::kBegin;
  std::string field;
  bool is_quoted = false;
  bool has_lines = false;
  std::size_t at = begin;
  const auto end_field = [&](bool is_last) {
    if (is_last && in != In::kBehind && in != In::kBehindReturn && field.ends_with('\r')) {
      field.pop_back();
    }
    read.fields.push_back(field.empty() && !is_quoted ? "-" : field);
    field.clear();
    is_quoted = false;
    in = In::kBegin;
  };
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (in == In::kQuotes) {
      if (at > most) return broken_line(text);
      has_lines = has_lines || c == '\n';
      if (c == '"') {
        in = In::kBehind;
      } else {
        field += c;
      }
      continue;
    }
    if (c == '\n') break;
    if (in == In::kBehindReturn) return broken_line(text);
    if (in == In::kBehind && c == '"') {
      field += c;
      in = In::kQuotes;
    } else if (in == In::kBehind && c == '\r') {
      in = In::kBehindReturn;
    } else if (c == separator) {
      end_field(false);
    } else if (in == In::kBehind) {
      return broken_line(text);
    } else if (in == In::kBegin && c == '"') {
      is_quoted = true;
      in = In::kQuotes;
    } else {
      field += c;
      in = In::kPlain;
    }
  }
  if (in == In::kQuotes || (has_lines && at > most)) return broken_line(text);
  end_field(true);
  read.text = text.substr(0, at + 1);
  return read;
}

std::vector<Read> read_all_plainly(std::string text, char separator, std::size_t bytes_max) {
  std::vector<Read> reads;
  while (!text.empty()) {
    reads.push_back(read_plainly(text, separator, bytes_max));
    text = text.substr(reads.back().text.size());
  }
  return reads;
}

Read as_read(std::string_view text, const CsvRecord& record, char separator) {
  Read read{std::string(text.substr(0, record.size)), record.kind == CsvRecord::Kind::kBroken, {}};
  if (read.is_broken) return read;
  std::string row(without_line_end(read.text));
  if (row.starts_with(kByteOrderMark)) row.erase(0, kByteOrderMark.size());
  const std::size_t size = row.size();
  row.append(kLinePadding, separator);
  std::vector<CsvField> fields;
  split_csv_record(std::string_view(row).substr(0, size), separator, fields);
  for (const CsvField& field : fields) {
    CHECK(field.has_doubled == (field.is_quoted && field.text.find('"') != std::string::npos));
    const std::string inside = field.has_doubled ? undoubled(field.text) : std::string(field.text);
    read.fields.push_back(field.is_missing() ? "-" : inside);
  }
  return read;
}

std::vector<Read> read_all(std::string_view text, char separator, std::size_t bytes_max) {
  std::vector<Read> reads;
  while (!text.empty()) {
    const CsvRecord record = find_csv_record(text, separator, bytes_max, true);
    REQUIRE(record.kind != CsvRecord::Kind::kOpen);
    REQUIRE(record.size > 0);
    reads.push_back(as_read(text, record, separator));
    text.remove_prefix(record.size);
  }
  return reads;
}

std::string random_bytes(tests::Random& random) {
  const std::string letters = "a\"\"\"\",,\n\n\r;";
  std::string text = random.chance(10) ? "\xef\xbb\xbf" : "";
  for (std::size_t left = random.below(random.chance(10) ? 300 : 40); left > 0; --left) {
    if (random.chance(2)) {
      text += std::string(random.below(60), 'x');
    } else {
      text += letters[random.below(letters.size())];
    }
  }
  return text;
}

std::vector<std::string> fields_of(const std::string& text, char separator = ',') {
  const std::vector<Read> reads = read_all(text, separator, 1'000);
  REQUIRE(reads.size() == 1);
  REQUIRE_FALSE(reads.front().is_broken);
  return reads.front().fields;
}
using Fields = std::vector<std::string>;
}  // namespace

TEST_CASE("csv records: fields, quotes and line ends as RFC 4180 has them") {
  CHECK(fields_of("a,b,c\n") == Fields{"a", "b", "c"});
  CHECK(fields_of("a,b,c") == Fields{"a", "b", "c"});
  CHECK(fields_of("a,b,c\r\n") == Fields{"a", "b", "c"});
  CHECK(fields_of("\"a\",\"b,c\"\r\n") == Fields{"a", "b,c"});
  CHECK(fields_of("\"a\"\"b\",\"\"\"\"\n") == Fields{"a\"b", "\""});
  CHECK(fields_of("\"a\nb\",\"c\r\nd\"\n") == Fields{"a\nb", "c\r\nd"});
  CHECK(fields_of(",\"\",\n") == Fields{"-", "", "-"});
  CHECK(fields_of("a b , c\n") == Fields{"a b ", " c"});
  CHECK(fields_of("5\" pipe,a\"\"b\n") == Fields{"5\" pipe", "a\"\"b"});
  CHECK(fields_of("a;b,c\n", ';') == Fields{"a", "b,c"});
  CHECK(fields_of("\xef\xbb\xbf\"a,b\",c\n") == Fields{"a,b", "c"});
}

TEST_CASE("csv records: a broken quote costs its line and no other") {
  // Not closed anywhere; closed by the quote of a later line; text behind; too far away.
  for (const std::string& bad :
       {std::string("1,\"open,3\n"), std::string("1,\"a\"b,3\n"), std::string("\"a\" ,2\n")}) {
    CAPTURE(bad);
    const std::vector<Read> reads = read_all(bad + "4,5\n6,7\n\"q\",8\n", ',', 1'000);
    REQUIRE(reads.size() == 4);
    CHECK(reads[0] == Read{bad, true, {}});
    CHECK(reads[1].fields == Fields{"4", "5"});
    CHECK(reads[3].fields == Fields{"q", "8"});
  }
  const std::string far = "1,\"open\n" + std::string(100, 'x') + "\n2,3\",4\n";
  CHECK(read_all(far, ',', 1'000).size() == 1);
  const std::vector<Read> reads = read_all(far, ',', 50);
  REQUIRE(reads.size() == 3);
  CHECK(reads[0].is_broken);
  CHECK(reads[2].fields == Fields{"2", "3\"", "4"});
}

TEST_CASE("csv records: the field that has the broken quote") {
  CHECK(find_broken_quote("a,\"b,c", ',').field == 1);
  CHECK_FALSE(find_broken_quote("a,\"b,c", ',').is_closed);
  CHECK(find_broken_quote("\"a\",\"b\"c,d", ',').field == 1);
  CHECK(find_broken_quote("\"a\",\"b\"c,d", ',').is_closed);
}

TEST_CASE("csv records: any bytes are read as letter by letter") {
  tests::for_all_seeds("runtime", 2'000, [](tests::Random& random) {
    const std::string text = random_bytes(random);
    const std::size_t bytes_max = random.chance(50) ? 1'000 : 1 + random.below(30);
    const char separator = random.chance(80) ? ',' : ';';
    CAPTURE(text);
    CAPTURE(bytes_max);
    REQUIRE(read_all(text, separator, bytes_max) == read_all_plainly(text, separator, bytes_max));
  });
}

TEST_CASE("csv records: blocks of whole records have those of the whole input, however it is cut") {
  tests::for_all_seeds("runtime", 2'000, [](tests::Random& random) {
    const std::string text = random_bytes(random);
    const std::size_t bytes_max = 1 + random.below(60);
    CAPTURE(text);
    CAPTURE(bytes_max);
    const std::vector<Read> expected = read_all_plainly(text, ',', bytes_max);
    // Of a line that is too long a block has enough to show it.
    const auto cut = [&](std::vector<Read> reads) {
      for (Read& read : reads) {
        if (without_line_end(read.text).size() > bytes_max) read = {"long", true, {}};
      }
      return reads;
    };
    LineBlocks blocks(
        std::make_unique<tests::PiecesSource>(text, 1 + random.below(20), random.next()), bytes_max,
        ',');
    std::vector<Read> reads;
    std::vector<char> buffer;
    while (!blocks.is_ended()) {
      std::string_view block;
      REQUIRE(blocks.read(buffer, block));
      for (Read& read : read_all(block, ',', bytes_max)) reads.push_back(std::move(read));
    }
    REQUIRE(cut(reads) == cut(expected));
    // Every byte comes, and no block ends within a record but one of a line that is too long.
    BlockReader reader(
        std::make_unique<tests::PiecesSource>(text, 1 + random.below(20), random.next()), bytes_max,
        LongLines::kWhole, UnfinishedLine::kTake, ',');
    std::string all;
    std::string_view block;
    for (;;) {
      const BlockReader::Next next = reader.next(block);
      if (next == BlockReader::Next::kEnd) break;
      if (next == BlockReader::Next::kNeedsBytes) REQUIRE(reader.fill());
      if (next == BlockReader::Next::kBlock) all += block;
    }
    REQUIRE(all == text);
  });
}
}  // namespace tocsin::runtime
