#include "api/lsp/rule_workspace.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "runtime/io/rule_files.h"

namespace tocsin::api {
namespace {
bool has_rule_files(const std::filesystem::path& folder) {
  std::error_code failed;
  for (auto entry = std::filesystem::directory_iterator(folder, failed);
       !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
    if (entry->path().extension() == ".tocsin") return true;
  }
  return false;
}
bool is_below(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) &&
         (folder.ends_with('/') || path[folder.size()] == '/');
}
}  // namespace

void RuleWorkspace::set_folders(std::vector<std::string> folders) {
  for (std::string& folder : folders) {
    while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  }
  folders_ = std::move(folders);
  forget_all();
}

std::string RuleWorkspace::set_of(const std::string& path) const {
  if (!path.starts_with('/')) return path;
  const std::filesystem::path own = std::filesystem::path(path).parent_path();
  for (const std::string& root : folders_) {
    if (!is_below(path, root)) continue;
    std::filesystem::path folder = root;
    const std::filesystem::path below = own.lexically_relative(root);
    if (has_rule_files(folder)) return folder.generic_string();
    for (const std::filesystem::path& part : below) {
      folder /= part;
      if (has_rule_files(folder)) return folder.lexically_normal().generic_string();
    }
  }
  return own.generic_string();
}

std::vector<std::string> RuleWorkspace::files_of(const std::string& set) const {
  std::vector<std::string> files;
  if (set.starts_with('/')) {
    if (Result<std::vector<std::string>> found = runtime::find_rule_files({set})) {
      files = std::move(*found);
    }
  }
  for (const auto& [path, document] : documents_.all()) {
    const bool own = path == set || (path.ends_with(".tocsin") && is_below(path, set));
    if (own && std::ranges::find(files, path) == files.end()) files.push_back(path);
  }
  std::ranges::sort(files);
  return files;
}

rules::ReadFile RuleWorkspace::reader() const {
  return [this](const std::string& path) -> Result<std::string> {
    if (const OpenDocument* document = documents_.find(path)) return document->text;
    return runtime::read_rule_file(path);
  };
}

const library::CheckedPack& RuleWorkspace::pack(const std::string& set) {
  std::unique_ptr<library::CheckedPack>& kept = packs_[set];
  if (kept == nullptr) {
    rules::LoadOptions options;
    options.warn_of_untested = true;
    kept = std::make_unique<library::CheckedPack>(files_of(set), reader(), options);
  }
  return *kept;
}

void RuleWorkspace::forget(const std::string& set) { packs_.erase(set); }
void RuleWorkspace::forget_all() { packs_.clear(); }
}  // namespace tocsin::api
