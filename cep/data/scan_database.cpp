#include "cep/data/scan_database.h"

#include <fmt/format.h>
#include <hs.h>

#include <atomic>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include "cep/value/identity.h"

namespace tocsin::cep {
namespace {
using Database = std::unique_ptr<hs_database, ScanDatabase::Free>;

// Where the groups of regular expressions end that are a database each, so that a change of one
// expression does not compile all others again. A group ends by what its last expression is, not by
// how many stand before it: an expression that comes or goes changes the group that it is in, or
// two. Each group costs a scan more, so there is but one of up to kGroupLeast expressions.
constexpr std::size_t kGroupLeast = 2'048;
constexpr std::size_t kGroupMost = 3 * kGroupLeast;
std::vector<std::size_t> group_ends(const ScanExpressions& expressions) {
  const auto hash_of = [&](std::size_t i) {  // FNV-1a, the high bits of which are well mixed
    std::uint64_t hash = 0xcbf29ce484222325U ^ expressions.flags[i];
    for (const char c : expressions.texts[i]) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    return hash >> 32;
  };
  std::vector<std::size_t> ends;
  const std::size_t count = expressions.texts.size();
  std::size_t begin = 0;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    const std::size_t size = i + 1 - begin;
    if (size < kGroupLeast || (size < kGroupMost && hash_of(i) % (kGroupLeast / 2) != 0)) continue;
    ends.push_back(i + 1);
    begin = i + 1;
  }
  if (count > 0) ends.push_back(count);
  return ends;
}
ScanExpressions part_of(const ScanExpressions& all, std::size_t begin, std::size_t end) {
  const auto from = static_cast<std::ptrdiff_t>(begin);
  const auto to = static_cast<std::ptrdiff_t>(end);
  return {all.literal,
          {all.texts.begin() + from, all.texts.begin() + to},
          {all.flags.begin() + from, all.flags.begin() + to}};
}

std::string digest_of(const ScanExpressions& expressions) {
  std::string content;
  const auto add = [&](std::string_view text) {
    content += fmt::format("{}:", text.size());
    content += text;
  };
  // A database is of one version and one kind of processor.
  add(hs_version());
  hs_platform_info_t platform{};
  hs_populate_platform(&platform);
  add(fmt::format("{} {:x} {}", platform.tune, platform.cpu_features,
                  expressions.literal ? "literals" : "expressions"));
  for (std::size_t i = 0; i < expressions.texts.size(); ++i) {
    add(expressions.texts[i]);
    add(fmt::format("{}", expressions.flags[i]));
  }
  return hex(sha256(content));
}

Result<Database> build(const ScanExpressions& expressions) {
  const std::size_t count = expressions.texts.size();
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  std::vector<unsigned> ids;
  for (std::size_t i = 0; i < count; ++i) {
    texts.push_back(expressions.texts[i].c_str());
    sizes.push_back(expressions.texts[i].size());
    ids.push_back(static_cast<unsigned>(i));
  }
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  const auto number = static_cast<unsigned>(count);
  const hs_error_t outcome =
      expressions.literal
          ? hs_compile_lit_multi(texts.data(), expressions.flags.data(), ids.data(), sizes.data(),
                                 number, HS_MODE_BLOCK, nullptr, &database, &error)
          : hs_compile_multi(texts.data(), expressions.flags.data(), ids.data(), number,
                             HS_MODE_BLOCK, nullptr, &database, &error);
  if (outcome == HS_SUCCESS) return Database(database);
  std::string message = error != nullptr ? error->message : "out of memory";
  if (error != nullptr && error->expression >= 0 &&
      static_cast<std::size_t>(error->expression) < count) {
    message += fmt::format(": {}", expressions.texts[static_cast<std::size_t>(error->expression)]);
  }
  hs_free_compile_error(error);
  return fail(Errc::kInvalidArgument, message);
}

// The database of this name; null where the cache does not have it.
Database read_kept(TextDatabaseCache* cache, const std::string& name) {
  const std::optional<std::string> kept = cache != nullptr ? cache->find(name) : std::nullopt;
  if (!kept) return nullptr;
  hs_database_t* database = nullptr;
  // Hyperscan checks version, processor and a checksum; what fails is made anew.
  if (hs_deserialize_database(kept->data(), kept->size(), &database) != HS_SUCCESS) return nullptr;
  return Database(database);
}
void keep(TextDatabaseCache* cache, const std::string& name, const Database& database) {
  char* bytes = nullptr;
  std::size_t size = 0;
  if (cache == nullptr || hs_serialize_database(database.get(), &bytes, &size) != HS_SUCCESS) {
    return;
  }
  cache->keep(name, {bytes, size});
  std::free(bytes);
}
}  // namespace

void ScanDatabase::Free::operator()(hs_database* database) const { hs_free_database(database); }

std::vector<ScanExpressions> groups_of(const ScanExpressions& expressions) {
  std::vector<ScanExpressions> groups;
  std::size_t begin = 0;
  for (const std::size_t end : group_ends(expressions)) {
    groups.push_back(part_of(expressions, begin, end));
    begin = end;
  }
  return groups;
}

Result<std::vector<ScanDatabase>> compile_scans(const std::vector<ScanExpressions>& groups,
                                                std::size_t bytes_max, TextDatabaseCache* cache) {
  static std::atomic<std::uint64_t> last_serial{0};
  std::vector<ScanDatabase> compiled(groups.size());
  std::vector<std::string> names(groups.size());
  for (std::size_t i = 0; cache != nullptr && i < groups.size(); ++i) {
    names[i] = digest_of(groups[i]);
    compiled[i].database = read_kept(cache, names[i]);
  }
  std::size_t total = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    compiled[i].serial = ++last_serial;
    const bool is_new = !compiled[i].database;
    if (is_new) {
      Result<Database> built = build(groups[i]);
      if (!built) return tl::unexpected(built.error());
      compiled[i].database = std::move(*built);
    }
    hs_database_size(compiled[i].database.get(), &compiled[i].bytes);
    total += compiled[i].bytes;
    if (total > bytes_max) {
      return fail(Errc::kLimit,
                  fmt::format("a text automaton of {} bytes; at most {}", total, bytes_max));
    }
    if (is_new) keep(cache, names[i], compiled[i].database);
  }
  return compiled;
}
}  // namespace tocsin::cep
