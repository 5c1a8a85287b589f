#include "library/language/navigation.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "library/language/text_tokens.h"
#include "rules/syntax/keywords.h"
#include "rules/syntax/lexer.h"

namespace tocsin::library {
using rules::SourceSpan;
using rules::SymbolKind;
using rules::TokenKind;

namespace {
void sort_spans(std::vector<SourceSpan>& spans) {
  std::ranges::sort(spans, {}, order_of);
  const auto same = [](SourceSpan a, SourceSpan b) { return order_of(a) == order_of(b); };
  spans.erase(std::unique(spans.begin(), spans.end(), same), spans.end());
}

// The file that `use "…"` at this byte brings in.
std::optional<SourceSpan> used_file_at(const CheckedPack& pack, std::uint32_t file,
                                       std::uint32_t byte) {
  const std::vector<rules::Token> tokens = tokens_of(pack.sources().text(file));
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    const bool here = tokens[i].begin <= byte && byte <= tokens[i].end;
    if (!here || !tokens[i].is(TokenKind::kString) || !tokens[i - 1].is("use")) continue;
    const std::filesystem::path folder =
        std::filesystem::path(pack.sources().path(file)).parent_path();
    const auto found = pack.file((folder / tokens[i].text).lexically_normal().generic_string());
    if (found) return SourceSpan{*found, 0, 0};
  }
  return std::nullopt;
}

// Of what the name is, and where all of it stands.
struct Renamed {
  NameAt name;
  std::vector<SymbolPlace> symbols;
  std::vector<SourceSpan> places;
};

Result<Renamed> renamed_at(const CheckedPack& pack, std::uint32_t file, std::uint32_t byte) {
  const auto refuse = [](const char* why) { return fail(Errc::kNotFound, why); };
  std::optional<NameAt> name = pack.name_at(file, byte);
  if (!name || name->symbols.empty()) return refuse("no name that these rules declare stands here");
  const rules::Symbol& first = pack.symbols()[name->symbols.front()];
  if (first.kind == SymbolKind::kTest) return refuse("a test's title is text: change it there");
  if (without_quotes(pack.text(name->span)) != first.name) {
    return refuse("every alert has this field: it has no other name");
  }
  Renamed renamed{*name, pack.same_name(name->symbols), {}};
  for (const SymbolPlace symbol : renamed.symbols) {
    renamed.places.push_back(pack.symbols()[symbol].name_span);
    const std::vector<SourceSpan> uses = pack.uses(symbol);
    renamed.places.insert(renamed.places.end(), uses.begin(), uses.end());
  }
  sort_spans(renamed.places);
  return renamed;
}

std::size_t errors_of(const std::vector<rules::Diagnostic>& diagnostics) {
  return static_cast<std::size_t>(std::ranges::count(
      diagnostics, rules::Level::kError,
      [](const rules::Diagnostic& diagnostic) { return level_of(diagnostic.code); }));
}

// What the rules would be told after these edits, which are sorted by place.
std::vector<rules::Diagnostic> checked_after(const CheckedPack& pack,
                                             const std::vector<rules::Edit>& edits,
                                             const rules::ReadFile& read_file) {
  std::map<std::string, std::string> texts;
  for (auto edit = edits.rbegin(); edit != edits.rend(); ++edit) {
    const std::string& path = pack.sources().path(edit->span.file);
    auto [text, is_new] = texts.try_emplace(path);
    if (is_new) text->second = pack.sources().text(edit->span.file);
    text->second.replace(edit->span.begin, edit->span.end - edit->span.begin, edit->text);
  }
  std::vector<std::string> paths;
  for (std::uint32_t file = 0; file < pack.sources().size(); ++file) {
    if (pack.sources().path(file).ends_with(".tocsin")) paths.push_back(pack.sources().path(file));
  }
  const rules::ReadFile changed = [&](const std::string& path) -> Result<std::string> {
    const auto text = texts.find(path);
    return text == texts.end() ? read_file(path) : Result<std::string>(text->second);
  };
  return rules::load(paths, changed).diagnostics;
}
}  // namespace

std::vector<SourceSpan> definitions_at(const CheckedPack& pack, std::uint32_t file,
                                       std::uint32_t byte) {
  if (const auto used = used_file_at(pack, file, byte)) return {*used};
  const std::optional<NameAt> name = pack.name_at(file, byte);
  std::vector<SourceSpan> spans;
  if (!name) return spans;
  for (const SymbolPlace symbol : name->symbols) spans.push_back(pack.symbols()[symbol].name_span);
  sort_spans(spans);
  return spans;
}

std::vector<SourceSpan> references_at(const CheckedPack& pack, std::uint32_t file,
                                      std::uint32_t byte, bool with_declarations) {
  const std::optional<NameAt> name = pack.name_at(file, byte);
  std::vector<SourceSpan> spans;
  if (!name) return spans;
  for (const SymbolPlace symbol : name->symbols) {
    const std::vector<SourceSpan> uses = pack.uses(symbol);
    spans.insert(spans.end(), uses.begin(), uses.end());
    if (with_declarations) spans.push_back(pack.symbols()[symbol].name_span);
  }
  sort_spans(spans);
  return spans;
}

Result<SourceSpan> renamable_at(const CheckedPack& pack, std::uint32_t file, std::uint32_t byte) {
  const Result<Renamed> renamed = renamed_at(pack, file, byte);
  if (!renamed) return tl::unexpected(renamed.error());
  return renamed->name.span;
}

Result<std::vector<rules::Edit>> rename_at(const CheckedPack& pack, std::uint32_t file,
                                           std::uint32_t byte, const std::string& name,
                                           const rules::ReadFile& read_file) {
  const auto refuse = [](std::string why) { return fail(Errc::kInvalidArgument, std::move(why)); };
  const Result<Renamed> renamed = renamed_at(pack, file, byte);
  if (!renamed) return tl::unexpected(renamed.error());
  const std::string plain(without_quotes(name));
  if (plain.empty() || plain.find_first_of("`\n\r\t") != std::string::npos) {
    return refuse(fmt::format("`{}` cannot be a name", plain));
  }
  const bool quoted = !rules::is_plain_name(plain) || rules::is_keyword(plain);
  const std::string written = quoted ? "`" + plain + "`" : plain;
  std::vector<rules::Edit> edits;
  for (const SourceSpan& place : renamed->places) {
    if (pack.text(place) != written) edits.push_back({place, written});
  }
  const std::vector<rules::Diagnostic> after = checked_after(pack, edits, read_file);
  if (errors_of(after) > errors_of(pack.loaded().diagnostics)) {
    const auto error = std::ranges::find(after, rules::Level::kError, [](const auto& diagnostic) {
      return level_of(diagnostic.code);
    });
    return refuse(fmt::format("the rules would no longer check: {}", error->message));
  }
  return edits;
}
}  // namespace tocsin::library
