#include "runtime/inputs/input_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/packed.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::runtime {
namespace {
namespace fs = std::filesystem;

class Inputs {
 public:
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }
  // What a node knows after it took the first `taken` bytes of the file.
  NodeSource taken(const std::string& name, std::size_t taken, bool has_ended) const {
    NodeSource source;
    source.name = path(name);
    source.kind = SourceKind::kByPosition;
    const Result<InputIdentity> identity = identify_file(path(name));
    REQUIRE(identity);
    source.identity = write_identity(*identity);
    std::ifstream in(path(name), std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    source.prefix.add(std::string_view(text).substr(0, taken));
    source.next_offset = taken;
    source.has_ended = has_ended;
    return source;
  }

 private:
  tests::TemporaryFolder folder_;
};

std::string long_text(char c) { return std::string(200'000, c) + "\n"; }

FileMatch match_one(const std::string& path, const NodeSource& source) {
  std::vector<NodeSource> sources;
  std::string bytes;
  ByteWriter writer(bytes);
  write_source(source, writer);
  ByteReader reader(bytes);
  sources.push_back(read_source(reader));
  REQUIRE(reader.is_done());
  Result<std::vector<FileMatch>> found = match_files({path}, sources);
  REQUIRE_MESSAGE(found, found.error().message);
  return std::move(found->front());
}
}  // namespace

TEST_CASE("input file: an identity is written and read again") {
  const Inputs inputs;
  inputs.write("a", "one\n");
  const Result<InputIdentity> identity = identify_file(inputs.path("a"));
  REQUIRE(identity);
  const std::string text = write_identity(*identity);
  CHECK(read_identity(text) == *identity);
  CHECK_FALSE(read_identity(text.substr(1 + text.find(':'))));
  CHECK_FALSE(read_identity(text + "0"));
  CHECK_FALSE(read_identity(""));
}

TEST_CASE("input file: the same, grown, moved, copied and new ones are told apart") {
  const Inputs inputs;
  const std::string text = long_text('a');
  inputs.write("a", text);
  const NodeSource whole = inputs.taken("a", text.size(), true);
  const NodeSource half = inputs.taken("a", text.size() / 2, false);
  CHECK(match_one(inputs.path("a"), whole).is_finished);
  CHECK(match_one(inputs.path("a"), half).prefix.bytes() == text.size() / 2);
  CHECK_FALSE(match_one(inputs.path("a"), half).is_finished);

  fs::copy(inputs.path("a"), inputs.path("copy"));
  CHECK(match_one(inputs.path("copy"), whole).is_finished);
  fs::rename(inputs.path("a"), inputs.path("moved"));
  CHECK(match_one(inputs.path("moved"), whole).name == inputs.path("a"));
  CHECK(match_one(inputs.path("moved"), whole).is_finished);

  // The old name with other contents is a new file, where the moved one is there too.
  inputs.write("a", long_text('b'));
  std::vector<NodeSource> sources;
  sources.push_back(inputs.taken("moved", text.size(), true));
  sources.back().name = inputs.path("a");
  const Result<std::vector<FileMatch>> both =
      match_files({inputs.path("a"), inputs.path("moved")}, sources);
  REQUIRE(both);
  CHECK_FALSE((*both)[0].source);
  CHECK((*both)[0].name == inputs.path("a") + "#2");
  CHECK((*both)[1].source == 0);

  inputs.write("moved", text + text);
  const FileMatch grown = match_one(inputs.path("moved"), sources.front());
  CHECK(grown.source == 0);
  CHECK_FALSE(grown.is_finished);
}

TEST_CASE("input file: whether there is more is told by the bytes, not by what was noted") {
  const Inputs inputs;
  const std::string text = long_text('a');
  inputs.write("a", text + "two\n");
  // As a start leaves it that looked at the grown file and took nothing of it.
  const NodeSource noted = inputs.taken("a", text.size(), true);
  CHECK_FALSE(match_one(inputs.path("a"), noted).is_finished);
  inputs.write("a", text);
  CHECK(match_one(inputs.path("a"), noted).is_finished);

  // The beginning of a line is nothing to read yet.
  inputs.write("a", text + "tw");
  CHECK(match_one(inputs.path("a"), noted).is_finished);
  CHECK(match_one(inputs.path("a"), noted).unfinished_bytes == 2);
  inputs.write("a", text + "two\nthr");
  CHECK_FALSE(match_one(inputs.path("a"), noted).is_finished);
  inputs.write("a", text + std::string(3'000'000, 'x'));
  CHECK_FALSE(match_one(inputs.path("a"), noted).is_finished);
}

TEST_CASE("input file: packed files that have grown by a frame are told from those that have not") {
  const Inputs inputs;
  const std::string text = long_text('a');
  inputs.write("plain", text);
  NodeSource source = inputs.taken("plain", text.size(), true);
  inputs.write("a.zst", tests::zstd(text));
  source.name = inputs.path("a.zst");
  source.identity = write_identity(*identify_file(inputs.path("a.zst")));
  CHECK(match_one(inputs.path("a.zst"), source).is_finished);
  inputs.write("a.zst", tests::zstd(text) + tests::zstd("more\n"));
  CHECK_FALSE(match_one(inputs.path("a.zst"), source).is_finished);
  // Cut within a frame: there is more, and reading it says what is wrong.
  inputs.write("a.zst", tests::zstd(text) + tests::zstd("more\n").substr(0, 9));
  CHECK_FALSE(match_one(inputs.path("a.zst"), source).is_finished);
  // Unpacked, and under another name.
  inputs.write("b", text + "more\n");
  CHECK(match_one(inputs.path("b"), source).source == 0);
  inputs.write("b", long_text('b') + "more\n");
  CHECK_FALSE(match_one(inputs.path("b"), source).source);
}

TEST_CASE("input file: a file that came to an old path is a new one each time") {
  const Inputs inputs;
  inputs.write("in.1", "one\n");
  inputs.write("in", "three\n");
  std::vector<NodeSource> sources;
  sources.push_back(inputs.taken("in.1", 4, true));
  sources.back().name = inputs.path("in");
  sources.back().identity.replace(0, 1, "9");  // it is gone, and was elsewhere
  inputs.write("in.1", "two\n");
  sources.push_back(inputs.taken("in.1", 4, true));
  sources.back().name = inputs.path("in") + "#2";
  const Result<std::vector<FileMatch>> found =
      match_files({inputs.path("in"), inputs.path("in.1")}, sources);
  REQUIRE_MESSAGE(found, found.error().message);
  CHECK_FALSE((*found)[0].source);
  CHECK((*found)[0].name == inputs.path("in") + "#3");
  CHECK((*found)[1].source == 1);
  // Alone it may be the second one, changed.
  const Result<std::vector<FileMatch>> alone = match_files({inputs.path("in")}, sources);
  REQUIRE_FALSE(alone);
  CHECK(alone.error().code == Errc::kMismatch);
}

TEST_CASE("input file: bytes that were taken and are others now are refused") {
  const Inputs inputs;
  std::string text = long_text('a');
  inputs.write("a", text);
  const NodeSource source = inputs.taken("a", text.size() / 2, false);
  std::vector<NodeSource> sources;
  sources.push_back(inputs.taken("a", text.size() / 2, false));
  // In the middle, where neither end shows it.
  text[90'000] = 'x';
  inputs.write("a", text);
  Result<std::vector<FileMatch>> found = match_files({inputs.path("a")}, sources);
  REQUIRE_FALSE(found);
  CHECK(found.error().code == Errc::kMismatch);
  CHECK(found.error().message.find("are others now") != std::string::npos);
  inputs.write("a", text.substr(0, 1000));
  found = match_files({inputs.path("a")}, sources);
  REQUIRE_FALSE(found);
  CHECK(found.error().message.find("are no longer") != std::string::npos);
  // What was not taken yet may change.
  std::string later = long_text('a');
  later[150'000] = 'x';
  inputs.write("a", later);
  CHECK(match_files({inputs.path("a")}, sources));
}

TEST_CASE("input file: what is no regular file cannot be an input") {
  const Inputs inputs;
  REQUIRE(::mkfifo(inputs.path("pipe").c_str(), 0600) == 0);
  const Result<InputIdentity> pipe = identify_file(inputs.path("pipe"));
  REQUIRE_FALSE(pipe);
  CHECK(pipe.error().code == Errc::kUnsupported);
  const Result<InputIdentity> missing = identify_file(inputs.path("missing"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::kNotFound);
}

TEST_CASE("input file: ranges are found in a file that was moved, and end where the file does") {
  const Inputs inputs;
  inputs.write("a", "one\ntwo\nthree\n");
  const NodeSource source = inputs.taken("a", 4, false);
  fs::rename(inputs.path("a"), inputs.path("b"));
  FileRanges ranges({inputs.path("b")});
  CHECK(ranges.read(source, 4, 8) == std::string_view("two\n"));
  CHECK(ranges.read(source, 0, 4) == std::string_view("one\n"));
  CHECK(ranges.read(source, 8, 100) == std::string_view("three\n"));
  FileRanges nowhere({});
  const Result<std::string_view> missing = nowhere.read(source, 0, 4);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::kNotFound);
}
}  // namespace tocsin::runtime
