#include "runtime/journal/journal_format.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "cep/base/byte_codec.h"
#include "runtime/io/crc32c.h"
#include "runtime/journal/journal_record.h"
#include "tests/support/golden.h"
#include "tests/support/random.h"
#include "tests/support/random_journal.h"

namespace tocsin::runtime {
namespace {
// It lacks checksum and `synced`.
std::string frame_of(std::uint64_t sequence, const JournalRecord& record) {
  std::string front;
  const std::string_view rest = encode_front(record, front);
  std::string frame(frame_bytes(front.size() + rest.size()), '\0');
  write_frame(frame.data(), sequence, front, rest);
  return frame;
}

SegmentHeader sample_header() {
  SegmentHeader header;
  header.id = 7;
  header.first_sequence = 1001;
  header.previous_id = 6;
  header.semantics = 3;
  header.timeline.id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  header.timeline.parent = {0xff};
  header.timeline.parent_sequence = 900;
  header.made_at = {1'772'452'860'000'000};
  return header;
}

TEST_CASE("crc32c: the vectors of RFC 3720, with and without the instruction") {
  struct Row {
    std::string bytes;
    std::uint32_t crc;
  };
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i);
  const Row rows[] = {{"", 0},
                      {"123456789", 0xe3069283},
                      {std::string(32, '\0'), 0x8a9136aa},
                      {std::string(32, '\xff'), 0x62a8ab43},
                      {ascending, 0x46dd794e},
                      {std::string(ascending.rbegin(), ascending.rend()), 0x113fdb5c}};
  for (const Row& row : rows) {
    CHECK(crc32c(row.bytes) == row.crc);
    CHECK(crc32c_portable(row.bytes) == row.crc);
  }
}

TEST_CASE("crc32c: both ways agree on any bytes, in one piece and in two") {
  tests::Random random(1);
  // The long ones are cut into lanes.
  for (std::size_t i = 0; i < 250; ++i) {
    const std::size_t size = i < 200 ? i : 6000 + random.below(30'000);
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.below(256));
    const std::string_view text = bytes;
    const std::size_t cut = random.below(size + 1);
    CHECK(crc32c(text) == crc32c_portable(text));
    CHECK(crc32c(text.substr(cut), crc32c(text.substr(0, cut))) == crc32c(text));
  }
}

TEST_CASE("codec: varints are as short as can be, and no other form is read") {
  struct Row {
    std::uint64_t value;
    std::string_view hex;
  };
  const Row rows[] = {{0, "00"},       {127, "7f"},       {128, "8001"},
                      {16383, "ff7f"}, {16384, "808001"}, {UINT64_MAX, "ffffffffffffffffff01"}};
  for (const Row& row : rows) {
    std::string bytes;
    ByteWriter(bytes).varint(row.value);
    CHECK(tests::hex_of(bytes) == row.hex);
    ByteReader reader(bytes);
    CHECK(reader.varint() == row.value);
    CHECK(reader.is_done());
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      ByteReader shorter(std::string_view(bytes).substr(0, cut));
      CHECK(shorter.varint() == 0);
      CHECK_FALSE(shorter.ok());
    }
  }
  using namespace std::string_view_literals;
  for (const std::string_view wrong :
       {"\x80\x00"sv, "\xff\x80\x00"sv, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv,
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv}) {
    ByteReader reader(wrong);
    reader.varint();
    CHECK_FALSE(reader.ok());
  }
}

TEST_CASE("codec: varints of every size are what their definition says") {
  tests::Random random(20261121);
  for (int bits = 0; bits < 64; ++bits) {
    const std::uint64_t power = std::uint64_t{1} << bits;
    for (const std::uint64_t value :
         {power, power - 1, power + (power - 1), power | (random.next() & (power - 1))}) {
      std::string expected = "before";
      std::uint64_t left = value;
      for (; left >= 128; left /= 128) expected.push_back(static_cast<char>(128 + left % 128));
      expected.push_back(static_cast<char>(left));
      std::string bytes = "before";
      ByteWriter(bytes).varint(value);
      CHECK(tests::hex_of(bytes) == tests::hex_of(expected));
      ByteReader reader(std::string_view(bytes).substr(6));
      CHECK(reader.varint() == value);
      CHECK(reader.is_done());
    }
  }
}

TEST_CASE("codec: reading past the end gives nothing, for good") {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u32(0x04030201);
  writer.i64(-2);
  writer.text("abc");
  CHECK(tests::hex_of(bytes) == "01020304feffffffffffffff03616263");
  ByteReader reader(bytes);
  CHECK(reader.u32() == 0x04030201);
  CHECK(reader.i64() == -2);
  CHECK(reader.text() == "abc");
  CHECK(reader.is_done());
  CHECK(reader.u8() == 0);
  CHECK_FALSE(reader.ok());
  ByteReader lying(
      "\x05"
      "abc");
  CHECK(lying.text().empty());
  CHECK(lying.left() == 0);
  CHECK_FALSE(lying.ok());
}

TEST_CASE("journal: header, frames and records have the bytes that they always had") {
  const SegmentHeader header = sample_header();
  const std::string block = encode_segment_header(header);
  REQUIRE(block.size() == kSegmentHeaderBytes);
  std::string text = "# the used part of a segment's header\n";
  text += tests::hex_of(block.substr(0, 96)) + "\n# record kind | body | its frame\n";
  std::uint64_t sequence = header.first_sequence;
  for (const JournalRecord& record : tests::sample_records()) {
    std::string frame = frame_of(sequence++, record);
    seal_frame(frame.data(), frame_seed(header), header.first_sequence);
    text += fmt::format("{} | {} | {}\n", record_kind_name(record),
                        tests::hex_of(tests::body_of(record)), tests::hex_of(frame));
  }
  tests::check_golden("journal.txt", text);
}

TEST_CASE("journal: a header is read back, and any flipped bit of it is found") {
  const SegmentHeader header = sample_header();
  std::string block = encode_segment_header(header);
  REQUIRE(decode_segment_header(block, "segment-7"));
  CHECK(*decode_segment_header(block, "segment-7") == header);
  for (std::size_t i = 0; i < block.size(); ++i) {
    block[i] = static_cast<char>(block[i] ^ (1 << (i % 8)));
    const Result<SegmentHeader> damaged = decode_segment_header(block, "segment-7");
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().code == Errc::kCorrupt);
    CHECK(damaged.error().message.starts_with("segment-7 is damaged"));
    block[i] = static_cast<char>(block[i] ^ (1 << (i % 8)));
  }
  CHECK_FALSE(decode_segment_header(block.substr(0, 4095), "segment-7"));
}

TEST_CASE("journal: a newer format is refused with what to do, and is not taken for damage") {
  std::string block = encode_segment_header(sample_header());
  store_number(block.data() + 8, std::uint32_t{2});
  store_number(block.data() + 12,
               crc32c(std::string_view(block).substr(16), crc32c(block.substr(0, 12))));
  const Result<SegmentHeader> newer = decode_segment_header(block, "segment-7");
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::kOtherVersion);
  CHECK(
      newer.error().message ==
      "segment-7 has journal format 2, and this program reads format 1; use the version of Tocsin "
      "that wrote it, or a newer one");
}

TEST_CASE("journal: records are read back as they were") {
  for (const JournalRecord& record : tests::sample_records()) {
    const std::string body = tests::body_of(record);
    const Result<JournalRecord> read = decode_record(body);
    REQUIRE(read);
    CHECK(*read == record);
  }
  tests::for_all_seeds("RUNTIME", 300, [](tests::Random& random) {
    tests::RandomRecords records(random);
    const JournalRecord record = records.next(5000);
    const std::string body = tests::body_of(record);
    const Result<JournalRecord> read = decode_record(body);
    REQUIRE(read);
    CHECK(*read == record);
    // What is cut is no record.
    CHECK_FALSE(decode_record(std::string_view(body).substr(0, random.below(body.size()))));
    CHECK_FALSE(decode_record(body + '\0'));
  });
}

TEST_CASE("journal: a body that is no record is refused by what it is") {
  using namespace std::string_view_literals;
  CHECK(decode_record("").error().code == Errc::kCorrupt);
  CHECK(decode_record("\x09").error().code == Errc::kOtherVersion);
  CHECK(decode_record("\x09").error().message ==
        "a record of a kind that this program does not know: 9");
  CHECK(decode_record("\x02").error().code == Errc::kOtherVersion);
  const std::string_view wrong[] = {
      // decisions of no kind, and one with more behind it
      "\x03\0\0\0\0\0\0\0\0\0\0"sv,
      "\x03\x05\0\0\0\0\0\0\0\0\0"sv,
      "\x03\x01\0\0\0\0\0\0\0\0\0\0"sv,
      // next offset before the first
      "\x01\0\0\0\0\0\0\0\0\0\x02\x01\0\0"sv,
  };
  for (const std::string_view body : wrong) {
    CAPTURE(tests::hex_of(body));
    REQUIRE_FALSE(decode_record(body));
    CHECK(decode_record(body).error().code == Errc::kCorrupt);
  }
}

TEST_CASE("journal: a frame holds only in its own segment, timeline and place") {
  const SegmentHeader header = sample_header();
  std::string frame = frame_of(1005, tests::sample_records()[0]);
  CHECK(frame.size() % 8 == 0);
  CHECK(unsealed_bytes(frame.data()) == frame.size());
  seal_frame(frame.data(), frame_seed(header), 1001);
  const std::optional<Frame> read = read_frame(frame, frame_seed(header));
  REQUIRE(read);
  CHECK(read->head.sequence == 1005);
  CHECK(read->head.synced == 1001);
  CHECK(read->bytes == frame.size());
  CHECK(read->body == tests::body_of(tests::sample_records()[0]));
  SegmentHeader other = header;
  other.id = 8;
  CHECK_FALSE(read_frame(frame, frame_seed(other)));
  other = header;
  other.timeline.id[15] = 0;
  CHECK_FALSE(read_frame(frame, frame_seed(other)));
  for (std::size_t i = 0; i < frame.size(); ++i) {
    frame[i] = static_cast<char>(frame[i] ^ (1 << (i % 8)));
    CHECK_FALSE(read_frame(frame, frame_seed(header)));
    frame[i] = static_cast<char>(frame[i] ^ (1 << (i % 8)));
  }
  CHECK_FALSE(read_frame(std::string_view(frame).substr(0, frame.size() - 8), frame_seed(header)));
  CHECK_FALSE(read_frame("", frame_seed(header)));
}
}  // namespace
}  // namespace tocsin::runtime
