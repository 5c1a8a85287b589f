#include "runtime/series/file_series.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/series/open_series.h"
#include "runtime/series/series_names.h"
#include "tests/runtime/series_world.h"
#include "tests/support/packed.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
TEST_CASE("file series: names are ordered by their numbers, and temporary ones are passed over") {
  std::vector<std::string> names = {"b", "day-10", "day-9", "a", "day-09", "day-1.csv", "day-1"};
  std::ranges::sort(names, comes_before);
  CHECK(names ==
        std::vector<std::string>{"a", "b", "day-1", "day-1.csv", "day-09", "day-9", "day-10"});
  for (const char* const name : {".x", "_SUCCESS", "a.tmp", "a.csv.part", "a~", "a.filepart"})
    CHECK(is_passed_over(name));
  for (const char* const name : {"a", "a.csv", "part-1", "tmp"}) CHECK(!is_passed_over(name));
  for (const char* const name :
       {"p.log.1", "p.log.12.gz", "p.log-20260302", "p.log.2026-03-02T10:00.zst", "p.log_3"})
    CHECK(is_rotated(name, "p.log"));
  for (const char* const name :
       {"p.log", "p.log.bak", "p.log.1.old", "p.logs.1", "q.log.1", "p.log."})
    CHECK(!is_rotated(name, "p.log"));
}

TEST_CASE("file series: names have one order, whatever they are") {
  Random random(7);
  const auto name = [&] {
    std::string text;
    for (std::size_t i = random.below(6); i > 0; --i) text += "0019ab-"[random.below(7)];
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string a = name(), b = name(), c = name();
    CAPTURE(a);
    CAPTURE(b);
    CAPTURE(c);
    CHECK(comes_before(a, b) + comes_before(b, a) + (a == b) == 1);
    if (comes_before(a, b) && comes_before(b, c)) CHECK(comes_before(a, c));
  }
}

// What somebody writes to a log, which is rotated in every way, a step at a time while it is read.
// All files stay beside it, so that each line is read once.
class WrittenLog {
 public:
  explicit WrittenLog(Random& random) : random_(random), log_(files.make("log")) {
    files.touched = [this] { go_on(15); };
    files.paused = [this] { go_on(70); };
  }
  WrittenFiles files;

  void write() {
    finish();
    const std::string text = some_text();
    if (files.now() > late_until_) late_ = nullptr;
    // Nobody writes to a file that was renamed once the new one has anything.
    if (late_ != nullptr && random_.chance(50) && written_.back().empty()) {
      files.append(*late_, text);
      written_[written_.size() - 2] += text;
      return;
    }
    late_ = nullptr;
    if (text.empty()) return;
    files.append(*log_, text);
    written_.back() += text;
  }
  void rotate() {
    finish();
    if (rotations_ == 12) return;
    for (int i = rotations_++; i > 0; --i) {
      steps_.push_back([this, i] {
        const std::string name = name_of(i);
        files.rename(name, fmt::format("log.{}", i + 1) + (name.ends_with(".gz") ? ".gz" : ""));
      });
    }
    late_ = nullptr;
    const bool is_renamed = random_.chance(50);
    is_renamed ? rename() : copy();
    // The newest one may still be written where it was renamed.
    const int packed = is_renamed ? 2 : 1;
    if (packed <= rotations_ && random_.chance(50)) pack(fmt::format("log.{}", packed));
  }
  // Does what is left of a rotation.
  void finish() {
    while (!steps_.empty()) step();
  }
  // The last line of all. What was written late to a file that nothing was read of is found at the
  // latest when something comes behind it.
  void end() {
    finish();
    const std::string text = fmt::format("{:06} end\n", ++number_);
    files.append(*log_, text);
    written_.back() += text;
  }
  // The last line of a file that is over has no end, perhaps; that of the log is not whole then.
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    for (const std::string& text : written_) {
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        if (end == std::string::npos && &text == &written_.back()) break;
        all.push_back(text.substr(at, end == std::string::npos ? end : end - at));
        at = end == std::string::npos ? text.size() : end + 1;
      }
    }
    return all;
  }

 private:
  void rename() {
    steps_.push_back([this] { files.rename("log", "log.1"); });
    steps_.push_back([this] {
      late_ = std::exchange(log_, files.make("log"));
      late_until_ = files.now() + milliseconds(800);
      written_.emplace_back();
    });
  }
  void copy() {
    steps_.push_back([this] {
      files.append(*files.make("log.1"), log_->text.substr(0, log_->text.size() / 2));
    });
    steps_.push_back([this] {
      files.append(*files.names.at("log.1"), log_->text.substr(log_->text.size() / 2));
    });
    steps_.push_back([this] {
      files.truncate(*log_);
      written_.emplace_back();
    });
  }
  void pack(const std::string& name) {
    if (files.names.contains(name + ".gz")) return;
    steps_.push_back([this, name] {
      if (!files.names.contains(name)) return;  // it is packed already
      const std::string bytes = gzip(files.names.at(name)->text);
      files.append(*files.make(name + ".gz"), bytes.substr(0, bytes.size() / 2));
    });
    steps_.push_back([this, name] {
      if (!files.names.contains(name)) return;
      const WrittenFiles::Node& node = *files.names.at(name);
      files.replace(name + ".gz", gzip(node.text), node.modified_ns);
    });
    steps_.push_back([this, name] {
      if (files.names.contains(name)) files.remove(name);
    });
  }
  std::string name_of(int number) const {
    const std::string name = fmt::format("log.{}", number);
    return files.names.contains(name) ? name : name + ".gz";
  }
  void step() {
    const std::function<void()> next = std::move(steps_.front());
    steps_.pop_front();
    next();
  }
  void go_on(int percent) {
    if (!steps_.empty() && random_.chance(percent)) step();
  }
  // What a file begins with tells it from others.
  std::string some_text() {
    std::string text;
    for (std::size_t i = random_.below(4); i > 0; --i)
      text += fmt::format("{:06} line {}\n", ++number_, std::string(random_.below(40), 'x'));
    if (random_.chance(20)) text += fmt::format("{:06} begin", ++number_);
    return text;
  }

  Random& random_;
  std::shared_ptr<WrittenFiles::Node> log_;
  std::shared_ptr<WrittenFiles::Node> late_;  // renamed, and still written for a moment
  std::chrono::steady_clock::time_point late_until_{};
  std::vector<std::string> written_{1};      // of each file
  std::deque<std::function<void()>> steps_;  // of a rotation
  int rotations_ = 0;
  int number_ = 0;
};

TEST_CASE("file series: each line of a log is read once, however it is rotated and read") {
  for_all_seeds("runtime", 2'000, [](Random& random) {
    WrittenLog log(random);
    KilledReader reader(log.files, "d/log", following());
    reader.start();
    for (int i = 0; i < 120; ++i) {
      switch (random.weighted({7, 1, 1, 1, 10})) {
        case 0:
          log.write();
          break;
        case 1:
          log.rotate();
          break;
        case 2:
          reader.start();
          break;
        case 3:
          log.finish();
          log.files.pause(milliseconds(5'000));
          break;
        default:
          for (std::size_t n = random.below(8); n > 0; --n) reader.work(7 + random.below(60));
      }
    }
    log.end();
    reader.work_to_end();
    reader.expect(log.lines());
  });
}

// Files come into a directory, the last of them grows, and those that were read are moved and
// removed. Names are in any order; each is read where its turn comes.
TEST_CASE("file series: each line of a directory is read once, whatever comes, grows and goes") {
  for_all_seeds("runtime", 2'000, [](Random& random) {
    WrittenFiles files;
    FileSeriesOptions options = following();
    options.follows = random.chance(50);
    KilledReader reader(files, "d", options);
    std::vector<std::string> lines;
    int number = 0;
    const auto add = [&](WrittenFiles::Node& node) {
      for (std::size_t i = random.below(4); i > 0; --i) {
        lines.push_back(fmt::format("{:06} line", ++number));
        files.append(node, lines.back() + "\n");
      }
    };
    reader.start();
    for (int i = 0; i < 60; ++i) {
      switch (random.weighted({4, 2, 2, 1, 6})) {
        case 0:
          add(*files.make(fmt::format("{}{}", random.pick({"a", "b", "c-"}), ++number)));
          break;
        case 1: {  // the one at hand, behind which there may be others: a start finds it grown
          const auto found = files.names.find(reader.kept.state.file);
          if (found != files.names.end()) add(*found->second);
          break;
        }
        case 2:
          reader.start();
          break;
        case 3:
          if (!reader.kept.state.done.empty()) {
            const std::string name = reader.kept.state.done.begin()->first;
            if (!files.names.contains(name) || name == reader.kept.state.file) break;
            const SeriesFile& file = reader.kept.state.done.begin()->second;
            if (files.names[name]->text.size() != file.bytes) break;  // it has more
            random.chance(50) ? files.remove(name) : files.rename(name, name + "x");
          }
          break;
        default:
          for (std::size_t n = random.below(8); n > 0; --n) reader.work(7 + random.below(60));
      }
    }
    // What came and grew since is found by a start; twice, for what grew is read before the end.
    for (int i = 0; i < 2; ++i) {
      reader.work_to_end();
      reader.start();
    }
    reader.work_to_end();
    std::ranges::sort(lines);
    std::ranges::sort(reader.kept.all);
    reader.expect(lines);
  });
}

TEST_CASE("file series: a file that changed, or is gone with its rest, is a stop that is named") {
  WrittenFiles files;
  FileSeriesOptions options;
  options.files_max = 3;
  files.append(*files.make("a"), "1\n2\n");
  files.append(*files.make("b"), "3\n");
  KilledReader reader(files, "d", options);
  reader.start();
  reader.work_to_end();
  const auto fails = [&](Errc code, const std::string& text) {
    options.files = &files;
    options.kept = [&] { return &reader.kept.state; };
    const auto opened = open_series("d", options, reader.kept.is_at_end);
    REQUIRE(!opened);
    CHECK(opened.error().code == code);
    CHECK_MESSAGE(opened.error().message.find(text) != std::string::npos, opened.error().message);
  };
  const std::string before = files.names["a"]->text;
  files.names["a"]->text = "9\n2\n";
  ++files.names["a"]->modified_ns;
  fails(Errc::kMismatch, "d/a has changed: the first 4 bytes");
  files.names["a"]->text = before;
  const std::shared_ptr<WrittenFiles::Node> b = files.names["b"];
  files.remove("b");
  reader.kept.is_at_end = false;
  fails(Errc::kMismatch, "--accept-loss d/b=2");
  options.accepted_losses = {*parse_accepted_loss("d/b=1")};
  fails(Errc::kMismatch, "--accept-loss d/b=2");
  options.accepted_losses = {*parse_accepted_loss("d/b=2")};
  files.append(*files.make("c"), "4\n");
  KilledReader again(files, "d", options);
  again.kept = reader.kept;
  again.start();
  again.work_to_end();
  again.expect({"1", "2", "3", "4"});
  for (const char* const name : {"d", "e", "f"}) files.make(name);
  fails(Errc::kLimit, "--directory-files");
  CHECK(!parse_accepted_loss("d/b"));
  CHECK(!parse_accepted_loss("=7"));
  CHECK(!parse_accepted_loss("d/b=x"));
}

TEST_CASE("file series: beyond the limit those are forgotten that are no longer there") {
  WrittenFiles files;
  FileSeriesOptions options;
  options.files_max = 3;
  KilledReader reader(files, "d", options);
  std::vector<std::string> lines;
  for (int i = 0; i < 20; ++i) {
    const std::string name = fmt::format("f{}", i);
    lines.push_back(name);
    files.append(*files.make(name), name + "\n");
    if (i >= 2) files.remove(fmt::format("f{}", i - 2));
    reader.start();
    reader.work_to_end();
    CHECK(reader.kept.state.done.size() <= 4);
  }
  reader.expect(lines);
}

TEST_CASE("file series: a log that is not looked at costs two looks an interval") {
  WrittenFiles files;
  files.append(*files.make("log"), "1\n");
  KilledReader reader(files, "d/log", following());
  reader.start();
  reader.work_to_end();
  const std::uint64_t before = files.looks;
  for (int i = 0; i < 1'000; ++i) reader.work(100);  // 50 s
  CHECK(files.looks - before <= 260);
}
}  // namespace
}  // namespace tocsin::tests
