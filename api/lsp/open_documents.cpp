#include "api/lsp/open_documents.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <utility>

#include "cep/base/percent_encoded.h"

namespace tocsin::api {
namespace {
constexpr std::string_view kScheme = "file://";

library::LinePlace place_of(const nlohmann::json& position) {
  return {position.value("line", 0U), position.value("character", 0U)};
}
}  // namespace

std::string path_of_uri(const std::string& uri) {
  if (!uri.starts_with(kScheme)) return uri;
  std::string_view rest = std::string_view(uri).substr(kScheme.size());
  if (rest.starts_with("localhost/")) rest.remove_prefix(std::string_view("localhost").size());
  std::string path;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    unsigned byte = 0;
    if (rest[i] == '%' && i + 2 < rest.size()) {
      const auto [end, error] = std::from_chars(&rest[i] + 1, &rest[i] + 3, byte, 16);
      if (error == std::errc() && end == &rest[i] + 3) {
        path += static_cast<char>(byte);
        i += 2;
        continue;
      }
    }
    path += rest[i];
  }
  return std::filesystem::path(path).lexically_normal().generic_string();
}

std::string uri_of_path(const std::string& path) {
  if (!path.starts_with('/')) return path;
  return std::string(kScheme) + percent_encoded(path, "/");
}

void OpenDocuments::open(const std::string& uri, std::string text, std::int64_t version) {
  documents_[path_of_uri(uri)] = {uri, std::move(text), version};
}

void OpenDocuments::close(const std::string& uri) { documents_.erase(path_of_uri(uri)); }

bool OpenDocuments::change(const std::string& uri, const nlohmann::json& changes,
                           std::int64_t version, library::CharacterUnit unit) {
  const auto found = documents_.find(path_of_uri(uri));
  if (found == documents_.end()) return false;
  OpenDocument& document = found->second;
  for (const nlohmann::json& change : changes) {
    const std::string text = change.value("text", "");
    const auto range = change.find("range");
    if (range == change.end()) {
      document.text = text;
      continue;
    }
    const library::TextLines lines(document.text);
    const std::uint32_t begin = lines.byte(place_of(range->at("start")), unit);
    const std::uint32_t end = std::max(begin, lines.byte(place_of(range->at("end")), unit));
    document.text.replace(begin, end - begin, text);
  }
  document.version = version;
  return true;
}

const OpenDocument* OpenDocuments::find(const std::string& path) const {
  const auto found = documents_.find(path);
  return found == documents_.end() ? nullptr : &found->second;
}
}  // namespace tocsin::api
