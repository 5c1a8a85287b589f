#include "tests/simulation/growing_files.h"

#include <algorithm>
#include <utility>

#include "tests/support/text_source.h"

namespace tocsin::simulation {
using namespace runtime;

namespace {
// Gives whole lines, some at a time, and what is left at the end. Before each read it is asked
// `pauses` times in vain whether it is ready.
class LinesOfFile : public tests::TextSource {
 public:
  LinesOfFile(std::string text, std::size_t lines, std::size_t pauses, GrowingFiles::Turns& turns)
      : TextSource(std::move(text)), lines_(lines), pauses_(pauses), turns_(turns) {}
  bool wait_ready(std::chrono::milliseconds /*at_most*/) const override {
    const bool is_ready = asked_ >= pauses_;
    if (!is_ready) {
      ++asked_;
      if (turns_.waited_for == nullptr) turns_.waited_for = this;
    } else if (turns_.waited_for == this) {
      turns_.waited_for = nullptr;
    }
    return is_ready;
  }
  Result<std::size_t> read(char* to, std::size_t capacity) override {
    if (turns_.waited_for != nullptr && turns_.waited_for != this) ++turns_.reads_ahead;
    asked_ = 0;
    std::size_t end = at();
    for (std::size_t line = 0; line < lines_ && end < text().size(); ++line) {
      const std::size_t feed = text().find('\n', end);
      end = feed == std::string::npos ? text().size() : feed + 1;
    }
    return give(to, capacity, end);
  }

 private:
  std::size_t lines_;
  std::size_t pauses_;
  mutable std::size_t asked_ = 0;
  GrowingFiles::Turns& turns_;
};
}  // namespace

GrowingFiles::GrowingFiles(const World& world, tests::Random& random) : random_(random) {
  std::uint64_t inode = 0;
  for (const ScriptedSource& source : world.sources) {
    if (source.kind != SourceKind::kByPosition) continue;
    File& file = files_[source.name];
    file.inode = ++inode;
    for (const std::string& line : source.lines) {
      file.text += line;
      file.ends.push_back(file.text.size());
    }
  }
}

std::vector<std::string> GrowingFiles::paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : files_) paths.push_back(path);
  return paths;
}

void GrowingFiles::grow(bool whole) {
  for (auto& [path, file] : files_) {
    if (!whole && random_.chance(40)) continue;
    const std::size_t left = file.ends.size() - file.lines;
    file.lines += whole ? left : std::min<std::size_t>(left, random_.below(30));
    const std::uint64_t begin = file.lines == 0 ? 0 : file.ends[file.lines - 1];
    std::uint64_t size = begin;
    if (file.lines < file.ends.size() && random_.chance(30)) {
      // Less than the shortest limit of a line: of a longer one parts would be taken.
      size += random_.below(std::min<std::uint64_t>(file.ends[file.lines] - begin, 1000));
    }
    file.size = std::max(file.size, size);
  }
}

std::uint64_t GrowingFiles::whole_lines(const std::string& path) const {
  const File& file = files_.at(path);
  return file.lines == 0 ? 0 : file.ends[file.lines - 1];
}

bool GrowingFiles::is_within_line(const std::string& path) const {
  return files_.at(path).size != whole_lines(path);
}

Result<InputStatus> GrowingFiles::status(const std::string& path) {
  const auto found = files_.find(path);
  if (found == files_.end()) return fail(Errc::kNotFound, path + " is not there");
  const File& file = found->second;
  return InputStatus{1, file.inode, file.size, static_cast<std::int64_t>(file.size)};
}

Result<std::unique_ptr<ByteSource>> GrowingFiles::open_stored(const std::string& path,
                                                              StopRequested /*stop*/) {
  const auto found = files_.find(path);
  if (found == files_.end()) return fail(Errc::kNotFound, path + " is not there");
  const File& file = found->second;
  turns_.waited_for = nullptr;
  const std::size_t pauses = pauses_ ? random_.below(6) : 0;
  return std::make_unique<LinesOfFile>(file.text.substr(0, file.size), 1 + random_.below(20),
                                       pauses, turns_);
}
}  // namespace tocsin::simulation
