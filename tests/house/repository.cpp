#include "tests/house/repository.h"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace tocsin::tests {

std::filesystem::path repository_root() { return TOCSIN_SOURCE_DIR; }

std::string read_file(const std::string& path) {
  std::ifstream stream(repository_root() / path, std::ios::binary);
  REQUIRE_MESSAGE(stream.good(), "cannot read " << path);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

CommandResult run_command(const std::string& command) {
  const std::string line = "cd '" + repository_root().string() + "' && { " + command + "; } 2>&1";
  std::FILE* pipe = popen(line.c_str(), "r");
  REQUIRE(pipe != nullptr);
  CommandResult result;
  std::array<char, 4096> block;
  for (std::size_t count = 0; (count = std::fread(block.data(), 1, block.size(), pipe)) > 0;) {
    result.output.append(block.data(), count);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.status = WEXITSTATUS(status);
  return result;
}

bool is_of_package(const std::string& path) {
  return path.starts_with("python/") || path.starts_with("runtime/flink/");
}

std::vector<std::string> repository_files() {
  const CommandResult listing =
      run_command("git -c safe.directory='*' ls-files -coz --exclude-standard");
  std::vector<std::string> found;
  if (listing.status != 0) return found;
  for (std::size_t begin = 0; begin < listing.output.size();) {
    const std::size_t end = listing.output.find('\0', begin);
    const std::string path = listing.output.substr(begin, end - begin);
    // A file that was deleted but not yet from the index is no longer ours to read.
    if (std::filesystem::is_regular_file(repository_root() / path)) found.push_back(path);
    begin = end == std::string::npos ? listing.output.size() : end + 1;
  }
  return found;
}

}  // namespace tocsin::tests
