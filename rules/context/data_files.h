/// The files of lists and tables: read once each, shown in diagnostics like rule files.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rules/context/rules.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// One file as it was read. `why` is said where it could not be.
struct DataFile {
  std::string path;
  std::string text;
  std::string why;
  bool readable = false;
  std::optional<std::uint32_t> source;  // in the SourceMap, once a diagnostic points into it
};

class DataFiles {
 public:
  /// Both outlive this.
  DataFiles(SourceMap& sources, const ReadFile& read_file)
      : sources_(sources), read_file_(read_file) {}
  /// The file that `written` names in the rule file `user`.
  DataFile& open(const std::string& user, const std::string& written);
  /// The place of bytes [begin, end) of a file.
  SourceSpan span(DataFile& file, std::size_t begin, std::size_t end);
  /// All that were opened, in order.
  const std::vector<std::string>& paths() const { return paths_; }

 private:
  SourceMap& sources_;
  const ReadFile& read_file_;
  std::map<std::string, std::unique_ptr<DataFile>> files_;
  std::vector<std::string> paths_;
};

/// The path that `written` in the file `user` means: relative to it, and the same for every way
/// there ("a/../b" is "b").
std::string used_path(const std::string& user, const std::string& written);
}  // namespace tocsin::rules
