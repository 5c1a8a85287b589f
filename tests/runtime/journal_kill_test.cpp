// The journal as a process of its own, killed at any moment: what it acknowledged is there.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "runtime/journal_reader.h"
#include "runtime/system_files.h"
#include "tests/support/random.h"

extern char** environ;

namespace tocsin::runtime {
namespace {
namespace fs = std::filesystem;

struct Line {
  std::uint64_t sequence = 0;
  int round = 0;
  int thread = 0;
  int number = 0;
};

// Starts the appender, lets it print so many bytes, kills it, and gives all whole lines it printed.
std::vector<Line> run_and_kill(const std::string& folder, int round, std::size_t bytes_wanted) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string program = std::string(TOCSIN_BINARY_DIR) + "/tests/journal_appender";
  std::string number = std::to_string(round);
  std::string threads = "5";
  std::string directory = folder;
  std::array<char*, 5> arguments = {program.data(), directory.data(), number.data(), threads.data(),
                                    nullptr};
  pid_t child = 0;
  REQUIRE(::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ) ==
          0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string printed;
  std::array<char, 4096> buffer{};
  bool killed = false;
  for (;;) {
    if (!killed && printed.size() >= bytes_wanted) {
      ::kill(child, SIGKILL);
      killed = true;
    }
    const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
    if (count <= 0) break;
    printed.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  if (!killed) ::kill(child, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));  // it never ends by itself
  printed.resize(printed.rfind('\n') + 1);
  std::istringstream words(printed);
  std::vector<Line> lines;
  for (Line line; words >> line.sequence >> line.round >> line.thread >> line.number;) {
    lines.push_back(line);
  }
  return lines;
}

TEST_CASE("journal: a process that is killed loses nothing that it acknowledged") {
  std::string pattern = (fs::temp_directory_path() / "tocsin-journal-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  const std::string folder = pattern + "/journal";
  SystemFiles files;
  const std::uint64_t seed = tests::seeds_of("KILL", 1).front();
  CAPTURE(seed);
  tests::Random random(seed);
  std::map<std::uint64_t, Line> acknowledged;
  std::map<std::uint64_t, std::string> heads;  // as they were when last read
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    CAPTURE(round);
    for (const Line& line : run_and_kill(folder, round, random.below(8'000))) {
      CHECK(line.round == round);
      CHECK(acknowledged.emplace(line.sequence, line).second);
    }
    const Result<JournalExtent> extent = verify_journal(files, folder);
    REQUIRE_MESSAGE(extent, extent.error().message);
    Result<JournalReader> reader = JournalReader::open(files, folder, extent->first_sequence);
    REQUIRE(reader);
    std::map<std::pair<int, int>, int> next;  // number by round and thread
    for (;;) {
      const Result<std::optional<JournalEntry>> entry = reader->next();
      REQUIRE_MESSAGE(entry, entry.error().message);
      if (!*entry) break;
      const std::uint64_t sequence = (*entry)->sequence;
      const std::string_view bytes = std::get<ArrivalByValue>((*entry)->record).bytes;
      const std::string head(bytes.substr(0, bytes.find('\n')));
      Line line;
      std::istringstream(head) >> line.round >> line.thread >> line.number;
      // In the order of its thread, once each; the first may come after what was let go of.
      const auto [place, is_first] = next.emplace(std::pair(line.round, line.thread), line.number);
      REQUIRE(place->second == line.number);
      ++place->second;
      // What was read once stays as it was.
      const auto [head_place, is_new] = heads.emplace(sequence, head);
      REQUIRE(head_place->second == head);
      const auto wanted = acknowledged.find(sequence);
      if (wanted != acknowledged.end()) {
        REQUIRE(head == fmt::format("{} {} {}", wanted->second.round, wanted->second.thread,
                                    wanted->second.number));
      }
    }
    if (!acknowledged.empty()) CHECK(reader->sequence() > acknowledged.rbegin()->first);
    heads.erase(heads.begin(), heads.lower_bound(extent->first_sequence));
    REQUIRE(heads.size() == extent->next_sequence - extent->first_sequence);
  }
  CHECK(acknowledged.size() > 500);
  fs::remove_all(pattern);
}
}  // namespace
}  // namespace tocsin::runtime
