#include "cep/data/text_database.h"

#include <fmt/format.h>
#include <hs.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "cep/base/assert.h"
#include "cep/data/regex_flags.h"
#include "cep/value/identity.h"
#include "cep/value/unicode.h"

namespace tocsin::cep {
namespace {
struct FreeDatabase {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
};
using Database = std::unique_ptr<hs_database_t, FreeDatabase>;

// This thread's working memory for scans, grown for each database once.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    if (memory_ != nullptr) hs_free_scratch(memory_);
  }
  hs_scratch_t* ready_for(const hs_database_t* database, std::uint64_t serial) {
    if (serial == last_) return memory_;
    if (!known_.contains(serial)) {
      const hs_error_t error = hs_alloc_scratch(database, &memory_);
      TOCSIN_ASSERT(error == HS_SUCCESS, "memory for a scan is at hand");
      known_.insert(serial);
    }
    last_ = serial;
    return memory_;
  }

 private:
  hs_scratch_t* memory_ = nullptr;
  std::unordered_set<std::uint64_t> known_;
  std::uint64_t last_ = 0;
};
Scratch& this_threads_scratch() {
  thread_local Scratch scratch;
  return scratch;
}

// One Hyperscan database with a number of its own, never used again.
struct Compiled {
  Database database;
  std::uint64_t serial = 0;
  std::size_t bytes = 0;
};

struct Expressions {
  bool literal = false;
  std::vector<std::string> texts;
  std::vector<unsigned> flags;
};

// Where the groups of regular expressions end that are a database each, so that a change of one
// expression does not compile all others again. A group ends by what its last expression is, not by
// how many stand before it: an expression that comes or goes changes the group that it is in, or
// two. Each group costs a scan more, so there is but one of up to kGroupLeast expressions.
constexpr std::size_t kGroupLeast = 2'048;
constexpr std::size_t kGroupMost = 3 * kGroupLeast;
std::vector<std::size_t> group_ends(const Expressions& expressions) {
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
Expressions part_of(const Expressions& all, std::size_t begin, std::size_t end) {
  const auto from = static_cast<std::ptrdiff_t>(begin);
  const auto to = static_cast<std::ptrdiff_t>(end);
  return {all.literal,
          {all.texts.begin() + from, all.texts.begin() + to},
          {all.flags.begin() + from, all.flags.begin() + to}};
}

std::string digest_of(const Expressions& expressions) {
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

Result<Database> build(const Expressions& expressions) {
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

// A database for each group. All are looked for before one is compiled, so that a cache knows how
// many will be. `bytes` counts those of them all.
Result<std::vector<Compiled>> compile_groups(const std::vector<Expressions>& groups,
                                             std::size_t bytes_max, TextDatabaseCache* cache) {
  static std::atomic<std::uint64_t> last_serial{0};
  std::vector<Compiled> compiled(groups.size());
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

// A regular expression for a trimmed phrase; a space stands for one or more white-space characters.
std::string regex_of_phrase(std::string_view phrase) {
  constexpr std::string_view kWhiteSpace =
      R"([\x09-\x0D\x20\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+)";
  std::string regex;
  for (const char c : phrase) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    if (c == ' ') {
      regex += kWhiteSpace;
    } else {
      if (!is_plain) regex += '\\';
      regex += c;
    }
  }
  return regex;
}

// The words of a trimmed phrase: [begin, end) of each.
std::vector<std::pair<std::size_t, std::size_t>> words_of(std::string_view phrase) {
  std::vector<std::pair<std::size_t, std::size_t>> words;
  std::size_t begin = 0;
  while (begin < phrase.size()) {
    const std::size_t end = std::min(phrase.find(' ', begin), phrase.size());
    words.emplace_back(begin, end);
    begin = end + 1;
  }
  return words;
}

// Matches the text before byte `end` against `part` (words with one space between them, and a
// space at the end); the byte at which it begins.
std::optional<std::size_t> match_before(std::string_view text, std::size_t end,
                                        std::string_view part) {
  std::size_t at = end;
  for (std::size_t i = part.size(); i-- > 0;) {
    if (part[i] != ' ') {
      if (at == 0 || text[at - 1] != part[i]) return std::nullopt;
      --at;
      continue;
    }
    const std::size_t from = at;
    while (at > 0) {
      std::size_t begin = at - 1;
      while (begin > 0 && at - begin < 3 &&
             (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) {
        --begin;
      }
      if (white_space_at(text, begin) != at - begin) break;
      at = begin;
    }
    if (at == from) return std::nullopt;
  }
  return at;
}
// The same for what follows `begin`: the byte after it.
std::optional<std::size_t> match_after(std::string_view text, std::size_t begin,
                                       std::string_view part) {
  std::size_t at = begin;
  for (const char c : part) {
    if (c != ' ') {
      if (at >= text.size() || text[at] != c) return std::nullopt;
      ++at;
      continue;
    }
    const std::size_t from = at;
    while (const std::size_t size = white_space_at(text, at)) at += size;
    if (at == from) return std::nullopt;
  }
  return at;
}
}  // namespace

struct TextDatabase::Impl {
  // A pattern that an occurrence of a literal belongs to.
  struct Use {
    std::uint32_t pattern = 0;
    bool is_phrase = false;
    std::size_t begin = 0;  // of the literal in the phrase
    std::string phrase;     // trimmed
  };
  std::vector<TextPattern> patterns;
  std::vector<std::uint32_t> always;  // empty literals
  std::vector<std::string> literals;
  std::vector<std::vector<Use>> uses;  // by literal
  std::vector<std::uint32_t> regexes;  // pattern of each expression
  Compiled of_literals;
  std::vector<Compiled> of_regexes;         // by group
  std::vector<std::size_t> regexes_before;  // each group

  struct Scan {
    const Impl& impl;
    std::string_view text;
    Visitor visitor;
    void* context;
    std::size_t regexes_before = 0;
  };

  static int on_literal(unsigned id, unsigned long long, unsigned long long to, unsigned,
                        void* context) {
    const Scan& scan = *static_cast<const Scan*>(context);
    const auto end = static_cast<std::size_t>(to);
    for (const Use& use : scan.impl.uses[id]) {
      const std::size_t size = scan.impl.literals[id].size();
      TextMatch match{use.pattern, 0, 0};
      const bool places = scan.impl.patterns[use.pattern].places;
      if (use.is_phrase) {
        const std::string_view phrase = use.phrase;
        const auto first = match_before(scan.text, end - size, phrase.substr(0, use.begin));
        if (!first) continue;
        const auto last = match_after(scan.text, end, phrase.substr(use.begin + size));
        if (!last) continue;
        if (places) match = {use.pattern, *first, *last};
      } else if (places) {
        match = {use.pattern, end - size, end};
      }
      scan.visitor(scan.context, match);
    }
    return 0;
  }
  static int on_regex(unsigned id, unsigned long long from, unsigned long long to, unsigned,
                      void* context) {
    const Scan& scan = *static_cast<const Scan*>(context);
    TextMatch match{scan.impl.regexes[scan.regexes_before + id], 0, 0};
    if (scan.impl.patterns[match.pattern].places) {
      match.begin = static_cast<std::size_t>(from);
      match.end = static_cast<std::size_t>(to);
    }
    scan.visitor(scan.context, match);
    return 0;
  }
  static void run(const Compiled& compiled, std::string_view text, match_event_handler handler,
                  Scan& scan) {
    if (!compiled.database || text.empty()) return;  // nothing sought is empty
    hs_scratch_t* scratch =
        this_threads_scratch().ready_for(compiled.database.get(), compiled.serial);
    const hs_error_t error =
        hs_scan(compiled.database.get(), text.data(), static_cast<unsigned>(text.size()), 0,
                scratch, handler, &scan);
    TOCSIN_ASSERT(error == HS_SUCCESS, "a scan with its own scratch succeeds");
  }
};

TextDatabase::TextDatabase() : impl_(std::make_unique<Impl>()) {}
TextDatabase::~TextDatabase() = default;
TextDatabase::TextDatabase(TextDatabase&&) noexcept = default;
TextDatabase& TextDatabase::operator=(TextDatabase&&) noexcept = default;

const std::vector<TextPattern>& TextDatabase::patterns() const { return impl_->patterns; }
std::size_t TextDatabase::bytes() const {
  std::size_t sum = impl_->of_literals.bytes;
  for (const Compiled& group : impl_->of_regexes) sum += group.bytes;
  return sum;
}

Result<TextDatabase> TextDatabase::compile(std::vector<TextPattern> patterns, std::size_t bytes_max,
                                           TextDatabaseCache* cache) {
  TextDatabase made;
  Impl& impl = *made.impl_;
  impl.patterns = std::move(patterns);
  Expressions literals;
  literals.literal = true;
  Expressions regexes;
  std::unordered_map<std::string, std::size_t> literal_places;
  const auto add_use = [&](const std::string& literal, Impl::Use use, bool once) {
    const auto [place, is_new] = literal_places.try_emplace(literal, impl.literals.size());
    if (is_new) {
      impl.literals.push_back(literal);
      impl.uses.emplace_back();
      literals.flags.push_back(HS_FLAG_SINGLEMATCH);
    }
    if (!once) literals.flags[place->second] = 0;
    impl.uses[place->second].push_back(std::move(use));
  };
  for (std::size_t i = 0; i < impl.patterns.size(); ++i) {
    const TextPattern& pattern = impl.patterns[i];
    const auto number = static_cast<std::uint32_t>(i);
    const bool is_phrase = pattern.kind == PatternKind::kPhrase;
    std::string text = is_phrase ? trimmed_phrase(pattern.text) : pattern.text;
    const bool is_folded = is_phrase && pattern.ignore_case && !text.empty();
    if (pattern.kind == PatternKind::kRegex || is_folded) {
      unsigned flags = regex_flags(pattern.ignore_case);
      flags |= pattern.places ? HS_FLAG_SOM_LEFTMOST : HS_FLAG_SINGLEMATCH;
      regexes.texts.push_back(is_folded ? regex_of_phrase(text) : pattern.text);
      regexes.flags.push_back(flags);
      impl.regexes.push_back(number);
      continue;
    }
    if (text.empty()) {
      impl.always.push_back(number);
      continue;
    }
    Impl::Use use{number, false, 0, {}};
    if (!is_phrase || text.find(' ') == std::string::npos) {
      add_use(text, std::move(use), !pattern.places);
      continue;
    }
    const auto words = words_of(text);
    const auto longest = std::ranges::max_element(
        words, {}, [](const auto& word) { return word.second - word.first; });
    use.is_phrase = true;
    use.begin = longest->first;
    const std::string literal = text.substr(longest->first, longest->second - longest->first);
    use.phrase = std::move(text);
    add_use(literal, std::move(use), false);
  }
  if (!impl.literals.empty()) {
    literals.texts = impl.literals;
    Result<std::vector<Compiled>> compiled = compile_groups({literals}, bytes_max, cache);
    if (!compiled) return tl::unexpected(compiled.error());
    impl.of_literals = std::move(compiled->front());
  }
  std::vector<Expressions> groups;
  for (const std::size_t end : group_ends(regexes)) {
    const std::size_t begin =
        groups.empty() ? 0 : impl.regexes_before.back() + groups.back().texts.size();
    impl.regexes_before.push_back(begin);
    groups.push_back(part_of(regexes, begin, end));
  }
  Result<std::vector<Compiled>> compiled = compile_groups(groups, bytes_max, cache);
  if (!compiled) return tl::unexpected(compiled.error());
  impl.of_regexes = std::move(*compiled);
  return made;
}

void TextDatabase::scan_with(std::string_view text, Visitor visitor, void* context) const {
  for (const std::uint32_t pattern : impl_->always) visitor(context, {pattern, 0, 0});
  Impl::Scan scan{*impl_, text, visitor, context, 0};
  Impl::run(impl_->of_literals, text, Impl::on_literal, scan);
  for (std::size_t i = 0; i < impl_->of_regexes.size(); ++i) {
    scan.regexes_before = impl_->regexes_before[i];
    Impl::run(impl_->of_regexes[i], text, Impl::on_regex, scan);
  }
}

// ---- plain search

bool is_word(std::string_view text, std::size_t begin, std::size_t end) {
  return !is_word_before(text, begin) && !is_word_at(text, end);
}

bool contains_text(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

bool contains_word(std::string_view text, std::string_view what) {
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + 1)) {
    if (is_word(text, at, at + what.size())) return true;
  }
  return false;
}

std::string trimmed_phrase(std::string_view phrase) {
  std::string out;
  bool space = false;
  for (std::size_t at = 0; at < phrase.size();) {
    if (const std::size_t size = white_space_at(phrase, at)) {
      space = true;
      at += size;
      continue;
    }
    if (space && !out.empty()) out += ' ';
    space = false;
    out += phrase[at++];
  }
  return out;
}
}  // namespace tocsin::cep
