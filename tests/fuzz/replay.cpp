// A driver for fuzz targets without libFuzzer, so that every test run tries them: the seed inputs,
// then seeded mutations of them. The target runs in a child process; the input in hand stands in a
// file, which is kept when the child dies of it.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
constexpr const char* kUsage =
    "usage: NAME_replay [--mutations N] [--seed N] [--dictionary FILE] [--keep FILE] PATH…\n"
    "  PATH        an input, or a folder of inputs\n"
    "  --keep      where an input that crashes is left (default: crash)\n"
    "Exit: 0 no input crashed, 1 one did (its file is named), 2 wrong arguments.\n";
constexpr unsigned kInputSecondsMax = 20;
constexpr std::size_t kInputBytesMax = 1 << 16;

struct Options {
  std::uint64_t mutations = 0;
  std::uint64_t seed = 1;
  std::string keep = "crash";
  std::vector<std::string> words;  // of the dictionary
  std::vector<std::filesystem::path> inputs;
};

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
}

// libFuzzer's dictionaries: lines of "word", with \\, \" and \xAB inside; `#` begins a comment.
std::vector<std::string> read_dictionary(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line(text.data() + begin, end - begin);
    begin = end + 1;
    const std::size_t open = line.find('"');
    const std::size_t close = line.rfind('"');
    if (line.starts_with('#') || open == std::string_view::npos || open == close) continue;
    std::string word;
    for (std::size_t i = open + 1; i < close; ++i) {
      if (line[i] == '\\' && i + 3 < close && line[i + 1] == 'x') {
        unsigned value = 0;
        std::from_chars(line.data() + i + 2, line.data() + i + 4, value, 16);
        word += static_cast<char>(value);
        i += 3;
      } else {
        if (line[i] == '\\' && i + 1 < close) ++i;
        word += line[i];
      }
    }
    words.push_back(std::move(word));
  }
  return words;
}

bool add_inputs(const std::string& path, std::vector<std::filesystem::path>& inputs) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      if (entry.is_regular_file()) inputs.push_back(entry.path());
    }
    return !error;
  }
  if (!std::filesystem::is_regular_file(path, error)) return false;
  inputs.emplace_back(path);
  return true;
}

std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  if (const char* seed = std::getenv("TOCSIN_SEED"))
    options.seed = number_of(seed).value_or(options.seed);
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      if (!add_inputs(argv[i], options.inputs)) {
        std::fprintf(stderr, "cannot read %s\n", argv[i]);
        return std::nullopt;
      }
      continue;
    }
    if (++i == argc) return std::nullopt;
    if (word == "--keep") {
      options.keep = argv[i];
    } else if (word == "--dictionary") {
      const std::optional<std::string> text = read_file(argv[i]);
      if (!text) return std::nullopt;
      options.words = read_dictionary(*text);
    } else if (const std::optional<std::uint64_t> value = number_of(argv[i]);
               value && word == "--mutations") {
      options.mutations = *value;
    } else if (value && word == "--seed") {
      options.seed = *value;
    } else {
      return std::nullopt;
    }
  }
  if (options.inputs.empty()) return std::nullopt;
  std::sort(options.inputs.begin(), options.inputs.end());
  return options;
}

class Mutator {
 public:
  Mutator(std::uint64_t seed, const std::vector<std::string>& seeds,
          const std::vector<std::string>& words)
      : random_(seed), seeds_(seeds), words_(words) {}

  std::string next() {
    std::string text = pick(seeds_);
    for (std::size_t changes = 1 + below(8); changes > 0; --changes) change(text);
    text.resize(std::min(text.size(), kInputBytesMax));
    return text;
  }

 private:
  // Not std::uniform_int_distribution: the same numbers with every library.
  std::size_t below(std::size_t bound) {
    return bound == 0 ? 0 : static_cast<std::size_t>(random_() % bound);
  }
  const std::string& pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

  void change(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t count = 1 + below(std::min<std::size_t>(text.size() - at, 40));
    switch (below(words_.empty() ? 7 : 9)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        text.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 2:
        text.erase(at, count);
        break;
      case 3: {  // a piece of itself, elsewhere
        const std::string piece = text.substr(at, count);
        text.insert(below(text.size() + 1), piece);
        break;
      }
      case 4: {  // a piece of another
        const std::string& other = pick(seeds_);
        const std::size_t from = below(other.size() + 1);
        text.insert(at, other.substr(from, 1 + below(200)));
        break;
      }
      case 5:
        if (at < text.size()) text[at] = "0123456789-+.eE:\"\\{}[](),#`/ \n"[below(31)];
        break;
      case 6: {  // many of one
        const std::string piece = text.substr(at, 1 + below(8));
        std::string many;
        for (std::size_t times = 1 + below(64); times > 0; --times) many += piece;
        text.insert(at, many);
        break;
      }
      default:
        text.insert(at, " " + pick(words_) + " ");
        break;
    }
  }

  std::mt19937_64 random_;
  const std::vector<std::string>& seeds_;
  const std::vector<std::string>& words_;
};

// Puts the input in hand where it can be found when the process dies.
class Notebook {
 public:
  explicit Notebook(const std::string& path)
      : file_(open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644)) {}
  bool is_open() const { return file_ >= 0; }
  bool note(const std::string& input) const {
    std::size_t done = 0;
    while (done < input.size()) {
      const ssize_t count =
          pwrite(file_, input.data() + done, input.size() - done, static_cast<off_t>(done));
      if (count < 0 && errno != EINTR) return false;
      if (count > 0) done += static_cast<std::size_t>(count);
    }
    return ftruncate(file_, static_cast<off_t>(input.size())) == 0;
  }

 private:
  int file_;
};

// In the child: never returns but through exit.
[[noreturn]] void try_all(const Options& options, const Notebook& notebook) {
  const auto try_one = [&](const std::string& input) {
    if (!notebook.note(input)) {
      std::fprintf(stderr, "cannot write %s\n", options.keep.c_str());
      std::exit(2);
    }
    alarm(kInputSecondsMax);
    // A copy of its own size, so that a sanitizer sees a read past it.
    const std::vector<std::uint8_t> bytes(input.begin(), input.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  };
  std::vector<std::string> seeds;
  for (const std::filesystem::path& path : options.inputs) {
    std::optional<std::string> input = read_file(path);
    if (!input) {
      std::fprintf(stderr, "cannot read %s\n", path.c_str());
      std::exit(2);
    }
    try_one(*input);
    seeds.push_back(*std::move(input));
  }
  Mutator mutator(options.seed, seeds, options.words);
  for (std::uint64_t i = 0; i < options.mutations; ++i) try_one(mutator.next());
  std::exit(0);
}

int run(const Options& options) {
  const Notebook notebook(options.keep);
  if (!notebook.is_open()) {
    std::fprintf(stderr, "cannot write %s\n", options.keep.c_str());
    return 2;
  }
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) {
    std::perror("fork");
    return 2;
  }
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // it must not outlive a driver that was stopped
    try_all(options, notebook);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const std::uint64_t executions = options.inputs.size() + options.mutations;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    std::filesystem::remove(options.keep);
    std::printf("%llu executions, seed %llu\n", static_cast<unsigned long long>(executions),
                static_cast<unsigned long long>(options.seed));
    return 0;
  }
  const char* how = "it ended the process";
  if (WIFSIGNALED(status))
    how = WTERMSIG(status) == SIGALRM ? "it took too long" : strsignal(WTERMSIG(status));
  std::printf("a crash (%s), seed %llu; the input is kept: %s\n", how,
              static_cast<unsigned long long>(options.seed), options.keep.c_str());
  return 1;
}
}  // namespace
}  // namespace tocsin::fuzz

int main(int argc, char** argv) {
  const std::optional<tocsin::fuzz::Options> options = tocsin::fuzz::parse_options(argc, argv);
  if (!options) {
    std::fputs(tocsin::fuzz::kUsage, stderr);
    return 2;
  }
  return tocsin::fuzz::run(*options);
}
