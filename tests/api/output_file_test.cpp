#include "api/base/output_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace tocsin::api {
namespace {
namespace fs = std::filesystem;

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string temporary_path() {
  std::string name = (fs::temp_directory_path() / "tocsin_output_XXXXXX").string();
  const int descriptor = mkstemp(name.data());
  REQUIRE(descriptor >= 0);
  close(descriptor);
  return name;
}

TEST_CASE("output file: replaces what was there and holds each line once closed") {
  const std::string path = temporary_path();
  std::ofstream(path) << "something longer than what comes now\n";
  auto output = OutputFile::open(path);
  REQUIRE(output.has_value());
  CHECK(contents(path).empty());
  CHECK(output->write_line("one").has_value());
  CHECK(output->write_line("").has_value());
  CHECK(contents(path).empty());  // still in the buffer
  CHECK(output->flush().has_value());
  CHECK(contents(path) == "one\n\n");
  CHECK(output->write_line("two").has_value());
  CHECK(output->close().has_value());
  CHECK(contents(path) == "one\n\ntwo\n");
  fs::remove(path);
}

TEST_CASE("output file: a full buffer is written without a flush") {
  const std::string path = temporary_path();
  auto output = OutputFile::open(path);
  REQUIRE(output.has_value());
  CHECK(output->write_line(std::string(70'000, 'x')).has_value());
  CHECK(contents(path).size() == 70'001);
  fs::remove(path);
}

TEST_CASE("output file: a full disk is an error that names the file, and stays one") {
  auto output = OutputFile::open("/dev/full");
  REQUIRE(output.has_value());
  const Result<void> written = output->write_line("one");
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().message == "cannot write /dev/full: No space left on device");
  CHECK(output->write_line("two").error().message == written.error().message);
  CHECK_FALSE(output->close().has_value());
}

TEST_CASE("output file: what cannot be opened is an error") {
  const auto output = OutputFile::open("/nowhere/alerts.ndjson");
  REQUIRE_FALSE(output.has_value());
  CHECK(output.error().message == "cannot write /nowhere/alerts.ndjson: No such file or directory");
}
}  // namespace
}  // namespace tocsin::api
