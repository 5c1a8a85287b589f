#include "cep/data/text_database.h"

#include <hs.h>

#include <algorithm>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "cep/base/assert.h"
#include "cep/data/joined_texts.h"
#include "cep/data/regex_flags.h"
#include "cep/data/scan_database.h"
#include "cep/value/unicode.h"

namespace tocsin::cep {
namespace {
// Bytes that are scanned together, which stay in the nearest caches.
constexpr std::size_t kJoinedBytes = std::size_t{16} * 1024;

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
  JoinedTexts& joined() { return joined_; }

 private:
  JoinedTexts joined_{kJoinedBytes};
  hs_scratch_t* memory_ = nullptr;
  std::unordered_set<std::uint64_t> known_;
  std::uint64_t last_ = 0;
};
Scratch& this_threads_scratch() {
  thread_local Scratch scratch;
  return scratch;
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
  ScanDatabase of_literals;
  std::vector<ScanDatabase> of_regexes;     // by group
  std::vector<std::size_t> regexes_before;  // each group

  struct Scan {
    const Impl& impl;
    std::string_view text;
    Visitor visitor;
    void* context;
    std::size_t regexes_before = 0;
  };

  // What Hyperscan calls: anything but 0 ends its scan.
  static int on_literal(unsigned id, unsigned long long, unsigned long long to, unsigned,
                        void* context) {
    return found(*static_cast<const Scan*>(context), id, static_cast<std::size_t>(to)) ? 0 : 1;
  }
  struct JoinedScan {
    const Impl& impl;
    JoinedTexts& texts;
    TextsVisitor visitor;
    void* context;
  };
  static int on_joined(unsigned id, unsigned long long, unsigned long long to, unsigned,
                       void* context) {
    const JoinedScan& scan = *static_cast<const JoinedScan*>(context);
    const JoinedTexts::Text at = scan.texts.at(static_cast<std::size_t>(to));
    OfText of{at.number, scan.visitor, scan.context};
    found({scan.impl, at.text, visit_of_text, &of}, id, static_cast<std::size_t>(to) - at.begin);
    return 0;  // the other texts go on
  }
  // A text among several.
  struct OfText {
    std::size_t number;
    TextsVisitor visitor;
    void* context;
  };
  static bool visit_of_text(void* context, const TextMatch& match) {
    const OfText& of = *static_cast<const OfText*>(context);
    return of.visitor(of.context, of.number, match);
  }
  // An occurrence of a literal that ends at a byte of the scan's text; whether to go on.
  static bool found(const Scan& scan, unsigned id, std::size_t end) {
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
      if (!scan.visitor(scan.context, match)) return false;
    }
    return true;
  }
  static int on_regex(unsigned id, unsigned long long from, unsigned long long to, unsigned,
                      void* context) {
    const Scan& scan = *static_cast<const Scan*>(context);
    TextMatch match{scan.impl.regexes[scan.regexes_before + id], 0, 0};
    if (scan.impl.patterns[match.pattern].places) {
      match.begin = static_cast<std::size_t>(from);
      match.end = static_cast<std::size_t>(to);
    }
    return scan.visitor(scan.context, match) ? 0 : 1;
  }
  // Whether it came to the end of the text.
  static bool run(const ScanDatabase& compiled, std::string_view text, match_event_handler handler,
                  void* scan) {
    if (!compiled.database || text.empty()) return true;  // nothing sought is empty
    hs_scratch_t* scratch =
        this_threads_scratch().ready_for(compiled.database.get(), compiled.serial);
    const hs_error_t error = hs_scan(compiled.database.get(), text.data(),
                                     static_cast<unsigned>(text.size()), 0, scratch, handler, scan);
    TOCSIN_ASSERT(error == HS_SUCCESS || error == HS_SCAN_TERMINATED,
                  "a scan with its own scratch succeeds");
    return error == HS_SUCCESS;
  }
  // All but the literals.
  void scan_others(std::string_view text, Visitor visitor, void* context) const {
    for (const std::uint32_t pattern : always) {
      if (!visitor(context, {pattern, 0, 0})) return;
    }
    Scan scan{*this, text, visitor, context, 0};
    for (std::size_t i = 0; i < of_regexes.size(); ++i) {
      scan.regexes_before = regexes_before[i];
      if (!run(of_regexes[i], text, on_regex, &scan)) return;
    }
  }
  void scan_all(std::string_view text, Visitor visitor, void* context) const {
    Scan scan{*this, text, visitor, context, 0};
    if (run(of_literals, text, on_literal, &scan)) scan_others(text, visitor, context);
  }
  void scan_joined(std::span<const std::string_view> texts, TextsVisitor visitor,
                   void* context) const {
    if (literals.empty()) return;
    JoinedTexts& joined = this_threads_scratch().joined();
    joined.clear();
    JoinedScan scan{*this, joined, visitor, context};
    const auto scan_all_joined = [&] {
      run(of_literals, joined.all(), on_joined, &scan);
      joined.clear();
    };
    for (std::uint32_t i = 0; i < texts.size(); ++i) {
      if (is_scanned_alone(texts[i].size())) continue;
      if (!joined.has_room(texts[i])) scan_all_joined();
      joined.add(i, texts[i]);
    }
    if (!joined.empty()) scan_all_joined();
  }
};

TextDatabase::TextDatabase() : impl_(std::make_unique<Impl>()) {}
TextDatabase::~TextDatabase() = default;
TextDatabase::TextDatabase(TextDatabase&&) noexcept = default;
TextDatabase& TextDatabase::operator=(TextDatabase&&) noexcept = default;

const std::vector<TextPattern>& TextDatabase::patterns() const { return impl_->patterns; }
std::size_t TextDatabase::bytes() const {
  std::size_t sum = impl_->of_literals.bytes;
  for (const ScanDatabase& group : impl_->of_regexes) sum += group.bytes;
  return sum;
}

Result<TextDatabase> TextDatabase::compile(std::vector<TextPattern> patterns, std::size_t bytes_max,
                                           TextDatabaseCache* cache) {
  TextDatabase made;
  Impl& impl = *made.impl_;
  impl.patterns = std::move(patterns);
  ScanExpressions literals;
  literals.literal = true;
  ScanExpressions regexes;
  std::unordered_map<std::string, std::size_t> literal_places;
  const auto add_use = [&](const std::string& literal, Impl::Use use) {
    const auto [place, is_new] = literal_places.try_emplace(literal, impl.literals.size());
    if (is_new) {
      impl.literals.push_back(literal);
      impl.uses.emplace_back();
    }
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
      add_use(text, std::move(use));
      continue;
    }
    const auto words = words_of(text);
    const auto longest = std::ranges::max_element(
        words, {}, [](const auto& word) { return word.second - word.first; });
    use.is_phrase = true;
    use.begin = longest->first;
    const std::string literal = text.substr(longest->first, longest->second - longest->first);
    use.phrase = std::move(text);
    add_use(literal, std::move(use));
  }
  if (!impl.literals.empty()) {
    literals.texts = impl.literals;
    // Every occurrence is named: each of the texts that are scanned together may have one.
    literals.flags.assign(impl.literals.size(), 0);
    Result<std::vector<ScanDatabase>> compiled = compile_scans({literals}, bytes_max, cache);
    if (!compiled) return tl::unexpected(compiled.error());
    impl.of_literals = std::move(compiled->front());
  }
  const std::vector<ScanExpressions> groups = groups_of(regexes);
  std::size_t before = 0;
  for (const ScanExpressions& group : groups) {
    impl.regexes_before.push_back(before);
    before += group.texts.size();
  }
  Result<std::vector<ScanDatabase>> compiled = compile_scans(groups, bytes_max, cache);
  if (!compiled) return tl::unexpected(compiled.error());
  impl.of_regexes = std::move(*compiled);
  return made;
}

void TextDatabase::scan_with(std::string_view text, Visitor visitor, void* context) const {
  impl_->scan_all(text, visitor, context);
}

void TextDatabase::scan_texts_with(std::span<const std::string_view> texts, TextsVisitor visitor,
                                   void* context) const {
  impl_->scan_joined(texts, visitor, context);
  const bool has_others = !impl_->always.empty() || !impl_->of_regexes.empty();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Impl::OfText of{i, visitor, context};
    if (is_scanned_alone(texts[i].size())) {
      impl_->scan_all(texts[i], Impl::visit_of_text, &of);
    } else if (has_others) {
      impl_->scan_others(texts[i], Impl::visit_of_text, &of);
    }
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
