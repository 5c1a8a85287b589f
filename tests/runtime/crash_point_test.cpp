#include <doctest/doctest.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "runtime/io/system_files.h"
#include "runtime/journal/journal_reader.h"

namespace tocsin::runtime {
namespace {
// A process that wrote so many records does not die by itself any more.
constexpr long kUndying = 4'000;

struct Life {
  long lines = 0;  // records that it called durable
  std::uint64_t records = 0;
  bool killed = false;
};
// Appends records one by one, each once the one before it is durable, until it dies by itself.
Life appender_dies(const std::string& crash_at, long undying = kUndying) {
  std::string folder = (std::filesystem::temp_directory_path() / "tocsin-crash-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  std::string program = std::string(TOCSIN_BINARY_DIR) + "/tests/journal_appender";
  std::string journal = folder + "/journal";
  std::string one = "1";
  std::array<char*, 5> arguments = {program.data(), journal.data(), one.data(), one.data(),
                                    nullptr};
  std::string variable = "TOCSIN_CRASH_AT=" + crash_at;
  std::array<char*, 2> environment = {variable.data(), nullptr};
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = 0;
  REQUIRE(::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(),
                        environment.data()) == 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  Life life;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
    if (count <= 0) break;
    life.lines += std::count(buffer.begin(), buffer.begin() + count, '\n');
    if (life.lines > undying) ::kill(child, SIGTERM);
  }
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  life.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  SystemFiles files;
  if (std::filesystem::exists(journal)) {
    const Result<JournalExtent> extent = verify_journal(files, journal);
    REQUIRE_MESSAGE(extent, extent.error().message);
    life.records = extent->next_sequence - 1;
  }
  std::filesystem::remove_all(folder);
  return life;
}

TEST_CASE("crash points: the process dies at the passing that was asked for, and at no other") {
  const Life at_append = appender_dies("journal.append:5");
  CHECK(at_append.killed);
  CHECK(at_append.lines == 4);
  CHECK(at_append.records == 4);
  const Life before = appender_dies("journal.before_write:7");
  CHECK(before.killed);
  CHECK(before.lines == 6);
  CHECK(before.records == 6);
  // In the cache of the system, which outlives the process.
  const Life after = appender_dies("journal.after_fsync");
  CHECK(after.killed);
  CHECK(after.lines == 0);
  CHECK(after.records == 1);
  const Life trimmed = appender_dies("journal.trimmed");
  CHECK(trimmed.killed);
  CHECK(trimmed.lines > 1000);
  CHECK(trimmed.records >= static_cast<std::uint64_t>(trimmed.lines));
}

TEST_CASE("crash points: a name that is no point's ends nothing") {
  constexpr long kPassings = 300;  // of each point but that of the trimming
  const Life life = appender_dies("journal", kPassings);
  CHECK_FALSE(life.killed);
  CHECK(life.lines > kPassings);
}
}  // namespace
}  // namespace tocsin::runtime
