// Any bytes as one rule file: what has no mistake of syntax is laid out with the same tree and the
// same comments, and laying it out again changes nothing. A tree without its source prints to text
// that prints the same again.
#include <optional>
#include <string>

#include "rules/format/format.h"
#include "rules/format/print.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
// The file's layout; nothing when it has mistakes.
std::optional<std::string> layout_of(std::string_view text) {
  rules::SourceMap sources;
  const std::uint32_t file = sources.add("fuzz.tocsin", std::string(text));
  rules::DiagnosticSink sink;
  // It aborts itself when the tree or the comments are not the same.
  std::optional<std::string> made = rules::format(sources, file, sink);
  require(made.has_value() || sink.has_errors(), "what is not laid out has a mistake");
  return made;
}

void check_print(std::string_view text) {
  rules::SourceMap sources;
  rules::DiagnosticSink sink;
  const std::uint32_t file = sources.add("fuzz.tocsin", std::string(text));
  const rules::tree::File tree = rules::parse(sources, file, sink);
  const std::string printed = rules::print(tree);
  const std::uint32_t again = sources.add("printed.tocsin", printed);
  const rules::tree::File tree_again = rules::parse(sources, again, sink);
  require(!sink.has_errors(), "a tree prints to text without mistakes");
  require(rules::print(tree_again) == printed, "printed text prints the same");
}

void try_text(std::string_view text) {
  const std::optional<std::string> once = layout_of(text);
  if (!once) return;
  require(layout_of(*once) == once, "laying out again changes nothing");
  check_print(text);
}
}  // namespace
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tocsin::fuzz::try_text(tocsin::fuzz::text_of(data, size));
  return 0;
}
