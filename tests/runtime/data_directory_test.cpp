#include "runtime/checkpoint/data_directory.h"

#include <doctest/doctest.h>

#include "tests/support/simulated_files.h"

namespace tocsin::runtime {
namespace {
std::string refusal(const Result<DataDirectory>& opened, Errc code) {
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == code);
  return opened.error().message;
}
}  // namespace

TEST_CASE("data directory: it is made, found again, and one process's at a time") {
  tests::SimulatedFiles files;
  CHECK(refusal(DataDirectory::open(files, "/data", false), Errc::kNotFound)
            .find("there is no data directory /data") != std::string::npos);
  {
    const Result<DataDirectory> first = DataDirectory::open(files, "/data/", true);
    REQUIRE(first);
    CHECK(first->is_new());
    CHECK(first->paths().journal == "/data/journal");
    CHECK(refusal(DataDirectory::open(files, "/data", true), Errc::kInUse).find("in use") !=
          std::string::npos);
  }
  files.cut_power();
  const Result<DataDirectory> second = DataDirectory::open(files, "/data", false);
  REQUIRE(second);
  CHECK_FALSE(second->is_new());
  CHECK(check_data_directory(files, "/data"));
}

TEST_CASE("data directory: what is none, or is newer, or damaged, is refused by name") {
  tests::SimulatedFiles files;
  REQUIRE(files.make_directory("/other"));
  files.put("/other/notes.txt", "mine");
  CHECK(refusal(DataDirectory::open(files, "/other", true), Errc::kUnsupported)
            .find("/other holds something else") != std::string::npos);
  CHECK(files.contents("/other/notes.txt") == "mine");
  REQUIRE(files.make_directory("/newer"));
  files.put("/newer/FORMAT", "tocsin data 2\n");
  CHECK(refusal(DataDirectory::open(files, "/newer", true), Errc::kOtherVersion).find("format 2") !=
        std::string::npos);
  for (const char* text :
       {"", "tocsin data", "tocsin data x\n", "tocsin data 1", "tocsin data 1x\n"}) {
    CAPTURE(text);
    files.put("/newer/FORMAT", text);
    CHECK(refusal(DataDirectory::open(files, "/newer", true), Errc::kCorrupt)
              .find("/newer/FORMAT is damaged") != std::string::npos);
    CHECK_FALSE(check_data_directory(files, "/newer"));
  }
}

TEST_CASE("data directory: a crash at any operation leaves one that can be opened or made") {
  for (std::uint64_t at = 0; at < 40; ++at) {
    CAPTURE(at);
    tests::SimulatedFiles files(at + 1);
    files.fault = [&](std::uint64_t operation, tests::FileOperation, const std::string&) {
      return operation == at ? tests::Fault::kCrash : tests::Fault::kNone;
    };
    static_cast<void>(DataDirectory::open(files, "/data", true));
    files.fault = {};
    files.cut_power();
    const Result<DataDirectory> opened = DataDirectory::open(files, "/data", true);
    REQUIRE_MESSAGE(opened, opened.error().message);
  }
}
}  // namespace tocsin::runtime
