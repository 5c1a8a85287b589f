/// The rule texts that an editor has open: they stand in the place of the files.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "library/language/text_lines.h"

namespace tocsin::api {
/// The path of a `file:` URI, percent signs resolved; of another URI, itself.
std::string path_of_uri(const std::string& uri);
/// The URI of a path, or of what path_of_uri() left as it was.
std::string uri_of_path(const std::string& path);

struct OpenDocument {
  std::string uri;  // as the editor writes it
  std::string text;
  std::int64_t version = 0;
};

class OpenDocuments {
 public:
  void open(const std::string& uri, std::string text, std::int64_t version);
  void close(const std::string& uri);
  /// Applies `contentChanges` in their order. False where the document is not open.
  bool change(const std::string& uri, const nlohmann::json& changes, std::int64_t version,
              library::CharacterUnit unit);
  /// The document of this path; null where it is not open.
  const OpenDocument* find(const std::string& path) const;
  /// By path.
  const std::map<std::string, OpenDocument>& all() const { return documents_; }

 private:
  std::map<std::string, OpenDocument> documents_;
};
}  // namespace tocsin::api
