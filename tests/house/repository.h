/// Reads the repository that the tests were built from.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace tocsin::tests {

/// Returns the root of the repository.
std::filesystem::path repository_root();
/// Returns what a file holds; `path` is relative to the root. Fails the test if it cannot be read.
std::string read_file(const std::string& path);

struct CommandResult {
  int status = -1;     // exit status, or -1 if it did not exit
  std::string output;  // standard output and error together
};
/// Runs a shell command in the root.
CommandResult run_command(const std::string& command);

/// Whether a file belongs to a package for another language, which is built on include/tocsin.h
/// alone: the rules for folders of the program do not hold there.
bool is_of_package(const std::string& path);

/// Returns the files, relative to the root, that git tracks or would: all it does not ignore.
/// Empty when the tree is not a git repository.
std::vector<std::string> repository_files();

}  // namespace tocsin::tests
