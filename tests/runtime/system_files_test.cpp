#include "runtime/io/system_files.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/io/aligned_bytes.h"
#include "tests/support/random.h"
#include "tests/support/simulated_files.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::runtime {
namespace {
using Folder = tests::TemporaryFolder;

// A file that is written and read, and renamed to "b" while it is open.
void check_contents(Files& files, const std::string& folder) {
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
}

void check_direct_writes(Files& files, const std::string& folder) {
  const std::string direct = folder + "/direct";
  const auto file = files.open(direct, OpenMode::kCreate);
  REQUIRE(file);
  REQUIRE(write_all(**file, 0, "in the cache"));
  (*file)->bypass_cache();
  AlignedBytes block;
  block.reserve(2 * kDirectBytes);
  std::memset(block.data(), 'd', 2 * kDirectBytes);
  REQUIRE(write_all(**file, kDirectBytes, {block.data(), 2 * kDirectBytes}));
  REQUIRE(write_all(**file, kDirectBytes, {block.data(), kDirectBytes}));
  REQUIRE((*file)->sync());
  CHECK(*(*file)->size() == 3 * kDirectBytes);
  const std::string bytes = *read_whole(files, direct);
  CHECK(bytes.starts_with("in the cache"));
  CHECK(bytes.substr(kDirectBytes) == std::string(2 * kDirectBytes, 'd'));
  REQUIRE(files.remove(direct));
}

// Begins with the file "b" of check_contents(), and removes it.
void check_names(Files& files, const std::string& folder) {
  const std::string a = folder + "/a";
  const std::string b = folder + "/b";
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
}

void check_locks(Files& files, const std::string& folder) {
  {
    const auto lock = files.lock(folder + "/lock");
    REQUIRE(lock);
    const auto other = files.lock(folder + "/lock");
    REQUIRE_FALSE(other);
    CHECK(other.error().code == FileErrc::kInUse);
  }
  CHECK(files.lock(folder + "/lock"));
}

void check_folders(Files& files, const std::string& folder) {
  REQUIRE(make_durable_directory(files, folder + "/in"));
  REQUIRE(make_durable_directory(files, folder + "/in"));

  // A second name is the same file, and stays when the first goes.
  const std::string c = folder + "/in/c";
  const std::string d = folder + "/in/d";
  {
    const auto file = files.open(c, OpenMode::kCreate);
    REQUIRE(file);
    REQUIRE(files.link(c, d));
    REQUIRE(write_all(**file, 0, "both"));
  }
  CHECK(*read_whole(files, d) == "both");
  CHECK(*files.identity(c) == *files.identity(d));
  CHECK(*files.identity(c) != *files.identity(folder + "/in"));
  CHECK(files.identity(folder + "/in/none").error().code == FileErrc::kNotFound);
  CHECK(files.link(c, d).error().code == FileErrc::kExists);
  CHECK(files.link(folder + "/in/none", folder + "/in/e").error().code == FileErrc::kNotFound);
  REQUIRE(files.remove(c));
  CHECK(*read_whole(files, d) == "both");
  // A folder moves with all that is in it, and is removed once it is empty.
  CHECK(*files.is_directory(folder + "/in"));
  CHECK_FALSE(*files.is_directory(d));
  CHECK(files.is_directory(c).error().code == FileErrc::kNotFound);
  CHECK_FALSE(files.remove(folder + "/in"));
  CHECK_FALSE(files.remove_directory(folder + "/in"));
  CHECK_FALSE(files.remove_directory(d));
  REQUIRE(files.rename(folder + "/in", folder + "/out"));
  CHECK(*files.list(folder + "/out") == std::vector<std::string>{"d"});
  CHECK(files.list(folder + "/in").error().code == FileErrc::kNotFound);
  CHECK(files.open(c, OpenMode::kCreate).error().code == FileErrc::kNotFound);
  REQUIRE(files.make_directory(folder + "/in"));
  REQUIRE(files.link(folder + "/out/d", c));
  CHECK_FALSE(files.rename(folder + "/out", folder + "/in"));
  CHECK(*read_whole(files, c) == "both");
  REQUIRE(files.remove(folder + "/out/d"));
  REQUIRE(files.remove_directory(folder + "/out"));
  CHECK(files.remove_directory(folder + "/out").error().code == FileErrc::kNotFound);
}

// What the port promises, of the real one and of the simulated one that tests stand on.
void check_port(Files& files, const std::string& folder) {
  check_contents(files, folder);
  check_direct_writes(files, folder);
  check_names(files, folder);
  check_locks(files, folder);
  check_folders(files, folder);
}

TEST_CASE("files: what a power failure leaves of folders and second names that were not synced") {
  // Without a sync of the parent a folder may be lost with all that is in it, and a file keeps the
  // names that were synced.
  bool lost = false;
  bool kept = false;
  tests::for_all_seeds("CHECKPOINT", 50, [&](tests::Random& random) {
    tests::SimulatedFiles files(random.next());
    files.put("data/a", "contents");
    REQUIRE(files.make_directory("data/new"));
    REQUIRE(files.link("data/a", "data/new/b"));
    REQUIRE(files.sync_directory("data/new"));
    REQUIRE(files.rename("data/new", "data/old"));
    files.cut_power();
    CHECK(files.contents("data/a") == "contents");
    const std::string left = files.contents("data/new/b") + files.contents("data/old/b");
    CHECK((left.empty() || left == "contents"));
    lost |= left.empty();
    kept |= !left.empty();
  });
  CHECK(lost);
  CHECK(kept);
  tests::SimulatedFiles files;
  REQUIRE(make_durable_directory(files, "data/new"));
  { REQUIRE(files.open("data/new/b", OpenMode::kCreate)); }
  REQUIRE(files.sync_directory("data/new"));
  REQUIRE(files.rename("data/new", "data/old"));
  REQUIRE(files.sync_directory("data"));
  files.cut_power();
  CHECK(files.paths() == std::vector<std::string>{"data/old/b"});
}

TEST_CASE("files: the system's and the simulated ones keep the same promises") {
  SystemFiles system;
  const Folder folder;
  check_port(system, folder.path());
  tests::SimulatedFiles simulated;
  check_port(simulated, "folder");
  simulated.knows_links = false;
  simulated.put("folder/in/c", "");
  CHECK(simulated.link("folder/in/c", "folder/in/d").error().code == FileErrc::kNoLink);
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
