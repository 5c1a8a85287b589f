#include "rules/format/format.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "rules/format/print.h"
#include "rules/format/print_parts.h"
#include "rules/syntax/same_tree.h"
#include "rules/syntax/source_tokens.h"

namespace tocsin::rules {
namespace {
std::string laid_out(const tree::File& file, const SourceTokens& tokens) {
  Layout layout(kLineWidth);
  TokenPrinter printer(layout, &tokens);
  print_file(printer, file);
  return layout.finish();
}

// Laid out anew, a file has the same tree and comments.
bool keeps_all(const tree::File& file, const SourceTokens& tokens, const std::string& text) {
  SourceMap sources;
  sources.add("formatted", text);
  DiagnosticSink sink;
  std::vector<TokenPlace> places;
  ParseLimits limits;
  limits.bytes_max = text.size();  // it may have grown beyond them
  const tree::File again = parse(sources, 0, sink, limits, &places);
  if (sink.has_errors() || !same_tree(file, again)) return false;
  const SourceTokens tokens_again(sources.text(0), places);
  return std::ranges::equal(tokens.comments(), tokens_again.comments(), {}, &Comment::text,
                            &Comment::text);
}
}  // namespace

std::optional<std::string> format(const SourceMap& sources, std::uint32_t file,
                                  DiagnosticSink& sink, const ParseLimits& limits) {
  DiagnosticSink mistakes;
  std::vector<TokenPlace> places;
  const tree::File tree = parse(sources, file, mistakes, limits, &places);
  const bool refused = mistakes.has_errors();
  for (Diagnostic& diagnostic : mistakes.take()) sink.report(std::move(diagnostic));
  if (refused) return std::nullopt;
  const SourceTokens tokens(sources.text(file), places);
  std::string text = laid_out(tree, tokens);
  TOCSIN_ASSERT(keeps_all(tree, tokens, text), "formatting keeps the tree and the comments");
  return text;
}
}  // namespace tocsin::rules
