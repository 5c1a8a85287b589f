// The journal on the real file system: read while it is written, and killed as a process of its own
// at any moment.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/io/system_files.h"
#include "runtime/journal/journal.h"
#include "runtime/journal/journal_reader.h"
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

// A new folder's path, for a journal in it; the folder goes at the end.
class Folder {
 public:
  Folder() {
    path_ = (fs::temp_directory_path() / "tocsin-journal-XXXXXX").string();
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  std::string journal() const { return path_ + "/journal"; }

 private:
  std::string path_;
};

TEST_CASE("journal: what is durable can be read while others append") {
  const Folder folder;
  SystemFiles files;
  SystemClock clock;
  JournalOptions options;
  options.segment_bytes = 32 << 10;
  options.extend_bytes = 4 << 10;
  const Result<std::unique_ptr<Journal>> journal =
      Journal::open(files, clock, folder.journal(), options, {});
  REQUIRE_MESSAGE(journal, journal.error().message);
  constexpr std::uint64_t kRecords = 2000;
  std::atomic<bool> failed{false};
  std::thread appender([&] {
    const std::string bytes(100, 'x');
    for (std::uint64_t i = 1; i <= kRecords; ++i) {
      const Result<std::uint64_t> sequence =
          (*journal)->append(ArrivalByValue{{}, "-", i, i + 1, 1, bytes});
      if (!sequence || *sequence != i) failed = true;
      if (i % 20 == 0 && !(*journal)->wait_durable(i)) failed = true;
    }
  });
  std::uint64_t until = 1;
  while (until <= kRecords && !failed) {
    until = (*journal)->status().durable_end;
    Result<JournalReader> reader = JournalReader::open(files, folder.journal(), 1, until);
    REQUIRE_MESSAGE(reader, reader.error().message);
    for (std::uint64_t i = 1; i < until; ++i) {
      const Result<std::optional<JournalEntry>> entry = reader->next();
      REQUIRE_MESSAGE(entry, entry.error().message);
      REQUIRE(*entry);
      REQUIRE(std::get<ArrivalByValue>((*entry)->record).first_offset == i);
    }
    const Result<std::optional<JournalEntry>> end = reader->next();
    REQUIRE(end);
    CHECK_FALSE(*end);
  }
  appender.join();
  CHECK_FALSE(failed);
  REQUIRE((*journal)->close());
}

TEST_CASE("journal: a process that is killed loses nothing that it acknowledged") {
  const Folder home;
  const std::string folder = home.journal();
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
}
}  // namespace
}  // namespace tocsin::runtime
