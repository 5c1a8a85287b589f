/// The journal on a real disk: records a second, and the time from handing a record in until it is
/// durable, with 1, 16 and 256 writers that each wait for theirs; runs of lines without waiting;
/// beside the least that any journal must do, write and fdatasync of the same bytes in a file that
/// has its blocks.
///
///   bench_journal [--seconds N] [--bytes N] DIR
///
/// DIR is on the disk to measure and is emptied of what this leaves there. Everything in one run:
/// compare a figure with the floor beside it, not with another machine's.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/io/system_files.h"
#include "runtime/journal/journal.h"
#include "runtime/journal/journal_reader.h"

namespace {
using namespace tocsin;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}

struct Options {
  double seconds = 3;
  std::size_t bytes = 300;  // of a line
  std::string folder;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

struct Figures {
  double records_per_s = 0;
  double us_p50 = 0;
  double us_p99 = 0;
  double records_per_sync = 1;
  double cpu_us_per_record = 0;
};

double quantile_us(std::vector<double>& seconds, double share) {
  if (seconds.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(seconds.size() - 1));
  std::nth_element(seconds.begin(), seconds.begin() + static_cast<std::ptrdiff_t>(at),
                   seconds.end());
  return seconds[at] * 1e6;
}

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// For a third of the time that a journal is given.
Figures floor_of(const Options& options, std::size_t bytes) {
  const std::string path = options.folder + "/floor";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (file < 0) die("cannot make " + path);
  constexpr std::size_t kFileBytes = std::size_t{64} << 20;
  const std::string zeros(1 << 20, '\0');
  for (std::size_t at = 0; at < kFileBytes; at += zeros.size()) {
    if (::pwrite(file, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) die("cannot write");
  }
  ::fsync(file);
  const std::string record(bytes, 'x');
  std::vector<double> times;
  double seconds = 0;
  const double cpu = cpu_seconds();
  // In a thread of its own, as the journal has: one that has used the processor much is made to
  // wait.
  std::thread thread([&] {
    const Clock::time_point begin = Clock::now();
    for (std::size_t at = 0; since(begin) < options.seconds / 3; at += bytes) {
      if (at + bytes > kFileBytes) at = 0;
      const Clock::time_point one = Clock::now();
      if (::pwrite(file, record.data(), bytes, static_cast<off_t>(at)) < 0 ||
          ::fdatasync(file) != 0) {
        die("cannot write and sync");
      }
      times.push_back(since(one));
    }
    seconds = since(begin);
  });
  thread.join();
  ::close(file);
  const auto count = static_cast<double>(times.size());
  return {count / seconds, quantile_us(times, 0.5), quantile_us(times, 0.99), 1,
          (cpu_seconds() - cpu) * 1e6 / count};
}

std::unique_ptr<runtime::Journal> open_journal(runtime::Files& files, runtime::Clock& clock,
                                               const std::string& folder) {
  fs::remove_all(folder);
  Result<std::unique_ptr<runtime::Journal>> journal =
      runtime::Journal::open(files, clock, folder, {}, {});
  if (!journal) die(journal.error().message);
  return *std::move(journal);
}

// Reads the journal back: a figure for records that are not there would be none.
void check(runtime::Files& files, const std::string& folder, std::uint64_t next_sequence) {
  const Result<runtime::JournalExtent> extent = runtime::verify_journal(files, folder);
  if (!extent) die(extent.error().message);
  if (extent->next_sequence != next_sequence) die("records are missing");
  fs::remove_all(folder);
}

Figures waiting_writers(const Options& options, std::size_t writers) {
  runtime::SystemFiles files;
  runtime::SystemClock clock;
  const std::string folder = options.folder + "/journal";
  const auto journal = open_journal(files, clock, folder);
  const std::string line(options.bytes, 'x');
  std::vector<std::vector<double>> times(writers);
  std::atomic<bool> failed{false};
  const double cpu = cpu_seconds();
  const Clock::time_point begin = Clock::now();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < writers; ++i) {
    threads.emplace_back([&, i] {
      while (since(begin) < options.seconds) {
        const Clock::time_point one = Clock::now();
        const Result<std::uint64_t> sequence =
            journal->append(runtime::ArrivalByValue{{}, "http", 0, 0, 1, line});
        if (!sequence || !journal->wait_durable(*sequence)) failed = true;
        times[i].push_back(since(one));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = since(begin);
  const double cpu_used = cpu_seconds() - cpu;
  const runtime::JournalStatus status = journal->status();
  if (failed || !journal->close()) die("the journal failed");
  check(files, folder, status.next_sequence);
  std::vector<double> all;
  for (const std::vector<double>& some : times) all.insert(all.end(), some.begin(), some.end());
  const auto count = static_cast<double>(all.size());
  return {count / seconds, quantile_us(all, 0.5), quantile_us(all, 0.99),
          count / static_cast<double>(status.commits), cpu_used * 1e6 / count};
}

struct Stream {
  double lines_per_s = 0;
  double bytes_per_s = 0;
  double cpu_ns_per_line = 0;
};

// One writer that hands in runs of lines, and waits only where the queue is full.
Stream stream_lines(const Options& options, std::size_t lines) {
  runtime::SystemFiles files;
  runtime::SystemClock clock;
  const std::string folder = options.folder + "/journal";
  const auto journal = open_journal(files, clock, folder);
  const std::string bytes(options.bytes * lines, 'x');
  std::uint64_t last = 0;
  std::uint64_t released = 0;
  const double cpu = cpu_seconds();
  const Clock::time_point begin = Clock::now();
  std::uint64_t runs = 0;
  for (; since(begin) < options.seconds; ++runs) {
    const Result<std::uint64_t> sequence = journal->append(
        runtime::ArrivalByValue{{}, "-", runs * lines, (runs + 1) * lines, lines, bytes});
    if (!sequence) die(sequence.error().message);
    last = *sequence;
    // As checkpoints do: what is old is let go of, and its segments used again.
    const std::uint64_t kept = (std::uint64_t{64} << 20) / bytes.size();
    if (last > released + 2 * kept) journal->release_before(released = last - kept);
  }
  if (!journal->wait_durable(last)) die("the journal failed");
  const double seconds = since(begin);
  const double cpu_used = cpu_seconds() - cpu;
  if (!journal->close()) die("the journal failed");
  check(files, folder, last + 1);
  const auto count = static_cast<double>(runs * lines);
  return {count / seconds, count * static_cast<double>(options.bytes) / seconds,
          cpu_used * 1e9 / count};
}

void print(const std::string& name, const Figures& figures, double floor_us_p50) {
  fmt::print("{:<22} {:>9.0f} {:>9.0f} {:>9.0f} {:>9.1f} {:>9.1f} {:>8.1f}\n", name,
             figures.records_per_s, figures.us_p50, figures.us_p99, figures.records_per_sync,
             figures.cpu_us_per_record, figures.us_p50 / floor_us_p50);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--seconds" && i + 1 < argc) {
      options.seconds = std::atof(argv[++i]);
    } else if (word == "--bytes" && i + 1 < argc) {
      options.bytes = static_cast<std::size_t>(std::atoll(argv[++i]));
    } else if (!word.starts_with("-") && options.folder.empty()) {
      options.folder = word;
    } else {
      die("usage: bench_journal [--seconds N] [--bytes N] DIR");
    }
  }
  if (options.folder.empty() || options.seconds <= 0 || options.bytes == 0) {
    die("usage: bench_journal [--seconds N] [--bytes N] DIR");
  }
  return options;
}
}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  fs::create_directories(options.folder);
  fmt::print("{} bytes a line, {} s each, in {}\n\n", options.bytes, options.seconds,
             options.folder);
  fmt::print("{:<22} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}\n", "", "records/s", "p50 us", "p99 us",
             "per sync", "CPU us", "p50/floor");
  for (const std::size_t writers : {1, 16, 256}) {
    // Beside each: a shared disk is not the same from minute to minute.
    const Figures floor = floor_of(options, options.bytes);
    print("write and fdatasync", floor, floor.us_p50);
    print(fmt::format("journal, {} waiting", writers), waiting_writers(options, writers),
          floor.us_p50);
  }
  constexpr std::size_t kRunLines = 1000;
  const Stream stream = stream_lines(options, kRunLines);
  const Figures big = floor_of(options, options.bytes * kRunLines);
  fmt::print(
      "\nruns of {} lines by value, no waiting: {:.2f} M lines/s, {:.0f} MB/s, {:.0f} ns of CPU "
      "a line; write and fdatasync of such a run: {:.2f} M lines/s, {:.0f} ns\n",
      kRunLines, stream.lines_per_s * 1e-6, stream.bytes_per_s * 1e-6, stream.cpu_ns_per_line,
      big.records_per_s * kRunLines * 1e-6, big.cpu_us_per_record * 1e3 / kRunLines);
  fs::remove(options.folder + "/floor");
  return 0;
}
