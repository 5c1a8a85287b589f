/// Files that are written while they are read, and a reader of a series that is killed.
#pragma once
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/series/file_series.h"
#include "runtime/series/open_series.h"
#include "runtime/series/series_state.h"

namespace tocsin::tests {
using namespace runtime;
using std::chrono::milliseconds;

/// A directory in memory, of which somebody writes the files while they are read. Each change is at
// a time of its own.
class WrittenFiles final : public InputFiles {
 public:
  struct Node {
    std::uint64_t inode = 0;
    std::string text;
    std::int64_t modified_ns = 0;
  };
  std::map<std::string, std::shared_ptr<Node>> names;  // of "d"
  std::function<void()> paused;                        // what happens while somebody waits
  std::function<void()> touched;                       // and just before a name is looked at
  std::uint64_t looks = 0;

  std::shared_ptr<Node> make(const std::string& name) {
    auto node = std::make_shared<Node>();
    node->inode = ++inodes_;
    node->modified_ns = ++time_;
    names[name] = node;
    changed_ = time_;
    return node;
  }
  void append(Node& node, const std::string& text) {
    node.text += text;
    node.modified_ns = ++time_;
  }
  // As gzip leaves it: with the time of what it is made of.
  void replace(const std::string& name, const std::string& text, std::int64_t modified_ns) {
    Node& node = *names.at(name);
    node.text = text;
    node.modified_ns = modified_ns;
  }
  void truncate(Node& node) {
    node.text.clear();
    node.modified_ns = ++time_;
  }
  void rename(const std::string& from, const std::string& to) {
    names[to] = std::move(names.at(from));
    names.erase(from);
    changed_ = ++time_;
  }
  void remove(const std::string& name) {
    names.erase(name);
    changed_ = ++time_;
  }

  Result<InputStatus> status(const std::string& path) override {
    ++looks;
    const std::shared_ptr<Node> node = find(path);
    if (node == nullptr) return fail(Errc::kNotFound, "no " + path);
    return status_of(*node);
  }
  Result<std::unique_ptr<ByteSource>> open_stored(const std::string& path,
                                                  StopRequested /*stop*/) override {
    const std::shared_ptr<Node> node = find(path);
    if (node == nullptr) return fail(Errc::kNotFound, "no " + path);
    return read_memory(node->text);
  }
  Result<std::unique_ptr<InputFile>> open_growing(const std::string& path) override {
    std::shared_ptr<Node> node = find(path);
    if (node == nullptr) return fail(Errc::kNotFound, "no " + path);
    return std::make_unique<Open>(std::move(node));
  }
  std::optional<std::int64_t> directory_changed(const std::string& path) override {
    return path == "d" ? std::optional(changed_) : std::nullopt;
  }
  // One name after the other, while they change.
  Result<std::vector<std::string>> list(const std::string& /*directory*/) override {
    std::vector<std::string> all;
    for (auto at = names.begin(); at != names.end(); at = names.upper_bound(all.back())) {
      all.push_back(at->first);
      if (touched) touched();
    }
    return all;
  }
  std::chrono::steady_clock::time_point now() override { return now_; }
  void pause(milliseconds duration) override {
    now_ += duration;
    if (paused) paused();
  }

 private:
  class Open final : public InputFile {
   public:
    explicit Open(std::shared_ptr<Node> node) : node_(std::move(node)) {}
    Result<std::size_t> read(std::uint64_t offset, char* to, std::size_t capacity) override {
      if (offset >= node_->text.size()) return 0;
      return node_->text.copy(to, capacity, static_cast<std::size_t>(offset));
    }
    Result<InputStatus> status() override { return status_of(*node_); }

   private:
    std::shared_ptr<Node> node_;
  };
  static InputStatus status_of(const Node& node) {
    return {1, node.inode, node.text.size(), node.modified_ns};
  }
  std::shared_ptr<Node> find(const std::string& path) {
    if (touched) touched();
    const auto found = names.find(path.starts_with("d/") ? path.substr(2) : path);
    return found == names.end() ? nullptr : found->second;
  }

  std::uint64_t inodes_ = 0;
  std::int64_t time_ = 0;
  std::int64_t changed_ = 0;
  std::chrono::steady_clock::time_point now_{};
};

// Reads a series as an input of a durable run does, and keeps what a journal would.
class Reader {
 public:
  struct Kept {
    SeriesState state;
    std::uint64_t lines = 0;  // of the file at hand
    bool is_at_end = false;
    std::vector<std::string> all;  // lines
  };
  Reader(WrittenFiles& files, FileSeriesOptions options, Kept& kept) : kept_(kept) {
    options.files = &files;
    options.kept = [this] { return &kept_.state; };
    kept_options_ = std::move(options);
  }
  Result<void> open(const std::string& path) {
    Result<std::unique_ptr<FileSeries>> series = open_series(path, kept_options_, kept_.is_at_end);
    if (!series) return tl::unexpected(series.error());
    series_ = *std::move(series);
    kept_.is_at_end = false;
    return begin_next();
  }
  // Reads at most `capacity` bytes; false: there was nothing to do.
  Result<bool> step(std::size_t capacity) {
    if (is_over_) return false;
    if (!part_->bytes->wait_ready(milliseconds(0))) return false;
    std::string bytes(capacity, '\0');
    const Result<std::size_t> got = part_->bytes->read(bytes.data(), capacity);
    if (!got) return tl::unexpected(got.error());
    rest_.append(bytes, 0, *got);
    for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
      take(rest_.substr(0, end + 1));
      rest_.erase(0, end + 1);
    }
    if (*got != 0) return true;
    if (auto begun = begin_next(); !begun) return tl::unexpected(begun.error());
    return true;
  }
  bool is_over() const { return is_over_; }
  std::vector<std::string> notes;

 private:
  void take(const std::string& text) {
    kept_.state.read.add(text);
    ++kept_.lines;
    kept_.all.push_back(text.ends_with('\n') ? text.substr(0, text.size() - 1) : text);
  }
  Result<void> begin_next() {
    Result<std::optional<SeriesPart>> part = series_->next();
    for (std::string& note : series_->take_notes()) notes.push_back(std::move(note));
    if (!part) return tl::unexpected(part.error());
    is_over_ = !*part;
    kept_.is_at_end = is_over_;
    if (is_over_) return {};
    if (!rest_.empty()) take(std::exchange(rest_, {}));
    part_.reset();
    part_ = **std::move(part);
    if (!part_->is_begun) return {};
    if (part_->keeps_lines) part_->begin.lines = kept_.lines;
    // As it comes back from a journal.
    part_->begin.source = "d";
    const Result<SeriesBegin> begin = read_series_begin(write_series_begin(part_->begin));
    REQUIRE_MESSAGE(begin, write_series_begin(part_->begin));
    begin_series_file(kept_.state, *begin, kept_.lines);
    kept_.lines = begin->lines;
    return {};
  }

  Kept& kept_;
  FileSeriesOptions kept_options_;
  std::unique_ptr<FileSeries> series_;
  std::optional<SeriesPart> part_;
  std::string rest_;
  bool is_over_ = false;
};

// What is kept comes back from its bytes.
inline void store(Reader::Kept& kept) {
  std::string bytes;
  ByteWriter writer(bytes);
  write_series(kept.state, writer);
  ByteReader reader(bytes);
  SeriesState again = read_series(reader);
  REQUIRE(reader.is_done());
  REQUIRE(again == kept.state);
  kept.state = std::move(again);
}

inline FileSeriesOptions following() {
  FileSeriesOptions options;
  options.follows = true;
  options.look_every = milliseconds(200);
  options.rotate_wait = milliseconds(1'000);
  return options;
}

// A reader that is killed, and started again with what was kept.
class KilledReader {
 public:
  KilledReader(WrittenFiles& files, std::string path, FileSeriesOptions options)
      : files_(files), path_(std::move(path)), options_(std::move(options)) {}
  Reader::Kept kept;

  void start() {
    store(kept);
    reader_ = std::make_unique<Reader>(files_, options_, kept);
    const Result<void> opened = reader_->open(path_);
    REQUIRE_MESSAGE(opened, opened.error().message);
  }
  bool work(std::size_t capacity) {
    const Result<bool> done = reader_->step(capacity);
    REQUIRE_MESSAGE(done, done.error().message);
    if (!*done) files_.pause(milliseconds(50));
    return *done;
  }
  void work_to_end() {
    for (int idle = 0; idle < 100 && !reader_->is_over();) idle = work(1'000) ? 0 : idle + 1;
  }
  void expect(const std::vector<std::string>& lines) const {
    const auto differing = std::ranges::mismatch(kept.all, lines);
    const auto read = differing.in1;
    const auto written = differing.in2;
    std::string notes;
    for (const std::string& note : reader_->notes) notes += "\n  " + note;
    REQUIRE_MESSAGE(
        kept.all == lines,
        "line " << read - kept.all.begin() << " is " << (read == kept.all.end() ? "missing" : *read)
                << " and was written as " << (written == lines.end() ? "none" : *written) << notes);
  }

 private:
  WrittenFiles& files_;
  std::string path_;
  FileSeriesOptions options_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace tocsin::tests
