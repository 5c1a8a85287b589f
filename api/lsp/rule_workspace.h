/// Which rule files are one set, and the sets as they were checked last.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/lsp/open_documents.h"
#include "library/language/checked_pack.h"

namespace tocsin::api {
/// A set is all rule files below a folder: the outermost one, from a folder of the workspace down
/// to the document's own, that has rule files itself. Outside of the workspace it is the document's
/// folder; a document that has no file is a set alone.
class RuleWorkspace {
 public:
  explicit RuleWorkspace(const OpenDocuments& documents) : documents_(documents) {}
  void set_folders(std::vector<std::string> folders);
  /// The folder, or for a document without one its name, of the set that a document belongs to.
  std::string set_of(const std::string& path) const;
  /// The set, checked as its texts are now.
  const library::CheckedPack& pack(const std::string& set);
  /// Says that a document or file of the set has changed; nothing named: of every set.
  void forget(const std::string& set);
  void forget_all();
  /// Whether pack() would check it.
  bool is_stale(const std::string& set) const { return !packs_.contains(set); }
  /// The rule files of a set, open documents without a file among them.
  std::vector<std::string> files_of(const std::string& set) const;
  /// Reads an open document, else a file.
  rules::ReadFile reader() const;

 private:
  const OpenDocuments& documents_;
  std::vector<std::string> folders_;
  std::map<std::string, std::unique_ptr<library::CheckedPack>> packs_;
};
}  // namespace tocsin::api
