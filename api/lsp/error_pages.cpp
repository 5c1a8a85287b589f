#include "api/lsp/error_pages.h"

#include <fmt/format.h>

#include <system_error>

#include "api/lsp/open_documents.h"

namespace tocsin::api {
namespace fs = std::filesystem;

namespace {
fs::path find_pages() {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  if (failed) return {};
  const fs::path folder = program.parent_path();
  for (const fs::path& pages : {folder.parent_path() / "share/doc/tocsin/errors",
                                folder.parent_path().parent_path() / "docs/errors"}) {
    if (fs::is_directory(pages, failed)) return pages;
  }
  return {};
}
}  // namespace

std::string error_page_uri(std::string_view code) {
  static const fs::path kPages = find_pages();
  if (kPages.empty()) return {};
  std::error_code failed;
  const fs::path page = kPages / fmt::format("{}.md", code);
  return fs::is_regular_file(page, failed) ? uri_of_path(page.generic_string()) : std::string();
}
}  // namespace tocsin::api
