#include "runtime/system_files.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/simulated_files.h"

namespace tocsin::runtime {
namespace {
namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "tocsin-files-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What the port promises, of the real one and of the simulated one that tests stand on.
void check_port(Files& files, const std::string& folder) {
  const std::string a = folder + "/a";
  const std::string b = folder + "/b";
  CHECK(files.open(a, OpenMode::kRead).error().code == FileErrc::kNotFound);
  CHECK(files.open(a, OpenMode::kWrite).error().code == FileErrc::kNotFound);
  {
    const auto file = files.open(a, OpenMode::kCreate);
    REQUIRE(file);
    CHECK(files.open(a, OpenMode::kCreate).error().code == FileErrc::kExists);
    REQUIRE(write_all(**file, 0, "hello"));
    REQUIRE(write_all(**file, 8, "world"));
    REQUIRE(write_all(**file, 1, "E"));
    REQUIRE((*file)->sync());
    CHECK(*(*file)->size() == 13);
  }
  using namespace std::string_view_literals;
  CHECK(*read_whole(files, a) == "hEllo\0\0\0world"sv);
  {
    const auto file = files.open(a, OpenMode::kWrite);
    REQUIRE(file);
    std::string bytes = "old";
    REQUIRE(read_range(**file, 8, 3, bytes));
    CHECK(bytes == "wor");
    REQUIRE(read_range(**file, 10, 99, bytes));
    CHECK(bytes == "rld");
    REQUIRE(read_range(**file, 13, 99, bytes));
    CHECK(bytes.empty());
    REQUIRE(read_range(**file, 99, 99, bytes));
    CHECK(bytes.empty());
    // The file that is open is the file, whatever it is called.
    REQUIRE(files.rename(a, b));
    REQUIRE(write_all(**file, 0, "J"));
  }
  CHECK(files.rename(a, b).error().code == FileErrc::kNotFound);
  CHECK(files.remove(a).error().code == FileErrc::kNotFound);
  CHECK(read_whole(files, b)->starts_with("JEllo"));
  REQUIRE(files.open(a, OpenMode::kCreate));
  CHECK(*files.list(folder) == std::vector<std::string>{"a", "b"});
  REQUIRE(files.rename(a, b));
  CHECK(read_whole(files, b)->empty());
  REQUIRE(files.sync_directory(folder));
  REQUIRE(files.remove(b));
  CHECK(files.list(folder)->empty());
  {
    const auto lock = files.lock(folder + "/lock");
    REQUIRE(lock);
    const auto other = files.lock(folder + "/lock");
    REQUIRE_FALSE(other);
    CHECK(other.error().code == FileErrc::kInUse);
  }
  CHECK(files.lock(folder + "/lock"));
  REQUIRE(make_durable_directory(files, folder + "/in"));
  REQUIRE(make_durable_directory(files, folder + "/in"));
}

TEST_CASE("files: the system's and the simulated ones keep the same promises") {
  SystemFiles system;
  const Folder folder;
  check_port(system, folder.path());
  tests::SimulatedFiles simulated;
  check_port(simulated, "folder");
}

TEST_CASE("files: failures of the system are told apart and named") {
  SystemFiles files;
  const Folder folder;
  CHECK(files.open(folder.path() + "/none", OpenMode::kRead).error().message ==
        "cannot open " + folder.path() + "/none: No such file or directory");
  CHECK(files.list(folder.path() + "/none").error().code == FileErrc::kNotFound);
  CHECK(files.make_directory(folder.path() + "/none/in").error().code == FileErrc::kNotFound);
  REQUIRE(files.open(folder.path() + "/file", OpenMode::kCreate));
  CHECK(files.make_directory(folder.path() + "/file").error().code == FileErrc::kIo);
  const auto full = files.open("/dev/full", OpenMode::kWrite);
  REQUIRE(full);
  const auto written = (*full)->write(0, "x");
  REQUIRE_FALSE(written);
  CHECK(written.error().code == FileErrc::kNoSpace);
  CHECK(to_error(written.error()).code == Errc::kLimit);
  CHECK(written.error().message == "cannot write /dev/full: No space left on device");
  const auto lock = files.lock(folder.path() + "/lock");
  REQUIRE(lock);
  CHECK(files.lock(folder.path() + "/lock").error().message ==
        "another process (" + std::to_string(::getpid()) + ") works with this folder; it holds " +
            folder.path() + "/lock");
}
}  // namespace
}  // namespace tocsin::runtime
