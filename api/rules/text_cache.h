/// Compiled text databases on disk, by the digest of their content: building thousands of patterns
/// takes a second, reading them back a millisecond.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "cep/data/text_database.h"

namespace tocsin::api {
/// Files `DIGEST.hsdb` in one folder, made with it on the first keep(). What cannot be read or
/// written is not kept: nothing fails for it. Threading: any, also several programs at a time.
class TextCacheFolder : public cep::TextDatabaseCache {
 public:
  explicit TextCacheFolder(std::string folder) : folder_(std::move(folder)) {}
  std::optional<std::string> find(const std::string& name) override;
  void keep(const std::string& name, std::string_view bytes) override;

 private:
  std::string folder_;
};

/// `tocsin/text` below the environment's XDG_CACHE_HOME, else below ~/.cache; nothing where neither
/// is known or the environment's TOCSIN_TEXT_CACHE is `off`.
std::optional<std::string> text_cache_folder();
}  // namespace tocsin::api
