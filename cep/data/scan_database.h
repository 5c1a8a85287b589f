/// Hyperscan databases: how they are compiled, kept and read again.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"

struct hs_database;  // of hs.h

namespace tocsin::cep {
/// Where compiled databases are kept between runs. Both may be called by any thread.
class TextDatabaseCache {
 public:
  virtual ~TextDatabaseCache() = default;
  /// What keep() was given under this name (a digest of the content, hexadecimal); nothing where it
  /// was not, or cannot be read.
  virtual std::optional<std::string> find(const std::string& name) = 0;
  virtual void keep(const std::string& name, std::string_view bytes) = 0;
};
/// What one database searches for.
struct ScanExpressions {
  bool literal = false;  // all are; else all are regular expressions
  std::vector<std::string> texts;
  std::vector<unsigned> flags;  // Hyperscan's, by text
};
struct ScanDatabase {
  struct Free {
    void operator()(hs_database* database) const;
  };
  std::unique_ptr<hs_database, Free> database;
  std::uint64_t serial = 0;  // its own, never used again
  std::size_t bytes = 0;
};
/// Parts that are a database each, so that a change of one expression does not compile all others
/// again.
std::vector<ScanExpressions> groups_of(const ScanExpressions& expressions);
/// A database for each group. All are looked for before one is compiled, so that a cache, which may
/// be null, knows how many will be. Errors: kInvalidArgument for an expression that Hyperscan does
/// not take, kLimit where they have more than `bytes_max` bytes together.
Result<std::vector<ScanDatabase>> compile_scans(const std::vector<ScanExpressions>& groups,
                                                std::size_t bytes_max, TextDatabaseCache* cache);
}  // namespace tocsin::cep
