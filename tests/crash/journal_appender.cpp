// Appends to a journal until it is killed: `journal_appender DIR ROUND THREADS`. Each thread
// appends "ROUND THREAD NUMBER", numbers from 0 on, waits until that is durable, and only then
// prints it as a line. tests/runtime/journal_process_test.cpp kills it and looks at what is left.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "runtime/io/system_files.h"
#include "runtime/journal/journal.h"

namespace {
using namespace tocsin;

constexpr std::uint64_t kKept = 1'000;  // records that are not given back

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "journal_appender: %s\n", message.c_str());
  std::_Exit(1);
}

[[noreturn]] void append_for_ever(runtime::Journal& journal, int round, int thread) {
  // The room that a run of lines takes, so that segments fill.
  const std::string rest(static_cast<std::size_t>(200 + 300 * thread), 'x');
  for (int number = 0;; ++number) {
    const std::string text = fmt::format("{} {} {}\n{}", round, thread, number, rest);
    const Result<std::uint64_t> sequence =
        journal.append(runtime::ArrivalByValue{{}, "-", 0, 0, 1, text});
    if (!sequence) die(sequence.error().message);
    const Result<void> durable = journal.wait_durable(*sequence);
    if (!durable) die(durable.error().message);
    // One write: lines of threads do not mix, and a kill leaves whole lines.
    const std::string line = fmt::format("{} {} {} {}\n", *sequence, round, thread, number);
    if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      die("cannot write");
    }
    if (number % 50 == 49) journal.release_before(*sequence > kKept ? *sequence - kKept : 0);
  }
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) die("usage: journal_appender DIR ROUND THREADS");
  runtime::SystemFiles files;
  runtime::SystemClock clock;
  runtime::JournalOptions options;
  options.segment_bytes = 256 << 10;
  options.extend_bytes = 64 << 10;
  Result<std::unique_ptr<runtime::Journal>> journal =
      runtime::Journal::open(files, clock, argv[1], options, {});
  if (!journal) die(journal.error().message);
  const int round = std::atoi(argv[2]);
  std::vector<std::thread> threads;
  for (int thread = 1; thread < std::atoi(argv[3]); ++thread) {
    threads.emplace_back([&, thread] { append_for_ever(**journal, round, thread); });
  }
  append_for_ever(**journal, round, 0);
}
