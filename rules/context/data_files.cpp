#include "rules/context/data_files.h"

#include <filesystem>
#include <utility>

namespace tocsin::rules {
std::string used_path(const std::string& user, const std::string& written) {
  return (std::filesystem::path(user).parent_path() / written).lexically_normal().generic_string();
}

DataFile& DataFiles::open(const std::string& user, const std::string& written) {
  const std::string path = used_path(user, written);
  std::unique_ptr<DataFile>& file = files_[path];
  if (file) return *file;
  file = std::make_unique<DataFile>();
  file->path = path;
  paths_.push_back(path);
  Result<std::string> text = read_file_(path);
  file->readable = text.has_value();
  if (text) {
    file->text = std::move(*text);
  } else {
    file->why = text.error().message;
  }
  return *file;
}

SourceSpan DataFiles::span(DataFile& file, std::size_t begin, std::size_t end) {
  if (!file.source) file.source = sources_.add(file.path, file.text);
  return {*file.source, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
}
}  // namespace tocsin::rules
