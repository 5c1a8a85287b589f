#include "library/language/checked_pack.h"

#include <algorithm>
#include <iterator>

namespace tocsin::library {
using rules::SourceSpan;
using rules::SymbolKind;

namespace {
std::uint64_t place_key(SourceSpan span) { return std::uint64_t{span.file} << 32 | span.begin; }
template <typename T>
void sort_once(std::vector<T>& values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
}
}  // namespace

std::string_view without_quotes(std::string_view name) {
  if (name.size() >= 2 && name.front() == '`' && name.back() == '`') {
    return name.substr(1, name.size() - 2);
  }
  return name;
}

CheckedPack::CheckedPack(const std::vector<std::string>& paths, const rules::ReadFile& read_file,
                         const rules::LoadOptions& options)
    : loaded_(rules::load_symbols(paths, read_file, options)) {
  for (std::uint32_t file = 0; file < sources().size(); ++file) {
    files_.emplace(sources().path(file), file);
  }
  for (SymbolPlace symbol = 0; symbol < symbols().size(); ++symbol) {
    by_name_.emplace(place_key(symbols()[symbol].name_span), symbol);
    if (!symbols()[symbol].of) whole_.push_back(symbol);
  }
  std::ranges::sort(whole_, {},
                    [this](SymbolPlace symbol) { return order_of(symbols()[symbol].span); });
  resolve_uses();
}

void CheckedPack::resolve_uses() {
  const std::vector<rules::Occurrence>& all = loaded_.symbols.occurrences;
  uses_of_.resize(symbols().size());
  // Of a use, what it means; a declaration that is a use itself is followed, so often at most.
  constexpr int kStepsMax = 4;
  const auto follow = [&](const auto& self, SourceSpan declared, int steps,
                          std::vector<SymbolPlace>& out) -> void {
    if (const auto found = by_name_.find(place_key(declared)); found != by_name_.end()) {
      out.push_back(found->second);
      return;
    }
    if (steps == kStepsMax) return;
    auto use = std::ranges::lower_bound(all, order_of(declared), {},
                                        [](const auto& each) { return order_of(each.use); });
    for (; use != all.end() && order_of(use->use) == order_of(declared); ++use) {
      self(self, use->declared, steps + 1, out);
    }
  };
  for (const rules::Occurrence& occurrence : all) {
    std::vector<SymbolPlace> meant;
    follow(follow, occurrence.declared, 0, meant);
    for (const SymbolPlace symbol : meant) uses_.push_back({occurrence.use, symbol});
  }
  const auto order = [](const Use& use) { return std::tuple(order_of(use.span), use.symbol); };
  std::ranges::sort(uses_, {}, order);
  const auto same = [&](const Use& a, const Use& b) { return order(a) == order(b); };
  uses_.erase(std::unique(uses_.begin(), uses_.end(), same), uses_.end());
  for (const Use& use : uses_) {
    // An alert's own `ts` leads to its rule, but is not its name.
    if (without_quotes(text(use.span)) != symbols()[use.symbol].name) continue;
    uses_of_[use.symbol].push_back(use.span);
  }
}

std::optional<std::uint32_t> CheckedPack::file(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? std::nullopt : std::optional(found->second);
}

std::string_view CheckedPack::text(SourceSpan span) const {
  return sources().text(span.file).substr(span.begin, span.end - span.begin);
}

std::vector<SymbolPlace> CheckedPack::symbols_of(SourceSpan use) const {
  std::vector<SymbolPlace> found;
  if (const auto declared = by_name_.find(place_key(use)); declared != by_name_.end()) {
    if (symbols()[declared->second].name_span.end == use.end) found.push_back(declared->second);
  }
  auto at = std::ranges::lower_bound(uses_, order_of(use), {},
                                     [](const Use& each) { return order_of(each.span); });
  for (; at != uses_.end() && order_of(at->span) == order_of(use); ++at) {
    found.push_back(at->symbol);
  }
  sort_once(found);
  return found;
}

std::optional<NameAt> CheckedPack::name_at(std::uint32_t file, std::uint32_t byte) const {
  std::optional<SourceSpan> best;
  const auto consider = [&](SourceSpan span) {
    if (span.file != file || span.begin > byte || span.end < byte) return;
    // Where two names touch, the one that begins here.
    if (!best || span.begin > best->begin) best = span;
  };
  for (const rules::Symbol& symbol : symbols()) consider(symbol.name_span);
  auto at = std::ranges::lower_bound(uses_, std::tuple(file, byte, byte), {},
                                     [](const Use& each) { return order_of(each.span); });
  // Names are short, and few of them begin between one that has the byte and the byte itself.
  for (auto each = at; each != uses_.end() && each->span.file == file && each->span.begin <= byte;
       ++each) {
    consider(each->span);
  }
  for (auto each = at; each != uses_.begin();) {
    --each;
    if (each->span.file != file || each->span.end < byte) break;
    consider(each->span);
  }
  if (!best) return std::nullopt;
  return NameAt{*best, symbols_of(*best)};
}

std::vector<SourceSpan> CheckedPack::uses(SymbolPlace symbol) const { return uses_of_[symbol]; }

std::vector<SymbolPlace> CheckedPack::same_name(std::vector<SymbolPlace> symbols) const {
  sort_once(symbols);
  for (std::size_t before = 0; before != symbols.size();) {
    before = symbols.size();
    std::vector<SymbolPlace> more = symbols;
    for (const SymbolPlace symbol : symbols) {
      for (const SourceSpan use : uses(symbol)) {
        for (const SymbolPlace other : symbols_of(use)) {
          if (this->symbols()[other].name == this->symbols()[symbol].name) more.push_back(other);
        }
      }
    }
    sort_once(more);
    symbols = std::move(more);
  }
  return symbols;
}

std::vector<SymbolPlace> CheckedPack::parts(SymbolPlace of) const {
  std::vector<SymbolPlace> found;
  for (SymbolPlace symbol = of + 1; symbol < symbols().size(); ++symbol) {
    if (symbols()[symbol].of != of) break;
    found.push_back(symbol);
  }
  return found;
}

std::optional<SymbolPlace> CheckedPack::find(SymbolKind kind, std::string_view name,
                                             std::optional<SymbolPlace> of) const {
  for (SymbolPlace symbol = of ? *of + 1 : 0; symbol < symbols().size(); ++symbol) {
    const rules::Symbol& each = symbols()[symbol];
    if (of && each.of != of) return std::nullopt;
    if (each.kind == kind && each.name == name) return symbol;
  }
  return std::nullopt;
}

std::optional<SymbolPlace> CheckedPack::declaration_at(std::uint32_t file,
                                                       std::uint32_t byte) const {
  const auto next =
      std::ranges::upper_bound(whole_, std::tuple(file, byte), {}, [this](SymbolPlace symbol) {
        const SourceSpan span = symbols()[symbol].span;
        return std::tuple(span.file, span.begin);
      });
  if (next == whole_.begin()) return std::nullopt;
  const SourceSpan span = symbols()[*std::prev(next)].span;
  if (span.file != file || span.end < byte) return std::nullopt;
  return *std::prev(next);
}
}  // namespace tocsin::library
