/// The rule files that RULES arguments stand for.
#pragma once
#include <string>
#include <vector>

#include "cep/base/result.h"

namespace tocsin::runtime {
/// A file stands for itself, a folder for all `.tocsin` files below it, sorted by path; hidden
/// folders are passed over, and a file that is named twice comes once, where it came first. A path
/// that does not exist is kept: the loader reports it as a diagnostic. Errors: kNotFound for a
/// folder without any, kIo for one that cannot be read.
Result<std::vector<std::string>> find_rule_files(const std::vector<std::string>& paths);
/// Reads a whole rule file, or a file of a list or table (any other name). Errors: kNotFound, kIo,
/// kLimit above 16 MiB (256 MiB for others); the message is the reason
/// without the path.
Result<std::string> read_rule_file(const std::string& path);
/// Reads rule text from standard input to its end. Errors: kIo, kLimit above 16 MiB.
Result<std::string> read_rules_from_standard_input();
}  // namespace tocsin::runtime
