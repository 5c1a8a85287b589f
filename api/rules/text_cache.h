/// Compiled text databases on disk, by the digest of their content: building thousands of patterns
/// takes seconds, reading them back a millisecond.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/base/progress.h"
#include "cep/data/scan_database.h"

namespace tocsin::api {
/// Where databases are kept. An empty name: nowhere.
struct TextCachePlace {
  std::string folder;
  std::string also_read;  // another folder, which is only read
};

/// Files `DIGEST.hsdb` in one folder, made with it on the first keep(), for their owner alone. What
/// cannot be read or written, is damaged, or belongs to somebody else is compiled again: nothing
/// fails for it. keep() removes files that nobody has read for 30 days. Threading: any, also
/// several programs at a time.
class TextCacheFolder : public cep::TextDatabaseCache {
 public:
  /// With `shows_progress`, a terminal says while databases are compiled how many of them are.
  explicit TextCacheFolder(TextCachePlace place, bool shows_progress = false)
      : place_(std::move(place)), line_(shows_progress) {}
  std::optional<std::string> find(const std::string& name) override;
  void keep(const std::string& name, std::string_view bytes) override;

 private:
  void write(const std::string& name, std::string_view bytes) const;
  void remove_old() const;
  void show_progress();

  TextCachePlace place_;
  ProgressLine line_;
  std::size_t missing_ = 0;
  std::size_t compiled_ = 0;
};

/// Keeps databases in this folder from now on; `off`: nowhere.
void use_text_cache(const std::string& folder);
/// Keeps them in `cache` below a data directory from now on, if it is one and no folder was named.
/// A first start, which makes the directory, keeps them where it would without.
void use_text_cache_of_data(const std::string& directory);
/// The folder of use_text_cache(), else that of use_text_cache_of_data(), else `tocsin/text` below
/// the environment's XDG_CACHE_HOME, else below ~/.cache; nowhere where none is known or its
/// TOCSIN_TEXT_CACHE is `off`.
TextCachePlace text_cache_place();
/// The cache there; progress is shown to the program's first thread alone, because others serve
/// requests.
std::unique_ptr<TextCacheFolder> open_text_cache();
}  // namespace tocsin::api
