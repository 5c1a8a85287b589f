#include "runtime/io/line_source.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "runtime/decode/decoder.h"
#include "runtime/io/byte_source.h"
#include "tests/support/packed.h"
#include "tests/support/random.h"
#include "tests/support/text_source.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kLineBytesMax = std::size_t{1} << 20;

// What a source gave: lines as "number:text", a `!` before those that are too long, and its error.
struct Given {
  std::vector<std::string> lines;
  std::string error;
  friend bool operator==(const Given&, const Given&) = default;
};
std::ostream& operator<<(std::ostream& out, const Given& given) {
  for (const std::string& line : given.lines) out << '[' << line.substr(0, 60) << "] ";
  return out << given.error;
}

Given read_lines(LineSource& source) {
  Given given;
  Line line;
  std::ptrdiff_t readable = 0;
  for (;;) {
    switch (source.next(line)) {
      case LineSource::Next::kLine:
        given.lines.push_back((line.too_long ? "!" : "") + std::to_string(line.number) + ":" +
                              std::string(line.text));
        // Readable, whatever it is.
        readable += std::count(line.text.data() + line.text.size(),
                               line.text.data() + line.text.size() + kLinePadding, ' ');
        break;
      case LineSource::Next::kNeedsBytes:
        if (const Result<void> filled = source.fill(); !filled)
          given.error = filled.error().message;
        break;
      case LineSource::Next::kEnd:
        CHECK(readable >= 0);
        return given;
    }
  }
}
Given read_lines(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max = kLineBytesMax) {
  LineSource source(std::move(bytes), line_bytes_max);
  return read_lines(source);
}
Given lines_of(std::string contents, std::size_t line_bytes_max = kLineBytesMax) {
  return read_lines(read_memory(std::move(contents)), line_bytes_max);
}
Given lines_of_file(const std::string& path) {
  Result<std::unique_ptr<ByteSource>> bytes = open_source(path);
  if (!bytes) return {{}, bytes.error().message};
  return read_lines(std::move(*bytes));
}

using tests::gzip;
using tests::zstd;

// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tocsin-lines-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string write(const std::string& name, const std::string& contents) const {
    std::string path = (path_ / name).string();
    std::ofstream(path, std::ios::binary) << contents;
    return path;
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Many lines of many lengths.
std::string numbered_lines(std::size_t count) {
  std::string text;
  tests::Random random(7);
  for (std::size_t i = 0; i < count; ++i) {
    text += "{\"n\":" + std::to_string(i) + std::string(random.below(400), 'x') + "}\n";
  }
  return text;
}
}  // namespace

TEST_CASE("lines: ends, blanks, a byte order mark and a last line without an end") {
  struct Row {
    const char* name;
    std::string contents;
    std::vector<std::string> lines;
  };
  const Row rows[] = {
      {"empty", "", {}},
      {"one line end", "\n", {}},
      {"blanks", " \n\t\r\n\r\n  ", {}},
      {"plain", "{a}\n{b}\n", {"1:{a}", "2:{b}"}},
      {"no last end", "{a}\n{b}", {"1:{a}", "2:{b}"}},
      {"carriage returns", "{a}\r\n{b}\r\n", {"1:{a}", "2:{b}"}},
      {"blank lines are counted", "\n{a}\n  \n\n{b}\n", {"2:{a}", "5:{b}"}},
      {"byte order mark", "\xef\xbb\xbf{a}\n\xef\xbb\xbf{b}", {"1:{a}", "2:\xef\xbb\xbf{b}"}},
      {"only a byte order mark", "\xef\xbb\xbf", {}},
      {"junk is a line too",
       std::string("\0\1\xff", 3) + "\nx\n",
       {std::string("1:\0\1\xff", 5), "2:x"}},
      {"inner carriage return", "{a\rb}\n", {"1:{a\rb}"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(lines_of(row.contents) == Given{row.lines, ""});
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      CHECK(read_lines(std::make_unique<tests::PiecesSource>(row.contents, 3, seed)) ==
            Given{row.lines, ""});
    }
  }
}

TEST_CASE("lines: a line that is too long is given as a prefix, and reading goes on after it") {
  const std::string ten(10, 'a');
  CHECK(lines_of(ten + "\n" + ten + "b\n" + ten + "\r\n{c}\n", 10) ==
        Given{{"1:" + ten, "!2:" + ten, "3:" + ten, "4:{c}"}, ""});
  CHECK(lines_of(ten + "b", 10) == Given{{"!1:" + ten}, ""});
  CHECK(lines_of("\xef\xbb\xbf" + ten + "\r\n{c}", 10) == Given{{"1:" + ten, "2:{c}"}, ""});
  CHECK(lines_of(std::string(1000, ' ') + "x\n{c}", 10).lines.back() == "2:{c}");

  std::string huge;
  huge.append(10'000'000, 'x');
  const Given expected{{"1:{a}", "!2:" + huge.substr(0, LineSource::kPrefixBytesMax), "3:{b}",
                        "!4:" + huge.substr(0, LineSource::kPrefixBytesMax)},
                       ""};
  const std::string contents = "{a}\n" + huge + "\n{b}\n" + huge;
  CHECK(lines_of(contents) == expected);
  CHECK(read_lines(std::make_unique<tests::PiecesSource>(contents, 300'000, 1)) == expected);
  const std::string longest(kLineBytesMax, 'y');
  CHECK(lines_of(longest + "\n" + longest + "z\n").lines.front() == "1:" + longest);
}

TEST_CASE("lines: packed inputs give the same lines as plain ones") {
  const std::string text = numbered_lines(20'000);
  const Given expected = lines_of(text);
  REQUIRE(expected.lines.size() == 20'000);
  const std::string half = text.substr(0, text.size() / 2);
  const std::string rest = text.substr(text.size() / 2);
  const Folder folder;
  struct Row {
    const char* name;
    std::string contents;
  };
  const Row rows[] = {
      {"plain.ndjson", text},
      {"one.gz", gzip(text)},
      {"two_members.gz", gzip(half) + gzip(rest)},
      {"empty_member.gz", gzip("") + gzip(text) + gzip("")},
      {"padded.gz", gzip(text) + std::string(3000, '\0')},
      {"one.zst", zstd(text)},
      {"two_frames.zst", zstd(half) + zstd(rest)},
      {"skippable_frame.zst", std::string("\x50\x2a\x4d\x18\x04\0\0\0abcd", 12) + zstd(text)},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(lines_of_file(folder.write(row.name, row.contents)) == expected);
  }
  for (const std::size_t piece_max : {1, 7, 5000}) {
    CAPTURE(piece_max);
    CHECK(read_lines(read_gzip(
              std::make_unique<tests::PiecesSource>(rows[2].contents, piece_max, 3), "x")) ==
          expected);
    CHECK(read_lines(read_zstd(
              std::make_unique<tests::PiecesSource>(rows[6].contents, piece_max, 3), "x")) ==
          expected);
  }
  // Long runs: much comes out of few bytes, also after the last of them was taken.
  const std::string zeros(5'000'000, '0');
  CHECK(read_lines(read_gzip(read_memory(gzip(zeros)), "x"), zeros.size()).lines ==
        std::vector<std::string>{"1:" + zeros});
  CHECK(read_lines(read_zstd(read_memory(zstd(zeros)), "x"), zeros.size()).lines ==
        std::vector<std::string>{"1:" + zeros});
}

TEST_CASE("lines: damaged packed inputs give all whole lines before the damage, then an error") {
  const std::string text = numbered_lines(5'000);
  const Given whole = lines_of(text);
  struct Row {
    const char* name;
    std::string contents;
    const char* error;
  };
  const std::string packed_gz = gzip(text);
  const std::string packed_zst = zstd(text);
  const Row rows[] = {
      {"cut.gz", packed_gz.substr(0, packed_gz.size() / 2), "the gzip data is cut off"},
      {"cut_in_trailer.gz", packed_gz.substr(0, packed_gz.size() - 3), "the gzip data is cut off"},
      {"cut_in_second_head.gz", packed_gz + packed_gz.substr(0, 5), "the gzip data is cut off"},
      {"wrong_checksum.gz", packed_gz.substr(0, packed_gz.size() - 8) + "abcdefgh",
       "damaged gzip data"},
      {"more.gz", packed_gz + "more", "more data after the gzip data"},
      {"text.gz", "{\"a\":1}\n", "not gzip data"},
      {"empty.gz", "", "empty, not gzip data"},
      {"cut.zst", packed_zst.substr(0, packed_zst.size() / 2), "the zstd data is cut off"},
      {"cut_by_one.zst", packed_zst.substr(0, packed_zst.size() - 1), "the zstd data is cut off"},
      {"more.zst", packed_zst + "more", "damaged zstd data (Unknown frame descriptor)"},
      {"text.zst", "{\"a\":1}\n", "damaged zstd data (Unknown frame descriptor)"},
      {"empty.zst", "", "empty, not zstd data"},
  };
  const Folder folder;
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const std::string path = folder.write(row.name, row.contents);
    const Given given = lines_of_file(path);
    CHECK(given.error == "cannot read " + path + ": " + row.error);
    REQUIRE(given.lines.size() <= whole.lines.size());
    for (std::size_t i = 0; i < given.lines.size(); ++i) CHECK(given.lines[i] == whole.lines[i]);
  }
  CHECK(lines_of_file(folder.write("a.gz", rows[1].contents)).lines.size() == whole.lines.size());
  CHECK(lines_of_file(folder.write("b.gz", rows[4].contents)).lines.size() == whole.lines.size());
}

TEST_CASE("lines: inputs that cannot be opened or read are named") {
  const Folder folder;
  const std::string missing = folder.path() + "/missing.ndjson";
  CHECK(lines_of_file(missing).error == "cannot read " + missing + ": No such file or directory");
  CHECK(lines_of_file(folder.path()).error == "cannot read " + folder.path() + ": Is a directory");
  const Result<std::unique_ptr<ByteSource>> opened = open_source(missing);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::kNotFound);
  if (::geteuid() != 0) {  // the superuser reads everything
    const std::string locked = folder.write("locked.ndjson", "{}");
    ::chmod(locked.c_str(), 0);
    CHECK(lines_of_file(locked).error == "cannot read " + locked + ": Permission denied");
  }
  const int closed = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(closed);
  CHECK(read_lines(read_descriptor(closed, false, "standard input")).error ==
        "cannot read standard input: Bad file descriptor");
}

TEST_CASE("lines: a pipe is read as it comes, and says when it would wait") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  LineSource source(read_descriptor(ends[0], true, "standard input"), kLineBytesMax);
  CHECK_FALSE(source.is_ready());
  CHECK_FALSE(source.bytes().bytes_total().has_value());
  REQUIRE(::write(ends[1], "{a}\n{b", 6) == 6);
  CHECK(source.is_ready());
  Line line;
  CHECK(source.next(line) == LineSource::Next::kNeedsBytes);
  REQUIRE(source.fill());
  CHECK(source.next(line) == LineSource::Next::kLine);
  CHECK(line.text == "{a}");
  CHECK(source.next(line) == LineSource::Next::kNeedsBytes);
  CHECK_FALSE(source.is_ready());
  const std::string text = numbered_lines(5'000);
  std::thread writer([&] {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t written = ::write(ends[1], text.data() + at, text.size() - at);
      if (written <= 0) break;
      at += static_cast<std::size_t>(written);
    }
    ::close(ends[1]);
  });
  const Given given = read_lines(source);
  writer.join();
  CHECK(given.error == "");
  CHECK(given.lines.size() == 5'000);
  CHECK(given.lines.front() == "2:{b" + text.substr(0, text.find('\n')));
  CHECK(source.bytes_unpacked() == 6 + text.size());
}

TEST_CASE("lines: a read that waits ends when asked to stop") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  LineSource source(read_descriptor(ends[0], true, "standard input", [] { return true; }),
                    kLineBytesMax);
  const Result<void> filled = source.fill();
  REQUIRE_FALSE(filled);
  CHECK(filled.error().code == Errc::kStopped);
  ::close(ends[1]);
}
}  // namespace tocsin::runtime
