#include "runtime/io/line_splitter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "runtime/decode/decoder.h"
#include "runtime/io/block_reader.h"
#include "tests/support/random.h"
#include "tests/support/text_source.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kLineBytesMax = 40;

std::string shown(const Line& line) {
  return (line.too_long ? "!" : "") + std::to_string(line.number) + ":" + std::string(line.text);
}

std::vector<std::string> from_line_source(const std::string& text, std::uint64_t seed) {
  LineSource source(std::make_unique<tests::PiecesSource>(text, 70, seed), kLineBytesMax);
  std::vector<std::string> lines;
  Line line;
  for (;;) {
    switch (source.next(line)) {
      case LineSource::Next::kLine:
        lines.push_back(shown(line));
        break;
      case LineSource::Next::kNeedsBytes:
        REQUIRE(source.fill());
        break;
      case LineSource::Next::kEnd:
        return lines;
    }
  }
}

struct Blocks {
  std::vector<std::string> lines;
  std::string bytes;  // of all blocks
  std::uint64_t last_number = 0;
};
// Each block is split by a splitter of its own, which goes on where the one before it was: now and
// then in the middle of a block.
Blocks from_blocks(const std::string& text, std::uint64_t seed, LongLines long_lines,
                   UnfinishedLine unfinished_line = UnfinishedLine::kTake) {
  tests::Random random(seed);
  BlockReader reader(std::make_unique<tests::PiecesSource>(text, 70, seed + 1), kLineBytesMax,
                     long_lines, unfinished_line);
  Blocks blocks;
  LinePlace place;
  std::string_view block;
  for (;;) {
    switch (reader.next(block)) {
      case BlockReader::Next::kBlock:
        blocks.bytes += block;
        while (!block.empty()) {
          LineSplitter splitter(kLineBytesMax);
          splitter.resume(place);
          splitter.begin(block);
          Line line;
          while (splitter.next(line)) {
            blocks.lines.push_back(shown(line));
            if (random.chance(30)) break;
          }
          place = splitter.place();
          block.remove_prefix(splitter.consumed());
        }
        break;
      case BlockReader::Next::kNeedsBytes:
        REQUIRE(reader.fill());
        break;
      case BlockReader::Next::kEnd:
        blocks.last_number = place.number;
        return blocks;
    }
  }
}

std::string random_text(tests::Random& random) {
  std::string text = random.chance(20) ? "\xef\xbb\xbf" : "";
  for (std::size_t lines = random.below(12); lines > 0; --lines) {
    switch (random.below(4)) {
      case 0:
        text += std::string(random.below(4), ' ');
        break;
      case 1:
        text += "{" + std::string(random.below(90), 'x') + "}";
        break;
      case 2:
        text += "{" + std::string(kLineBytesMax - 4 + random.below(10), 'y');
        break;
      default:
        text += "{}";
        break;
    }
    if (random.chance(20)) text += '\r';
    if (lines > 1 || random.chance(50)) text += '\n';
  }
  return text;
}
}  // namespace

TEST_CASE("line splitter: blocks have the lines of the whole input, wherever they were cut") {
  tests::for_all_seeds("runtime", 2000, [](tests::Random& random) {
    const std::string text = random_text(random);
    CAPTURE(text);
    const std::vector<std::string> lines = from_line_source(text, random.next());
    const Blocks whole = from_blocks(text, random.next(), LongLines::kWhole);
    REQUIRE(whole.lines == lines);
    REQUIRE(whole.bytes == text);
    const Blocks cut = from_blocks(text, random.next(), LongLines::kCut);
    REQUIRE(cut.lines == lines);
    REQUIRE(cut.last_number == whole.last_number);
    // What was cut is split again from its own bytes alone, as a replay does.
    REQUIRE(from_blocks(cut.bytes, random.next(), LongLines::kWhole).lines == lines);
  });
}

TEST_CASE("line splitter: a last line without its end is left where more may come") {
  for (const LongLines long_lines : {LongLines::kWhole, LongLines::kCut}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const std::string whole = "one\n\ntwo\n";
      for (const char* const tail : {"", "three", "\r", "{\"type\":"}) {
        const Blocks left = from_blocks(whole + tail, seed, long_lines, UnfinishedLine::kLeave);
        CHECK(left.bytes == whole);
        CHECK(left.last_number == 3);
        CHECK(from_blocks(whole + tail, seed, long_lines).bytes == whole + tail);
      }
      // Of a line that is too long the beginning may have come: then all of it comes.
      const std::string too_long(3 * kLineBytesMax, 'x');
      const Blocks begun =
          from_blocks(whole + too_long, seed, LongLines::kWhole, UnfinishedLine::kLeave);
      CHECK(begun.bytes == whole + too_long);
    }
  }
}
}  // namespace tocsin::runtime
